from ._config import (
    EnsembleConfig,
    FitConfig,
    NetworkConfig,
    NoiseConfig,
    SamplingConfig,
    TrainingConfig,
)
from ._evaluate import evaluate_test
from ._rows import FitRows
from ._run import FitSummary, fit_run
from ._sampling import SAMPLERS
from ._score_density import ScoreDensity

__all__ = [
    "SAMPLERS",
    "EnsembleConfig",
    "FitConfig",
    "FitRows",
    "FitSummary",
    "NetworkConfig",
    "NoiseConfig",
    "SamplingConfig",
    "ScoreDensity",
    "TrainingConfig",
    "evaluate_test",
    "fit_run",
]
