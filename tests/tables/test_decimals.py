"""Out comes what came in: columns are written with the decimals of the file, whatever their density is of."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorax.data import NumberFormat, Table, read_table, write_table
from scorax.tables import Schema, examine
from scorax.tables.columns import Encoded


def cells(column: str) -> list[str]:
    """Twenty texts of numbers that all differ, in a format."""
    random = np.random.default_rng(11)
    numbers = {
        "money": [f"{v:.2f}" for v in np.exp(random.normal(7, 1, 20))],
        "trailing zeros": [f"{v}0" for v in np.round(random.normal(10, 2, 20), 1)],
        "mixed": [repr(round(float(v), d)) for v, d in zip(random.normal(size=20), [1, 2, 3, 4] * 5, strict=True)],
        "nine": [f"{v:.9f}" for v in random.normal(size=20)],
        "small ones as pandas writes them": [repr(round(float(v), 6)) for v in random.normal(size=20) * 1e-5],
        "exponents": [f"{v:.3e}" for v in random.normal(5, 1, 20)],
        "integers": [str(v) for v in random.permutation(1000)[:20]],
        "whole floats": [f"{v}.0" for v in random.permutation(1000)[:20]],
        "around zero": [f"{v:.1f}" for v in np.linspace(-0.04, 0.04, 20) + np.arange(-10, 10) / 10],
        "last bits": [repr(float(v)) for v in random.normal(size=20)],
    }
    return numbers[column]


DECIMALS = {
    "money": 2,
    "trailing zeros": 2,
    "mixed": 4,
    "nine": 9,
    "small ones as pandas writes them": 6,
    "exponents": 3,
    "integers": 0,
    "whole floats": 1,
    "around zero": 1,
    "last bits": None,
}


def written(path, schema: Schema, values: np.ndarray) -> list[str]:
    """The cells of the first column of values that are restored and written as CSV."""
    write_table(path, schema.names, schema.decode(schema.encode(values)), schema.formats)
    return [line.split(",")[0] for line in path.read_text().splitlines()[1:]]


@pytest.mark.parametrize("column", DECIMALS)
def test_a_csv_column_is_written_with_the_decimals_of_its_text(tmp_path, column):
    texts, decimals = cells(column), DECIMALS[column]
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{text},{k * k}\n" for k, text in enumerate(texts)))
    table = read_table(tmp_path / "t.csv")
    schema = Schema.infer(table)
    assert schema.columns[0].format.decimals == decimals
    out = written(tmp_path / "out.csv", schema, table.values)
    assert [float(text) for text in out] == [float(text) for text in texts]
    noisy = written(tmp_path / "out.csv", schema, table.values + 0.123456789)
    if decimals is None:
        assert noisy == [repr(v) for v in (table.values[:, 0] + 0.123456789).tolist()]
    else:
        fraction = [len(text.partition(".")[2]) for text in noisy]
        assert fraction == [decimals] * 20
        if column not in ("exponents", "mixed", "small ones as pandas writes them"):
            assert out == [text.replace("-0.0", "0.0") if float(text) == 0 else text for text in texts]


TENTHS = np.random.default_rng(5).integers(6000, 7000, 60) / 10

ROUND_TRIPS = {
    "tenths from single precision": [repr(float(v)) for v in TENTHS.astype(np.float32)],
    "seven digits of single precision": [
        f"{v:.7f}".rstrip("0").ljust(5, "0") for v in TENTHS.astype(np.float32).astype(float)
    ],
    "single precision": [repr(float(v)) for v in (TENTHS / 3).astype(np.float32)],
    "single precision below a bound": [repr(float(v)) for v in (TENTHS / 7000).astype(np.float32)],
    "skewed single precision": [repr(float(v)) for v in np.exp(TENTHS / 60 - 8).astype(np.float32)],
    "whole numbers beside many digits": ["12", "0", "0.1234567890123456"] * 20,
    "bare zeros": ["0" if v < 640 else f"{round(v) - 640}.0830" for v in TENTHS],
    "bare integers": ["0", "3", "1.0830", "2.5000"] * 15,
    "bare integers, below zero": ["0", "-3", "-1.0830", "12.5000"] * 15,
}
"""Texts whose zeros at the end follow from the values, and numbers that came through float32."""


@pytest.mark.parametrize("column", ROUND_TRIPS)
@pytest.mark.parametrize("found", [Schema.infer, lambda table: examine(table).schema], ids=["as numbers", "examined"])
def test_a_csv_column_comes_back_to_the_byte(tmp_path, column, found):
    texts = ROUND_TRIPS[column]
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{text},{k * k}\n" for k, text in enumerate(texts)))
    table = read_table(tmp_path / "t.csv")
    assert written(tmp_path / "out.csv", found(table), table.values) == texts
    assert not table.remarks


def test_zeros_that_follow_from_no_value_are_written_alike_and_said(tmp_path):
    (tmp_path / "t.csv").write_text(
        "x,y\n" + "".join(f"{text},{k}\n" for k, text in enumerate(["0", "1.50", "2.0"] * 5))
    )
    table = read_table(tmp_path / "t.csv")
    assert written(tmp_path / "out.csv", Schema.infer(table), table.values) == ["0.00", "1.50", "2.00"] * 5
    (said,) = table.remarks
    assert said == "column 'x' has 0 to 2 decimals, zeros at the end in some cells only: all are written with 2"


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_what_is_drawn_has_the_precision_of_the_column(kind):
    values = TENTHS.astype(kind)[:, None].astype(float)
    schema = Schema.infer(Table.of(values))
    drawn = schema.decode(Encoded.of(values + np.random.default_rng(1).normal(size=values.shape)))
    np.testing.assert_array_equal(drawn, drawn.astype(kind))
    np.testing.assert_array_equal(drawn, np.round(drawn, 1).astype(kind))


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("column", ["money", "mixed", "whole floats", "integers"])
def test_floats_are_written_with_their_shortest_decimals(tmp_path, column, kind):
    values = np.array([float(text) for text in cells(column)], kind)
    pq.write_table(pa.table({"x": values, "y": np.arange(20)}), tmp_path / "t.parquet")
    np.save(tmp_path / "t.npy", np.stack([values, values[::-1]], axis=1))
    for name in ("t.parquet", "t.npy"):
        schema = Schema.infer(read_table(tmp_path / name))
        assert schema.columns[0].format.decimals == (DECIMALS[column] or 1)
        noisy = written(tmp_path / "out.csv", schema, read_table(tmp_path / name).values + 1e-8)
        texts = [f"{float(text):.{DECIMALS[column] or 1}f}" for text in cells(column)]
        assert noisy == texts


@pytest.mark.parametrize("digits", [6, 7])
def test_floats_of_more_than_six_decimals_are_written_whole(digits):
    values = np.round(np.random.default_rng(0).normal(size=(20, 1)), digits)
    assert Schema.infer(Table.of(values)).columns[0].format.decimals == (6 if digits == 6 else None)


def test_what_is_rounded_never_leaves_the_float_nearest_to_its_decimal():
    values = np.round(np.exp(np.random.default_rng(0).normal(7, 3, (500, 1))), 2)
    schema = Schema.infer(Table(("x",), values, (NumberFormat(2),)))
    assert schema.columns[0].kind == "continuous"
    back = schema.decode(Encoded.of(values + np.random.default_rng(1).uniform(-0.004, 0.004, values.shape)))
    assert back.tolist() == values.tolist()
    large = np.array([[1e300], [-1e300], [np.inf], [9e15 + 2]])
    assert schema.decode(Encoded.of(large)).tolist() == large.tolist()
    zero = schema.decode(Encoded.of(np.array([[-0.001]])))
    assert not np.signbit(zero[0, 0])


def test_a_constant_column_is_written_as_it_came(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n7.50,1\n7.50,2\n7.50,3\n")
    schema = Schema.infer(read_table(tmp_path / "t.csv"))
    assert written(tmp_path / "out.csv", schema, read_table(tmp_path / "t.csv").values) == ["7.50"] * 3
