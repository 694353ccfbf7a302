"""How a CSV file is written, so that a new one can be written alike: delimiter, decimal mark, quotes, ends of lines."""

import csv
import io
import itertools
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from scorax.data._words import COMMA_NUMBER, MISSING, NUMBER, PAIRS

Delimiter: TypeAlias = Literal[",", ";", "\t", "|"]
"""What stands between the columns of a CSV file."""

DELIMITERS: tuple[Delimiter, ...] = get_args(Delimiter)

Quoted: TypeAlias = Literal["needed", "texts", "all"]
"""Which cells stand in quotes: those that need them, all names and texts, or all."""

_RECORDS = 200
_CELLS = 20_000
_BARE = rf"{MISSING}|^({'|'.join(word for pair in PAIRS for word in pair)})$|^[0-9.,+-]|{NUMBER}"


@dataclass(frozen=True)
class Dialect:
    r"""How a CSV file is written.

    Attributes:
        delimiter: between the columns.
        decimal: mark of the decimals of numbers.
        quoted: which cells stand in quotes.
        missing: how a missing cell is written.
        byte_order_mark: whether the file begins with one.
        line_end: ends of lines.
    """

    delimiter: Delimiter = ","
    decimal: Literal[".", ","] = "."
    quoted: Quoted = "needed"
    missing: str = ""
    byte_order_mark: bool = False
    line_end: Literal["\n", "\r\n"] = "\n"

    def __post_init__(self) -> None:
        if re.search(f'["\r\n{re.escape(self.delimiter)}]', self.missing):
            raise ValueError(f"expected a word for a missing cell that needs no quotes, got {self.missing!r}")

    @staticmethod
    def find(head: str) -> "Dialect":
        """The dialect of the first lines of a file, as far as they show it.

        The delimiter is the one that gives every line as many cells as the header has, two at least; of several the one
        whose cells hold the fewest of the others where those make no number, then the one of most cells.
        """
        delimiter = _delimiter(head)
        ends = "\r\n" if "\r\n" in head[: head.find("\n") + 1] else "\n"
        return Dialect(delimiter, quoted=_quoted(head, delimiter), line_end=ends)


def _records(head: str, delimiter: str) -> list[list[str]]:
    found: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, strict=True):
            found += [record] if record else []
            if len(found) > _RECORDS:
                break
    except csv.Error:  # a quote that is not closed in these lines, or a cell that the module takes for too long
        pass
    return found


def _delimiter(head: str) -> Delimiter:
    best: tuple[float, int] = (0.0, 1)
    chosen: Delimiter | None = None
    widest: tuple[int, Delimiter] = (1, ",")
    for delimiter in DELIMITERS:
        if delimiter not in head:
            continue
        records = _records(head, delimiter)
        width = len(records[0]) if records else 0
        if width > widest[0]:
            widest = width, delimiter
        if width < 2 or any(len(record) != width for record in records):
            continue
        others = re.compile("[" + "".join(d for d in DELIMITERS if d != delimiter) + "]")
        cells = [cell.strip() for record in records[1:] or records for cell in record]
        foreign = sum(bool(others.search(cell)) and not re.match(COMMA_NUMBER, cell) for cell in cells)
        score = (-foreign / len(cells), width)
        if chosen is None or score > best:
            best, chosen = score, delimiter
    if chosen is None and widest[0] == 1:
        cells = [record[0].strip() for record in _records(head, ";")[1:] if len(record) == 1]
        commas = [cell for cell in cells if re.match(COMMA_NUMBER, cell)]
        # A lone column of numbers with decimal commas, which semicolons would separate from others.
        return (
            ";" if commas and all(re.match(f"{COMMA_NUMBER}|{NUMBER}|{MISSING[4:]}", cell) for cell in cells) else ","
        )
    return widest[1] if chosen is None else chosen


def _quoted(head: str, delimiter: str) -> Quoted:
    """What is in quotes in the first lines."""
    mark = re.escape(delimiter)
    cells = re.compile(f'("(?:[^"]|"")*"|[^{mark}\r\n]*)({mark}|\r\n|\r|\n|$)')
    names: list[str] = []
    bare: list[str] = []
    quoted, end = 0, False
    for found in itertools.islice(cells.finditer(head), _CELLS):
        cell = found[1]
        if not end:
            names.append(cell)
            end = found[2] != delimiter
        elif cell.startswith('"'):
            quoted += 1
        elif cell:
            bare.append(cell)
    if not all(name.startswith('"') for name in names if name) or not any(names):
        return "needed"
    if quoted and not bare:
        return "all"
    # Words without quotes below such names: only the names need them. R writes truth values and dates without quotes.
    return "needed" if any(re.search(r"[^\W\d_]", cell) and not re.match(_BARE, cell) for cell in bare) else "texts"
