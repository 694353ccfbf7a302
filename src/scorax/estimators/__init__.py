"""Estimators: the table recipe, once, for scikit-learn users and the command line."""

from scorax.estimators._config import (
    EnsembleConfig,
    FitConfig,
    NetworkConfig,
    NoiseConfig,
    SamplingConfig,
    TrainingConfig,
)
from scorax.estimators._evaluate import evaluate_test
from scorax.estimators._run import FitSummary, fit_run
from scorax.estimators._score_density import ScoreDensity

__all__ = [
    "EnsembleConfig",
    "FitConfig",
    "FitSummary",
    "NetworkConfig",
    "NoiseConfig",
    "SamplingConfig",
    "ScoreDensity",
    "TrainingConfig",
    "evaluate_test",
    "fit_run",
]
