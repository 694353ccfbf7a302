"""A table that is read piece by piece, as often as it is asked for: Parquet from its file, anything else from memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from scorax.data._parquet import ParquetFiles
from scorax.data._table import Limits, Table, TableFacts, fingerprint
from scorax.data.formats import Format

_ROWS = 65_536


class TablePiece(NamedTuple):
    """Some rows of a table, one after the other.

    Attributes:
        start: number of the first one in the table, from 0.
        table: the rows.
    """

    start: int
    table: Table


@dataclass(frozen=True)
class TableSource:
    """A table that may be larger than memory: its rows come in pieces.

    Attributes:
        held: the table, or the Parquet files that hold it.
        remarks: what the reader passed over.
    """

    held: Table | ParquetFiles
    remarks: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.held.rows

    @property
    def larger_than_memory(self) -> bool:
        """Whether it would take more than :class:`Limits` gives to a table in memory, and is read from its files."""
        return isinstance(self.held, ParquetFiles) and 8 * self.rows * len(self.held.names) > Limits().total_bytes

    @property
    def unread(self) -> frozenset[str]:
        """Columns that have another type than any of a table; their cells are missing here."""
        return self.held.unread if isinstance(self.held, ParquetFiles) else frozenset()

    def facts(self) -> TableFacts:
        """What tells it from other tables; of Parquet that follows from the bytes of the files."""
        return self.held.facts() if isinstance(self.held, ParquetFiles) else fingerprint(self.held)

    def formats(self) -> dict[str, Format]:
        """The format of every column as all rows make it; of a file without the texts that its columns have."""
        if isinstance(self.held, ParquetFiles):
            return self.held.formats()
        return dict(zip(self.held.columns, self.held.formats, strict=True))

    def take(self, numbers: Int64[np.ndarray, " m"]) -> Table:
        """The rows of these ascending numbers, missing cells NaN."""
        table = self.held
        own = table.take(numbers) if isinstance(table, ParquetFiles) else replace(table, values=table.values[numbers])
        return replace(own, remarks=(*self.remarks, *own.remarks))

    def pieces(self, part: range | None = None) -> Iterator[TablePiece]:
        """The rows, or those of a part, of at most 65,536 at a time; missing cells are NaN.

        Raises:
            InputError: the file is damaged or changed, or a number is infinite.
        """
        part = range(self.rows) if part is None else part
        if isinstance(self.held, ParquetFiles):
            yield from map(TablePiece._make, self.held.tables(part.start, part.stop))
            return
        for start in range(part.start, part.stop, _ROWS):
            own = self.held.values[start : min(start + _ROWS, part.stop)]
            yield TablePiece(start, replace(self.held, values=own))
