"""CSV: a header, UTF-8. Read in blocks as text, so that decimals, words and bad cells are seen as written."""

import codecs
import mmap
import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scorax._errors import InputError, refusal
from scorax._text import quote
from scorax.data._bad_cells import BadCells
from scorax.data._cells import ColumnCells
from scorax.data._dialect import Dialect
from scorax.data._header import BYTE_ORDER_MARK, not_utf8, read_header
from scorax.data._remarks import missing_remarks, remarks_on_zeros
from scorax.data._row_names import without_row_names
from scorax.data._table import Limits, Missing, Table, check_bytes, check_names

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 4 * 2**20
_SCANNED = _BLOCK


def read_csv(path: Path, limits: Limits, missing: Missing, texts: Collection[str] = ()) -> Table:
    """Reads a CSV file in blocks; see ``read_table``."""
    names, dialect = read_header(path, limits)
    remarks, blank = _scan(path, len(names), dialect.delimiter)
    bad = BadCells(path, names)
    columns = [ColumnCells(path, name, j, limits, bad, as_text=name in texts) for j, name in enumerate(names)]
    rows = _read(path, dialect, len(names), columns, limits, blank)
    for column in columns:
        column.close()
    dialect = replace(dialect, decimal=_decimal_mark(columns, dialect))
    mixed = [column for column in columns if column.again]
    for column in mixed:
        bad.forget(column.number)
        columns[column.number] = ColumnCells(path, column.name, column.number, limits, bad, as_text=True)
    if mixed:
        _read(path, dialect, len(names), [columns[column.number] for column in mixed], limits, blank)
    words: Counter[str] = sum((column.missing for column in columns), Counter())
    if words:
        dialect = replace(dialect, missing=words.most_common(1)[0][0])
    values, formats = np.empty((rows, len(names))), []
    for column in columns:
        values[:, column.number], form = column.finish()
        formats.append(form)
        remarks += remarks_on_zeros(column.name, form, column.decimals)
    remarks += missing_remarks({column.name: column.missing for column in columns})
    table = without_row_names(Table(names, values, tuple(formats), remarks, dialect), bad)
    check_names(table.columns, path, limits)
    return bad.settle(table, missing)


def _read(path: Path, dialect: Dialect, width: int, columns: Sequence[ColumnCells], limits: Limits, blank: int) -> int:
    """Hands these columns their cells, block by block; the number of rows. A lone column ends with so many blank lines."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    labels = [str(j) for j in range(width)]
    wanted = [str(column.number) for column in columns]
    rows, header = 0, True
    try:
        # The header comes in as the first row: the names follow the same quoting rules, and a repeated or an
        # odd name can never change how the body is read. No function of ours is handed over: Arrow's threads would let go of
        # it while the interpreter ends, which can abort the process.
        reader = arrow_csv.open_csv(
            str(path),
            arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=labels),
            arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True, ignore_empty_lines=width > 1),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()), include_columns=wanted, strings_can_be_null=False
            ),
        )
        for batch in _without_last(reader, blank if width == 1 else 0):
            if header and batch.num_rows:
                batch, header = batch.slice(1), False
            if batch.num_rows:
                for place, column in enumerate(columns):
                    column.add(batch.column(place), rows + 1)
                rows += batch.num_rows
                check_bytes(rows * width * 8, path, limits)
    except pa.ArrowInvalid as error:
        raise _unreadable(path, error, width) from None
    if rows == 0:
        raise refusal(path, "rows below the header", "none", "check the file")
    return rows


def _without_last(batches: "Iterable[pa.RecordBatch]", count: int) -> "Iterator[pa.RecordBatch]":
    """The batches without so many rows at their end."""
    held: deque[pa.RecordBatch] = deque()
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        while held and rows - held[0].num_rows >= count:
            rows -= held[0].num_rows
            yield held.popleft()
    for batch in held:
        yield batch.slice(0, max(rows - count, 0))
        rows -= batch.num_rows


def _decimal_mark(columns: Sequence[ColumnCells], dialect: Dialect) -> Any:
    """The mark of decimals of the file; columns of numbers with the other one are to be read as text.

    A comma is one where columns are separated by semicolons, or if some number with a comma cannot be an integer with its
    thousands apart, and no more columns have points than commas.
    """
    commas = [column for column in columns if column.mark == ","]
    points = [column for column in columns if column.mark == "."]
    sure = dialect.delimiter == ";" or not all(column.grouped for column in commas)
    by_comma = bool(commas) and sure and len(points) <= len(commas)
    for column in points if by_comma else commas:
        column.again = True
    return "," if by_comma else "."


def _scan(path: Path, width: int, delimiter: str) -> tuple[tuple[str, ...], int]:
    """What is odd about the ends of lines, and how many blank lines the file ends with.

    Refuses what is no UTF-8, and an open quote, which Arrow closes in silence.
    """
    quotes = lone = blank = last_ends = 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    held, before, last, literal = b"", b"", b"\n", False
    with path.open("rb") as file:
        while part := file.read(_SCANNED):
            # Arrow would print what it cannot decode of a row of another length.
            try:
                decoder.decode(part)
            except UnicodeDecodeError:
                raise not_utf8(path) from None
            part = part if before else part.removeprefix(BYTE_ORDER_MARK)
            codes = np.frombuffer(last + part, np.uint8)
            marks = np.flatnonzero(codes[1:] == ord('"'))
            # Every other quote opens a cell, at its start, or is the second of two inside of one. Others are letters.
            literal |= not np.isin(codes[marks[quotes % 2 :: 2]], list(f'{delimiter}\r\n"'.encode())).all()
            quotes, last = quotes + len(marks), (last + part)[-1:]
            text = held + part
            # A return at the end may be the first half of an end of line.
            held = text[-1:] if text.endswith(b"\r") else b""
            text = text[: len(text) - len(held)]
            lone += text.count(b"\r") - text.count(b"\r\n")
            ends = np.frombuffer(before + text.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), np.uint8) == ord("\n")
            blank += int(np.count_nonzero(ends[1:] & ends[:-1]))
            own = ends[len(before) :]
            last_ends = last_ends + len(own) if own.all() else int(np.argmin(own[::-1]))
            before = b"\n" if ends[-1:].any() else b" "
    lone, last_ends = lone + len(held), last_ends + len(held)
    blank += len(held) if before == b"\n" else 0
    if decoder.getstate()[0]:
        raise not_utf8(path)
    if _ends_in_quotes(path, delimiter) if literal else quotes % 2:
        raise refusal(path, "every quote closed", "one open at the end of the file", "check the quotes, or copy again")
    remarks, at_end = [], max(last_ends - 1, 0)
    if blank and width > 1:
        remarks.append(f"blank lines passed over: {blank}")
    elif at_end:  # in one column a blank line between others is a missing cell
        remarks.append(f"blank lines at the end passed over: {at_end}")
    if lone:
        remarks.append(f"lines that a lone carriage return ends, as on old computers: {lone}; check the number of rows")
    return tuple(remarks), at_end


def _ends_in_quotes(path: Path, delimiter: str) -> bool:
    """Whether a cell in quotes is open at the end of a file that has quotes inside of other cells too: ``5" pipe``."""
    mark, stop = re.escape(BYTE_ORDER_MARK), re.escape(delimiter.encode())
    cells = re.compile(rb'(?:\A(?:%b)?|[%b\r\n])"[^"]*+(?:""[^"]*+)*+("?)' % (mark, stop))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return any(not found[1] for found in cells.finditer(text))


def _unreadable(path: Path, error: Exception, width: int) -> InputError:
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    ragged = re.search(r"(?:Row #(\d+): )?Expected \d+ columns, got (\d+)", message)
    if ragged:
        # Arrow counts from 1 and the header is its row 1.
        place = f"row {int(ragged[1]) - 1}" if ragged[1] else "one row"
        return refusal(
            path, f"{width} cells in every row", f"{ragged[2]} in {place}", "check its delimiters and quotes"
        )
    if "straddling" in message:
        return refusal(path, "rows of at most 4 MiB", "a longer one", "look for a quote that is never closed")
    return refusal(path, "a CSV file", quote(message, 120), "check the file")
