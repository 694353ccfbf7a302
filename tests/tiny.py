"""The smallest configuration that goes through every part of a fit."""

from scorax import FitConfig
from scorax.estimators import EnsembleConfig, NetworkConfig, NoiseConfig, SamplingConfig, TrainingConfig

TINY = FitConfig(
    network=NetworkConfig(width=8, depth=1, dropout=0.0),
    training=TrainingConfig(max_steps=10, batch_size=16, validate_every=5, patience=2),
    ensemble=EnsembleConfig(folds=2, starts=("gaussian",)),
    noise=NoiseConfig(candidates=(0.1,)),
    sampling=SamplingConfig(evaluations=8, tolerance=1e-4),
)
