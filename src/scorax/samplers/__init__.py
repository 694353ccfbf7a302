"""Samplers: a score model to draws at ``t0``. Grid methods run in one scan; adaptive ones through Diffrax."""

from typing import TYPE_CHECKING

from scorax._moved import former_names
from scorax.samplers._abstract import AbstractGridSampler, AbstractOneStepSampler, AbstractSampler, Path, Traits
from scorax.samplers._adams_bashforth import AdamsBashforth
from scorax.samplers._ancestral import DDIM, DDPM
from scorax.samplers._ends import AbstractEnd, CategoryDraw, PosteriorDraw, Stop, TweedieMean
from scorax.samplers._euler_maruyama import EulerMaruyama
from scorax.samplers._fixed_score import Langevin, MetropolisLangevin
from scorax.samplers._grids import (
    AbstractGrid,
    DefaultGrid,
    KarrasGrid,
    LogNormalGrid,
    LogRatioGrid,
    Node,
    NodeGrid,
    QuadraticGrid,
    UniformGrid,
    nodes,
)
from scorax.samplers._heun import Churn, Heun
from scorax.samplers._langevin import AnnealedLangevin, PredictorCorrector
from scorax.samplers._multistep import DPMSolver, UniPC
from scorax.samplers._probability_flow import ProbabilityFlow
from scorax.samplers._reverse_sde import ReverseSDE
from scorax.samplers._sample import sample, sample_path
from scorax.samplers._starts import States, Terminal

__all__ = [
    "DDIM",
    "DDPM",
    "AbstractEnd",
    "AbstractGrid",
    "AbstractGridSampler",
    "AbstractOneStepSampler",
    "AbstractSampler",
    "AdamsBashforth",
    "AnnealedLangevin",
    "CategoryDraw",
    "Churn",
    "DPMSolver",
    "DefaultGrid",
    "EulerMaruyama",
    "Heun",
    "KarrasGrid",
    "Langevin",
    "LogNormalGrid",
    "LogRatioGrid",
    "MetropolisLangevin",
    "Node",
    "NodeGrid",
    "Path",
    "PosteriorDraw",
    "PredictorCorrector",
    "ProbabilityFlow",
    "QuadraticGrid",
    "ReverseSDE",
    "States",
    "Stop",
    "Terminal",
    "Traits",
    "TweedieMean",
    "UniPC",
    "UniformGrid",
    "nodes",
    "sample",
    "sample_path",
]

if not TYPE_CHECKING:  # a checker would take every wrong name for one of these
    __getattr__ = former_names(__name__)
