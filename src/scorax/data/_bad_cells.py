"""Counts of the cells that are not finite numbers, and the one line that refuses them."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.data._table import Missing, Table

Kind = Literal["text", "infinite", "missing"]

_WORDS: dict[Kind, tuple[str, str]] = {
    "text": ("text", "remove the column or encode it as numbers"),
    "infinite": ("an infinite or too large number", "remove the rows or write a finite number"),
    "missing": ("a missing cell", "fill or drop the rows, or leave the column out"),
}


@dataclass
class _Tally:
    count: int
    row: int
    example: str


class BadCells:
    """Collects bad cells column by column while a file is read in pieces."""

    def __init__(self, where: object) -> None:
        self._where = where
        self._tallies: dict[Kind, dict[int, _Tally]] = {"text": {}, "infinite": {}, "missing": {}}

    def note(self, kind: Kind, column: int, bad: np.ndarray, first_row: int, example: str = "") -> None:
        """Counts the cells where ``bad`` holds; ``first_row`` is the number of the row of its first entry."""
        count = int(np.count_nonzero(bad))
        if count == 0:
            return
        tally = self._tallies[kind].get(column)
        if tally is None:
            self._tallies[kind][column] = _Tally(count, first_row + int(np.argmax(bad)), example)
        else:
            tally.count += count

    def note_values(self, column: int, values: np.ndarray, first_row: int) -> None:
        """Counts what is not finite in a column that is numeric already."""
        finite = np.isfinite(values)
        if not finite.all():
            self.note("infinite", column, np.isinf(values), first_row)
            self.note("missing", column, np.isnan(values), first_row)

    def settle(self, table: Table, missing: Missing) -> Table:
        """The table if it may be used, without its incomplete rows if asked; otherwise the refusal."""
        kinds: list[Kind] = ["text", "infinite"] + (["missing"] if missing == "refuse" else [])  # type: ignore[list-item]
        for kind in kinds:
            tallies = self._tallies[kind]
            if not tallies:
                continue
            column = min(tallies)
            tally = tallies[column]
            word, remedy = _WORDS[kind]
            example = f" {quote(tally.example, 30)}" if tally.example else ""
            others = f", and in {len(tallies) - 1} more columns" if len(tallies) > 1 else ""
            raise InputError(
                f"{shown_path(self._where)}: "
                + explain(
                    expected="a finite number in every cell",
                    got=f"{word}{example} in column {quote(table.columns[column])}, row {tally.row} "
                    f"({tally.count} of {table.rows} rows{others})",
                    do=remedy,
                )
            )
        if missing == "drop" and self._tallies["missing"]:
            kept = table.values[~np.isnan(table.values).any(axis=1)]
            if len(kept) == 0:
                raise InputError(
                    f"{shown_path(self._where)}: "
                    + explain(expected="complete rows", got="a missing cell in every row", do="leave columns out")
                )
            return dataclasses.replace(table, values=kept)
        return table
