"""Networks: ``network(c_noise, x, condition, key=key)``; they know no process and no loss."""

from scorax.networks._abstract import (
    NOISE_SCALE,
    AbstractNetwork,
    fourier_features,
    log_ratio_of,
    noise_averaged_waves,
    noise_input,
)
from scorax.networks._embedder import (
    AbstractEmbedder,
    ClassEmbedder,
    MaskedCondition,
    VectorEmbedder,
    check_conditions,
)
from scorax.networks._ensemble import Ensemble
from scorax.networks._mlp import MLP, ResBlock, ResMLP
from scorax.networks._skip import MixtureSkip

__all__ = [
    "MLP",
    "NOISE_SCALE",
    "AbstractEmbedder",
    "AbstractNetwork",
    "ClassEmbedder",
    "Ensemble",
    "MaskedCondition",
    "MixtureSkip",
    "ResBlock",
    "ResMLP",
    "VectorEmbedder",
    "check_conditions",
    "fourier_features",
    "log_ratio_of",
    "noise_averaged_waves",
    "noise_input",
]
