"""CSV: commas, a header, UTF-8, numbers. Read in blocks as text, so that decimals and bad cells are seen as written."""

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.data._problems import Problems
from scorax.data._table import (
    LARGEST_INTEGER,
    Limits,
    Missing,
    Table,
    check_bytes,
    check_count,
    check_names,
    too_large_integer,
)

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 4 * 2**20
_HEADER = 8 * 2**20
_MOST_DECIMALS = 12
_MISSING = r"(?i)^(|na|n/a|nan|null|none|<na>|#n/a)$"
_BOOLEAN = r"(?i)^(true|false)$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_INFINITE = r"(?i)^[+-]?inf(inity)?$"

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
    if all(re.match(_NUMBER, cell.strip()) for cell in cells) and cells not in (
        [str(j) for j in range(len(cells))],
        [str(j) for j in range(1, len(cells) + 1)],
    ):
        raise _refusal(path, "column names in the first row", f"numbers ({quote(cells[0], 20)} ...)", "add a header")
    names = tuple(restore_name(cell) for cell in cells)
    check_names(names, path, limits)
    return names


def _flags(cells: "pa.Array") -> np.ndarray:
    """An Arrow array of truth values as NumPy."""
    import pyarrow as pa

    return np.from_dlpack(cells.cast(pa.uint8())).astype(bool)


class _Columns:
    """Turns blocks of text cells into float64, keeping the decimals and the tallies of each column."""

    def __init__(self, path: Path, names: tuple[str, ...], limits: Limits) -> None:
        self.path, self.names, self.limits = path, names, limits
        self.problems = Problems(path)
        self.decimals: list[int | None] = [0] * len(names)
        self.boolean: list[bool | None] = [None] * len(names)

    def block(self, batch: "pa.RecordBatch", first_row: int) -> np.ndarray:
        values = np.empty((batch.num_rows, len(self.names)))
        for j in range(len(self.names)):
            values[:, j] = self._column(j, batch.column(j), first_row)
        return values

    def _column(self, j: int, cells: "pa.Array", first_row: int) -> np.ndarray:
        import pyarrow as pa
        import pyarrow.compute as pc

        longest = pc.max(pc.binary_length(cells)).as_py() or 0  # type: ignore[attr-defined]
        if longest > self.limits.field_bytes:
            row = first_row + int(np.argmax(np.from_dlpack(pc.binary_length(cells))))  # type: ignore[attr-defined]
            raise _refusal(
                self.path,
                f"cells of at most {self.limits.field_bytes} bytes",
                f"{longest} in column {quote(self.names[j])}, row {row}",
                "check the quotes",
            )
        try:
            # ``to_numpy`` of Arrow imports pandas where it is installed: half a second for nothing.
            values = np.from_dlpack(pc.cast(cells, pa.float64()))
            if not np.isfinite(values).all():
                self.problems.note_values(j, values, first_row)
        except pa.ArrowInvalid:
            cells, values = self._mixed(j, cells, first_row)
        self._written(j, cells, values, first_row)
        return values

    def _mixed(self, j: int, cells: "pa.Array", first_row: int) -> "tuple[pa.Array, np.ndarray]":
        """A column in which some cell is not a plain number: every cell is told apart."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ask: Any = pc
        cells = ask.utf8_trim(cells, characters=" \t")
        # Regular expressions only: to make a value of its own from one of Python, Arrow imports pandas.
        absent = ask.match_substring_regex(cells, _MISSING)
        truth = ask.match_substring_regex(cells, _BOOLEAN)
        number = ask.match_substring_regex(cells, _NUMBER)
        is_boolean = bool(ask.any(truth).as_py()) and not ask.any(number).as_py()
        if is_boolean and self.boolean[j] is not False:
            self.boolean[j] = True
            cells = ask.replace_substring_regex(cells, r"(?i)^true$", "1")
            cells = ask.replace_substring_regex(cells, r"(?i)^false$", "0")
            number = truth
        elif ask.any(number).as_py() and self.boolean[j]:
            number = ask.and_not(number, number)
        infinite = ask.match_substring_regex(cells, _INFINITE)
        text = _flags(ask.invert(ask.or_(ask.or_(absent, number), infinite)))
        example = cells[int(np.argmax(text))].as_py() if text.any() else ""
        self.problems.note("text", j, text, first_row, example)
        self.problems.note("missing", j, _flags(absent), first_row)
        self.problems.note("infinite", j, _flags(infinite), first_row)
        stripped = ask.replace_substring_regex(cells, r"^\+", "")
        plain = ask.if_else(number, stripped, ask.replace_substring_regex(cells, r"(?s)^.*$", "nan"))
        values = np.from_dlpack(ask.cast(plain, pa.float64()))
        self.problems.note("infinite", j, np.isinf(values), first_row)
        return plain, values

    def _written(self, j: int, cells: "pa.Array", values: np.ndarray, first_row: int) -> None:
        import pyarrow.compute as pc

        ask: Any = pc
        if self.boolean[j] is None and np.isfinite(values).any():
            self.boolean[j] = False
        large = np.flatnonzero(np.abs(values) >= LARGEST_INTEGER)
        for i in large:
            text = (cells[int(i)].as_py() or "").strip()
            if re.fullmatch(r"[+-]?[0-9]+", text) and abs(int(text[:400])) > LARGEST_INTEGER:
                raise too_large_integer(self.path, self.names[j], first_row + int(i))
        if self.decimals[j] is None:
            return
        if ask.any(ask.match_substring_regex(cells, "[eE]")).as_py():
            self.decimals[j] = None
            return
        point: Any = np.from_dlpack(ask.find_substring(cells, "."))
        length: Any = np.from_dlpack(ask.binary_length(cells))
        after = np.where(point >= 0, length - point - 1, 0)
        most = max(self.decimals[j] or 0, int(after.max()))
        self.decimals[j] = most if most <= _MOST_DECIMALS else None


def read_csv(path: Path, limits: Limits, missing: Missing) -> Table:
    """Reads a CSV file in blocks; see ``read_table``."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = _read_header(path, limits)
    width = len(names)
    ragged: list[Any] = []

    def on_ragged(row: Any) -> str:
        ragged.append(row)
        return "error"

    labels = [str(j) for j in range(width)]
    columns = _Columns(path, names, limits)
    blocks: list[np.ndarray] = []
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
    _check_quotes(path)
    if rows == 0:
        raise _refusal(path, "rows below the header", "none", "check the file")
    table = Table(names, np.concatenate(blocks), tuple(columns.decimals))
    return columns.problems.settle(table, missing)


def _check_quotes(path: Path) -> None:
    """Refuses a quote that is open at the end, which Arrow closes in silence: the file was cut."""
    with path.open("rb") as file:
        quotes = sum(part.count(b'"') for part in iter(lambda: file.read(_BLOCK), b""))
    if quotes % 2:
        raise _refusal(path, "every quote closed", "one open at the end of the file", "check the quotes, or copy again")


def _unreadable(path: Path, error: Exception, ragged: list[Any], width: int) -> InputError:
    if ragged:
        row = ragged[0]
        # Arrow counts from 1 and the header is its row 1.
        place = f"row {row.number - 1}" if row.number else "one row"
        return _refusal(
            path, f"{width} cells in every row", f"{row.actual_columns} in {place}", "check its commas and quotes"
        )
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "UTF8" in message or "UTF-8" in message:
        return _not_utf8(path)
    if "straddling" in message:
        return _refusal(path, "rows of at most 4 MiB", "a longer one", "look for a quote that is never closed")
    return _refusal(path, "a CSV file", quote(message, 120), "check the file")
