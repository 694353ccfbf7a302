"""A transformer over patches: for pictures and signals."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._checked import require_count, require_key, require_kind
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork, check_state
from scorax.networks._embedder import AbstractEmbedder
from scorax.networks._linear import Linear, drawn, require_inputs
from scorax.networks._positions import (
    Attention,
    GridOptions,
    LevelEmbedding,
    check_divides,
    check_embedder,
    check_heads,
    grid_of,
    modulated,
    run_block,
    sized,
)

_SIZES: dict[str, dict[str, Any]] = {
    "XS": {"width": 128, "depth": 4, "heads": 4},
    "S": {"width": 384, "depth": 12, "heads": 6},
    "B": {"width": 768, "depth": 12, "heads": 12},
    "L": {"width": 1024, "depth": 24, "heads": 16},
    "XL": {"width": 1152, "depth": 28, "heads": 16},
}


class DiTBlock(eqx.Module):
    """Attention and a perceptron, each behind a norm that the embedding scales and shifts, and a gate that starts at zero."""

    norm: eqx.nn.LayerNorm
    modulation: Linear
    attention: Attention
    inner: Linear
    outer: Linear
    dropout: eqx.nn.Dropout

    def __init__(self, width: int, embedding: int, attention: Attention, dropout: float) -> None:
        self.norm = eqx.nn.LayerNorm(width, use_weight=False, use_bias=False)
        self.modulation = Linear(embedding, 6 * width)
        self.attention = attention
        self.inner = Linear(width, 4 * width)
        self.outer = Linear(4 * width, width)
        self.dropout = eqx.nn.Dropout(dropout)

    def __call__(
        self, h: Float[Array, "n width"], embedding: Float[Array, " e"], *, key: Key | None
    ) -> Float[Array, "n width"]:
        told = jnp.split(self.modulation(embedding).astype(h.dtype), 6)
        h = h + told[2] * self.attention(modulated(self.norm, h, told[0], told[1]))
        z = jax.nn.gelu(self.inner(modulated(self.norm, h, told[3], told[4])))
        return h + told[5] * self.outer(self.dropout(z, key=key, inference=key is None))


class DiT(AbstractNetwork):
    r"""Diffusion transformer: a state with a grid is cut into patches, which attend to one another.

    A patch of $p$ positions along every axis is one vector of $p^k c$ numbers, an affine map makes it a token, and fixed sines
    and cosines of its place are added. In every block the embedding of the noise level and of the condition scales, shifts
    and gates the two halves (adaptive layer norm); the gates and the last layer start at zero.

    Args:
        shape: of the state, (height, width, channels) or (length, channels).
        patch: positions of a patch along each axis; it divides them.
        width: units of a token.
        depth: number of blocks.
        heads: of attention; they share the width.
        embedder: what reads the condition, of width ``width``; its embedding is added to that of the noise level.
        options: further choices, ``GridOptions()`` by default.

    Raises:
        TypeError: called with a condition and no embedder.
        ValueError: a shape that has no grid, a patch that does not divide it, or heads that do not share the width.

    Reference: Peebles and Xie (2023), *Scalable diffusion models with transformers*.
    """

    embedding: LevelEmbedding
    entry: Linear
    blocks: tuple[DiTBlock, ...]
    norm: eqx.nn.LayerNorm
    modulation: Linear
    exit: Linear
    embedder: AbstractEmbedder | None
    shape: tuple[int, ...] = eqx.field(static=True)
    patch: int = eqx.field(static=True)
    rematerialize: bool = eqx.field(static=True)

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        patch: int = 2,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        embedder: AbstractEmbedder | None = None,
        options: GridOptions | None = None,
        key: Key,
    ) -> None:
        require_kind(embedder, AbstractEmbedder | None, what="embedder")
        require_kind(options, GridOptions | None, what="options")
        require_key(key)
        options = options or GridOptions()
        grid, patch, width = grid_of(shape, "DiT"), require_count(patch, "patch"), require_count(width, "width")
        depth, heads = require_count(depth, "depth"), require_count(heads, "heads")
        check_divides(grid, patch, "patches")
        check_heads(width, heads)
        check_embedder(embedder, width)
        volume = patch ** len(grid)
        # The modulations stay at zero: a block is then the identity, whatever its depth.
        self.embedding, self.entry, blocks = drawn(
            (
                LevelEmbedding(width, 8),
                Linear(volume * shape[-1], width),
                tuple(
                    DiTBlock(width, width, Attention(width, heads, options.attention), options.dropout)
                    for _ in range(depth)
                ),
            ),
            key=key,
        )
        quiet = Linear(width, 6 * width)
        self.blocks = tuple(eqx.tree_at(lambda block: block.modulation, block, quiet) for block in blocks)
        self.norm = eqx.nn.LayerNorm(width, use_weight=False, use_bias=False)
        self.modulation = Linear(width, 2 * width)
        self.exit = Linear(width, volume * (options.outputs or shape[-1]))
        self.embedder = embedder
        self.shape, self.patch, self.rematerialize = tuple(shape), patch, options.rematerialize

    @staticmethod
    def sized(size: str, shape: tuple[int, ...], *, key: Key, **more: Any) -> "DiT":
        """The network of a size by its name, S to XL those of the reference, XS of 128 units and four blocks.

        Args:
            size: XS, S, B, L or XL.
            shape: of the state.
            key: of the random start.
            more: further arguments of :class:`DiT`.
        """
        return DiT(shape, key=key, **(sized(_SIZES, size, "DiT") | more))

    def __check_init__(self) -> None:
        width = self.entry.bias.shape[-1]
        inputs = [(self.entry, self._volume * self.shape[-1]), (self.modulation, width), (self.exit, width)]
        for block in self.blocks:
            inputs += [(block.modulation, width), (block.inner, width), (block.outer, 4 * width)]
            inputs += [(block.attention.inner, width), (block.attention.outer, width)]
        require_inputs(inputs)
        check_embedder(self.embedder, width)

    @property
    def _volume(self) -> int:
        return self.patch ** (len(self.shape) - 1)

    def __call__(
        self,
        c_noise: Float[Array, ""],
        x: Float[Array, "*grid c"],
        condition: Condition = None,
        *,
        key: Key | None = None,
    ) -> Float[Array, "*grid outputs"]:
        check_state(c_noise, x, self.shape)
        own, *keys = [None] * (1 + len(self.blocks)) if key is None else jax.random.split(key, 1 + len(self.blocks))
        embedding = self.embedding(c_noise, self.embedder, condition, key=own)
        h = self.entry(_patches(x, self.patch))
        h = h + jnp.asarray(_places(tuple(n // self.patch for n in x.shape[:-1]), h.shape[-1]), h.dtype)
        for block, block_key in zip(self.blocks, keys, strict=True):
            run = jax.checkpoint(run_block) if self.rematerialize else run_block
            h = run(block, h, embedding, block_key)
        scale, shift = jnp.split(self.modulation(embedding), 2)
        return _joined(self.exit(modulated(self.norm, h, scale, shift)), x.shape[:-1], self.patch)


def _patches(x: Float[Array, "*grid c"], patch: int) -> Float[Array, "n numbers"]:
    """Patches row by row, each as one vector."""
    cut = x.reshape([part for size in x.shape[:-1] for part in (size // patch, patch)] + [x.shape[-1]])
    axes = len(x.shape) - 1
    order = [2 * i for i in range(axes)] + [2 * i + 1 for i in range(axes)] + [2 * axes]
    numbers = patch**axes * x.shape[-1]
    return cut.transpose(order).reshape(-1, numbers)


def _joined(h: Float[Array, "n numbers"], grid: tuple[int, ...], patch: int) -> Float[Array, "*grid c"]:
    """The grid of patches, what :func:`_patches` takes apart."""
    axes = len(grid)
    cut = h.reshape([size // patch for size in grid] + [patch] * axes + [-1])
    order = [place for i in range(axes) for place in (i, axes + i)] + [2 * axes]
    return cut.transpose(order).reshape(*grid, -1)


def _places(grid: tuple[int, ...], width: int) -> Float[np.ndarray, "n width"]:
    """Sines and cosines of the place along each axis, at wavelengths from a turn of 2 pi positions to ten thousand times that."""
    pairs = math.ceil(width / (2 * len(grid)))
    rates = 10_000.0 ** (-np.arange(pairs) / pairs)
    angles = [place.reshape(-1, 1) * rates for place in np.indices(grid)]
    return np.concatenate([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1)[:, :width]
