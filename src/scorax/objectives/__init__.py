"""Objectives: one example and its quantile u to one scalar. Always one half times a sum over coordinates."""

from scorax._probes import AbstractProbe, GaussianProbe, RademacherProbe, SphereProbe
from scorax.objectives._abstract import AbstractObjective
from scorax.objectives._denoising import DenoisingScoreMatching
from scorax.objectives._finite_differences import EnergyDifferenceScoreMatching, FiniteDifferenceScoreMatching
from scorax.objectives._fixed_times import FixedTime, NodeTimes
from scorax.objectives._generalized import GeneralizedScoreMatching
from scorax.objectives._grid_questions import GridQuestions
from scorax.objectives._masked import (
    AbstractQuestions,
    FixedQuestion,
    MaskedMatching,
    MissingQuestions,
    Question,
    RandomQuestions,
)
from scorax.objectives._score_matching import ExplicitScoreMatching, ImplicitScoreMatching
from scorax.objectives._sliced import SlicedScoreMatching
from scorax.objectives._times import AbstractTimes, LikelihoodTimes, LogNormalTimes, UniformTimes
from scorax.objectives._uncertainty import UncertaintyWeighting
from scorax.objectives._weighting import (
    AbstractWeighting,
    EDMWeighting,
    LikelihoodWeighting,
    MinSNRWeighting,
    UniformWeighting,
    VarianceWeighting,
    VelocityWeighting,
)

__all__ = [
    "AbstractObjective",
    "AbstractProbe",
    "AbstractQuestions",
    "AbstractTimes",
    "AbstractWeighting",
    "DenoisingScoreMatching",
    "EDMWeighting",
    "EnergyDifferenceScoreMatching",
    "ExplicitScoreMatching",
    "FiniteDifferenceScoreMatching",
    "FixedQuestion",
    "FixedTime",
    "GaussianProbe",
    "GeneralizedScoreMatching",
    "GridQuestions",
    "ImplicitScoreMatching",
    "LikelihoodTimes",
    "LikelihoodWeighting",
    "LogNormalTimes",
    "MaskedMatching",
    "MinSNRWeighting",
    "MissingQuestions",
    "NodeTimes",
    "Question",
    "RademacherProbe",
    "RandomQuestions",
    "SlicedScoreMatching",
    "SphereProbe",
    "UncertaintyWeighting",
    "UniformTimes",
    "UniformWeighting",
    "VarianceWeighting",
    "VelocityWeighting",
]
