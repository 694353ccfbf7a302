"""Score models: functions ``score(t, x, condition)``, and denoisers where the noise is Gaussian."""

from scorax.models._dynamics import angle_flow, probability_flow, reverse_drift, sde
from scorax.models._flow import FlowEnds, flow_ends, flow_field, without_clock
from scorax.models._parametrization import AbstractParametrization, Karras, PredictData, PredictNoise, PredictV
from scorax.models._prediction import Prediction, level_of_angle, velocity_in_angle
from scorax.models._pullback import Pullback
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel, Denoiser, ScoreFunction
from scorax.models._terminal import (
    data_moments,
    gaussian_process,
    require_noisy_state,
    require_terminal_law,
    terminal_draw,
    terminal_level,
    terminal_log_density,
)

__all__ = [
    "AbstractDenoiser",
    "AbstractParametrization",
    "AbstractScoreModel",
    "Denoiser",
    "FlowEnds",
    "Karras",
    "PredictData",
    "PredictNoise",
    "PredictV",
    "Prediction",
    "Pullback",
    "ScoreFunction",
    "angle_flow",
    "data_moments",
    "flow_ends",
    "flow_field",
    "gaussian_process",
    "level_of_angle",
    "probability_flow",
    "require_noisy_state",
    "require_terminal_law",
    "reverse_drift",
    "sde",
    "terminal_draw",
    "terminal_level",
    "terminal_log_density",
    "velocity_in_angle",
    "without_clock",
]
