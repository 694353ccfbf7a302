"""Counts of the cells that are not finite numbers, and the one line that refuses them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scorax._errors import refusal
from scorax._text import quote
from scorax.data._blocks import Block, TextBlock
from scorax.data._table import Missing, Table

Kind = Literal["infinite", "missing"]

_WORDS: dict[Kind, tuple[str, str, str]] = {
    "infinite": ("a finite number", "an infinite or too large number", "remove the rows or write a finite number"),
    "missing": ("a value", "a missing cell", "fill or drop the rows, or leave the column out"),
}


@dataclass
class _Tally:
    count: int
    row: int


class BadCells:
    """Collects bad cells column by column while a file is read in pieces."""

    def __init__(self, where: object, names: Sequence[str]) -> None:
        self._where, self._names = where, names
        self._tallies: dict[Kind, dict[int, _Tally]] = {"infinite": {}, "missing": {}}

    def note(self, kind: Kind, column: int, bad: np.ndarray, first_row: int) -> None:
        """Counts the cells where ``bad`` holds; ``first_row`` is the number of the row of its first entry."""
        count = int(np.count_nonzero(bad))
        if count == 0:
            return
        tally = self._tallies[kind].get(column)
        if tally is None:
            self._tallies[kind][column] = _Tally(count, first_row + int(np.argmax(bad)))
        else:
            tally.count += count

    def note_values(self, column: int, values: np.ndarray, first_row: int) -> None:
        """Counts what is not finite in a column that is numeric already."""
        finite = np.isfinite(values)
        if not finite.all():
            self.note("infinite", column, np.isinf(values), first_row)
            self.note("missing", column, np.isnan(values), first_row)

    def note_block(self, column: int, block: Block, first_row: int) -> None:
        """Counts what is missing or infinite in a block of any kind."""
        if isinstance(block, TextBlock):
            self.note("missing", column, block.places < 0, first_row)
        else:
            self.note_values(column, block.values, first_row)

    def forget(self, column: int) -> None:
        """Drops what was counted in a column."""
        for tallies in self._tallies.values():
            tallies.pop(column, None)

    def refuse(self, rows: int, missing: Missing) -> None:
        """Refuses cells that were counted among so many rows and may not be there.

        Raises:
            InputError: an infinite number or, where they are refused, a missing cell.
        """
        kinds: list[Kind] = ["infinite"] + (["missing"] if missing == "refuse" else [])  # type: ignore[list-item]
        for kind in kinds:
            tallies = self._tallies[kind]
            if not tallies:
                continue
            column = min(tallies)
            tally = tallies[column]
            expected, word, remedy = _WORDS[kind]
            others = f", and in {len(tallies) - 1} more columns" if len(tallies) > 1 else ""
            raise refusal(
                self._where,
                expected=f"{expected} in every cell",
                got=f"{word} in column {quote(self._names[column])}, row {tally.row} "
                f"({tally.count} of {rows} rows{others})",
                do=remedy,
            )

    def settle(self, table: Table, missing: Missing) -> Table:
        """The table if it may be used, without its incomplete rows if asked; otherwise the refusal."""
        self.refuse(table.rows, missing)
        if missing == "drop" and (whole := ~np.isnan(table.values).any(axis=1)).sum() < table.rows:
            kept = table.values[whole]
            if len(kept) == 0:
                raise refusal(
                    self._where, expected="complete rows", got="a missing cell in every row", do="leave columns out"
                )
            return dataclasses.replace(table, values=kept)
        return table
