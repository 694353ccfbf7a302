"""Networks: ``network(c_noise, x, condition, key=key)``; they know no process and no loss."""

from scorax.networks._abstract import NOISE_SCALE, AbstractNetwork, fourier_features, log_ratio_of, noise_input
from scorax.networks._ensemble import Ensemble
from scorax.networks._mlp import MLP, ResBlock, ResMLP
from scorax.networks._skip import MixtureSkip

__all__ = [
    "MLP",
    "NOISE_SCALE",
    "AbstractNetwork",
    "Ensemble",
    "MixtureSkip",
    "ResBlock",
    "ResMLP",
    "fourier_features",
    "log_ratio_of",
    "noise_input",
]
