"""The schema of a table: its columns in order, the coordinates in which a model sees them, and the way back."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64, Num

from scorax._code_dimension import code_dimension
from scorax._errors import refusal
from scorax._text import listing, quote, suggest
from scorax.data import Dialect, Format, Table
from scorax.tables._dependent import Follows, Rests, copies_of, differences_of, require_sources
from scorax.tables._schema_json import LeftOut, read_schema, written
from scorax.tables._settings import TableSize
from scorax.tables.columns import AbstractColumn, AbstractLevels, Codes, Encoded


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order.

    Values are rows in all columns, float64, each counting from the origin of its column. Numbers and levels are what a model sees
    of them: those of the first column, then those of the next.

    Attributes:
        columns: what rows consist of.
        left_out: what a table may have besides.
        dialect: how a CSV file of such rows is written.
        holed: names of the columns in which some of the rows lack a cell; ``None`` where nobody has looked.
    """

    columns: tuple[AbstractColumn, ...]
    left_out: tuple[LeftOut, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)
    holed: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        require_sources(self.columns)

    @staticmethod
    def infer(table: Table) -> "Schema":
        """The schema of a table of numbers as they are; missing cells are left out of account. See :func:`examine` for others."""
        from scorax.tables._examine import examine  # which makes schemas

        return examine(table, plain=True).schema

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(column.name for column in self.columns)

    @property
    def texts(self) -> frozenset[str]:
        """Names of the columns of texts."""
        return frozenset(column.name for column in self.columns if column.format.kind == "text")

    @property
    def ignored(self) -> frozenset[str]:
        """Names of the columns that are left out."""
        return frozenset(one.name for one in self.left_out)

    @property
    def free(self) -> Int64[np.ndarray, " free"]:
        """Indices of the columns of which a model sees something: the ones it describes."""
        seen = [j for j, column in enumerate(self.columns) if column.widths or column.codes]
        return np.array(seen, dtype=np.int64)

    @property
    def widths(self) -> Float[np.ndarray, " d"]:
        """Width of the noise of every number, 0 where it is continuous, NaN where it differs from value to value."""
        return np.array([width for column in self.columns for width in column.widths])

    @property
    def dimension(self) -> int:
        """How many numbers a row has."""
        return sum(len(column.widths) for column in self.columns)

    @property
    def coordinate_names(self) -> tuple[str, ...]:
        """Of every number the name of its column."""
        return tuple(column.name for column in self.columns for _ in column.widths)

    @property
    def codes(self) -> tuple[Codes, ...]:
        """The discrete quantities of a row; there are as many levels."""
        return tuple(codes for column in self.columns for codes in column.codes)

    @property
    def code_names(self) -> tuple[str, ...]:
        """Of every discrete quantity the name of its column."""
        return tuple(column.name for column in self.columns for _ in column.codes)

    def size(self, rows: int, *, holes: bool) -> TableSize:
        """What of a table of so many rows decides the settings that are left out."""
        numbers, codes = self.dimension, self.codes
        coordinates = sum(code_dimension(own.size, ordered=own.ordered) for own in codes)
        return TableSize(rows, numbers, numbers + coordinates, sum(own.size for own in codes), holes)

    @property
    def formats(self) -> tuple[Format, ...]:
        """How each column is written."""
        return tuple(column.format for column in self.columns)

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands at an axis of values: the name, and what is subtracted where something is."""
        return tuple(c.name if not c.format.origin else f"{c.name} {-c.format.origin:+d}" for c in self.columns)

    def to_json(self) -> dict[str, Any]:
        """The schema as JSON; read back by ``from_json``."""
        return written(self.columns, self.left_out, self.dialect, self.holed)

    @staticmethod
    def from_json(obj: Any, where: str = "schema.json") -> "Schema":
        """The schema from JSON of this version or an earlier one, with no key missing and none unknown.

        Raises:
            InputError: it is no schema.
        """
        columns, left_out, dialect, holed = read_schema(obj, where)
        try:
            return Schema(columns, left_out, dialect, holed)
        except ValueError as error:
            got, do = str(error), "the file is damaged or foreign"
            raise refusal(where, expected="a schema", got=got, do=do) from None

    def unknown(self, table: Table) -> tuple[str, ...]:
        """The columns of a table that this schema says nothing of."""
        said = {*self.names, *(one.name for one in self.left_out)}
        return tuple(name for name in table.columns if name not in said)

    def match(self, table: Table, where: str) -> Float[np.ndarray, "rows columns"]:
        """The values of another table; columns that it has besides (:meth:`unknown`) are passed over, missing copies are put in.

        Raises:
            InputError: a column is missing, or holds a value at which it has no density.
        """
        missing = [name for name in self.names if name not in table.columns]
        if missing:
            hint = suggest(missing[0], self.unknown(table))
            raise refusal(
                where,
                expected=f"the column{'s' if missing[1:] else ''} {listing(missing)}",
                got=f"none of that name{hint}",
                do="add or rename what is missing",
            )
        position = {name: j for j, name in enumerate(table.columns)}
        values = np.empty((table.rows, len(self.columns)))
        for j, column in enumerate(self.columns):
            found = position[column.name]
            try:
                values[:, j] = column.format.taken(table.values[:, found], table.formats[found])
            except ValueError as error:
                expected, got = f"cells of {column.format.kind} in column {quote(column.name)}", f"cells {error}"
                raise refusal(where, expected=expected, got=got, do="write them as in the fit") from None
            column.require(values[:, j], where)
        for j, column, source in self.differences:
            column.require_excess(values[:, j], values[:, source], where)
        for j, copy, source in self._copies:
            copy.require_image(values[:, j], values[:, source], where)
            values[:, j] = np.where(np.isnan(values[:, j]), copy.image(values[:, source]), values[:, j])
        self._require_cells(values, where)
        return values

    def _require_cells(self, values: Float[np.ndarray, "rows columns"], where: str) -> None:
        """Refuse a row of which a model sees nothing."""
        empty = np.isnan(values[:, self.free]).all(axis=1)
        if len(self.free) and empty.any():
            expected = "a cell that is not missing in every row"
            got = f"none in row {int(np.argmax(empty)) + 1} ({int(empty.sum())} of {len(values)} rows)"
            raise refusal(where, expected=expected, got=got, do="remove these rows")

    def encode(self, values: Float[np.ndarray, "rows columns"]) -> Encoded:
        """Numbers and levels of values, without noise."""
        values = self.own(values)
        rows, blocks = len(values), len(self.codes)
        # Column by column, as they are made and read.
        numbers, widths = (np.empty((rows, self.dimension), order="F") for _ in range(2))
        found = Encoded(numbers, widths, np.empty((rows, blocks), np.int64, order="F"))
        for j, (column, own, levels) in enumerate(self._owned()):
            found.numbers[:, own], found.widths[:, own], found.levels[:, levels] = column.encode(values[:, j])
        return found

    def invert(self, encoded: Encoded) -> Float[np.ndarray, "rows columns"]:
        """Values of numbers and levels, the noise left in them."""
        own = _stacked([column.invert(part) for column, part in self._parts(encoded)], encoded)
        return self.whole(own, noisy=True)

    def decode(
        self, encoded: Encoded, known: Float[np.ndarray, "rows columns"] | None = None
    ) -> Float[np.ndarray, "rows columns"]:
        """Values of numbers and levels as the file has them: on the points of each column, with its decimals. Never clipped.

        Cells of ``known`` that are no NaN stay as they are, and others follow from them.
        """
        own = _stacked([column.decode(part) for column, part in self._parts(encoded)], encoded)
        if known is not None:
            own = np.where(np.isnan(known), own, self.own(known))
        found = self.whole(own)
        return found if known is None else np.where(np.isnan(known), found, known)

    def own(self, values: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """Values as each column takes them: of a :class:`~scorax.tables.columns.Difference` the excess over its source.

        Raises:
            InputError: a row has the one and not the other.
        """
        if not self.differences:
            return values
        found = values.copy()
        for j, column, source in self.differences:
            found[:, j] = column.excess(values[:, j], values[:, source])
        return found

    def whole(
        self, own: Float[np.ndarray, "rows columns"], *, noisy: bool = False
    ) -> Float[np.ndarray, "rows columns"]:
        """Values of what each column takes, the inverse of :meth:`own`; copies are put in, and noise may be left in."""
        values = own.copy()
        for j, column, source in self.differences:
            found = values[:, source] + own[:, j]
            values[:, j] = found if noisy else column.written(found)
        for j, copy, source in self._copies:
            values[:, j] = copy.image(values[:, source])
        return values

    def refitted(self, values: Float[np.ndarray, "rows columns"]) -> "Schema":
        """The schema with what maps take from rows taken from these: knots and scales; kinds, levels and ends stay."""
        values = self.own(values)
        columns = tuple(column.refitted(values[:, j]) for j, column in enumerate(self.columns))
        return replace(self, columns=columns)

    def log_weight(
        self, values: Float[np.ndarray, "rows columns"], known: Bool[np.ndarray, "rows columns"] | None = None
    ) -> Float[np.ndarray, " rows"]:
        """What a log-density of numbers and levels lacks to be one of values; of those that are not known."""
        own, total = self.own(values), np.zeros(len(values))
        own = own if known is None else np.where(known, np.nan, own)
        for j, column in enumerate(self.columns):
            total += column.log_weight(own[:, j])
        return total

    def log_mass(self, values: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, " rows"]:
        """What a log-probability of levels lacks to be one of values: the masses of what was never seen, and of the rest."""
        own = [(j, column) for j, column in enumerate(self.columns) if isinstance(column, AbstractLevels)]
        return sum((column.log_weight(values[:, j]) for j, column in own), np.zeros(len(values)))

    def cells(self, values: Float[np.ndarray, "rows columns"]) -> list[Num[np.ndarray, " rows"]]:
        """Each column of values as the table has it; see :meth:`~scorax.data.AbstractFormat.cells`."""
        return [column.format.cells(values[:, j]) for j, column in enumerate(self.columns)]

    def matrix(self, values: Float[np.ndarray, "rows columns"]) -> Num[np.ndarray, "rows columns"]:
        """``cells`` as one array: of integers where all columns are, otherwise float64, which rounds those beyond 2^53."""
        cells = self.cells(values)
        kinds = {column.dtype.kind for column in cells}
        unsigned = kinds == {"i", "u"} and all(column.min(initial=0) >= 0 for column in cells)
        return np.column_stack([column.astype(np.uint64) for column in cells] if unsigned else cells)

    def _owned(self) -> list[tuple[AbstractColumn, slice, slice]]:
        """Every column with the places of its numbers and levels."""
        ends = np.cumsum([len(column.widths) for column in self.columns]).tolist()
        tops = np.cumsum([len(column.codes) for column in self.columns]).tolist()
        return [
            (c, slice(end - len(c.widths), end), slice(top - len(c.codes), top))
            for c, end, top in zip(self.columns, ends, tops, strict=True)
        ]

    def _parts(self, encoded: Encoded) -> list[tuple[AbstractColumn, Encoded]]:
        """Every column with its numbers and levels."""
        numbers, widths, levels = encoded
        return [(c, Encoded(numbers[:, own], widths[:, own], levels[:, top])) for c, own, top in self._owned()]

    @cached_property
    def differences(self) -> tuple[Rests, ...]:
        """Every column that is another one and an excess, each after what it rests on."""
        return differences_of(self.columns)

    @cached_property
    def _copies(self) -> tuple[Follows, ...]:
        """Every copy."""
        return copies_of(self.columns)


def _stacked(columns: list[Float[np.ndarray, " rows"]], encoded: Encoded) -> Float[np.ndarray, "rows columns"]:
    """Columns side by side, also where there is none."""
    found = np.empty((len(encoded.numbers), len(columns)))
    for j, column in enumerate(columns):
        found[:, j] = column
    return found
