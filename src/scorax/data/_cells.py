"""Cells of text into numbers, column by column: what counts as one, and with how many decimals it is written."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scorax._decimals import EXACT
from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.data._bad_cells import BadCells
from scorax.data._integers import distances, too_large
from scorax.data._table import Limits

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_DECIMALS = 12
_MISSING = r"(?i)^(|na|n/a|nan|null|none|<na>|#n/a)$"
_BOOLEAN = r"(?i)^(true|false)$"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_INFINITE = r"(?i)^[+-]?inf(inity)?$"


def _flags(cells: "pa.Array") -> np.ndarray:
    """An Arrow array of truth values as NumPy."""
    import pyarrow as pa

    return np.from_dlpack(cells.cast(pa.uint8())).astype(bool)


class Cells:
    """Turns blocks of text cells into numbers, keeping the decimals and the tallies of each column."""

    def __init__(self, path: Path, names: tuple[str, ...], limits: Limits) -> None:
        self.path, self.names, self.limits = path, names, limits
        self.bad = BadCells(path)
        self.decimals: list[int | None] = [0] * len(names)
        self.boolean: list[bool | None] = [None] * len(names)

    def block(self, batch: "pa.RecordBatch", first_row: int) -> tuple[np.ndarray, list[int | None]]:
        """The values of a block of rows and the origins of its columns; see ``joined``."""
        values, origins = np.empty((batch.num_rows, len(self.names))), []
        for j in range(len(self.names)):
            values[:, j], origin = self._column(j, batch.column(j), first_row)
            origins.append(origin)
        return values, origins

    def _column(self, j: int, cells: "pa.Array", first_row: int) -> tuple[np.ndarray, int | None]:
        import pyarrow as pa
        import pyarrow.compute as pc

        longest = pc.max(pc.binary_length(cells)).as_py() or 0  # type: ignore[attr-defined]
        if longest > self.limits.field_bytes:
            row = first_row + int(np.argmax(np.from_dlpack(pc.binary_length(cells))))  # type: ignore[attr-defined]
            raise InputError(
                f"{shown_path(self.path)}: "
                + explain(
                    expected=f"cells of at most {self.limits.field_bytes} bytes",
                    got=f"{longest} in column {quote(self.names[j])}, row {row}",
                    do="check the quotes",
                )
            )
        try:
            # ``to_numpy`` of Arrow imports pandas where it is installed: half a second for nothing.
            values = np.from_dlpack(pc.cast(cells, pa.float64()))
            if not np.isfinite(values).all():
                self.bad.note_values(j, values, first_row)
        except pa.ArrowInvalid:
            cells, values = self._mixed(j, cells, first_row)
        if self.boolean[j] is None and np.isfinite(values).any():
            self.boolean[j] = False
        if self._integral(j, cells):
            return self._exact(j, cells, values, first_row)
        for i in np.flatnonzero(np.abs(values) >= EXACT):
            if _digits(cells[int(i)].as_py()) > EXACT:
                raise too_large(self.path, self.names[j], first_row + int(i))
        return values, None

    def _mixed(self, j: int, cells: "pa.Array", first_row: int) -> "tuple[pa.Array, np.ndarray]":
        """A column in which some cell is not a plain number: every cell is told apart."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ask: Any = pc
        cells = ask.utf8_trim(cells, characters=" \t")
        # Regular expressions only: to make a value of its own from one of Python, Arrow imports pandas.
        absent = ask.match_substring_regex(cells, _MISSING)
        truth = ask.match_substring_regex(cells, _BOOLEAN)
        number = ask.match_substring_regex(cells, NUMBER)
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
        self.bad.note("text", j, text, first_row, example)
        self.bad.note("missing", j, _flags(absent), first_row)
        self.bad.note("infinite", j, _flags(infinite), first_row)
        stripped = ask.replace_substring_regex(cells, r"^\+", "")
        plain = ask.if_else(number, stripped, ask.replace_substring_regex(cells, r"(?s)^.*$", "nan"))
        values = np.from_dlpack(ask.cast(plain, pa.float64()))
        self.bad.note("infinite", j, np.isinf(values), first_row)
        return plain, values

    def _integral(self, j: int, cells: "pa.Array") -> bool:
        """Whether every cell is written as an integer; takes note of the decimals of a column."""
        import pyarrow.compute as pc

        ask: Any = pc
        scientific = bool(ask.any(ask.match_substring_regex(cells, "[eE]")).as_py())
        points: Any = np.from_dlpack(ask.find_substring(cells, "."))
        known = self.decimals[j]
        if known is not None:
            most = max(known, _most_decimals(cells, scientific))
            self.decimals[j] = most if most <= _MOST_DECIMALS else None
        return not scientific and not (points >= 0).any()

    def _exact(self, j: int, cells: "pa.Array", values: np.ndarray, first_row: int) -> tuple[np.ndarray, int]:
        """A column of integers without rounding, from the origin that is returned with it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ask: Any = pc
        if not (np.abs(values) >= EXACT).any():
            return values, 0
        present = np.isfinite(values)
        digits = ask.replace_substring_regex(cells, r"^\+", "")
        digits = ask.replace_substring_regex(digits, "^.*[a-zA-Z].*$", "0")  # missing and infinite ones
        for kind in (pa.int64(), pa.uint64()):
            try:
                whole = np.from_dlpack(ask.cast(digits, kind))
            except pa.ArrowInvalid:
                continue
            return distances(whole, self.path, self.names[j], None if present.all() else ~present)
        # One may be beyond 64 bits, or two of them too far apart for one type of either kind.
        beyond = [i for i in range(len(cells)) if _digits(cells[i].as_py()) >= 2**63]
        raise too_large(self.path, self.names[j], first_row + beyond[0])


def _most_decimals(cells: "pa.Array", scientific: bool) -> int:
    """The most decimals of a cell: of ``1.25e-3`` five. A column with an exponent has one at least, as floats are written."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    digits = ask.replace_substring_regex(cells, "[eE].*$", "") if scientific else cells
    point: Any = np.from_dlpack(ask.find_substring(digits, "."))
    length: Any = np.from_dlpack(ask.binary_length(digits))
    after = np.where(point >= 0, length - point - 1, 0)
    if not scientific:
        return int(after.max())
    powers = ask.replace_substring_regex(cells, r"^[^eE]*([eE]\+?)?", "")
    powers = np.from_dlpack(ask.cast(ask.replace_substring_regex(powers, "^$", "0"), pa.float64()))
    return int(np.clip(after - powers, 1, 99).max())


def _digits(text: str) -> int:
    """The size of an integer in a cell, 0 where it holds another number."""
    found = re.fullmatch(r"\s*[+-]?([0-9]+)\s*", text)
    return int(found[1].lstrip("0")[:400] or 0) if found else 0
