from scorax import (
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
from scorax.estimators import FitConfig, ScoreDensity
from scorax.likelihood import LogProb, log_prob
from scorax.models import Denoiser, Karras, Pullback, ScoreFunction, probability_flow
from scorax.networks import MLP, Ensemble, ResMLP
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM, VE, VP
from scorax.samplers import DDIM, EulerMaruyama, Heun, ProbabilityFlow, sample
from scorax.training import TrainState, fit

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
