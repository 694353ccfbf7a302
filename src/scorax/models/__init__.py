"""Score models: functions ``score(t, x, condition)``, and denoisers where the noise is Gaussian."""

from scorax.models._dynamics import angle_flow, probability_flow, reverse_drift
from scorax.models._parametrization import AbstractParametrization, Karras, PredictData, PredictNoise, PredictV
from scorax.models._prediction import Prediction, level_of_angle, velocity_in_angle
from scorax.models._pullback import Pullback
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel, Denoiser, ScoreFunction

__all__ = [
    "AbstractDenoiser",
    "AbstractParametrization",
    "AbstractScoreModel",
    "Denoiser",
    "Karras",
    "PredictData",
    "PredictNoise",
    "PredictV",
    "Prediction",
    "Pullback",
    "ScoreFunction",
    "angle_flow",
    "level_of_angle",
    "probability_flow",
    "reverse_drift",
    "velocity_in_angle",
]
