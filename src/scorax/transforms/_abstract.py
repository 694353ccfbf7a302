"""The contract of a transform: a fitted map of one row, with the log-weight its density needs."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._checked import Checked
from scorax._digest import row_digest
from scorax._rows import over_rows
from scorax._types import Key

_BLOCK = 1024
"""Rows of one compiled block: tables of any length share one program."""


class Encoded(NamedTuple):
    """An encoded row and the term that turns a log-density of ``z`` into one of the row."""

    z: Float[Array, " d"]
    log_weight: Float[Array, ""]


class AbstractTransform(Checked):
    """Map ``encode(row, key) -> (z, log_weight)`` with ``log p(row) = log p(z) + log_weight``, and its inverse ``decode``.

    A diffeomorphism ignores the key and its log-weight is the log-determinant of its Jacobian. A dequantisation uses the
    key; the density is then that of the dequantised row.
    """

    @abc.abstractmethod
    def encode(self, row: Float[Array, " d"], *, key: Key) -> Encoded:
        """Encoded row and log-weight."""

    @abc.abstractmethod
    def decode(self, z: Float[Array, " d"]) -> Float[Array, " d"]:
        """Row of an encoded value."""


def encode_rows(
    transform: AbstractTransform, rows: Float[np.ndarray, "n d"], *, key: Key
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """Rows encoded in float64 on the host side, one key per row from its *content*.

    The dequantisation noise of a row is so the same alone, in any batch and in any order.
    """
    size = len(rows)
    padded = np.concatenate([rows, np.zeros((-size % _BLOCK, rows.shape[1]))]).astype(np.float64)
    with jax.enable_x64(True):
        parts = [_encode(transform, jnp.asarray(padded[i : i + _BLOCK]), key) for i in range(0, len(padded), _BLOCK)]
        z = np.concatenate([np.zeros((0, rows.shape[1])), *(np.asarray(part.z) for part in parts)])
        log_weight = np.concatenate([np.zeros(0), *(np.asarray(part.log_weight) for part in parts)])
    return z[:size], log_weight[:size]


def decode_rows(transform: AbstractTransform, z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Rows of encoded values, in float64."""
    with jax.enable_x64(True):
        return np.asarray(over_rows(transform.decode, jnp.asarray(z, jnp.float64)))


@eqx.filter_jit
def _encode(transform: AbstractTransform, rows: Float[Array, "block d"], key: Key) -> Encoded:
    return jax.vmap(lambda row: transform.encode(row, key=jax.random.fold_in(key, row_digest(row))))(rows)
