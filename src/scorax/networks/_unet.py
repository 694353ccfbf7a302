"""A convolutional network that goes down to a coarse grid and up again: for pictures and signals."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count, require_key, require_kind
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork, check_state
from scorax.networks._embedder import AbstractEmbedder
from scorax.networks._linear import Conv, Linear, drawn
from scorax.networks._positions import (
    Attention,
    GridOptions,
    LevelEmbedding,
    at_positions,
    check_divides,
    check_embedder,
    check_heads,
    grid_of,
    modulated,
    run_block,
    sized,
)

_SIZES: dict[str, dict[str, Any]] = {
    "XS": {"width": 32, "multiples": (1, 2, 2), "depth": 1},
    "S": {"width": 64, "multiples": (1, 2, 2), "depth": 2},
    "B": {"width": 128, "multiples": (1, 2, 2, 2), "depth": 3},
    "L": {"width": 192, "multiples": (1, 2, 3, 4), "depth": 3},
}


class UNetBlock(eqx.Module):
    """Two convolutions behind norms at every position; the embedding scales and shifts the second norm."""

    norm: eqx.nn.LayerNorm
    inner: Conv
    modulation: Linear
    outer_norm: eqx.nn.LayerNorm
    outer: Conv
    skip: Linear | None
    attention: Attention | None
    attention_norm: eqx.nn.LayerNorm | None
    dropout: eqx.nn.Dropout

    def __init__(
        self, axes: int, in_size: int, out_size: int, embedding: int, attention: Attention | None, dropout: float
    ) -> None:
        self.norm = eqx.nn.LayerNorm(in_size)
        self.inner = Conv(axes, in_size, out_size)
        self.modulation = Linear(embedding, 2 * out_size)
        self.outer_norm = eqx.nn.LayerNorm(out_size)
        self.outer = Conv(axes, out_size, out_size)
        self.skip = None if in_size == out_size else Linear(in_size, out_size)
        self.attention = attention
        self.attention_norm = None if attention is None else eqx.nn.LayerNorm(out_size)
        self.dropout = eqx.nn.Dropout(dropout)

    def __call__(
        self, h: Float[Array, "*grid in"], embedding: Float[Array, " e"], *, key: Key | None
    ) -> Float[Array, "*grid out"]:
        z = self.inner(jax.nn.silu(at_positions(self.norm, h)))
        scale, shift = jnp.split(self.modulation(embedding), 2)
        z = jax.nn.silu(modulated(self.outer_norm, z, scale, shift))
        z = self.outer(self.dropout(z, key=key, inference=key is None))
        h = z + (h if self.skip is None else self.skip(h))
        if self.attention is not None and self.attention_norm is not None:
            flat = at_positions(self.attention_norm, h).reshape(-1, h.shape[-1])
            h = h + self.attention(flat).reshape(h.shape)
        return h


class UNet(AbstractNetwork):
    """Convolutional network over grids of several sizes: each level of the way down hands what it has to the way up.

    A level is ``depth`` residual blocks of two 3x3 convolutions; the lowest attends. The embedding of the noise level and of
    the condition scales and shifts a norm inside every block; the last layer starts at zero. Down goes by means of
    2x2 positions and up by repeating them: a transposed convolution runs backwards ten times
    slower on CPU (``benchmarks/picture_steps.py``), and leaves checkered patterns.

    Args:
        shape: of the state, (height, width, channels) or (length, channels).
        width: channels of the finest level, and a fourth of the units of the embedding.
        multiples: channels of each level in units of ``width``; one level less is as many halvings of the grid.
        depth: blocks of a level, on either way.
        heads: of attention; they share the channels of the lowest level.
        embedder: what reads the condition, of width ``4 * width``; its embedding is added to that of the noise level.
        options: further choices, ``GridOptions()`` by default.

    Raises:
        TypeError: called with a condition and no embedder.
        ValueError: a shape that has no grid, or one that cannot be halved that often.

    Reference: Ho, Jain and Abbeel (2020), *Denoising diffusion probabilistic models*; Dhariwal and Nichol (2021), *Diffusion
    models beat GANs on image synthesis*, for the modulated norms.
    """

    embedding: LevelEmbedding
    entry: Conv
    down: tuple[tuple[UNetBlock, ...], ...]
    middle: UNetBlock
    up: tuple[tuple[UNetBlock, ...], ...]
    norm: eqx.nn.LayerNorm
    exit: Conv
    embedder: AbstractEmbedder | None
    shape: tuple[int, ...] = eqx.field(static=True)
    rematerialize: bool = eqx.field(static=True)

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: int = 32,
        multiples: tuple[int, ...] = (1, 2, 2),
        depth: int = 1,
        heads: int = 4,
        embedder: AbstractEmbedder | None = None,
        options: GridOptions | None = None,
        key: Key,
    ) -> None:
        require_kind(embedder, AbstractEmbedder | None, what="embedder")
        require_kind(options, GridOptions | None, what="options")
        require_key(key)
        options = options or GridOptions()
        grid, width, depth = grid_of(shape, "UNet"), require_count(width, "width"), require_count(depth, "depth")
        if not multiples:
            raise ValueError(explain(expected="multiples of at least one level", got="none", do="pass (1, 2, 2)"))
        sizes = [width * require_count(multiple, "a multiple") for multiple in multiples]
        heads = require_count(heads, "heads")
        check_divides(grid, 2 ** (len(sizes) - 1), "halvings")
        check_heads(sizes[-1], heads)
        check_embedder(embedder, 4 * width)

        def block(in_size: int, out_size: int, *, attends: bool) -> UNetBlock:
            attention = Attention(out_size, heads, options.attention) if attends else None
            return UNetBlock(len(grid), in_size, out_size, 4 * width, attention, options.dropout)

        down, up, channels = [], [], width
        for level, size in enumerate(sizes):
            ins = [channels, *[size] * (depth - 1)]
            down.append(tuple(block(own, size, attends=level == len(sizes) - 1) for own in ins))
            channels = size
        middle = block(channels, channels, attends=False)
        for level, size in reversed(list(enumerate(sizes))):
            ins = [channels + size, *[2 * size] * (depth - 1)]
            up.append(tuple(block(own, size, attends=level == len(sizes) - 1) for own in ins))
            channels = size
        self.embedding, self.entry, self.down, self.middle, self.up = drawn(
            (
                LevelEmbedding(4 * width, 8),
                Conv(len(grid), shape[-1], width),
                tuple(down),
                middle,
                tuple(up),
            ),
            key=key,
        )
        self.norm = eqx.nn.LayerNorm(width * multiples[0])
        self.exit = Conv(len(grid), width * multiples[0], options.outputs or shape[-1])
        self.embedder = embedder
        self.shape, self.rematerialize = tuple(shape), options.rematerialize

    @staticmethod
    def sized(size: str, shape: tuple[int, ...], *, key: Key, **more: Any) -> "UNet":
        """The network of a size by its name.

        Args:
            size: XS, S, B or L.
            shape: of the state.
            key: of the random start.
            more: further arguments of :class:`UNet`.
        """
        return UNet(shape, key=key, **(sized(_SIZES, size, "UNet") | more))

    def __check_init__(self) -> None:
        check_embedder(self.embedder, self.embedding.width)

    def __call__(
        self,
        c_noise: Float[Array, ""],
        x: Float[Array, "*grid c"],
        condition: Condition = None,
        *,
        key: Key | None = None,
    ) -> Float[Array, "*grid outputs"]:
        check_state(c_noise, x, self.shape)
        own = None
        if key is not None:
            key, own = jax.random.split(key)
        embedding = self.embedding(c_noise, self.embedder, condition, key=own)
        run = jax.checkpoint(run_block) if self.rematerialize else run_block
        count = 0

        def through(block: UNetBlock, h: Array) -> Array:
            nonlocal count
            count += 1
            return run(block, h, embedding, None if key is None else jax.random.fold_in(key, count))

        h, kept = self.entry(x), []
        for level, blocks in enumerate(self.down):
            h = _halved(h) if level else h
            for block in blocks:
                h = through(block, h)
                kept.append(h)
        h = through(self.middle, h)
        for level, blocks in enumerate(self.up):
            h = _doubled(h) if level else h
            for block in blocks:
                h = through(block, jnp.concatenate([h, kept.pop()], axis=-1))
        return self.exit(jax.nn.silu(at_positions(self.norm, h)))


def _halved(h: Float[Array, "*grid c"]) -> Float[Array, "*coarse c"]:
    """Means of two positions along every axis."""
    cut = h.reshape([part for size in h.shape[:-1] for part in (size // 2, 2)] + [h.shape[-1]])
    return jnp.mean(cut, axis=tuple(2 * i + 1 for i in range(h.ndim - 1)))


def _doubled(h: Float[Array, "*coarse c"]) -> Float[Array, "*grid c"]:
    """Every position twice along every axis."""
    for axis in range(h.ndim - 1):
        h = jnp.repeat(h, 2, axis=axis)
    return h
