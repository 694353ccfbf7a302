"""CSV: commas, a header, UTF-8, numbers. Read in blocks as text, so that decimals and bad cells are seen as written."""

import codecs
import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.data._cells import NUMBER, Cells
from scorax.data._integers import joined
from scorax.data._table import Limits, Missing, Table, check_bytes, check_count, check_names

_BLOCK = 4 * 2**20
_HEADER = 8 * 2**20

FORMULA = re.compile(r"^'*[=+\-@\t\r＝＋－＠]")
"""Names that a spreadsheet would run; they are written with one more apostrophe in front, and read without it."""


def guard_name(name: str) -> str:
    """The name as a CSV header holds it."""
    return "'" + name if FORMULA.match(name) else name


def restore_name(cell: str) -> str:
    """The inverse of ``guard_name``."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _refusal(path: Path, expected: str, got: str, do: str) -> InputError:
    return InputError(f"{shown_path(path)}: " + explain(expected=expected, got=got, do=do))


def _not_utf8(path: Path) -> InputError:
    line = 1
    with path.open("rb") as file:
        for line, text in enumerate(iter(lambda: file.readline(_BLOCK), b""), start=1):  # noqa: B007
            try:
                text.decode()
            except UnicodeDecodeError:
                break
    return _refusal(path, "UTF-8 text", f"other bytes at line {line}", "save the file as UTF-8")


def _read_header(path: Path, limits: Limits) -> tuple[str, ...]:
    with path.open("rb") as file:
        start = file.read(_HEADER + 1)
    if b"\0" in start[:4096]:
        raise _refusal(path, "UTF-8 text", "zero bytes", "save the file as CSV in UTF-8")
    first_line = re.split(rb"[\r\n]", start, maxsplit=1)[0]
    if first_line.count(b",") >= limits.columns and b'"' not in first_line:
        check_count(first_line.count(b",") + 1, path, limits)
    if len(first_line) > _HEADER:
        raise _refusal(path, f"a header line of at most {_HEADER} bytes", "a longer one", "check the file")
    try:
        text = start.decode("utf-8-sig", "strict")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            raise _not_utf8(path) from None
        text = start[: error.start].decode("utf-8-sig")
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), strict=True), [])
    except csv.Error as error:
        raise _refusal(path, "a header of column names", f"row 1 unreadable ({error})", "check the quotes") from None
    if not any(cell.strip() for cell in cells):
        raise _refusal(path, "column names in the first row", "an empty row", "add a header")
    if len(cells) == 1 and not text.startswith('"') and (found := re.search("[;\t|]", cells[0])):
        raise _refusal(
            path, "commas between the columns", f"{quote(found[0])} in the header", "save the file with commas"
        )
    check_count(len(cells), path, limits)
    if all(re.match(NUMBER, cell.strip()) for cell in cells) and cells not in (
        [str(j) for j in range(len(cells))],
        [str(j) for j in range(1, len(cells) + 1)],
    ):
        raise _refusal(path, "column names in the first row", f"numbers ({quote(cells[0], 20)} ...)", "add a header")
    names = tuple(restore_name(cell) for cell in cells)
    check_names(names, path, limits)
    return names


def read_csv(path: Path, limits: Limits, missing: Missing) -> Table:
    """Reads a CSV file in blocks; see ``read_table``."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = _read_header(path, limits)
    width = len(names)
    remarks = _scan(path, width)
    ragged: list[Any] = []

    def on_ragged(row: Any) -> str:
        ragged.append(row)
        return "error"

    labels = [str(j) for j in range(width)]
    columns = Cells(path, names, limits)
    blocks: list[tuple[np.ndarray, list[int | None]]] = []
    rows = 0
    header = True
    try:
        # The header comes in as the first row: the names above follow the same quoting rules, and a repeated or an
        # odd name can never change how the body is read.
        reader = arrow_csv.open_csv(
            str(path),
            arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=labels),
            arrow_csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=width > 1, invalid_row_handler=on_ragged
            ),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(labels, pa.string()), strings_can_be_null=False),
        )
        for batch in reader:
            if header and batch.num_rows:
                batch, header = batch.slice(1), False
            if batch.num_rows:
                blocks.append(columns.block(batch, rows + 1))
                rows += batch.num_rows
                check_bytes(rows * width * 8, path, limits)
    except pa.ArrowInvalid as error:
        raise _unreadable(path, error, ragged, width) from None
    if rows == 0:
        raise _refusal(path, "rows below the header", "none", "check the file")
    values, formats = joined(blocks, names, columns.decimals, path)
    table = Table(names, values, formats, remarks)
    return columns.bad.settle(table, missing)


def _scan(path: Path, width: int) -> tuple[str, ...]:
    """What is odd about the ends of lines; refuses what is no UTF-8, and an open quote, which Arrow closes in silence."""
    quotes = lone = blank = 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    held, before = b"", b""
    with path.open("rb") as file:
        while part := file.read(_BLOCK):
            quotes += part.count(b'"')
            # Arrow would print what it cannot decode of a row of another length.
            try:
                decoder.decode(part)
            except UnicodeDecodeError:
                raise _not_utf8(path) from None
            text = held + part
            # A return at the end may be the first half of an end of line.
            held = text[-1:] if text.endswith(b"\r") else b""
            text = text[: len(text) - len(held)]
            lone += text.count(b"\r") - text.count(b"\r\n")
            ends = np.frombuffer(before + text.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), np.uint8) == ord("\n")
            blank += int(np.count_nonzero(ends[1:] & ends[:-1]))
            before = b"\n" if ends[-1:].any() else b" "
    lone += len(held)
    if decoder.getstate()[0]:
        raise _not_utf8(path)
    if quotes % 2:
        raise _refusal(path, "every quote closed", "one open at the end of the file", "check the quotes, or copy again")
    remarks = []
    if blank and width > 1:  # in one column a blank line is a missing cell
        remarks.append(f"blank lines passed over: {blank}")
    if lone:
        remarks.append(f"lines that a lone carriage return ends, as on old computers: {lone}; check the number of rows")
    return tuple(remarks)


def _unreadable(path: Path, error: Exception, ragged: list[Any], width: int) -> InputError:
    if ragged:
        row = ragged[0]
        # Arrow counts from 1 and the header is its row 1.
        place = f"row {row.number - 1}" if row.number else "one row"
        return _refusal(
            path, f"{width} cells in every row", f"{row.actual_columns} in {place}", "check its commas and quotes"
        )
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "straddling" in message:
        return _refusal(path, "rows of at most 4 MiB", "a longer one", "look for a quote that is never closed")
    return _refusal(path, "a CSV file", quote(message, 120), "check the file")
