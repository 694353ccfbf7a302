"""Encoded rows in a file, taken by their numbers: what a fit visits of a table larger than memory."""

import os
import tempfile
from typing import IO

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int, Int64

from scorax._os_errors import explaining
from scorax.tables._coordinates import Coordinates
from scorax.tables._matched import MatchedRows
from scorax.tables._streamed import Streamed
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
        self._width = encoded_width(coordinates)
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

    def visited_by(self, own: Int[np.ndarray, " m"]) -> Int[np.ndarray, " k"]:
        """Numbers of the rows that a member trains on: its own of the fitted ones, and all outside of the sample."""
        chosen = self.beside.copy()
        chosen[self.fitted[own]] = True
        return np.flatnonzero(chosen)

    def take(self, indices: Int[np.ndarray, "*axes"]) -> Examples:
        numbers = indices.reshape(-1)
        rows = np.empty((len(numbers), self._width), np.float32)
        size, places = 4 * self._width, np.argsort(numbers, kind="stable")
        for place in places.tolist():  # forward through the file
            if os.preadv(self._file.fileno(), [rows[place].data], size * int(numbers[place])) != size:
                raise RuntimeError("expected whole rows in the file of encoded rows, got fewer bytes")
        return Examples(rows.reshape(*indices.shape, self._width), None)


def stored_rows(streamed: Streamed, coordinates: Coordinates, fitted: Int64[np.ndarray, " n"]) -> StoredRows:
    """All rows of a table as they are visited, encoded into a file without a name that ends with the process.

    Args:
        streamed: the table.
        coordinates: of the fit.
        fitted: numbers of the rows of the sample that the fit has; the others are for the report.

    Raises:
        EnvironmentFailure: the disk is full.
    """
    source, folder = streamed.source, streamed.folder
    with explaining(folder, 4 * encoded_width(coordinates) * source.rows):
        file = tempfile.TemporaryFile(dir=folder, prefix=".tmp-")  # noqa: SIM115  lives as long as the rows
        for piece in MatchedRows(source, coordinates.schema, streamed.name).pieces():
            file.write(coordinates.encode(piece.values).astype(np.float32).tobytes())
        file.flush()
    beside = np.ones(source.rows, bool)
    beside[streamed.numbers] = False
    return StoredRows(file, source.rows, coordinates, fitted, beside)


def encoded_width(coordinates: Coordinates) -> int:
    """Numbers of an encoded row."""
    return 2 * coordinates.num_numbers + sum(book.shape[1] for book in coordinates.codebooks)
