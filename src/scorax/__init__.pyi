from . import (
    checkpoint,
    data,
    estimators,
    likelihood,
    metrics,
    models,
    networks,
    objectives,
    processes,
    samplers,
    studies,
    targets,
    training,
    transforms,
)
from .estimators import FitConfig, ScoreDensity
from .likelihood import LogProb, log_prob
from .models import Denoiser, Karras, Pullback, ScoreFunction, probability_flow
from .networks import MLP, Ensemble, ResMLP
from .objectives import DenoisingScoreMatching
from .processes import EDM, VE, VP
from .samplers import DDIM, EulerMaruyama, Heun, ProbabilityFlow, sample
from .training import TrainState, fit

__all__ = [
    "DDIM",
    "EDM",
    "MLP",
    "VE",
    "VP",
    "Denoiser",
    "DenoisingScoreMatching",
    "Ensemble",
    "EulerMaruyama",
    "FitConfig",
    "Heun",
    "Karras",
    "LogProb",
    "ProbabilityFlow",
    "Pullback",
    "ResMLP",
    "ScoreDensity",
    "ScoreFunction",
    "TrainState",
    "checkpoint",
    "data",
    "estimators",
    "fit",
    "likelihood",
    "log_prob",
    "metrics",
    "models",
    "networks",
    "objectives",
    "probability_flow",
    "processes",
    "sample",
    "samplers",
    "studies",
    "targets",
    "training",
    "transforms",
]
