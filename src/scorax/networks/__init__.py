"""Networks: ``network(c_noise, x, condition, key=key)``; they know no process and no loss."""

from scorax.networks._abstract import (
    NOISE_SCALE,
    AbstractNetwork,
    fourier_features,
    log_ratio_of,
    noise_averaged_waves,
    noise_input,
    output_of,
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
from scorax.networks._dit import DiT
from scorax.networks._embedder import (
    ABSENT,
    AbstractEmbedder,
    ClassEmbedder,
    MaskedCondition,
    VectorEmbedder,
    check_conditions,
)
from scorax.networks._ensemble import Ensemble
from scorax.networks._masks import Masked, MaskedInput, MaskedWaves, Masks
from scorax.networks._mlp import MLP, ResBlock, ResMLP
from scorax.networks._positions import GridOptions
from scorax.networks._precision import Cost, MixedPrecision, cost
from scorax.networks._skip import MixtureSkip
from scorax.networks._uncertainty import LearnedUncertainty
from scorax.networks._unet import UNet

__all__ = [
    "ABSENT",
    "MLP",
    "NOISE_SCALE",
    "AbstractEmbedder",
    "AbstractNetwork",
    "ClassEmbedder",
    "CodedHead",
    "Cost",
    "DiT",
    "Ensemble",
    "GridOptions",
    "LearnedUncertainty",
    "Masked",
    "MaskedCondition",
    "MaskedInput",
    "MaskedWaves",
    "Masks",
    "MixedPrecision",
    "MixtureSkip",
    "ResBlock",
    "ResMLP",
    "UNet",
    "VectorEmbedder",
    "check_categories",
    "check_conditions",
    "codebook",
    "cost",
    "decode_categories",
    "encode_categories",
    "fourier_features",
    "line_codebook",
    "log_ratio_of",
    "noise_averaged_waves",
    "noise_input",
    "output_of",
    "simplex_codebook",
]
