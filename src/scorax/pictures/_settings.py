"""Settings that were left out, filled in from the size of the pictures and the minutes."""

import math

import jax
import numpy as np

from scorax._equal_parts import require_equal_parts
from scorax._errors import InputError, explain
from scorax._types import Key
from scorax.networks import AbstractNetwork, ClassEmbedder, GridOptions, MaskedInput, UNet, cost
from scorax.pictures._config import (
    PictureConfig,
    PictureNetwork,
    ResolvedPictureConfig,
    ResolvedPictureNetwork,
    ResolvedPictureTraining,
)
from scorax.pictures._schema import PictureSchema

RATE = 3e10
"""Operations a second that a training is planned for: what two cores do in convolutions and their gradients."""

_SHARE = 0.65
"""Of the minutes that is training; the rest is for compiling, the sheets and the report."""

_WIDTHS = (16, 24, 32, 48, 64)
_LEAST_VISITS = 75_000
"""The widest network is taken that leaves so many visits of a picture."""

_COARSEST, _MOST_COARSE = 16, 1024
"""Positions of the coarsest grid: halving stops at the first, and attention is not paid for beyond the second."""


def resolved(config: PictureConfig, schema: PictureSchema) -> ResolvedPictureConfig:
    """The configuration with every value that was left out filled in.

    Raises:
        InputError: the pictures cannot be halved as often as is asked, or not often enough for a network of this kind.
    """
    network, training = config.network, config.training
    multiples = network.multiples or _multiples(schema)
    _require_halvings(schema, len(multiples) - 1)
    batch_size = training.batch_of(schema.height, schema.width)
    require_equal_parts(batch_size, 1, training.accumulate)
    operations = 3 * batch_size * _operations(network, multiples, schema, masked=training.masks > 0)
    seconds = 60 * training.minutes * _SHARE

    def steps(width: int) -> int:
        return max(1, int(seconds * RATE / (operations * (width / _WIDTHS[0]) ** 2)))

    affordable = [width for width in _WIDTHS if steps(width) * batch_size >= _LEAST_VISITS]
    width = network.width or max(affordable, default=_WIDTHS[0])
    max_steps = training.max_steps or steps(width)
    every = training.validate_every or max(1, min(200, max_steps // 20))
    return ResolvedPictureConfig(
        network=ResolvedPictureNetwork(**{**vars(network), "width": width, "multiples": multiples}),
        training=ResolvedPictureTraining(
            **{
                **vars(training),
                "max_steps": max_steps,
                "batch_size": batch_size,
                "validate_every": every,
                "save_every": training.save_every or max(every, max_steps // 10),
                "ema_decay": min(0.9999, 1 - 20 / (max_steps + 20))
                if training.ema_decay is None
                else training.ema_decay,
            }
        ),
        noise=config.noise,
        sampling=config.sampling,
    )


def network_of(
    network: PictureNetwork, width: int, multiples: tuple[int, ...], schema: PictureSchema, *, masked: bool, key: Key
) -> AbstractNetwork:
    """The network of a configuration, with its random start: told the class where there are some, and masks."""
    height, across, channels = schema.shape
    embed_key, own_key = jax.random.split(key)
    embedder = None
    if schema.classes:
        embedder = ClassEmbedder(len(schema.classes), 4 * width, dropout=network.class_dropout, key=embed_key)
    inside = UNet(
        (height, across, 3 * channels if masked else channels),
        width=width,
        multiples=multiples,
        depth=network.depth,
        embedder=embedder,
        options=GridOptions(outputs=channels, dropout=network.dropout),
        key=own_key,
    )
    return MaskedInput(inside) if masked else inside


def _operations(network: PictureNetwork, multiples: tuple[int, ...], schema: PictureSchema, *, masked: bool) -> int:
    """Of one call at the least width: they grow as its square."""
    made = network_of(network, _WIDTHS[0], multiples, schema, masked=masked, key=jax.random.key(0))
    return cost(made, schema.shape, np.int32(0) if schema.classes else None).flops


def _multiples(schema: PictureSchema) -> tuple[int, ...]:
    """One grid, and another for each halving that divides, up to three."""
    halvings = 0
    while halvings < 3 and _divides(schema, halvings + 1) and _positions(schema, halvings) > _COARSEST:
        halvings += 1
    return (1, *[2] * halvings)


def _divides(schema: PictureSchema, halvings: int) -> bool:
    return schema.height % 2**halvings == 0 and schema.width % 2**halvings == 0


def _positions(schema: PictureSchema, halvings: int) -> int:
    return schema.height * schema.width // 4**halvings


def _require_halvings(schema: PictureSchema, halvings: int) -> None:
    if _divides(schema, halvings) and _positions(schema, halvings) <= _MOST_COARSE:
        return
    side = min(schema.height, schema.width)
    step = 8 if side >= 32 else 4
    raise InputError(
        explain(
            expected=f"a height and a width that can be halved {max(halvings, 1)} times"
            if not _divides(schema, halvings)
            else f"pictures that halving brings to {math.isqrt(_MOST_COARSE)} x {math.isqrt(_MOST_COARSE)} or less",
            got=f"{schema.width} x {schema.height}",
            do=f"bring them to one, as --size {min(side // step * step, 128)} does",
        )
    )
