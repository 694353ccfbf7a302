from ._advance import Advance
from ._beside import evaluate_run
from ._beyond import FarOut, outside_lines
from ._choices import STATED_KINDS, Choices
from ._conditions import Conditions, given_columns, kept, told
from ._config import (
    MASKS,
    EnsembleConfig,
    FitConfig,
    NetworkConfig,
    NoiseConfig,
    SamplingConfig,
    TrainingConfig,
    checked_name,
)
from ._evaluate import evaluate_test
from ._evaluation_rows import EvaluationRows
from ._examine import Found, Remark, examine
from ._fleet import sample_batches, score_batches
from ._imputed import Filled, Spread, fill
from ._matched import MatchedPiece, MatchedRows
from ._notes import notes
from ._pooled import Pooled, pool
from ._posterior import Posterior
from ._priors import read_priors
from ._recipe import Fit, Phase, Recipe, Resumed, RoundEnded
from ._rows import FitRows
from ._run import Note, Saved, fit_run
from ._sampling import SAMPLERS
from ._saved import SavedRun, begun_run, open_run, read_config, read_schema
from ._schema import Schema
from ._schema_json import LeftOut
from ._scorable import Unseen, require_masks, require_near, require_scorable, require_told, require_whole_rows
from ._score_conditional import ScoreConditional
from ._score_density import ScoreDensity
from ._score_imputer import ScoreImputer
from ._score_outlier import ScoreOutlier
from ._score_posterior import ScorePosterior
from ._settings import resolved
from ._simulations import Simulations, observations
from ._streamed import Streamed
from ._training import Training
from ._unlikely import Reasons, reasons
from .columns._prior import Beta, Gamma, LogNormal, LogUniform, Normal, Uniform

__all__ = [
    "MASKS",
    "SAMPLERS",
    "STATED_KINDS",
    "Advance",
    "Beta",
    "Choices",
    "Conditions",
    "EnsembleConfig",
    "EvaluationRows",
    "FarOut",
    "Filled",
    "Fit",
    "FitConfig",
    "FitRows",
    "Found",
    "Gamma",
    "LeftOut",
    "LogNormal",
    "LogUniform",
    "MatchedPiece",
    "MatchedRows",
    "NetworkConfig",
    "NoiseConfig",
    "Normal",
    "Note",
    "Phase",
    "Pooled",
    "Posterior",
    "Reasons",
    "Recipe",
    "Remark",
    "Resumed",
    "RoundEnded",
    "SamplingConfig",
    "Saved",
    "SavedRun",
    "Schema",
    "ScoreConditional",
    "ScoreDensity",
    "ScoreImputer",
    "ScoreOutlier",
    "ScorePosterior",
    "Simulations",
    "Spread",
    "Streamed",
    "Training",
    "TrainingConfig",
    "Uniform",
    "Unseen",
    "begun_run",
    "checked_name",
    "evaluate_run",
    "evaluate_test",
    "examine",
    "fill",
    "fit_run",
    "given_columns",
    "kept",
    "notes",
    "observations",
    "open_run",
    "outside_lines",
    "pool",
    "read_config",
    "read_priors",
    "read_schema",
    "reasons",
    "require_masks",
    "require_near",
    "require_scorable",
    "require_told",
    "require_whole_rows",
    "resolved",
    "sample_batches",
    "score_batches",
    "told",
]
