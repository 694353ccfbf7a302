"""Pictures that are drawn anew at every visit of the training: flips and crops."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count
from scorax._errors import explain
from scorax._types import Key
from scorax.transforms._abstract import AbstractTransform, Encoded


class RandomFlip(AbstractTransform):
    """A state (height, width, channels) with left and right exchanged, at even odds; a signal (length, channels) runs backwards.

    A visit of :class:`~scorax.training.Rows`: the law that is learned is that of the pictures and of their mirror images. It is
    no diffeomorphism; its log-weight is zero and :meth:`decode` is the identity.
    """

    def encode(self, row: Float[Array, "*shape"], *, key: Key) -> Encoded:
        z = jnp.where(jax.random.bernoulli(key), jnp.flip(row, axis=-2), row)
        return Encoded(z, jnp.zeros((), row.dtype))

    def decode(self, z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return z


class RandomCrop(AbstractTransform):
    """A state moved by up to ``padding`` positions along every axis of its grid; what comes in at an edge is the mirror image.

    A visit of :class:`~scorax.training.Rows`, as :class:`RandomFlip` is.

    Args:
        padding: most positions of a move, less than the shortest axis.

    Raises:
        ValueError: a row without a grid, or with an axis that is not longer than the padding.
    """

    padding: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        require_count(self.padding, "padding of RandomCrop")

    def encode(self, row: Float[Array, "*shape"], *, key: Key) -> Encoded:
        axes = row.ndim - 1
        if axes < 1 or min(row.shape[:-1]) <= self.padding:
            raise ValueError(
                explain(
                    expected=f"a grid with channels whose axes are longer than padding={self.padding}",
                    got=f"shape {row.shape}",
                    do="reshape the rows to (height, width, channels), or pad less",
                )
            )
        padded = jnp.pad(row, [*[(self.padding, self.padding)] * axes, (0, 0)], mode="reflect")
        starts = jax.random.randint(key, (axes,), 0, 2 * self.padding + 1)
        z = jax.lax.dynamic_slice(padded, [*starts, 0], row.shape)
        return Encoded(z, jnp.zeros((), row.dtype))

    def decode(self, z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return z
