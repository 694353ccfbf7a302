"""The rows of a table as a schema takes them, piece by piece: what is scored may be larger than memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from scorax.data import Table, TableSource
from scorax.tables._schema import Schema


class MatchedPiece(NamedTuple):
    """Some rows of a table, one after the other.

    Attributes:
        start: number of the first one, from 0.
        where: begins messages about them, which count their rows.
        table: the rows with all columns of the file.
        values: the same in the columns of the schema.
    """

    start: int
    where: str
    table: Table
    values: Float[np.ndarray, "n columns"]


@dataclass(frozen=True)
class MatchedRows:
    """The rows of a table in the columns of a schema.

    Attributes:
        source: the table.
        schema: its columns.
        where: begins messages about it.
    """

    source: TableSource
    schema: Schema
    where: str

    def pieces(self, part: range | None = None) -> Iterator[MatchedPiece]:
        """The rows, or those of a part, read anew.

        Raises:
            InputError: a column is missing or holds something else than in the fit, or the file is damaged.
        """
        for start, table in self.source.pieces(part):
            where = self.where if not start else f"{self.where}, after row {start:,}"
            yield MatchedPiece(start, where, table, self.schema.match(table, where))

    def take(self, numbers: Int[np.ndarray, " m"]) -> Float[np.ndarray, "m columns"]:
        """The rows of these numbers, in their order; the file is read from the first of them to the last."""
        found = np.empty((len(numbers), len(self.schema.columns)))
        if len(numbers):
            for piece in self.pieces(range(int(numbers.min()), int(numbers.max()) + 1)):
                own = (piece.start <= numbers) & (numbers < piece.start + len(piece.values))
                found[own] = piece.values[numbers[own] - piece.start]
        return found
