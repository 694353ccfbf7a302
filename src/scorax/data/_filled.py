"""A table written again with its missing cells filled: all others as they were, of CSV to the byte, of Parquet in type."""

import mmap
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from jaxtyping import Float

from scorax import _write
from scorax._errors import refusal
from scorax.data._arrow_filled import filled_batch, filled_schema
from scorax.data._dialect import Dialect
from scorax.data._header import BYTE_ORDER_MARK, read_header
from scorax.data._output import TableWriter
from scorax.data._parquet import ParquetFiles
from scorax.data._render import render_cells
from scorax.data._source import TableSource
from scorax.data._table import Limits, Table
from scorax.data.formats import Format

_ROWS = 65_536
_TEXT = (".csv", ".tsv")


def copied(path: str | PathLike[str], source: str | PathLike[str], table: TableSource) -> bool:
    """Whether :func:`filled_writer` copies what it does not fill, also the columns that the reader passed over."""
    ending, before = (Path(fspath(one)).suffix.lower() for one in (path, source))
    if isinstance(table.held, ParquetFiles):
        return ending == ".parquet"
    return before in _TEXT and (ending == before or _write.is_special(path))


@contextmanager
def filled_writer(
    path: str | PathLike[str],
    source: str | PathLike[str],
    table: TableSource,
    formats: Mapping[str, Format],
    *,
    raw_names: bool = False,
) -> Iterator[Callable[[Table], None]]:
    """Writes a table that is read from ``source`` to ``path``, its missing cells filled.

    Of a CSV file that stays one of the same ending, or goes to a pipe or device, every byte is copied but those of cells that
    are filled, also of columns that the reader passed over. Of Parquet that stays Parquet every column, also such a one, keeps
    its type and its cells; what is filled is the nearest that the type holds. Anything else goes through
    :class:`TableWriter`, piece by piece. The file appears when the block ends well, or not at all.

    Args:
        path: the file to write.
        source: the file that is read.
        table: what is read from it, NaN where a cell is missing.
        formats: in which the rows come and filled cells are written, by the names of the columns; pieces have texts of their own.
        raw_names: see :class:`TableWriter`; a CSV file that is copied keeps its names.

    Yields:
        What takes the rows, piece after piece: those of the table, and values where it has none; NaN stays missing.

    Raises:
        InputError: an ending that is none of a table, the source is no longer what was read, or the type of a column of Parquet
            holds nothing near to a value that it is filled with.
    """
    whole = table.held
    if not copied(path, source, table):
        dialect = whole.dialect if isinstance(whole, Table) else Dialect()
        known = list(formats.values())
        with TableWriter(path, tuple(formats), known, rows=table.rows, dialect=dialect, raw_names=raw_names) as writer:
            yield lambda piece: writer.write(piece.values, piece.formats)
    elif isinstance(whole, Table):
        with _write.replacing(path) as stream:
            pieces: list[Table] = []
            yield pieces.append
            values = np.concatenate([piece.values for piece in pieces])
            for part in _spliced(Path(source), whole, values, [formats[name] for name in whole.columns]):
                stream.write(part)
    else:
        import pyarrow.parquet as pq

        schema, batches = filled_schema(whole.schema, formats), whole.batches(all_types=True)
        with _write.replacing(path) as stream, pq.ParquetWriter(stream, schema) as writer:
            yield lambda piece: writer.write_batch(filled_batch(next(batches).cells, piece, schema, path))


def _spliced(
    source: Path, table: Table, values: Float[np.ndarray, "rows columns"], formats: Sequence[Format]
) -> Iterator[bytes]:
    """The bytes of a CSV file with other ones in place of the cells that are filled."""
    names, _ = read_header(source, Limits())
    places = [names.index(name) for name in table.columns]
    delimiter = re.escape(table.dialect.delimiter.encode())
    cells = re.compile(rb'((?:"[^"]*(?:""[^"]*)*")?[^%b\r\n]*)(%b|\r\n|\r|\n|\Z)' % (delimiter, delimiter))
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        copied, row, place = 0, -1, 0  # the header is row -1
        filled: dict[tuple[int, int], bytes] = {}
        for found in cells.finditer(text, len(BYTE_ORDER_MARK) if text[:3] == BYTE_ORDER_MARK else 0):
            last = found[2] != table.dialect.delimiter.encode()
            if last and not place and not found[1]:
                continue  # a blank line
            piece = filled.get((row, place))
            if piece is not None:
                yield text[copied : found.start(1)]
                yield piece
                copied = found.end(1)
            place = 0 if last else place + 1
            if last:
                row += 1
                if row % _ROWS == 0:
                    filled = _rendered(table, values, formats, places, row)
        if row != table.rows:
            raise refusal(
                source, expected=f"the {table.rows} rows that were read", got=f"{row} now", do="leave the file alone"
            )
        yield text[copied:]


def _rendered(
    table: Table,
    values: Float[np.ndarray, "rows columns"],
    formats: Sequence[Format],
    places: Sequence[int],
    start: int,
) -> dict[tuple[int, int], bytes]:
    """By row and place in it the cells that are filled, of some rows from ``start`` on."""
    found: dict[tuple[int, int], bytes] = {}
    part = np.s_[start : start + _ROWS]
    holes = np.isnan(table.values[part]) & ~np.isnan(values[part])
    for j in np.flatnonzero(holes.any(axis=0)).tolist():
        rows = start + np.flatnonzero(holes[:, j])
        texts = render_cells(values[rows, j], formats[j], table.dialect).to_pylist()
        found |= {(row, places[j]): text.encode() for row, text in zip(rows.tolist(), texts, strict=True)}
    return found
