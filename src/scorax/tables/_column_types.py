"""Types of the columns of a data frame: plain fields that a run folder holds, and the way back to a column of that type."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, cast, get_args

import narwhals as nw
import numpy as np

Unit = Literal["ns", "us", "ms", "s"]

_PLAIN = (
    nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64,
    nw.Float32, nw.Float64, nw.String, nw.Boolean, nw.Date, nw.Categorical,
)  # fmt: skip
_TYPES = {kind.__name__: kind for kind in _PLAIN}
_INTEGERS = {name: np.iinfo(name.lower()) for name in _TYPES if name.startswith(("Int", "UInt"))}


@dataclass(frozen=True)
class ColumnType:
    """The type of a column.

    Attributes:
        name: that narwhals has for it.
        native: that pandas has for it; ``None`` in other libraries.
        unit: of times.
        zone: of times that have one.
        categories: in order, as texts.
        inner: type of the categories in pandas.
        ordered: whether their order has a meaning.
    """

    name: str
    native: str | None = None
    unit: str | None = None
    zone: str | None = None
    categories: tuple[str, ...] | None = None
    inner: str | None = None
    ordered: bool = False

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in get_args(Unit):
            raise ValueError(f"expected a unit of {', '.join(get_args(Unit))}, got {self.unit!r}")

    @staticmethod
    def of(series: nw.Series[Any]) -> "ColumnType":
        """The type of a column."""
        kind = series.dtype
        native = str(series.to_native().dtype) if series.implementation.is_pandas_like() else None
        unit, zone = (kind.time_unit, kind.time_zone) if isinstance(kind, nw.Datetime) else (None, None)
        if native == "category":
            found = series.to_native().cat
            texts = tuple(map(str, found.categories))
            return ColumnType(
                "Categorical", native, None, None, texts, str(found.categories.dtype), bool(found.ordered)
            )
        categories = tuple(kind.categories) if isinstance(kind, nw.Enum) else None
        return ColumnType(type(kind).__name__, native, unit, zone, categories)

    def with_categories(self, cells: np.ndarray) -> "ColumnType":
        """The type with the categories of these cells too."""
        if self.categories is None:
            return self
        present = [cell for cell in cells.tolist() if cell == cell and cell is not None]
        if (self.inner or "").lower().lstrip("u").startswith("int"):  # beside missing cells they are floats
            present = [int(cell) if float(cell).is_integer() else cell for cell in present]
        return replace(self, categories=tuple(dict.fromkeys((*self.categories, *map(str, present)))))

    def holds(self, cells: np.ndarray) -> bool:
        """Whether no integer is beyond the type: pandas would let it wrap round, -1 to 255 in ``uint8``, others refuse it."""
        ends = _INTEGERS.get(self.name)
        if ends is None or cells.dtype.kind not in "iu" or not cells.size:
            return True
        return ends.min <= int(cells.min()) <= int(cells.max()) <= ends.max

    def column(self, name: str, cells: np.ndarray, backend: Any) -> Any:
        """A column of this type, in a library other than pandas: of cells as a format has them, times in UTC.

        Integers that the type does not hold are of 64 bits.
        """
        # NumPy's times have a value that is none; other cells of a hole are None or NaN.
        plain = cells if cells.dtype.kind == "M" else [None if cell != cell else cell for cell in cells.tolist()]
        series = nw.new_series(name, plain, backend=backend)
        if self.name == "Datetime":
            series = series.cast(nw.Datetime(cast(Unit, self.unit)))
            if self.zone is not None:
                series = series.dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
            return series
        if self.name == "Enum" and self.categories is not None:
            return series.cast(nw.String).cast(nw.Enum(self.categories))
        kind = _TYPES.get(self.name) if self.holds(cells) else None
        return series if kind is None else series.cast(kind)

    def pandas_column(self, cells: np.ndarray, pandas: Any) -> Any:
        """The same in pandas, or in a module that is like it."""
        if self.native == "category":
            return self._categorical(cells, pandas)
        if self.native == "object":
            return pandas.Series(cells.astype(object) if cells.dtype.kind != "M" else _dates(cells), dtype="object")
        if cells.dtype.kind == "M":
            # Pandas has no dates, and times of seconds and finer only.
            times = pandas.Series(cells.astype(f"datetime64[{self.unit or 'us'}]"))
            if self.zone is not None:
                times = times.dt.tz_localize("UTC").dt.tz_convert(self.zone)
            return times.astype(self.native)
        return pandas.Series(cells).astype(self.native) if self.holds(cells) else pandas.Series(cells)

    def _categorical(self, cells: np.ndarray, pandas: Any) -> Any:
        """A column of pandas' categories, which are of a type of their own."""
        texts: list[Any] = list(self.categories or ())
        values, inner = pandas.Series(cells), str(self.inner)
        if cells.dtype.kind == "b" or pandas.api.types.infer_dtype(cells, skipna=True) == "boolean":
            texts = [text == "True" for text in texts]
        elif cells.dtype.kind == "M" and inner == "object":
            values, texts = pandas.Series(_dates(cells), dtype="object"), [date.fromisoformat(text) for text in texts]
        elif cells.dtype.kind == "M" and "," in inner:  # times of a zone; cells are in UTC
            values, texts = (
                values.dt.tz_localize("UTC").astype(inner),
                pandas.to_datetime(texts, utc=True, format="ISO8601"),
            )
        categories = pandas.Index(texts, dtype=None if "," in inner else "object").astype(inner).unique()
        return values.astype(pandas.CategoricalDtype(categories, self.ordered))


def _dates(times: np.ndarray) -> list[Any]:
    return [None if np.isnat(time) else time.item() for time in times]
