"""Every kind of column: values come back from their numbers and levels, and densities change as the numbers do."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from scorax._errors import InputError
from scorax.data import BooleanFormat, NumberFormat, TextFormat, TimeFormat
from scorax.tables import Normal, Schema
from scorax.tables.columns import (
    KINDS,
    AbstractColumn,
    AbstractNumber,
    Asinh,
    Boolean,
    Category,
    Cells,
    Codes,
    Constant,
    Continuous,
    Count,
    Encoded,
    Grid,
    Integer,
    Knots,
    Log,
    Logit,
    Map,
    Ordered,
    Parameter,
    Repeated,
    Rounded,
    Span,
    Time,
)


@dataclass(frozen=True)
class Waves(AbstractColumn):
    """Positive multiples of a tenth: the logarithm, with noise, and the square; and whether they are above 1."""

    name: str
    format: NumberFormat

    @classmethod
    def infer(cls, cells: Cells) -> "Waves | None":
        return cls(cells.name, NumberFormat(1)) if cells.name == "waves" else None

    @property
    def kind(self) -> str:
        return "waves"

    @property
    def widths(self) -> tuple[float, ...]:
        return (0.01, 0.0)

    @property
    def codes(self) -> tuple[Codes, ...]:
        return (Codes(2, ordered=True),)

    @property
    def step(self) -> float | None:
        return 0.1

    @property
    def summary(self) -> str:
        return "waves"

    def require(self, values, where):
        """Nothing is refused."""

    def encode(self, values):
        widths = np.tile([0.01, 0.0], (len(values), 1))
        return Encoded(np.column_stack([np.log(values), values**2]), widths, (values > 1).astype(np.int64)[:, None])

    def invert(self, encoded):
        return np.exp(encoded.numbers[:, 0])

    def decode(self, encoded):
        return np.round(self.invert(encoded), 1)

    def log_weight(self, values):
        return -np.log(values)


UNITS = Grid(0, 1.0, 0.0, 1.0)
TENTHS = Grid(1, 0.1, 0.0, 0.1)
KNOTS = Knots((-1.0, 0.0, 2.5), (-2.0, 0.5, 1.0), 0.3, 2.0)

COLUMNS: list[tuple[AbstractColumn, list[float]]] = [
    (Constant("constant", NumberFormat(1), 3.5), [3.5, 3.5, 3.5, 3.5]),
    (Boolean("boolean", BooleanFormat()), [0, 1, 1, 0]),
    (Category("text", TextFormat(("a", "b", "c")), None), [2, 0, 1, 0]),
    (Category("codes", NumberFormat(0), (94110.0, 501.0, 2139.0)), [501, 94110, 501, 2139]),
    (Count("count", NumberFormat(0), 0.0, 12.0, 3.0, None, 0.5), [0, 3, 12, 9]),
    (Ordered("ordered", TextFormat(("high", "low", "middle")), (1.0, 2.0, 0.0)), [0, 1, 2, 0]),
    (Time("time", TimeFormat("day", "day"), Span(-5, 20000), UNITS), [-5, 20000, 7, 8]),
    (Integer("integer", NumberFormat(0), Span(-1, 8), UNITS), [2, 5, 8, -1]),
    (Integer("bounded", NumberFormat(0), Span(0, 100), UNITS, Map(Logit(0.0, 100.0))), [0, 100, 3, 99]),
    (Integer("spiked", NumberFormat(0), Span(1, 50), UNITS, Map(Log(1.0)), (0.0, -999.0)), [0, -999, 1, 50]),
    (Rounded("rounded", NumberFormat(1), Span(0.1, 9), TENTHS, Map(Log(0.1), KNOTS)), [0.1, 0.2, 9.0, 3.3]),
    (Continuous("continuous", NumberFormat(), Span(-3, 3)), [np.pi, np.e, 1.1, -0.3]),
    (Continuous("tailed", NumberFormat(), Span(-3, 1e6), Map(Asinh(1.0, 0.5), KNOTS)), [-3, 1e6, 1.0001, 700.0]),
    (Continuous("zeros", NumberFormat(2), Span(-9, -1), Map(Log(-0.01, "below")), (0.0,)), [0, -0.01, -9.17, -2.5]),
    (Repeated("repeated", NumberFormat(), (-0.5, 1.5), KNOTS), [-0.5, 1.5, 1.5, -0.5]),
    (Parameter("parameter", NumberFormat(), Normal(0, 2), 1e-9), [-0.5, 0.25, 0.99, 0.1]),
    (Waves("waves", NumberFormat(1)), [0.1, 0.7, 2.5, 3.0]),
]


VALUES = np.array([values for _, values in COLUMNS]).T
SCHEMA = Schema(tuple(column for column, _ in COLUMNS))
each = pytest.mark.parametrize(("column", "values"), COLUMNS, ids=[column.name for column, _ in COLUMNS])


def numbers_of(column, values, noise):
    """Numbers with noise in their cells."""
    encoded = column.encode(values)
    return encoded._replace(numbers=encoded.numbers + noise * encoded.widths)


def test_there_is_a_column_of_every_kind():
    assert {"copy", "difference", *(column.kind for column, _ in COLUMNS)} == {*KINDS, "waves"}


def test_numbers_and_levels_stand_one_after_the_other():
    assert SCHEMA.coordinate_names == (
        *(
            "time",
            "integer",
            "bounded",
            "spiked",
            "rounded",
            "continuous",
            "tailed",
            "zeros",
            "repeated",
            "parameter",
            "waves",
            "waves",
        ),
    )
    assert SCHEMA.code_names == ("boolean", "text", "codes", "count", "ordered", "spiked", "zeros", "waves")
    assert [codes.size for codes in SCHEMA.codes] == [2, 3, 3, 5, 3, 3, 2, 2]
    assert [codes.ordered for codes in SCHEMA.codes] == [False, False, False, True, True, False, False, True]
    assert SCHEMA.free.tolist() == list(range(1, len(COLUMNS)))
    np.testing.assert_array_equal(SCHEMA.widths, [1, 1, np.nan, np.nan, np.nan, 0, 0, 0, np.nan, 0, 0.01, 0])
    encoded = SCHEMA.encode(VALUES)
    assert encoded.numbers.shape == encoded.widths.shape == (4, SCHEMA.dimension) == (4, 12)
    assert encoded.levels.shape == (4, 8)
    np.testing.assert_array_equal(encoded.numbers[:, [0, 1, 5]], VALUES[:, [6, 7, 11]])
    np.testing.assert_array_equal(encoded.levels[:, 4], [2, 0, 1, 2])


def test_values_come_back_from_a_schema():
    encoded = SCHEMA.encode(VALUES)
    np.testing.assert_allclose(SCHEMA.decode(encoded), VALUES, rtol=1e-13, atol=0)


@each
@pytest.mark.parametrize("noise", [0.0, -0.499, 0.499])
def test_values_come_back_from_everywhere_in_their_cell(column, values, noise):
    values = np.array(values, dtype=float)
    back = column.decode(numbers_of(column, values, noise))
    if column.step is None and isinstance(column, AbstractNumber):
        np.testing.assert_allclose(back, values, rtol=1e-13, atol=0)
    elif column.kind != "waves":
        np.testing.assert_array_equal(back, values)


@each
def test_a_missing_cell_has_no_number_and_no_level(column, values):
    holes = np.array([np.nan, values[1], np.nan])
    if column.kind in ("constant", "waves"):
        return
    encoded, full = column.encode(holes), column.encode(np.array(values[1:2], dtype=float))
    assert np.isnan(encoded.numbers[[0, 2]]).all()
    assert not encoded.widths[[0, 2]].any()
    assert (encoded.levels[[0, 2]] == -1).all()
    for part, whole in zip(encoded, full, strict=True):
        np.testing.assert_array_equal(part[1], whole[0])
    assert np.isnan(column.decode(encoded)).tolist() == [True, False, True]
    assert column.log_weight(holes)[[0, 2]].tolist() == [0.0, 0.0]
    column.require(holes, "rows")


@each
def test_the_weight_is_the_logarithm_of_the_derivative(column, values):
    """Of the first number, of which the value is a function; on a grid, of the width of the cell over the step."""
    values = np.array(values, dtype=float)
    if column.kind == "repeated":  # flat over a cell: tests/tables/test_repeated.py
        return
    if not column.widths:
        assert not column.log_weight(values).any()
        return
    beside = np.isnan(column.encode(values).numbers[:, 0])
    assert not column.log_weight(values)[beside].any()
    values = values[~beside]
    encoded, weight = column.encode(values), column.log_weight(values)
    if column.step is None or column.kind == "waves":
        size = 1e-6 * np.maximum(np.abs(values), 0.01)
        up, down = (column.encode(values + sign * size).numbers[:, 0] for sign in (1, -1))
        np.testing.assert_allclose(weight, np.log((up - down) / (2 * size)), atol=1e-6)
    elif isinstance(column, AbstractNumber):
        np.testing.assert_allclose(weight, np.log(encoded.widths[:, 0] / column.cell), atol=1e-12)


@each
def test_the_cells_of_a_grid_meet(column, values):
    """The upper edge of a cell is the lower edge of the next, so that their probabilities sum to one."""
    if not isinstance(column, AbstractNumber) or column.step is None:
        return
    points = column.seen.low + column.step * np.arange(50)
    points = points[~np.isin(points, column.spikes)]
    numbers, widths, _ = column.encode(points)
    np.testing.assert_allclose((numbers + widths / 2)[:-1], (numbers - widths / 2)[1:], atol=1e-9)


@each
def test_a_column_comes_back_from_json(column, values):
    if column.kind != "waves":
        obj = json.loads(json.dumps(Schema((column,)).to_json()))
        assert Schema.from_json(obj).columns == (column,)


@each
def test_a_column_says_what_it_is(column, values):
    assert column.summary
    assert "\n" not in column.summary


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("constant", 3.6, "the value 3.5"),
        ("count", -3.0, "0 to 12 by 3"),
        ("count", 4.0, "0 to 12 by 3"),
        ("bounded", 101.0, "from 0 to 100"),
        ("spiked", -1.0, "from 1 on"),
        ("rounded", 0.0, "from 0.1 on"),
        ("zeros", 0.5, "up to -0.01"),
    ],
)
def test_a_value_without_density_is_refused_by_row(name, value, said):
    column = next(column for column, _ in COLUMNS if column.name == name)
    values = np.array([*COLUMNS[[c.name for c, _ in COLUMNS].index(name)][1], value], dtype=float)
    with pytest.raises(InputError, match=r"rows\.csv.*row 5 \(1 of 5 rows\)") as caught:
        column.require(values, "rows.csv")
    assert said in str(caught.value)
    assert repr(name) in str(caught.value)


def test_a_level_that_was_never_seen_has_none():
    text = COLUMNS[2][0]
    assert text.encode(np.array([-1.0, 2.0])).levels.tolist() == [[-1], [2]]
    codes = COLUMNS[3][0]
    assert codes.encode(np.array([502.0, 2139.0])).levels.tolist() == [[-1], [2]]


def test_a_new_kind_is_a_class_and_a_line(monkeypatch):
    written = json.loads(json.dumps(SCHEMA.to_json()))
    with pytest.raises(InputError, match=r"columns\[16\]\.kind: expected one of constant, copy, difference, boolean"):
        Schema.from_json(written)
    monkeypatch.setitem(KINDS, "waves", Waves)
    assert Schema.from_json(written) == SCHEMA


def test_a_map_takes_knots_and_scales_from_other_rows_and_keeps_the_rest():
    column = next(c for c, _ in COLUMNS if isinstance(c, Continuous) and c.name == "tailed")
    rows = np.random.default_rng(1).standard_t(2, 500)
    found = column.refitted(np.append(rows, np.nan))
    assert isinstance(found.map.base, Asinh)
    assert found.map.base.center == pytest.approx(np.median(rows))
    assert found.map.knots != column.map.knots
    assert replace(found, map=column.map) == column
    assert found == column.refitted(rows)
