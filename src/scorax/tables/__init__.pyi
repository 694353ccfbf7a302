from . import columns
from ._config import (
    EnsembleConfig,
    FitConfig,
    NetworkConfig,
    NoiseConfig,
    SamplingConfig,
    TrainingConfig,
    checked_name,
)
from ._evaluate import evaluate_test
from ._notes import notes
from ._recipe import Fit, Recipe
from ._rows import FitRows
from ._run import fit_run
from ._sampling import SAMPLERS
from ._saved import SavedRun, begun_run, open_run, read_config, read_schema
from ._schema import Schema
from ._score_density import ScoreDensity
from ._settings import resolved

__all__ = [
    "SAMPLERS",
    "EnsembleConfig",
    "Fit",
    "FitConfig",
    "FitRows",
    "NetworkConfig",
    "NoiseConfig",
    "Recipe",
    "SamplingConfig",
    "SavedRun",
    "Schema",
    "ScoreDensity",
    "TrainingConfig",
    "begun_run",
    "checked_name",
    "columns",
    "evaluate_test",
    "fit_run",
    "notes",
    "open_run",
    "read_config",
    "read_schema",
    "resolved",
]
