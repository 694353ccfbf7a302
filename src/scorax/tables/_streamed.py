"""A table that is fitted from its files, before JAX is imported: the sample that is in memory, and a look at all rows.

The sample is what a fit in memory calls the table: columns, moments, starts, held-out rows and the choices after the training
follow from it. All other rows are trained on.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from scorax._errors import refusal
from scorax.data import Format, Table, TableFacts, TableSource
from scorax.tables._config import ResolvedConfig
from scorax.tables._matched import MatchedRows
from scorax.tables._schema import Schema
from scorax.tables._scorable import require_scorable, require_seen

SAMPLED_ROWS = 200_000
"""Rows drawn from a table that is fitted from its files."""

_MOST_LEVELS = 1000
"""Values of a column of which every one has a row in the sample; beyond, the smallest and the largest have."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """A table on disk, and the rows of it that are in memory.

    Attributes:
        source: the table.
        folder: where the encoded rows are written, in a file without a name that ends with the process.
        numbers: of the rows in memory, ascending.
        name: what messages call the table.
    """

    source: TableSource
    folder: str | os.PathLike[str]
    numbers: Int64[np.ndarray, " m"]
    name: str

    @staticmethod
    def of(
        source: TableSource, folder: str | os.PathLike[str], *, seed: int, name: str = "the table"
    ) -> "tuple[Streamed, Table]":
        """The table, and its sample: 200,000 rows drawn by the seed, and a first row of every level and of the ends of columns.

        Raises:
            InputError: the files are damaged, or a number is infinite.
        """
        drawn = np.random.default_rng([seed, 4]).choice(source.rows, min(SAMPLED_ROWS, source.rows), replace=False)
        numbers = np.unique(np.concatenate([drawn.astype(np.int64), first_rows(source)]))
        return Streamed(source, folder, numbers, name), source.take(numbers)

    @cached_property
    def facts(self) -> TableFacts:
        """What tells the table from others."""
        return self.source.facts()

    def require(self, schema: Schema, config: ResolvedConfig) -> None:
        """Refuse a row that is not what the sample says of the columns.

        Raises:
            InputError: a missing cell, a value that is no level, or one that columns in the sample do not allow.
        """
        for piece in MatchedRows(self.source, schema, self.name).pieces():
            require_scorable(piece.values, schema, config, where=piece.where)
            require_seen(piece.values, schema, where=piece.where)


def first_rows(source: TableSource) -> Int64[np.ndarray, " k"]:
    """Numbers of rows that show what columns hold: the first of every level, missing cells among them, and of both ends.

    One pass. A column with more than a thousand values shows its ends alone.
    """
    columns: dict[str, _Shown] = {}
    for start, table in source.pieces():
        for name, values, form in zip(table.columns, table.values.T, table.formats, strict=True):
            columns.setdefault(name, _Shown()).look(values, form, start)
    return np.array([row for column in columns.values() for row in column.rows], np.int64)


class _Shown:
    """Rows that show what a column holds."""

    def __init__(self) -> None:
        self._levels: dict[Any, int] | None = {}
        self._low: tuple[Any, int] | None = None
        self._high: tuple[Any, int] | None = None
        self._missing: int | None = None

    @property
    def rows(self) -> list[int]:
        """Their numbers."""
        ends = [end[1] for end in (self._low, self._high) if end is not None]
        missing = [] if self._missing is None else [self._missing]
        return [*(self._levels or {}).values(), *ends, *missing]

    def look(self, values: Float[np.ndarray, " n"], form: Format, start: int) -> None:
        """Look at further values, those of the rows from ``start`` on."""
        there = np.flatnonzero(~np.isnan(values))
        if self._missing is None and len(there) < len(values):
            self._missing = start + int(np.argmax(np.isnan(values)))
        if not len(there):
            return
        own = values[there]
        # Formats of pieces differ, in their texts and origins; cells do not.
        if self._levels is not None:
            found, first = np.unique(own, return_index=True)
            for cell, place in zip(form.cells(found).tolist(), there[first].tolist(), strict=True):
                self._levels.setdefault(cell, start + place)
            if len(self._levels) > _MOST_LEVELS:
                self._levels = None
        if form.kind in ("number", "time"):
            places = [int(np.argmin(own)), int(np.argmax(own))]
            low, high = form.cells(own[places]).tolist()
            if self._low is None or low < self._low[0]:
                self._low = (low, start + int(there[places[0]]))
            if self._high is None or high > self._high[0]:
                self._high = (high, start + int(there[places[1]]))


def require_streamable(*, bootstrap: bool, given: Collection[str], name: str) -> None:
    """Refuse a fit that has to have all rows in memory.

    Raises:
        InputError: members are bootstrapped, or some columns are given at every visit.
    """
    for asked, key in ((bootstrap, "ensemble.bootstrap"), (given, "training.given")):
        if asked:
            expected = "members on whole rows as they are (--stream)"
            raise refusal(name, expected=expected, got=key, do="leave it out")
