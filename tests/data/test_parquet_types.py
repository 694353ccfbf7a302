"""What the types of Parquet mean, and the index of a data frame that a file names itself."""

import datetime
import decimal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from file_refusals import refusal
from scorax.data import (
    BooleanFormat,
    Limits,
    NumberFormat,
    TextFormat,
    TimeFormat,
    filled_writer,
    open_table,
    read_table,
    write_table,
)

NAN = float("nan")
EXPECTED = "expected columns of numbers, texts, truth values, dates or times"
NOON = datetime.datetime(1970, 1, 1, 12, tzinfo=datetime.UTC)
DAY = datetime.date(1970, 1, 2)

COLUMNS = {
    "strings": (pa.array(["b", None, "a"]), TextFormat(("a", "b")), [1, NAN, 0]),
    "empty strings": (pa.array(["", "NA", "a"]), TextFormat(("", "NA", "a")), [0, 1, 2]),
    "large strings": (pa.array(["b", None, "a"], pa.large_string()), TextFormat(("a", "b")), [1, NAN, 0]),
    "dictionary": (pa.array(["b", None, "b"]).dictionary_encode(), TextFormat(("b",)), [0, NAN, 0]),
    "dictionary of numbers": (pa.array([7, None, 9]).dictionary_encode(), NumberFormat(0), [7, NAN, 9]),
    "truth": (pa.array([True, None, False]), BooleanFormat(), [1, NAN, 0]),
    "integers": (pa.array([1, None, -3], pa.int8()), NumberFormat(0), [1, NAN, -3]),
    "unsigned": (pa.array([1, None, 3], pa.uint64()), NumberFormat(0), [1, NAN, 3]),
    "floats": (pa.array([1.5, None, NAN], pa.float32()), NumberFormat(), [1.5, NAN, NAN]),
    "decimals": (pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2")]), NumberFormat(2), [1.5, NAN, -2]),
    "dates": (pa.array([DAY, None, DAY]), TimeFormat("day", "day"), [1, NAN, 1]),
    "dates in milliseconds": (pa.array([DAY, None, DAY], pa.date64()), TimeFormat("day", "day"), [1, NAN, 1]),
    "times": (
        pa.array([1_500, None, 0], pa.timestamp("ms")),
        TimeFormat("millisecond", "millisecond", " "),
        [1500, NAN, 0],
    ),
    "whole seconds": (
        pa.array([10**9, None, 0], pa.timestamp("ns")),
        TimeFormat("second", "nanosecond", " "),
        [1, NAN, 0],
    ),
    "zone": (
        pa.array([NOON, None, NOON], pa.timestamp("us", "Europe/Berlin")),
        TimeFormat("minute", "microsecond", " ", "Europe/Berlin"),
        [720, NAN, 720],
    ),
    "nothing": (pa.nulls(3), NumberFormat(0), [NAN, NAN, NAN]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_type_has_a_meaning(tmp_path: Path, name: str) -> None:
    cells, form, values = COLUMNS[name]
    pq.write_table(pa.table({"n": [1, 2, 3], name: cells}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", missing="keep")
    assert table.formats == (NumberFormat(0), form)
    np.testing.assert_array_equal(table.values[:, 1], values)
    write_table(tmp_path / "back.parquet", table.columns, table.values, table.formats)
    again = read_table(tmp_path / "back.parquet", missing="keep")
    np.testing.assert_array_equal(again.values, table.values)
    assert again.formats[1].kind == form.kind


def test_texts_of_groups_of_rows_are_joined(tmp_path: Path) -> None:
    schema = pa.schema({"a": pa.dictionary(pa.int32(), pa.string())})
    with pq.ParquetWriter(tmp_path / "t.parquet", schema) as writer:
        for texts in (["c", "b"], ["a", "c"], [None, "b"]):
            writer.write_table(pa.table({"a": pa.array(texts).dictionary_encode()}, schema=schema))
    table = read_table(tmp_path / "t.parquet", missing="keep")
    assert table.formats == (TextFormat(("a", "b", "c")),)
    np.testing.assert_array_equal(table.values[:, 0], [2, 1, 0, 2, NAN, 1])


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (None, ("x",)),
        ([7, 3, 5], ("x",)),
        (["a", "b", "c"], ("x",)),
        (pd.Index(["a", "b", "c"], name="who"), ("x", "who")),
        (pd.RangeIndex(3, name="who"), ("x",)),  # of a range that counts the file has no column
        (pd.MultiIndex.from_tuples([(0, 1), (0, 2), (1, 1)]), ("x",)),
    ],
)
def test_the_index_of_a_data_frame(tmp_path: Path, index: pd.Index | None, columns: tuple[str, ...]) -> None:
    pd.DataFrame({"x": [1.5, 2.5, 3.5]}, index=index).to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.columns == columns
    assert table.values[:, 0].tolist() == [1.5, 2.5, 3.5]
    written = pq.read_schema(tmp_path / "t.parquet").names
    assert sum("left out" in line for line in table.remarks) == len(written) - len(columns)


ODD = {
    "list": pa.array([[1, 2], None, []]),
    "struct": pa.array([{"n": 1, "list": [1]}, None, {"n": 3, "list": []}]),
    "binary": pa.array([b"a", None, b"b"]),
    "duration": pa.array([1, None, 2], pa.duration("s")),
    "time32": pa.array([1, None, 2], pa.time32("ms")),
    "dictionary": pa.array([b"a", None, b"b"]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_column_that_no_table_has_is_refused_or_ignored_and_kept_where_cells_are_filled(
    tmp_path: Path, kind: str
) -> None:
    path, out = tmp_path / "t.parquet", tmp_path / "filled.parquet"
    whole = pa.table({"n": [1, None, 3], "odd": ODD[kind], "odd.n": [5, 6, 7]})
    pq.write_table(whole, path, row_group_size=2)
    for ignored in ((), ("n",)):
        said = refusal(path, ignored=ignored)
        assert f"{EXPECTED}, got type '{kind}" in said
        assert said.endswith("or leave it out of the fit with --ignore odd")
    table, source = read_table(path, missing="keep", ignored=("odd", "n")), open_table(path, ignored=("odd",))
    expected = [[1, NAN, 5], [NAN, NAN, 6], [3, NAN, 7]]
    np.testing.assert_array_equal(table.values, expected)
    np.testing.assert_array_equal(source.take(np.array([0, 2])).values, [expected[0], expected[2]])
    assert (table.columns, source.unread) == (("n", "odd", "odd.n"), {"odd"})
    formats = dict(zip(table.columns, table.formats, strict=True))
    with filled_writer(out, path, source, formats) as write:
        for piece in source.pieces():
            values = piece.table.values.copy()
            values[np.isnan(values[:, 0]), 0] = 2.0
            write(replace(piece.table, values=values))
    filled = pq.read_table(out)
    assert filled.schema == whole.schema
    assert filled.to_pylist() == whole.set_column(0, "n", pa.array([1, 2, 3])).to_pylist()


def test_times_that_range_too_far_are_refused(tmp_path: Path) -> None:
    far = pa.array([0, 2**62 + 1], pa.timestamp("ns"))
    pq.write_table(pa.table({"odd": far}), tmp_path / "t.parquet")
    assert "times that range over at most 2^53 of a nanosecond" in refusal(tmp_path / "t.parquet")


def test_texts_that_grow_too_far_are_refused(tmp_path: Path) -> None:
    """A hundred megabytes of one letter in a few hundred bytes, and texts beyond what a table may cost."""
    pq.write_table(pa.table({"a": ["x" * 10**8]}), tmp_path / "t.parquet", compression="gzip", use_dictionary=False)
    assert (tmp_path / "t.parquet").stat().st_size < 10**6
    assert "once decompressed" in refusal(tmp_path / "t.parquet")
    pq.write_table(pa.table({"a": ["x" * 100, "y" * 100]}), tmp_path / "t.parquet")
    assert "at most 100 bytes" in refusal(tmp_path / "t.parquet", limits=Limits(total_bytes=100))
