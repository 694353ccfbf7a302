"""The contract of a transform: a fitted map of one row, with the log-weight its density needs."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._checked import Checked
from scorax._digest import row_digest
from scorax._progress import uncounted
from scorax._rows import map_rows
from scorax._types import Key


class Encoded(NamedTuple):
    """An encoded row and the term that turns a log-density of ``z`` into one of the row."""

    z: Float[Array, " d"]
    log_weight: Float[Array, ""]


class AbstractTransform(Checked):
    """Map ``encode(row, key) -> (z, log_weight)`` with ``log p(row) = log p(z) + log_weight``, and its inverse ``decode``.

    A diffeomorphism ignores the key and its log-weight is the log-determinant of its Jacobian. A dequantisation uses the
    key; the density is then that of the dequantised row.
    """

    def readable(self, rows: Float[np.ndarray, "n *shape"]) -> Bool[np.ndarray, "n *shape"]:
        """Which numbers of rows can be encoded: finite ones, unless a transform says what it does with others."""
        return np.isfinite(rows)

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
    with jax.enable_x64(True), uncounted():
        encoded = map_rows(eqx.Partial(_encode, transform, key), np.asarray(rows, np.float64), shape=rows.shape[1:])
        return np.asarray(encoded.z), np.asarray(encoded.log_weight)


def decode_rows(transform: AbstractTransform, z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Rows of encoded values, in float64."""
    with jax.enable_x64(True), uncounted():
        return np.asarray(map_rows(eqx.Partial(_decode, transform), np.asarray(z, np.float64), shape=z.shape[1:]))


def _encode(transform: AbstractTransform, root: Key, row: Float[Array, " d"], key: Key | None) -> Encoded:
    return transform.encode(row, key=jax.random.fold_in(root, row_digest(row)))


def _decode(transform: AbstractTransform, z: Float[Array, " d"], key: Key | None) -> Float[Array, " d"]:
    return transform.decode(z)
