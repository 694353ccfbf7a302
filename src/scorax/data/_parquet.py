"""Parquet by row group, after its declared size was checked; what comes is counted again while it is read.

The files of a folder are one table: they have the same columns, and their rows follow each other in the order of the names.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64

from scorax._errors import InputError, refusal
from scorax._text import quote
from scorax.data._arrow_blocks import READABLE, block_of, readable
from scorax.data._bad_cells import BadCells
from scorax.data._blocks import Block, NumberBlock, ends, joined
from scorax.data._pages import check_pages
from scorax.data._row_names import pandas_index, without_pandas_index
from scorax.data._table import Limits, Missing, Table, TableFacts, check_bytes, check_count, check_names
from scorax.data.formats import Format

_ROWS = 65_536
_METADATA = 64 * 2**20
_GROUPS = 20_000


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Makes one line of what Arrow says of a damaged file."""
    import pyarrow as pa

    try:
        yield
    except InputError:
        raise
    # Arrow reports damage through most of these; none of them is a fault of this program.
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError, TypeError) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise refusal(path, "a Parquet file", quote(message, 100), "write the file again") from None


@dataclass(frozen=True)
class _File:
    """A file whose declared size was checked: its columns, and the number of rows of each row group."""

    path: Path
    schema: Any
    groups: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(self.groups)


class _Batch(NamedTuple):
    """Some rows of a file: where they begin, counted from 0 in the file and in all of them, and their cells by column."""

    file: _File
    first: int
    place: int
    cells: Any


class ParquetFiles:
    """Parquet files that are one table, one after the other.

    A column that nobody asks for may be of a type that no table has, lists or durations say; its cells are missing.

    Args:
        path: the file or the folder, for messages.
        files: its files.
        limits: what they may cost.
        whole: whether the table will be held in memory, and may take the bytes that it may.
        ignored: names of columns that nobody asks for.

    Raises:
        InputError: one of them is no Parquet file, is damaged or too large, or has other columns than the first one.
    """

    def __init__(
        self, path: Path, files: Sequence[Path], limits: Limits, *, whole: bool = True, ignored: Collection[str] = ()
    ) -> None:
        self._path, self._limits, self._ignored = path, limits, ignored
        self._files: list[_File] = []
        for name in files:
            with self._opened(name) as file:
                self._files.append(self._checked(name, file, whole=whole))
        first = self._files[0].schema
        self.names: tuple[str, ...] = tuple(first.names)
        self.unread = frozenset(name for name, kind in zip(first.names, first.types, strict=True) if not readable(kind))
        self.rows = sum(file.rows for file in self._files)
        if self.rows == 0:
            raise refusal(path, "rows", "none", "check the file")

    @cached_property
    def schema(self) -> Any:
        """Names and Arrow's types of the columns, with what the first file says of them besides."""
        import pyarrow as pa

        return pa.unify_schemas([file.schema for file in self._files])

    def batches(self, start: int = 0, stop: int | None = None, *, all_types: bool = False) -> Iterator[_Batch]:
        """The rows from ``start`` to ``stop``, of at most 65,536 at a time; of row groups outside nothing is read.

        Columns of types that no table has are read where ``all_types`` asks for them.
        """
        stop = self.rows if stop is None else stop
        columns = None if all_types or not self.unread else [name for name in self.names if name not in self.unread]
        place = 0
        for own in self._files:
            with self._opened(own.path) as file:
                first = 0
                for number, rows in enumerate(own.groups):
                    if place + rows > start and place < stop and rows:
                        found = 0
                        for batch in file.iter_batches(_ROWS, row_groups=[number], columns=columns, use_threads=False):
                            low, high = max(start - place - found, 0), min(stop - place - found, batch.num_rows)
                            if low < high:
                                cells = batch.slice(low, high - low)
                                yield _Batch(own, first + found + low, place + found + low, cells)
                            found += batch.num_rows
                        if found != rows:
                            do = "the file is damaged: write it again"
                            raise refusal(own.path, f"{rows} rows in row group {number}", f"{found}", do)
                    place, first = place + rows, first + rows

    def read(self, missing: Missing) -> Table:
        """All rows as one table."""
        blocks: list[list[Block]] = [[] for _ in self.names]
        bad, before = BadCells(self._files[0].path, self.names), self._files[0]
        for batch in self.batches():
            if batch.file is not before:
                bad.refuse(before.rows, missing)
                bad, before = BadCells(batch.file.path, self.names), batch.file
            for own, block in zip(blocks, self._blocks(batch, bad), strict=True):
                own.append(block)
        bad.refuse(before.rows, missing)
        return bad.settle(self._table(blocks, self.rows), missing)

    def tables(self, start: int, stop: int) -> Iterator[tuple[int, Table]]:
        """The rows from ``start`` to ``stop``, at most 65,536 at a time, with the number of the first; missing cells are NaN."""
        for batch in self.batches(start, stop):
            bad = BadCells(batch.file.path, self.names)
            blocks = [[block] for block in self._blocks(batch, bad)]
            bad.refuse(batch.cells.num_rows, "keep")
            yield batch.place, self._table(blocks, batch.cells.num_rows)

    def take(self, numbers: Int64[np.ndarray, " m"]) -> Table:
        """The rows of these ascending numbers as one table; missing cells are NaN."""
        import pyarrow as pa

        blocks: list[list[Block]] = [[] for _ in self.names]
        for batch in self.batches():
            low, high = np.searchsorted(numbers, [batch.place, batch.place + batch.cells.num_rows])
            if low < high:
                bad = BadCells(batch.file.path, self.names)
                cells = batch.cells.take(pa.array(numbers[low:high] - batch.place))
                for own, block in zip(blocks, self._blocks(batch._replace(cells=cells), bad), strict=True):
                    own.append(block)
                bad.refuse(len(cells), "keep")
        return self._table(blocks, len(numbers))

    def formats(self) -> dict[str, Format]:
        """The format of every column as all rows make it, in one pass; of texts without the texts.

        Raises:
            InputError: integers or times range too far for one column.
        """
        blocks: list[list[Block]] = [[] for _ in self.names]
        for batch in self.batches():
            bad = BadCells(batch.file.path, self.names)
            for own, block in zip(blocks, self._blocks(batch, bad), strict=True):
                own.append(ends(block))
        return {name: joined(own, name, self._path)[1] for name, own in zip(self.names, blocks, strict=True)}

    def facts(self) -> TableFacts:
        """What tells these files from others: the number of their rows, and the SHA-256 of their bytes."""
        digest = hashlib.sha256()
        for own in self._files:
            with own.path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return TableFacts(self.rows, len(self.names), digest.hexdigest())

    @cached_property
    def _index(self) -> list[int]:
        return pandas_index(self.names, self._files[0].schema.pandas_metadata)

    def _blocks(self, batch: _Batch, bad: BadCells) -> list[Block]:
        """The cells of a batch column by column; those that are missing or infinite are counted."""
        found = []
        for j, name in enumerate(self.names):
            if name in self.unread:
                found.append(NumberBlock(np.full(batch.cells.num_rows, np.nan), 0, 0))
                continue
            with _explained(batch.file.path):
                found.append(block_of(batch.cells.column(name), batch.file.path, name))
            if j not in self._index:
                bad.note_block(j, found[j], batch.first + 1)
        return found

    def _table(self, blocks: Sequence[Sequence[Block]], rows: int) -> Table:
        values, formats = np.empty((rows, len(self.names))), []
        for j, name in enumerate(self.names):
            values[:, j], form = joined(blocks[j], name, self._path)
            formats.append(form)
        return without_pandas_index(Table(self.names, values, tuple(formats)), self._index)

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Any]:
        import pyarrow.parquet as pq

        with (
            _explained(path),
            pq.ParquetFile(
                path,
                memory_map=False,
                thrift_string_size_limit=_METADATA,
                thrift_container_size_limit=max(_GROUPS, 2 * self._limits.columns),
                arrow_extensions_enabled=False,
            ) as file,
        ):
            yield file

    def _checked(self, path: Path, file: Any, *, whole: bool) -> _File:
        metadata, schema = file.metadata, file.schema_arrow
        check_count(metadata.num_columns, path, self._limits)
        if whole:
            before = sum(own.rows for own in self._files)
            check_bytes((before + metadata.num_rows) * metadata.num_columns * 8, self._path, self._limits)
        check_names(schema.names, path, self._limits)
        for name, kind in zip(schema.names, schema.types, strict=True):
            if not (readable(kind) or name in self._ignored):
                got = f"type {quote(str(kind), 30)} in column {quote(name)}"
                do = f"remove it, write it as one of these, or leave it out of the fit with --ignore {name}"
                raise refusal(path, READABLE, got, do)
        if self._files:
            self._require_same(path, schema)
        if metadata.num_rows:
            check_pages(path, metadata, self._limits)
        groups = tuple(metadata.row_group(k).num_rows for k in range(metadata.num_row_groups))
        return _File(path, schema, groups)

    def _require_same(self, path: Path, schema: Any) -> None:
        """Refuse a file with other columns than the first one."""
        first = self._files[0]
        columns = [
            [f"{quote(name)} of type {str(kind)[:30]}" for name, kind in zip(own.names, own.types, strict=True)]
            for own in (first.schema, schema)
        ]
        if columns[0] != columns[1]:
            length = max(map(len, columns))
            expected, got = next(
                pair
                for pair in zip(*(own + ["no further column"] * (length - len(own)) for own in columns), strict=True)
                if pair[0] != pair[1]
            )
            do = "write all files with the same columns in the same order"
            raise refusal(path, f"the columns of {quote(first.path.name)}: {expected}", got, do)
