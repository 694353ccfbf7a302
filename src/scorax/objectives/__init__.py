"""Objectives: one example and its quantile u to one scalar. Always one half times a sum over coordinates."""

from scorax.objectives._denoising import AbstractObjective, DenoisingScoreMatching
from scorax.objectives._times import AbstractTimes, LikelihoodTimes, LogNormalTimes, UniformTimes
from scorax.objectives._weighting import AbstractWeighting, EDMWeighting, LikelihoodWeighting, VarianceWeighting

__all__ = [
    "AbstractObjective",
    "AbstractTimes",
    "AbstractWeighting",
    "DenoisingScoreMatching",
    "EDMWeighting",
    "LikelihoodTimes",
    "LikelihoodWeighting",
    "LogNormalTimes",
    "UniformTimes",
    "VarianceWeighting",
]
