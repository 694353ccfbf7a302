"""Integers of any size come back as they were, through every kind of file and in Python."""

import decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorax._errors import InputError
from scorax.data import NumberFormat, Table, fingerprint, read_table, write_table
from scorax.tables import Schema
from scorax.tables.columns import Encoded

CLOCKS = {
    "long ids": 4_539_578_763_621_400,
    "microseconds": 1_700_000_000_123_456,
    "nanoseconds": 1_700_000_000_123_456_789,
    "least": -(2**63),
    "largest": 2**63 - 1000,
    "unsigned": 2**63 - 3,
    "largest unsigned": 2**64 - 1000,
}


def column(start: int) -> np.ndarray:
    cells = [start + k for k in (0, 1, 2, 40, 7, 999)]
    return np.array(cells, np.uint64 if max(cells) >= 2**63 else np.int64)


def restored(table: Table) -> np.ndarray:
    """The table once through its schema and back."""
    schema = Schema.infer(table)
    return schema.matrix(schema.decode(schema.encode(schema.match(table, "t"))))


@pytest.mark.parametrize("name", CLOCKS)
def test_large_integers_that_differ_are_kept_apart_and_come_back(tmp_path, name):
    cells = column(CLOCKS[name])
    table = Table.of(np.stack([cells, np.arange(6).astype(cells.dtype)], axis=1), ["a", "b"])
    schema = Schema.infer(table)
    assert [(c.kind, c.widths) for c in schema.columns] == [("integer", (1,)), ("integer", (1,))]
    assert [form.origin for form in table.formats] == [CLOCKS[name], 0]
    assert Schema.from_json(schema.to_json()) == schema
    for suffix in (".csv", ".parquet", ".npy"):
        path = tmp_path / f"t{suffix}"
        write_table(path, table.columns, table.values, schema.formats)
        back = read_table(path)
        found = restored(back)
        assert found.dtype.kind in "iu", suffix
        assert found.tolist() == np.stack([cells, np.arange(6).astype(cells.dtype)], axis=1).tolist(), suffix
        if suffix != ".npy":
            assert fingerprint(back) == fingerprint(table)
            assert fingerprint(back) != fingerprint(Table(back.columns, table.values, (NumberFormat(0),) * 2))


def test_the_noise_of_a_bin_is_held_beside_a_large_integer():
    table = Table.of(column(CLOCKS["long ids"])[:, None])
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, table.values.shape)
    assert np.abs((table.values + noise) - table.values - noise).max() < 1e-12


@pytest.mark.parametrize("spread", [2**53, 2**53 + 1])
@pytest.mark.parametrize("low", [-(2**63), -(2**52), 0, 2**63])
def test_only_a_range_beyond_float64_is_refused(tmp_path, low, spread):
    cells = np.array([low, low + spread, low + 1], np.uint64 if low + spread >= 2**63 else np.int64)
    (tmp_path / "t.csv").write_text("a\n" + "".join(f"{n}\n" for n in cells.tolist()))
    for read in (lambda: Table.of(cells[:, None], ["a"]), lambda: read_table(tmp_path / "t.csv")):
        if spread > 2**53:
            with pytest.raises(InputError, match=f"{low} to {low + spread} in column 'a'"):
                read()
        else:
            assert restored(read())[:, 0].tolist() == cells.tolist()


def test_blocks_of_a_file_share_an_origin(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    start, rows = CLOCKS["nanoseconds"], 400_000
    cells = start + np.arange(rows)[::-1] * 1000
    (tmp_path / "t.csv").write_text("t,x\n" + "".join(f"{n},.25\n" for n in cells.tolist()))
    pq.write_table(pa.table({"t": cells, "x": np.full(rows, 0.25)}), tmp_path / "t.parquet")
    for suffix in (".csv", ".parquet"):
        table = read_table(tmp_path / f"t{suffix}")
        assert [form.origin for form in table.formats] == [start, 0]
        assert np.array_equal(table.values[:, 0], (cells - start).astype(float))


def test_missing_cells_beside_large_integers(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = CLOCKS["nanoseconds"]
    (tmp_path / "t.csv").write_text(f"t,x\n{start + 5},1\n,2\n{start + 7},3\n+{start},4\n")
    pq.write_table(pa.table({"t": [start + 5, None, start + 7, start], "x": [1, 2, 3, 4]}), tmp_path / "t.parquet")
    for suffix in (".csv", ".parquet"):
        assert read_table(tmp_path / f"t{suffix}", missing="drop").values[:, 0].tolist() == [5, 7, 0]
        assert np.isnan(read_table(tmp_path / f"t{suffix}", missing="keep").values[1, 0])


def test_decimal_types_without_decimals_are_integers(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = CLOCKS["nanoseconds"]
    numbers = [decimal.Decimal(start), decimal.Decimal(start + 1)]
    pq.write_table(pa.table({"a": pa.array(numbers, pa.decimal128(38, 0))}), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").formats == (NumberFormat(0, start),)
    pq.write_table(pa.table({"a": pa.array([decimal.Decimal(2**70)], pa.decimal128(38, 0))}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"64 bits.*column 'a'"):
        read_table(tmp_path / "t.parquet")


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6), st.integers(-(2**63), 2**63 - 1))
def test_rows_of_another_table_count_from_the_origin_of_the_schema(cells, other):
    near = [other + k for k in (0, 3, 8) if other + k < 2**63]
    schema = Schema.infer(Table.of(np.array([[other], [min(other + 9, 2**63 - 1)]])))
    found = schema.match(Table.of(np.array(near)[:, None]), "rows")[:, 0] if schema.free.size else np.array([])
    for value, cell in zip(found.tolist(), near, strict=False):
        assert schema.columns[0].format.origin + int(value) == cell
    for cell in cells if schema.free.size else []:
        value = schema.match(Table.of(np.array([[cell]])), "rows")[0, 0]
        assert value == pytest.approx(cell - schema.columns[0].format.origin, rel=1e-15)


def test_another_integer_in_a_constant_column_is_seen():
    start = CLOCKS["microseconds"]
    schema = Schema.infer(Table.of(np.array([[start, 1], [start, 2]])))
    assert schema.columns[0].kind == "constant"
    with pytest.raises(InputError, match=f"value {start} .* got {start + 1} in row 2"):
        schema.match(Table.of(np.array([[start, 1], [start + 1, 2]])), "rows")
    assert schema.cells(schema.decode(Encoded.of(np.array([[1.0]]))))[0].tolist() == [start]


def test_what_a_type_of_file_cannot_hold_is_refused(tmp_path):
    table = Table.of_columns({"t": column(CLOCKS["nanoseconds"]), "x": np.arange(6) / 4})
    schema = Schema.infer(table)
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        write_table(tmp_path / "t.npy", table.columns, table.values, schema.formats)
    hole = table.values.copy()
    hole[2, 0] = np.nan
    far = np.where(np.isnan(hole), np.inf, hole)
    with pytest.raises(InputError, match="column 't'"):
        write_table(tmp_path / "t.parquet", table.columns, far, schema.formats)
    write_table(tmp_path / "t.csv", table.columns, hole, schema.formats)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[1:4] == ["1700000000123456789,0.00", "1700000000123456790,0.25", "nan,0.50"]
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
