"""The first row of a CSV file, and the dialect that its first lines show."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

from scorax._errors import InputError, refusal
from scorax._text import quote
from scorax.data._dialect import DELIMITERS, Dialect
from scorax.data._table import Limits, check_count, check_names
from scorax.data._words import NUMBER

_LONGEST = 8 * 2**20
_HEAD = 2**16
_BLOCK = 4 * 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

FORMULA = re.compile(r"^'*[=+\-@\t\r＝＋－＠]")
"""Names that a spreadsheet would run; they are written with one more apostrophe in front, and read without it."""


_SEPARATOR = re.compile(r'(?i)"?sep=(?:\W|\\t)"?[,;\t|]*')
"""A first line that tells a spreadsheet the delimiter, and no names."""


def guard_name(name: str) -> str:
    """The name as a CSV header holds it."""
    return "'" + name if FORMULA.match(name) else name


def restore_name(cell: str) -> str:
    """The inverse of ``guard_name``."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def not_utf8(path: Path) -> InputError:
    """The error of a file with other bytes, which names the line."""
    line = 1
    with path.open("rb") as file:
        for line, text in enumerate(iter(lambda: file.readline(_BLOCK), b""), start=1):  # noqa: B007
            try:
                text.decode()
            except UnicodeDecodeError:
                break
    return refusal(path, "UTF-8 text", f"other bytes at line {line}", "save the file as UTF-8")


def read_header(path: Path, limits: Limits) -> tuple[tuple[str, ...], Dialect]:
    """Names of the columns, empty where there is none, and the dialect as far as the first lines show it."""
    with path.open("rb") as file:
        start = file.read(_LONGEST + 1)
    if b"\0" in start[:4096]:
        raise refusal(path, "UTF-8 text", "zero bytes, as of UTF-16", "save the file as CSV in UTF-8")
    first_line = re.split(rb"[\r\n]", start, maxsplit=1)[0]
    most = max(first_line.count(delimiter.encode()) for delimiter in DELIMITERS)
    if most >= limits.columns and b'"' not in first_line:
        check_count(most + 1, path, limits)
    if len(first_line) > _LONGEST:
        raise refusal(path, f"a header line of at most {_LONGEST} bytes", "a longer one", "check the file")
    try:
        text = start.decode("utf-8-sig", "strict")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            raise not_utf8(path) from None
        text = start[: error.start].decode("utf-8-sig")
    if _SEPARATOR.fullmatch(line := re.split("[\r\n]", text, maxsplit=1)[0]):
        got = f"{quote(line)}, which tells a spreadsheet the delimiter"
        raise refusal(path, "column names in the first row", got, "delete this line: the delimiter is found without it")
    dialect = replace(Dialect.find(_first_lines(text)), byte_order_mark=start.startswith(BYTE_ORDER_MARK))
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, strict=True), [])
    except csv.Error as error:
        raise refusal(path, "a header of column names", f"row 1 unreadable ({error})", "check the quotes") from None
    if not any(cell.strip() for cell in cells):
        raise refusal(path, "column names in the first row", "an empty row", "add a header")
    check_count(len(cells), path, limits)
    if all(re.match(NUMBER, cell.strip()) for cell in cells) and cells not in (
        [str(j) for j in range(len(cells))],
        [str(j) for j in range(1, len(cells) + 1)],
    ):
        raise refusal(path, "column names in the first row", f"numbers ({quote(cells[0], 20)} ...)", "add a header")
    names = tuple(restore_name(cell) for cell in cells)
    check_names(names, path, limits, unnamed=True)
    return names, dialect


def _first_lines(text: str) -> str:
    """About 64 kB of whole lines, the first one at least."""
    if len(text) <= _HEAD:
        return text
    end = max(text.rfind("\n", 0, _HEAD), text.rfind("\r", 0, _HEAD)) + 1
    return text[: end or re.search("[\r\n]|$", text).end()]  # type: ignore[union-attr]
