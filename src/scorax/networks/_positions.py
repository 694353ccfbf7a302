"""What the networks for states with a grid share: the embedding of the level, norms at every position, attention."""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count, require_kind, shown
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.networks._abstract import check_dropout, fourier_features
from scorax.networks._embedder import AbstractEmbedder, embedded
from scorax.networks._linear import Linear

Implementation: TypeAlias = Literal["xla", "cudnn"] | None
"""What ``jax.nn.dot_product_attention`` computes with."""


@dataclass(frozen=True)
class GridOptions:
    """Further choices of :class:`DiT` and :class:`UNet`.

    Attributes:
        dropout: rate of dropout inside the blocks during training.
        outputs: channels of the output where they are not those of the state: what :class:`MaskedInput` asks for.
        attention: ``implementation`` of ``jax.nn.dot_product_attention``; ``None`` leaves the choice to JAX, ``"cudnn"`` needs a
            GPU and :class:`MixedPrecision`.
        rematerialize: compute the inside of every block again in the backward pass, which then holds one block at a time, for a
            third more work.

    Raises:
        TypeError: a field is of another kind.
        ValueError: a rate of dropout outside [0, 1).
    """

    dropout: float = 0.0
    outputs: int | None = None
    attention: Implementation = None
    rematerialize: bool = False

    def __post_init__(self) -> None:
        for name, kind in (
            ("dropout", float),
            ("outputs", int | None),
            ("attention", str | None),
            ("rematerialize", bool),
        ):
            require_kind(getattr(self, name), kind, what=f"{name} of GridOptions")
        check_dropout(self.dropout)


def run_block(block: Any, h: Array, embedding: Array, key: Key | None) -> Array:
    """A block as a function of arrays, which ``jax.checkpoint`` wants."""
    return block(h, embedding, key=key)


class LevelEmbedding(eqx.Module):
    r"""Two layers on the Fourier features of the noise level, to which the embedding of the condition is added.

    $e = silu(W_2\, silu(W_1 f(c) + b_1) + b_2 + e(condition))$.
    """

    inner: Linear
    outer: Linear

    def __init__(self, width: int, num_frequencies: int) -> None:
        self.inner = Linear(2 * num_frequencies, width)
        self.outer = Linear(width, width)

    @property
    def width(self) -> int:
        return self.outer.bias.shape[-1]

    def __call__(
        self, c_noise: Float[Array, ""], embedder: AbstractEmbedder | None, condition: Condition, *, key: Key | None
    ) -> Float[Array, " width"]:
        told = embedded(embedder, condition, key=key)
        features = fourier_features(c_noise, self.inner.weight.shape[-2] // 2)
        e = self.outer(jax.nn.silu(self.inner(features)))
        return jax.nn.silu(e if told is None else e + told)


class Attention(eqx.Module):
    """Self-attention of n positions with heads; queries and keys have unit root mean square, so no logit runs away.

    The products are those of ``jax.nn.dot_product_attention``; ``implementation`` is handed to it: ``None`` leaves the choice to
    JAX, ``"cudnn"`` asks for that of a GPU, which needs bfloat16.
    """

    inner: Linear
    outer: Linear
    heads: int = eqx.field(static=True)
    implementation: Implementation = eqx.field(static=True)

    def __init__(self, width: int, heads: int, implementation: Implementation = None) -> None:
        self.inner = Linear(width, 3 * width)
        self.outer = Linear(width, width)
        self.heads = heads
        self.implementation = implementation

    def __call__(self, h: Float[Array, "n width"]) -> Float[Array, "n width"]:
        parts = self.inner(h).reshape(len(h), 3, self.heads, -1)
        query, keys, values = _unit(parts[:, 0]), _unit(parts[:, 1]), parts[:, 2]
        mixed = jax.nn.dot_product_attention(query, keys, values, implementation=self.implementation)
        return self.outer(mixed.reshape(h.shape))


def _unit(x: Float[Array, "n heads d"]) -> Float[Array, "n heads d"]:
    exact = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return (exact * jax.lax.rsqrt(jnp.mean(exact**2, axis=-1, keepdims=True) + 1e-6)).astype(x.dtype)


def at_positions(norm: eqx.nn.LayerNorm, h: Float[Array, "*grid c"]) -> Float[Array, "*grid c"]:
    """A norm over the channels of every position."""
    return jax.vmap(norm)(h.reshape(-1, h.shape[-1])).reshape(h.shape)


def modulated(
    norm: eqx.nn.LayerNorm, h: Float[Array, "*grid c"], scale: Float[Array, " c"], shift: Float[Array, " c"]
) -> Float[Array, "*grid c"]:
    """The norm at every position, scaled by ``1 + scale`` and shifted."""
    return at_positions(norm, h) * (1 + scale.astype(h.dtype)) + shift.astype(h.dtype)


def grid_of(shape: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The axes before the channels of a shape; refuse other states than signals and pictures.

    Raises:
        TypeError: a length that is no whole number.
        ValueError: neither (length, channels) nor (height, width, channels), or an empty one.
    """
    sizes = tuple(require_count(size, f"an axis of shape of {what}") for size in shape)
    if len(sizes) not in (2, 3):
        raise ValueError(
            explain(
                expected=f"shape of {what} as (length, channels) or (height, width, channels)",
                got=f"{shape}",
                do="add the axis of channels, by x[..., None]; for vectors build a ResMLP",
            )
        )
    return sizes[:-1]


def check_heads(width: int, heads: int) -> None:
    """Refuse heads that do not share the width."""
    if width % heads:
        raise ValueError(
            explain(expected=f"heads that divide the width {width}", got=f"heads={heads}", do="pass a divisor")
        )


def check_divides(grid: tuple[int, ...], part: int, what: str) -> None:
    """Refuse a grid whose axes are no multiples of a part."""
    if any(size % part for size in grid):
        larger = tuple(part * math.ceil(size / part) for size in grid)
        raise ValueError(
            explain(expected=f"axes that {what} of {part} divide", got=f"{grid}", do=f"pad the states to {larger}")
        )


def check_embedder(embedder: AbstractEmbedder | None, width: int) -> None:
    """Refuse an embedder of another width than the level's embedding."""
    if embedder is not None and embedder.width != width:
        raise ValueError(
            explain(expected=f"an embedder of width {width}", got=shown(embedder.width), do="build it with that width")
        )


def sized(table: dict[str, dict[str, Any]], size: str, what: str) -> dict[str, Any]:
    """The keywords of a size by its name.

    Raises:
        ValueError: no such size.
    """
    if size not in table:
        raise ValueError(explain(expected=f"a size of {what}: {', '.join(table)}", got=shown(size), do="name one"))
    return table[size]
