from . import (
    baselines,
    checkpoint,
    checks,
    data,
    diagnostics,
    likelihood,
    metrics,
    models,
    networks,
    objectives,
    processes,
    samplers,
    simulation,
    tables,
    targets,
    training,
    transforms,
)
from .checkpoint import load, save
from .likelihood import log_prob
from .models import Denoiser, ScoreFunction, ScoreNetwork
from .networks import MLP, ResMLP
from .objectives import DenoisingScoreMatching, ImplicitScoreMatching
from .processes import EDM, SDE, VE, VP
from .samplers import AdamsBashforth, EulerMaruyama, ProbabilityFlow, sample
from .simulation import simulate
from .tables import FitConfig, ScoreConditional, ScoreDensity, ScoreImputer, ScoreOutlier, ScorePosterior
from .training import FitOptions, Rows, TrainState, adamw, fit

__version__: str

__all__ = [
    "EDM",
    "MLP",
    "SDE",
    "VE",
    "VP",
    "AdamsBashforth",
    "Denoiser",
    "DenoisingScoreMatching",
    "EulerMaruyama",
    "FitConfig",
    "FitOptions",
    "ImplicitScoreMatching",
    "ProbabilityFlow",
    "ResMLP",
    "Rows",
    "ScoreConditional",
    "ScoreDensity",
    "ScoreFunction",
    "ScoreImputer",
    "ScoreNetwork",
    "ScoreOutlier",
    "ScorePosterior",
    "TrainState",
    "adamw",
    "baselines",
    "checkpoint",
    "checks",
    "data",
    "diagnostics",
    "fit",
    "likelihood",
    "load",
    "log_prob",
    "metrics",
    "models",
    "networks",
    "objectives",
    "processes",
    "sample",
    "samplers",
    "save",
    "simulate",
    "simulation",
    "tables",
    "targets",
    "training",
    "transforms",
]
