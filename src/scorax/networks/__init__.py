"""Networks: ``network(c_noise, x, condition, key=key)``; they know no process and no loss."""

from scorax.networks._abstract import (
    NOISE_SCALE,
    AbstractNetwork,
    fourier_features,
    log_ratio_of,
    noise_averaged_waves,
    noise_input,
)
from scorax.networks._codebooks import (
    check_categories,
    codebook,
    decode_categories,
    encode_categories,
    line_codebook,
    simplex_codebook,
)
from scorax.networks._coded import CodedHead
from scorax.networks._embedder import (
    AbstractEmbedder,
    ClassEmbedder,
    MaskedCondition,
    VectorEmbedder,
    check_conditions,
)
from scorax.networks._ensemble import Ensemble
from scorax.networks._masks import Masked, MaskedInput, Masks
from scorax.networks._mlp import MLP, ResBlock, ResMLP
from scorax.networks._skip import MixtureSkip

__all__ = [
    "MLP",
    "NOISE_SCALE",
    "AbstractEmbedder",
    "AbstractNetwork",
    "ClassEmbedder",
    "CodedHead",
    "Ensemble",
    "Masked",
    "MaskedCondition",
    "MaskedInput",
    "Masks",
    "MixtureSkip",
    "ResBlock",
    "ResMLP",
    "VectorEmbedder",
    "check_categories",
    "check_conditions",
    "codebook",
    "decode_categories",
    "encode_categories",
    "fourier_features",
    "line_codebook",
    "log_ratio_of",
    "noise_averaged_waves",
    "noise_input",
    "simplex_codebook",
]
