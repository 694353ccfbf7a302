"""Score models: functions ``score(t, x, condition)``, and denoisers where the noise is Gaussian."""

from typing import TYPE_CHECKING

from scorax._moved import former_names
from scorax.models._categories import category_log_posteriors, require_codes
from scorax.models._dynamics import angle_flow, probability_flow, reverse_drift
from scorax.models._energy import energy, require_energy
from scorax.models._evidence import Evidence
from scorax.models._flow import FlowEnds, clock_of_flow, flow_ends, flow_field, process_ends, without_clock
from scorax.models._given import Given, bound, check_told, num_targets, on_targets, row_of
from scorax.models._guided import AutoGuided, Guided, GuidedScore
from scorax.models._parametrization import AbstractParametrization, Karras, PredictData, PredictNoise, PredictV
from scorax.models._prediction import Prediction, level_of_angle, velocity_in_angle
from scorax.models._pullback import Pullback
from scorax.models._scheduled import AbstractScheduledParametrization, PredictScore, PredictVelocity
from scorax.models._score_model import (
    AbstractDenoiser,
    AbstractNetworkModel,
    AbstractScoreModel,
    Denoiser,
    ScoreFunction,
)
from scorax.models._score_network import EnergyScore, ScoreNetwork, clock_input
from scorax.models._state import require_state
from scorax.models._terminal import (
    gaussian_process,
    require_denoiser,
    require_noisy_state,
    require_terminal_law,
    terminal_draw,
    terminal_level,
    terminal_log_density,
)
from scorax.models._tweedie import TweedieDenoiser, as_denoiser, tweedie
from scorax.models._wrapper import AbstractWrapper

__all__ = [
    "AbstractDenoiser",
    "AbstractNetworkModel",
    "AbstractParametrization",
    "AbstractScheduledParametrization",
    "AbstractScoreModel",
    "AbstractWrapper",
    "AutoGuided",
    "Denoiser",
    "EnergyScore",
    "Evidence",
    "FlowEnds",
    "Given",
    "Guided",
    "GuidedScore",
    "Karras",
    "PredictData",
    "PredictNoise",
    "PredictScore",
    "PredictV",
    "PredictVelocity",
    "Prediction",
    "Pullback",
    "ScoreFunction",
    "ScoreNetwork",
    "TweedieDenoiser",
    "angle_flow",
    "as_denoiser",
    "bound",
    "category_log_posteriors",
    "check_told",
    "clock_input",
    "clock_of_flow",
    "energy",
    "flow_ends",
    "flow_field",
    "gaussian_process",
    "level_of_angle",
    "num_targets",
    "on_targets",
    "probability_flow",
    "process_ends",
    "require_codes",
    "require_denoiser",
    "require_energy",
    "require_noisy_state",
    "require_state",
    "require_terminal_law",
    "reverse_drift",
    "row_of",
    "terminal_draw",
    "terminal_level",
    "terminal_log_density",
    "tweedie",
    "velocity_in_angle",
    "without_clock",
]

if not TYPE_CHECKING:  # a checker would take every wrong name for one of these
    __getattr__ = former_names(__name__)
