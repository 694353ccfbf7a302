"""Thirty-two bits of the content of a row: what makes its random numbers the same alone, in any batch and in any order."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

_BASIS, _PRIME = 2166136261, 16777619


def row_digest(row: Float[Array, "*shape"]) -> UInt32[Array, ""]:
    """FNV-1a over the 32-bit words of the row; -0 and 0 are the same row."""
    positive = jnp.where(row == 0, jnp.zeros_like(row), row)  # a compiler may drop an addition of zero
    words = jax.lax.bitcast_convert_type(positive.reshape(-1), jnp.uint32).reshape(-1)

    def fold(digest: Array, word: Array) -> tuple[Array, None]:
        return (digest ^ word) * jnp.uint32(_PRIME), None

    return jax.lax.scan(fold, jnp.uint32(_BASIS), words)[0]
