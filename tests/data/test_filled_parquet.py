"""A Parquet file comes back with its types and its cells, and what was missing is the nearest that a type holds."""

import datetime
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorax._errors import InputError
from scorax.data import (
    BooleanFormat,
    Format,
    NumberFormat,
    Table,
    TextFormat,
    TimeFormat,
    filled_writer,
    open_table,
)

UTC = datetime.UTC
NAN = float("nan")
TEXTS = TextFormat(("a", "b"))
DAY, NOON = datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 12)
CELLS: dict[str, tuple[pa.DataType, list[Any], Format, float, Any]] = {
    "float32": (pa.float32(), [0.1, None, NAN], NumberFormat(), 0.2, float(np.float32(0.2))),
    "float16": (pa.float16(), [np.float16(0.5), None, np.float16(NAN)], NumberFormat(), 0.25, 0.25),
    "infinite": (pa.float32(), [0.1, None], NumberFormat(), np.inf, np.inf),
    "int8": (pa.int8(), [-128, None], NumberFormat(0), 127.0, 127),
    "uint64": (pa.uint64(), [2**64 - 1, None], NumberFormat(0, 2**63, unsigned=True), 5.0, 2**63 + 5),
    "int32 of a fit with decimals": (pa.int32(), [7, None], NumberFormat(1), 2.6, 3),
    "decimals": (pa.decimal128(7, 2), [Decimal("12345.67"), None], NumberFormat(3), 1.155, Decimal("1.16")),
    "decimals beyond float64": (
        pa.decimal128(30, 2),
        [Decimal("1234567890123456789012345678.91"), None],
        NumberFormat(2),
        -0.25,
        Decimal("-0.25"),
    ),
    "many decimals": (pa.decimal256(50, 20), [Decimal("1e-20"), None], NumberFormat(), 0.1, Decimal("0.1")),
    "tens": (pa.decimal128(5, 0), [Decimal(70), None], NumberFormat(0), 31.0, Decimal(31)),
    "truth": (pa.bool_(), [True, None], BooleanFormat("no", "yes"), 0.0, False),
    "truth of a fit with numbers": (pa.bool_(), [True, None], NumberFormat(0), 1.0, True),
    "numbers of a fit with truth": (pa.int16(), [1, None], BooleanFormat(), 1.0, 1),
    "texts": (pa.string(), ["x", None, ""], TEXTS, 1.0, "b"),
    "large texts": (pa.large_string(), ["x", None], TEXTS, 1.0, "b"),
    "words of truth": (pa.string(), ["yes", None], BooleanFormat("no", "yes"), 0.0, "no"),
    "levels": (pa.dictionary(pa.int8(), pa.string(), ordered=True), ["x", None, "y"], TEXTS, 1.0, "b"),
    "levels of numbers": (pa.dictionary(pa.int32(), pa.int64()), [3, None, 4], NumberFormat(0), 9.0, 9),
    "numbers of a fit with texts": (pa.int32(), [3, None], TextFormat(("3", "4")), 1.0, 4),
    "date": (pa.date32(), [DAY, None], TimeFormat("day", "day"), 1.0, datetime.date(1970, 1, 2)),
    "date in milliseconds": (pa.date64(), [DAY, None], TimeFormat("day", "day"), 1.0, datetime.date(1970, 1, 2)),
    "milliseconds": (
        pa.timestamp("ms"),
        [NOON, None],
        TimeFormat("minute", "minute"),
        3.0,
        datetime.datetime(1970, 1, 1, 0, 3),
    ),
    "milliseconds of a finer fit": (
        pa.timestamp("ms"),
        [NOON, None],
        TimeFormat("microsecond", "microsecond"),
        1_600.0,
        datetime.datetime(1970, 1, 1, 0, 0, 0, 2_000),
    ),
    "zone": (
        pa.timestamp("us", "Europe/Berlin"),
        [NOON.replace(tzinfo=UTC), None],
        TimeFormat("second", "second", zone="-0330"),
        3.0,
        datetime.datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC),
    ),
    "nothing": (pa.null(), [None, None], NumberFormat(2), 1.25, 1.25),
}


def fill(path: Path, values: Sequence[float], form: Format, name: str = "a") -> pa.Table:
    """What is written where the column holds these values, in rows of the file in turn."""
    source = open_table(path)
    with filled_writer(path.with_name("out.parquet"), path, source, {name: form}) as write:
        for piece in source.pieces():
            own = np.array(values)[np.arange(piece.start, piece.start + piece.table.rows) % len(values), None]
            write(Table((name,), own, (form,)))
    return pq.read_table(path.with_name("out.parquet"))


@pytest.mark.parametrize("name", CELLS)
def test_a_type_stays_and_so_does_every_cell(tmp_path: Path, name: str) -> None:
    kind, cells, form, value, filled = CELLS[name]
    column = pa.array(cells, kind)
    before = pa.table({"a": column, "n": pa.array(range(len(cells)), pa.int8())})
    pq.write_table(before, tmp_path / "in.parquet")
    read = pq.read_table(tmp_path / "in.parquet")
    after = fill(tmp_path / "in.parquet", [value], form)
    if pa.types.is_null(kind):
        assert after.schema.field("a").type == pa.float64()
    else:
        assert after.schema == read.schema
    assert after["n"].equals(read["n"])
    for old, new in zip(read["a"].to_pylist(), after["a"].to_pylist(), strict=True):
        assert new == (filled if old is None or old != old else old)
    kept = fill(tmp_path / "in.parquet", [NAN], form)
    assert kept["a"].null_count == read["a"].null_count
    assert pa.types.is_null(kind) or kept["n"].equals(read["n"])


@pytest.mark.parametrize(
    ("kind", "form", "value"),
    [
        (pa.int8(), NumberFormat(0), 128.0),
        (pa.uint16(), NumberFormat(0), -1.0),
        (pa.int64(), NumberFormat(0), np.inf),
        (pa.bool_(), NumberFormat(0), 2.0),
        (pa.float32(), NumberFormat(), 1e300),
        (pa.decimal128(3, 1), NumberFormat(1), 100.0),
        (pa.int32(), TEXTS, 0.0),
        (pa.timestamp("ns"), TimeFormat("day", "day"), 1e6),
    ],
)
def test_what_no_cell_of_a_type_is_near_to_is_refused_in_one_line(
    tmp_path: Path, kind: pa.DataType, form: Format, value: float
) -> None:
    pq.write_table(pa.table({"a": pa.nulls(3, kind), "b": [1, 2, 3]}), tmp_path / "in.parquet")
    with pytest.raises(
        InputError, match=r"out\.parquet: expected cells of the type .* in column|fill column 'a'"
    ) as caught:
        fill(tmp_path / "in.parquet", [value], form)
    assert str(caught.value).isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_files_of_a_folder_are_one_and_what_pandas_says_of_them_stays(tmp_path: Path) -> None:
    """Row groups, an index of rows that the reader passes over, and categories, in two files of one table."""
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(2):
        frame = pd.DataFrame(
            {"a": np.array([1, np.nan, 3], np.float32), "c": pd.Categorical(["x", "y", None])}, [5, 7 + k, 9]
        )
        frame.to_parquet(folder / f"{k}.parquet", row_group_size=2)
    source = open_table(folder)
    form = NumberFormat()
    with filled_writer(tmp_path / "out.parquet", folder, source, {"a": form}) as write:
        for piece in source.pieces():
            write(Table(("a",), np.full((piece.table.rows, 1), piece.start + 10.0), (form,)))
    after = pd.read_parquet(tmp_path / "out.parquet")
    assert after.index.tolist() == [5, 7, 9, 5, 8, 9]
    assert after["a"].tolist() == [1, 10, 3, 1, 13, 3]
    assert after["a"].dtype == np.float32
    assert after["c"].dtype == "category"
    assert after["c"].isna().tolist() == [False, False, True] * 2
