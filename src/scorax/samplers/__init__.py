"""Samplers: a score model to draws at ``t0``. Grid methods run in one scan; adaptive ones through Diffrax."""

from scorax.samplers._abstract import AbstractGridSampler, AbstractSampler
from scorax.samplers._denoisers import DDIM, Heun
from scorax.samplers._euler_maruyama import EulerMaruyama
from scorax.samplers._grids import AbstractGrid, DefaultGrid, KarrasGrid, LogRatioGrid, Node, UniformGrid, nodes
from scorax.samplers._probability_flow import ProbabilityFlow
from scorax.samplers._sample import BLOCK, sample

__all__ = [
    "BLOCK",
    "DDIM",
    "AbstractGrid",
    "AbstractGridSampler",
    "AbstractSampler",
    "DefaultGrid",
    "EulerMaruyama",
    "Heun",
    "KarrasGrid",
    "LogRatioGrid",
    "Node",
    "ProbabilityFlow",
    "UniformGrid",
    "nodes",
    "sample",
]
