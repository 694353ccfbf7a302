"""Encoded rows in a file, taken by their numbers: what a fit visits of a table larger than memory."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float32, Int, Int64

from scorax._os_errors import explaining
from scorax._types import Key
from scorax.models import AbstractDenoiser
from scorax.samplers import AbstractSampler
from scorax.tables._coordinates import Coordinates, question_of
from scorax.tables._filling import drawn
from scorax.tables._matched import MatchedRows
from scorax.tables._streamed import Streamed
from scorax.training import AbstractRows, Examples


@dataclass(frozen=True, eq=False)
class StoredTable:
    """All rows of a table as :meth:`Coordinates.encode` has them, one after the other in a file without a name.

    A row is its float32 numbers and, where cells are missing, one byte for every coordinate that says whether it is there.

    Attributes:
        streamed: the table.
        coordinates: that rows are encoded in.
        seed: of the noise inside cells of rows whose missing cells a model fills.
        fitted: numbers of the rows of the sample that are fitted.
        beside: which rows are outside of the sample.
        holes: whether cells are missing.
        copies: how often a row with a missing cell is filled: once for every member, or never.
        holed: numbers of the rows that are filled.
        missing: how many cells lack, of the columns that the model describes.
        levels: of every discrete quantity how many rows outside of the sample have each of its categories.
        file: the rows.
    """

    streamed: Streamed
    coordinates: Coordinates
    seed: int
    fitted: Int64[np.ndarray, " n"]
    beside: Bool[np.ndarray, " count"]
    holes: bool
    copies: int
    holed: Int64[np.ndarray, " m"]
    missing: int
    levels: tuple[Int64[np.ndarray, " k"], ...]
    file: IO[bytes]

    @property
    def matched(self) -> MatchedRows:
        """The rows as they are, piece by piece."""
        return MatchedRows(self.streamed.source, self.coordinates.schema, self.streamed.name)


class StoredRows(AbstractRows):
    """Rows in a file, and a second time those with a missing cell, as every member sees them in a round.

    They are read and not mapped: the address space of a process may be bounded, and pages of a map count as its memory.

    Args:
        table: all rows as they are.
        filled: the rows with a missing cell as each member fills them, one member after the other; as they are without.
    """

    def __init__(self, table: StoredTable, filled: IO[bytes] | None = None) -> None:
        self.table = table
        self._filled, self._count = filled, table.streamed.source.rows
        self.visit = table.coordinates.visit
        # What fit looks at before it compiles: a row that is there. Those of the file have cells, which MatchedRows requires.
        self.condition = question_of(np.ones((1, self._dimension), bool)) if table.holes else None

    def __len__(self) -> int:
        return self._count + self.table.copies * len(self.table.holed)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._dimension,)

    @property
    def dtype(self) -> jnp.dtype:
        return jnp.dtype(jnp.float32)

    @property
    def _dimension(self) -> int:
        return self.table.coordinates.dimension

    def places(self, member: int, rows: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
        """Where those of the fitted rows stand that ``member`` sees."""
        return self._seen(member, self.table.fitted[rows])

    def visited(self, member: int, own: Int[np.ndarray, " m"]) -> Int[np.ndarray, " k"]:
        """Where the rows stand that ``member`` trains on: its own of the fitted ones, and all outside of the sample."""
        chosen = self.table.beside.copy()
        chosen[self.table.fitted[own]] = True
        return self._seen(member, np.flatnonzero(chosen)).astype(np.int32)

    def _seen(self, member: int, numbers: Int64[np.ndarray, " m"]) -> Int64[np.ndarray, " m"]:
        holed = self.table.holed
        if len(holed):
            own = np.isin(numbers, holed)
            numbers[own] = self._count + member * len(holed) + np.searchsorted(holed, numbers[own])
        return numbers

    def take(self, indices: Int[np.ndarray, "*axes"]) -> Examples:
        places, table = indices.reshape(-1).astype(np.int64), self.table
        copied = places >= self._count
        record = record_of(table.coordinates, holes=table.holes)
        rows = np.empty((len(places), encoded_width(table.coordinates)), np.float32)
        present = np.ones((len(places), self._dimension), bool)
        if self._filled is None:
            places[copied] = table.holed[(places[copied] - self._count) % max(1, len(table.holed))]
            copied = np.zeros_like(copied)
        else:
            taken = taken_from(self._filled, places[copied] - self._count, record_of(table.coordinates, holes=False))
            rows[copied] = taken["row"]
        taken = taken_from(table.file, places[~copied], record)
        rows[~copied] = taken["row"]
        if table.holes:
            present[~copied] = taken["present"]
        told = question_of(present) if table.holes else None
        return jax.tree.map(lambda leaf: leaf.reshape(*indices.shape, leaf.shape[1]), Examples(rows, told))

    def refilled(
        self,
        models: Sequence[AbstractDenoiser],
        sampler: AbstractSampler,
        *,
        key: Key,
        on_rows: Callable[[int, int], None] = lambda done, total: None,
    ) -> tuple["StoredRows", Float32[np.ndarray, "members coordinates"]]:
        """The rows of the next round, for which every member draws the missing cells of all rows for itself, block by block.

        The draws of a row follow from its cells, its number among the rows that are filled, and the key.

        Args:
            models: the members.
            sampler: of the draws.
            key: of the draws.
            on_rows: hears how many rows are filled, and of how many.

        Returns:
            The rows, and the draws for the fitted rows of the sample, one row after the other.

        Raises:
            EnvironmentFailure: the disk is full.
        """
        table, coordinates = self.table, self.table.coordinates
        holed, size = table.holed, 4 * encoded_width(coordinates)
        draws: list[list[np.ndarray]] = [[] for _ in models]
        with explaining(table.streamed.folder, size * len(holed) * len(models)):
            file = tempfile.TemporaryFile(dir=table.streamed.folder, prefix=".tmp-")  # noqa: SIM115  lives as long as the rows
            for piece in table.matched.pieces():
                first, end = np.searchsorted(holed, [piece.start, piece.start + len(piece.values)]).tolist()
                if first == end:
                    continue
                values = piece.values[holed[first:end] - piece.start]
                states = coordinates.states(values, table.seed)
                assert states.present is not None  # of rows that all lack a cell
                sampled = np.isin(holed[first:end], table.fitted)
                for member, model in enumerate(models):
                    own = jax.random.fold_in(key, member)
                    z = np.zeros(states.present.shape)
                    z[~states.present] = drawn(model, states, sampler, key=own, numbers=range(first, end))
                    file.seek(size * (member * len(holed) + first))
                    file.write(coordinates.encode(coordinates.decode(z, values)).astype(np.float32).tobytes())
                    draws[member].append(z[sampled][~states.present[sampled]].astype(np.float32))
                on_rows(end, len(holed))
            file.flush()
        return StoredRows(table, file), np.stack([np.concatenate(own) for own in draws])


def stored_rows(
    streamed: Streamed,
    coordinates: Coordinates,
    fitted: Int64[np.ndarray, " n"],
    *,
    holes: bool = False,
    copies: int = 0,
    seed: int = 0,
) -> StoredRows:
    """All rows of a table as they are visited, encoded into a file without a name that ends with the process.

    Args:
        streamed: the table.
        coordinates: of the fit.
        fitted: numbers of the rows of the sample that the fit has; the others are for the report.
        holes: whether cells are missing.
        copies: how often a row with a missing cell is filled: once for every member, or never.
        seed: of the noise inside cells of rows whose missing cells a model fills.

    Raises:
        EnvironmentFailure: the disk is full.
    """
    source, schema, record = streamed.source, coordinates.schema, record_of(coordinates, holes=holes)
    beside = np.ones(source.rows, bool)
    beside[streamed.numbers] = False
    visited = beside.copy()
    visited[fitted] = True
    holed, missing = [np.zeros(0, np.int64)], 0
    levels = tuple(np.zeros(code.size, np.int64) for code in schema.codes)
    with explaining(streamed.folder, record.itemsize * source.rows):
        file = tempfile.TemporaryFile(dir=streamed.folder, prefix=".tmp-")  # noqa: SIM115  lives as long as the rows
        for piece in MatchedRows(source, schema, streamed.name).pieces():
            rows, records = slice(piece.start, piece.start + len(piece.values)), np.empty(len(piece.values), record)
            records["row"], categories = coordinates.encode_with_levels(piece.values)
            for counts, found in zip(levels, categories[beside[rows]].T, strict=True):
                counts += np.bincount(found[found >= 0], minlength=len(counts))
            if holes:
                absent, own = np.isnan(piece.values), visited[rows]
                records["present"] = ~absent[:, coordinates.columns]
                missing += int(np.count_nonzero(absent[own][:, schema.free]))
                if copies:
                    holed.append(piece.start + np.flatnonzero(own & ~records["present"].all(axis=1)))
            file.write(records.tobytes())
        file.flush()
    numbers = np.concatenate(holed)
    table = StoredTable(streamed, coordinates, seed, fitted, beside, holes, copies, numbers, missing, levels, file)
    return StoredRows(table)


def encoded_width(coordinates: Coordinates) -> int:
    """Numbers of an encoded row."""
    return 2 * coordinates.num_numbers + sum(book.shape[1] for book in coordinates.codebooks)


def record_of(coordinates: Coordinates, *, holes: bool) -> np.dtype:
    """What a row is in the file: its numbers, and of which coordinates the cells are there."""
    row = [("row", np.float32, (encoded_width(coordinates),))]
    return np.dtype(row + ([("present", np.bool_, (coordinates.dimension,))] if holes else []))


def taken_from(file: IO[bytes], numbers: Int64[np.ndarray, " m"], record: np.dtype) -> np.ndarray:
    """Records of a file by their numbers."""
    found = np.empty((len(numbers), record.itemsize), np.uint8)
    for place in np.argsort(numbers, kind="stable").tolist():  # forward through the file
        if os.preadv(file.fileno(), [found[place].data], record.itemsize * int(numbers[place])) != record.itemsize:
            raise RuntimeError("expected whole rows in the file of encoded rows, got fewer bytes")
    return found.view(record)[:, 0]
