"""Small fits: the smallest configuration that goes through every part, one that learns something, and a table."""

import numpy as np

from scorax import FitConfig
from scorax.tables import EnsembleConfig, NetworkConfig, NoiseConfig, SamplingConfig, TrainingConfig

TINY = FitConfig(
    network=NetworkConfig(width=8, depth=1, dropout=0.0),
    training=TrainingConfig(max_steps=10, batch_size=16, validate_every=5, patience=2),
    ensemble=EnsembleConfig(folds=2, starts=("gaussian",)),
    noise=NoiseConfig(candidates=(0.1,)),
    sampling=SamplingConfig(evaluations=8, tolerance=1e-4),
)

SMALL = FitConfig(
    network=NetworkConfig(width=32, depth=1, dropout=0.0),
    training=TrainingConfig(max_steps=300, batch_size=128, validate_every=50),
    ensemble=EnsembleConfig(folds=2, starts=("gaussian",)),
    noise=NoiseConfig(candidates=(0.03, 0.1)),
)


def clusters() -> np.ndarray:
    """Two correlated clusters, far from the origin and on different scales."""
    generator = np.random.default_rng(0)
    first = generator.normal(size=(150, 2)) @ np.array([[1.0, 0.8], [0.0, 0.4]])
    second = generator.normal(size=(150, 2)) * 0.5 + np.array([4.0, -2.0])
    return np.concatenate([first, second]) * np.array([1e-3, 50.0]) + np.array([7.0, -1000.0])
