"""Encoded rows in a file, taken by their numbers: what a fit visits of a table larger than memory."""

import os
from typing import IO

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int, Int64

from scorax.tables._coordinates import Coordinates
from scorax.training import AbstractRows, Examples


class StoredRows(AbstractRows):
    """Rows as :meth:`Coordinates.encode` has them, float32 in a file, one after the other.

    They are read and not mapped: the address space of a process may be bounded, and pages of a map count as its memory.

    Args:
        file: their bytes alone.
        count: how many there are.
        coordinates: that they are encoded in.
        fitted: numbers of the rows of the sample that are fitted.
        beside: which rows are outside of the sample.
    """

    def __init__(
        self,
        file: IO[bytes],
        count: int,
        coordinates: Coordinates,
        fitted: Int64[np.ndarray, " n"],
        beside: Bool[np.ndarray, " count"],
    ) -> None:
        self._file, self._count, self._dimension = file, count, coordinates.dimension
        self._width = 2 * coordinates.num_numbers + sum(book.shape[1] for book in coordinates.codebooks)
        self.visit = coordinates.visit
        self.fitted, self.beside = fitted, beside

    def __len__(self) -> int:
        return self._count

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._dimension,)

    @property
    def dtype(self) -> jnp.dtype:
        return jnp.dtype(jnp.float32)

    def take(self, indices: Int[np.ndarray, "*axes"]) -> Examples:
        numbers = indices.reshape(-1)
        rows = np.empty((len(numbers), self._width), np.float32)
        size, places = 4 * self._width, np.argsort(numbers, kind="stable")
        for place in places.tolist():  # forward through the file
            if os.preadv(self._file.fileno(), [rows[place].data], size * int(numbers[place])) != size:
                raise RuntimeError("expected whole rows in the file of encoded rows, got fewer bytes")
        return Examples(rows.reshape(*indices.shape, self._width), None)
