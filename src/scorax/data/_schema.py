"""The schema of a table: what kind of number stands in each column, and the way back to the units of the file."""

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from scorax._errors import InputError, explain
from scorax._text import listing, quote, shown_path, suggest
from scorax.data._grid import SAME, Kind, find_grid, round_to, shortest_decimals
from scorax.data._integers import moved, whole
from scorax.data._table import Limits, Table, check_names

VERSION = 2
"""Version 1 knew no ``origin`` and no ``written``; its columns have the origin 0 and are written by their grid."""

_SPREADS = (1e-305, 1e305)
"""Of the values of a column that varies: the standard deviation and its inverse are normal numbers then."""

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
        origin: the whole number that all other fields, and all values in the coordinates of the schema, count from; 0
            but for integers beyond 2^45 in size (see ``Table``).
        written: decimals with which the column is written: those of the file's text or type (0 for integers), those of
            the shortest form of floats if at most six, otherwise ``None``: as many as read back.
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
    origin: int = 0
    written: int | None = None

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
            or not -(2**63) <= self.origin < 2**64
            or not (self.written is None or 0 <= self.written <= 12)
            or (self.origin != 0 and self.written != 0)
        ):
            raise ValueError(f"the fields of a column of kind {self.kind!r} do not fit together")
        if self.decimals is None or self.step is None or self.gap is None:
            return
        if not 0 <= self.decimals <= 12 or (self.decimals == 0) != (self.kind == "integer"):
            raise ValueError(f"{self.decimals} decimals do not fit the kind {self.kind!r}")
        if not self.step * 10.0**self.decimals >= 0.99 or not self.step <= self.gap:
            raise ValueError("the step of a grid must be at least one unit of its decimals and at most its gap")

    def cells(self, values: np.ndarray) -> np.ndarray:
        """Values that count from the origin as the table has them; see ``Schema.cells``."""
        integers = whole(values, self.origin) if self.written == 0 else None
        return moved(values, self.origin) if integers is None else integers


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
            low, high = float(values.min()), float(values.max())
            if not (low == high or _SPREADS[0] <= high - low <= _SPREADS[1]):
                raise InputError(
                    f"column {quote(name)}: "
                    + explain(
                        expected=f"numbers that spread over {_SPREADS[0]:g} to {_SPREADS[1]:g}",
                        got=f"{low!r} to {high!r}",
                        do="multiply the column by a power of ten",
                    )
                )
            written = table.decimals[j] if table.decimals[j] is not None else shortest_decimals(values)
            grid = asdict(find_grid(values, table.decimals[j]))
            found.append(
                Column(name=name, low=low, high=high, origin=table.origins.get(name, 0), written=written, **grid)
            )
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
        return tuple(c.written for c in self.columns)

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
        """The schema from JSON of this version or the one before, with no key missing and none unknown."""
        _expect(isinstance(obj, dict), where, "an object", type(obj).__name__)
        _closed(obj, ("version", "columns"), where)
        version = obj["version"]
        _expect(type(version) is int and 1 <= version <= VERSION, where, f"a version up to {VERSION}", version)
        _expect(isinstance(obj["columns"], list), where, "a list of columns", type(obj["columns"]).__name__)
        columns = tuple(_column(item, f"{where}: columns[{j}]", version) for j, item in enumerate(obj["columns"]))
        check_names([c.name for c in columns], where, Limits())
        return Schema(columns)

    def match(self, table: Table, where: str) -> np.ndarray:
        """The values of another table in the order of the schema and from its origins, shape (rows, columns).

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
            values[:, j] = moved(values[:, j], table.origins.get(column.name, 0) - column.origin)
            if column.value is not None:
                self._check_constant(values[:, j], column, place)
        return values

    def _check_constant(self, values: np.ndarray, column: Column, place: str) -> None:
        value = column.value or 0.0
        same = SAME * np.maximum(np.abs(values), abs(value))
        if column.written is not None:  # a difference that is written is one, however small beside the value
            same = np.minimum(same, 0.5 * 10.0**-column.written)
        other = np.abs(values - value) > same
        if other.any():
            row = int(np.argmax(other))
            raise InputError(
                f"{place}: "
                + explain(
                    expected=f"the value {_shown(value, column)} in the constant column {quote(column.name)}",
                    got=f"{_shown(values[row], column)} in row {row + 1} ({int(other.sum())} of {len(values)} rows)",
                    do="remove these rows: the model has no density there",
                )
            )

    def restore(self, values_free: np.ndarray) -> np.ndarray:
        """All columns from the free ones: constants put back, the others rounded to their grid or their decimals.

        Values count from the origins; see ``cells``. Never clipped: a value beyond those seen stays one. NaN and
        infinities stay too.
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
            elif column.written is not None:
                values[:, j] = round_to(values[:, j], column.written)
        return values

    def cells(self, values: np.ndarray) -> list[np.ndarray]:
        """Each column of rows in the coordinates of the schema as the table has it: int64 where it is of integers.

        uint64 where 64 bits with a sign are too few; float64 where a value is not finite or beyond 64 bits.
        """
        return [column.cells(values[:, j]) for j, column in enumerate(self.columns)]

    def matrix(self, values: np.ndarray) -> np.ndarray:
        """``cells`` as one array: of integers where all columns are, otherwise float64, which rounds those beyond 2^53."""
        cells = self.cells(values)
        kinds = {column.dtype.kind for column in cells}
        unsigned = kinds == {"i", "u"} and all(column.min(initial=0) >= 0 for column in cells)
        return np.column_stack([column.astype(np.uint64) for column in cells] if unsigned else cells)

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands at an axis of the schema's coordinates: the name, and what is subtracted where something is."""
        return tuple(c.name if not c.origin else f"{c.name} {-c.origin:+d}" for c in self.columns)


def _expect(holds: bool, where: str, expected: str, got: object) -> None:
    if not holds:
        raise InputError(f"{where}: " + explain(expected=expected, got=quote(got), do="the file is damaged or foreign"))


def _closed(obj: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in obj:
        if key not in keys:  # a near miss takes long to find: it is looked for only where there is one
            _expect(False, where, f"the keys {', '.join(keys)}", f"{key}{suggest(key, keys)}")
    for key in keys:
        _expect(key in obj, where, f"the key {key}", "none")


def _number(value: Any, where: str) -> float:
    _expect(type(value) in (int, float) and abs(value) <= sys.float_info.max, where, "a number", value)
    return float(value)


def _shown(value: float, column: Column) -> str:
    return repr(column.cells(np.array([value]))[0].item())


def _column(item: Any, where: str, version: int) -> Column:
    _expect(isinstance(item, dict), where, "an object", type(item).__name__)
    implied = {"origin": 0, "written": item.get("decimals")} if version == 1 else {}
    _closed(item, tuple(f.name for f in fields(Column) if f.name not in implied), where)
    item = {**item, **implied}
    name, kind = item["name"], item["kind"]
    _expect(isinstance(name, str), f"{where}.name", "text", name)
    _expect(isinstance(kind, str) and kind in _KINDS, f"{where}.kind", f"one of {', '.join(_KINDS)}", kind)
    for key in ("decimals", "written"):
        _expect(item[key] is None or type(item[key]) is int, f"{where}.{key}", "an integer or null", item[key])
    _expect(type(item["origin"]) is int, f"{where}.origin", "an integer", item["origin"])
    numbers = {
        key: None if item[key] is None and key not in ("low", "high") else _number(item[key], f"{where}.{key}")
        for key in ("gap", "low", "high", "value", "offset", "step")
    }
    whole_numbers = {key: item[key] for key in ("decimals", "origin", "written")}
    try:
        return Column(name=name, kind=kind, **whole_numbers, **numbers)  # type: ignore[arg-type]
    except ValueError as error:
        raise InputError(
            f"{where}: " + explain(expected="a column", got=str(error), do="the file is damaged")
        ) from None
