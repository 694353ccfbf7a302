"""The schema of a table: what kind of number stands in each column, and the way back to the units of the file."""

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from scorax._errors import InputError, explain
from scorax._text import listing, quote, shown_path, suggest
from scorax.data._grid import SAME, Kind, find_grid, round_to
from scorax.data._table import Limits, Table, check_names

VERSION = 1
_KINDS = ("continuous", "rounded", "integer", "constant")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: its name in the file.
        kind: ``constant`` (one value), ``integer`` (all values integral), ``rounded`` (decimals that repeat: at most
            90 % of the values differ), or ``continuous``.
        gap: the smallest difference between two distinct values of an integer or rounded column. Every
            dequantisation adds uniform noise of this width centred on the value.
        decimals: decimals of an integer (0) or rounded column.
        low: smallest value seen. Never used to clip.
        high: largest value seen.
        value: the value of a constant column.
        offset: with ``step``, the grid on which generated values are put. Where all values lie on
            ``low + k gap`` that is the grid, so rounding exactly undoes the dequantisation. Otherwise it is the
            grid of the decimals: a value between two seen ones is then a possible one, and the gap, a lower bound
            on the spacing, stays the width of the noise.
        step: see ``offset``.
    """

    name: str
    kind: Kind
    gap: float | None
    decimals: int | None
    low: float
    high: float
    value: float | None
    offset: float | None
    step: float | None

    def __post_init__(self) -> None:
        gridded = (self.gap, self.decimals, self.offset, self.step)
        on_grid = self.kind in ("integer", "rounded")
        numbers = [n for n in (self.low, self.high, self.value, self.gap, self.offset, self.step) if n is not None]
        if (
            self.kind not in _KINDS
            or any((g is not None) != on_grid for g in gridded)
            or (self.value is not None) != (self.kind == "constant")
            or not all(math.isfinite(n) for n in numbers)
            or self.low > self.high
        ):
            raise ValueError(f"the fields of a column of kind {self.kind!r} do not fit together")
        if self.decimals is None or self.step is None or self.gap is None:
            return
        if not 0 <= self.decimals <= 12 or (self.decimals == 0) != (self.kind == "integer"):
            raise ValueError(f"{self.decimals} decimals do not fit the kind {self.kind!r}")
        if not self.step * 10.0**self.decimals >= 0.99 or not self.step <= self.gap:
            raise ValueError("the step of a grid must be at least one unit of its decimals and at most its gap")


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order."""

    columns: tuple[Column, ...]

    @staticmethod
    def infer(table: Table) -> "Schema":
        """The schema of a table without missing cells (NaN where kept is left out of account)."""
        found = []
        for j, name in enumerate(table.columns):
            values = table.values[:, j]
            values = values[~np.isnan(values)]
            if len(values) == 0:
                raise InputError(
                    f"column {quote(name)}: "
                    + explain(expected="at least one number", got="none", do="leave the column out")
                )
            grid = find_grid(values, table.decimals[j])
            found.append(Column(name=name, low=float(values.min()), high=float(values.max()), **asdict(grid)))
        return Schema(tuple(found))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(column.name for column in self.columns)

    @property
    def free(self) -> np.ndarray:
        """Indices of the columns that are not constant: the ones a model describes."""
        return np.array([j for j, c in enumerate(self.columns) if c.kind != "constant"], dtype=np.int64)

    @property
    def decimals(self) -> tuple[int | None, ...]:
        """Decimals with which each column is written; ``None`` writes the shortest number that reads back."""
        return tuple(c.decimals for c in self.columns)

    def index(self, name: str) -> int:
        """Position of a column, or the error that suggests the nearest name."""
        if name not in self.names:
            raise InputError(
                explain(
                    expected="a column of the model",
                    got=f"{quote(name)}{suggest(name, self.names)}",
                    do=f"choose among {listing(self.names, 8)}",
                )
            )
        return self.names.index(name)

    def to_json(self) -> dict[str, Any]:
        """The schema as JSON; read back by ``from_json``."""
        return {"version": VERSION, "columns": [asdict(column) for column in self.columns]}

    @staticmethod
    def from_json(obj: Any, where: str = "schema.json") -> "Schema":
        """The schema from JSON of this version, with no key missing and none unknown."""
        _expect(isinstance(obj, dict), where, "an object", type(obj).__name__)
        _closed(obj, ("version", "columns"), where)
        _expect(type(obj["version"]) is int and obj["version"] == VERSION, where, f"version {VERSION}", obj["version"])
        _expect(isinstance(obj["columns"], list), where, "a list of columns", type(obj["columns"]).__name__)
        columns = tuple(_column(item, f"{where}: columns[{j}]") for j, item in enumerate(obj["columns"]))
        check_names([c.name for c in columns], where, Limits())
        return Schema(columns)

    def match(self, table: Table, where: str) -> np.ndarray:
        """The values of another table in the order of the schema, shape (rows, columns).

        Raises:
            InputError: a column is missing or unknown, or a constant column holds another value, where the model
                defines no density.
        """
        place = shown_path(where)
        known = set(self.names)
        missing = [name for name in self.names if name not in table.columns]
        extra = [name for name in table.columns if name not in known]
        if missing:
            hint = suggest(missing[0], extra)
            raise InputError(
                f"{place}: "
                + explain(
                    expected=f"the column {listing(missing)}", got=f"none of that name{hint}", do="add or rename it"
                )
            )
        if extra:
            raise InputError(
                f"{place}: "
                + explain(expected="the columns of the model only", got=f"also {listing(extra)}", do="remove them")
            )
        position = {name: j for j, name in enumerate(table.columns)}
        values = table.values[:, [position[name] for name in self.names]]
        for j, column in enumerate(self.columns):
            if column.value is not None:
                self._check_constant(values[:, j], column, place)
        return values

    def _check_constant(self, values: np.ndarray, column: Column, place: str) -> None:
        other = np.abs(values - (column.value or 0.0)) > SAME * np.maximum(np.abs(values), abs(column.value or 0.0))
        if other.any():
            row = int(np.argmax(other))
            raise InputError(
                f"{place}: "
                + explain(
                    expected=f"the value {column.value!r} in the constant column {quote(column.name)}",
                    got=f"{float(values[row])!r} in row {row + 1} ({int(other.sum())} of {len(values)} rows)",
                    do="remove these rows: the model has no density there",
                )
            )

    def restore(self, values_free: np.ndarray) -> np.ndarray:
        """All columns from the free ones: constants put back, integers and decimals rounded to their grid.

        Never clipped: a value beyond those seen stays one. NaN and infinities stay too.
        """
        free = self.free
        if values_free.ndim != 2 or values_free.shape[1] != len(free):
            raise ValueError(f"expected values of shape (rows, {len(free)}), got {values_free.shape}")
        values = np.empty((len(values_free), len(self.columns)))
        values[:, free] = values_free
        for j, column in enumerate(self.columns):
            if column.value is not None:
                values[:, j] = column.value
            elif column.decimals is not None and column.offset is not None and column.step is not None:
                values[:, j] = round_to(values[:, j], column.decimals, column.offset, column.step)
        return values


def _expect(holds: bool, where: str, expected: str, got: object) -> None:
    if not holds:
        raise InputError(f"{where}: " + explain(expected=expected, got=quote(got), do="the file is damaged or foreign"))


def _closed(obj: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in obj:
        _expect(key in keys, where, f"the keys {', '.join(keys)}", f"{key}{suggest(key, keys)}")
    for key in keys:
        _expect(key in obj, where, f"the key {key}", "none")


def _number(value: Any, where: str) -> float:
    _expect(type(value) in (int, float) and abs(value) <= sys.float_info.max, where, "a number", value)
    return float(value)


def _column(item: Any, where: str) -> Column:
    _expect(isinstance(item, dict), where, "an object", type(item).__name__)
    _closed(item, tuple(f.name for f in fields(Column)), where)
    name, kind, decimals = item["name"], item["kind"], item["decimals"]
    _expect(isinstance(name, str), f"{where}.name", "text", name)
    _expect(isinstance(kind, str) and kind in _KINDS, f"{where}.kind", f"one of {', '.join(_KINDS)}", kind)
    _expect(decimals is None or type(decimals) is int, f"{where}.decimals", "an integer or null", decimals)
    numbers = {
        key: None if item[key] is None and key not in ("low", "high") else _number(item[key], f"{where}.{key}")
        for key in ("gap", "low", "high", "value", "offset", "step")
    }
    try:
        return Column(name=name, kind=kind, decimals=decimals, **numbers)  # type: ignore[arg-type]
    except ValueError as error:
        raise InputError(
            f"{where}: " + explain(expected="a column", got=str(error), do="the file is damaged")
        ) from None
