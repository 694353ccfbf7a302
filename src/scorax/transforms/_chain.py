"""Transforms one after the other."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._types import Key
from scorax.transforms._abstract import AbstractTransform, Encoded


class Chain(AbstractTransform):
    """``links`` applied from first to last; the log-weights add up and every link gets a key of its own."""

    links: tuple[AbstractTransform, ...]

    def readable(self, rows: Float[np.ndarray, "n *shape"]) -> Bool[np.ndarray, "n *shape"]:
        """Numbers that one of the links reads: NaN passes through those before it."""
        return np.any([np.isfinite(rows), *(link.readable(rows) for link in self.links)], axis=0)

    def encode(self, row: Float[Array, " d"], *, key: Key) -> Encoded:
        log_weight = jnp.zeros((), row.dtype)
        for link, link_key in zip(self.links, jax.random.split(key, len(self.links)), strict=True):
            row, term = link.encode(row, key=link_key)
            log_weight = log_weight + term
        return Encoded(row, log_weight)

    def decode(self, z: Float[Array, " d"]) -> Float[Array, " d"]:
        for link in reversed(self.links):
            z = link.decode(z)
        return z
