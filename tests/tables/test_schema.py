import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorax._errors import InputError
from scorax.data import NumberFormat, Table, read_table, write_table
from scorax.spec import to_json
from scorax.tables import Schema, examine
from scorax.tables._conditions import Conditions
from scorax.tables.columns import AbstractColumn, Encoded, Integer, Rounded


def column(values, decimals=None) -> AbstractColumn:
    array = np.asarray(values, dtype=float)[:, None]
    return Schema.infer(Table(("c",), array, (NumberFormat(decimals),))).columns[0]


@pytest.mark.parametrize(
    ("values", "decimals", "kind", "gap", "offset", "step"),
    [
        ([3, 3, 3], None, "constant", None, None, None),
        ([0.1 + 0.2, 0.3], None, "constant", None, None, None),
        ([1, 2, 4], None, "integer", 1, 0, 1),
        ([10, 25, 5, 100], None, "integer", 5, 5, 5),
        ([3, 8, 13], None, "integer", 5, 3, 5),
        ([0, 6, 10], None, "integer", 4, 0, 1),
        ([-7, 7], None, "integer", 14, -7, 14),
        ([1.0, 2.0, 1.0], 1, "integer", 1, 0, 1),
        ([0.1, 0.2, 0.4, 0.1], None, "rounded", 0.1, 0, 0.1),
        ([0.1 + 0.2, 0.3, 0.5, 0.3], None, "rounded", 0.2, 0.3, 0.2),
        ([0.25, 0.5, 0.75, 0.25], 2, "rounded", 0.25, 0.25, 0.25),
        ([1.5, 1.75, 2.125, 1.5], None, "rounded", 0.25, 0, 0.001),
        ([1e8 + 0.25, 1e8 + 0.5, 1e8 + 0.25], 2, "rounded", 0.25, 1e8 + 0.25, 0.25),
        ([0.1, 0.2, 0.3], None, "continuous", None, None, None),
        ([np.pi, np.e, np.pi], None, "continuous", None, None, None),
        ([1e300, 2e300], None, "continuous", None, None, None),
        ([1e-300, 2e-300, 1e-300], None, "continuous", None, None, None),
        ([1e-9, 2e-9, 1e-9], 9, "rounded", 1e-9, 0, 1e-9),
        ([1e15, 1e15 + 1, 1e15 + 3], None, "integer", 1, 0, 1),
        ([2.0**53, 2.0**53 - 1], 0, "integer", 1, 0, 1),
        ([1.7e9 + 1e-6, 1.7e9 + 3e-6, 1.7e9 + 1e-6], 6, "rounded", 2e-6, 1.7e9 + 1e-6, 2e-6),
        ([1e5 + 1e-9, 1e5 + 2e-9], None, "constant", None, None, None),
    ],
)
def test_the_kind_of_a_column(values, decimals, kind, gap, offset, step):
    found = column(values, decimals)
    assert found.kind == kind
    grid = getattr(found, "grid", None)
    assert (grid is None) == (gap is None)
    if grid is not None:
        assert grid.gap == pytest.approx(gap, rel=1e-12)
        assert (grid.offset, grid.step) == (offset, step)


def test_numbers_of_single_precision_keep_their_decimals():
    values = np.round(np.random.default_rng(0).normal(size=300), 1).astype(np.float32)
    found = column(values)
    assert isinstance(found, Rounded)
    assert (found.grid.decimals, found.step) == (1, 0.1)


def test_levels_and_cells_of_single_precision_meet_those_of_double():
    generator = np.random.default_rng(0)
    rows = {"grid": generator.integers(0, 41, 400) / 10, "few": generator.integers(1, 6, 400) / 10}
    single = Table.of_columns({name: cells.astype(np.float32) for name, cells in rows.items()})
    double = Table.of_columns(rows)
    schema = examine(single).schema
    assert [column.kind for column in schema.columns] == ["ordered", "ordered"]
    assert (schema.encode(single.values).levels >= 0).all()
    np.testing.assert_array_equal(schema.match(double, "t"), single.values)
    np.testing.assert_array_equal(schema.decode(schema.encode(single.values)), single.values)
    held = Conditions.read("few=0.1, grid<=1.3", schema).holds(single.values)
    np.testing.assert_array_equal(held, (rows["few"] == 0.1) & (rows["grid"] <= 1.3))
    beyond = schema.columns[0].format.taken(np.array([1e300, np.nan]), NumberFormat())
    np.testing.assert_array_equal(beyond, [1e300, np.nan])


def test_a_column_nearly_without_ties_is_continuous():
    values = np.arange(100) / 1000 + 0.0005
    assert column(values).kind == "continuous"
    assert column(np.concatenate([values, values[:15]])).kind == "rounded"


def grids() -> st.SearchStrategy[tuple[list[float], int]]:
    """Columns of integers and decimals as a file would hold them, each cell the nearest number to its text."""

    def build(decimals: int, start: int, stride: int, ticks: list[int]) -> tuple[list[float], int]:
        return [float(f"{(start + stride * k) / 10**decimals:.{decimals}f}") for k in ticks], decimals

    return st.builds(
        build,
        st.integers(0, 4),
        st.integers(-(10**6), 10**6),
        st.sampled_from([1, 2, 5, 25, 7]),
        st.lists(st.integers(-50, 50), min_size=20, max_size=20),
    )


tables = st.lists(grids(), min_size=12, max_size=14)


@settings(max_examples=60)
@given(tables, st.integers(0, 2**32 - 1))
def test_rounding_undoes_every_dequantisation(columns, seed):
    values = np.array([c for c, _ in columns]).T
    names = tuple(f"c{j}" for j in range(len(columns)))
    schema = Schema.infer(Table(names, values, tuple(NumberFormat(d) for _, d in columns)))
    noise = np.random.default_rng(seed).uniform(-0.49, 0.49, values.shape)
    # Only where the grid is the one of the gap: on a finer one the noise reaches the neighbours on purpose.
    width = np.array([0.0 if c.step is None else c.step for c in schema.columns])
    assert np.array_equal(schema.decode(schema.encode(values + noise * width)), values)
    for c, j in zip(schema.columns, range(len(names)), strict=True):
        distinct = np.unique(values[:, j])
        if isinstance(c, Integer | Rounded):
            assert c.widths == (pytest.approx(np.diff(distinct).min(), rel=1e-6),)
            assert c.grid.step <= c.grid.gap
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


@settings(max_examples=25)
@given(tables)
def test_a_file_keeps_table_and_schema(tmp_path_factory, columns):
    values = np.array([c for c, _ in columns]).T
    names = tuple(f"c{j}" for j in range(len(columns)))
    formats = tuple(NumberFormat(d) for _, d in columns)
    path = tmp_path_factory.getbasetemp() / "kept.csv"
    write_table(path, names, values, formats)
    table = read_table(path)
    assert np.array_equal(table.values, values)
    assert table.formats == formats
    assert Schema.infer(table) == Schema.infer(Table(names, values, formats))


def mixed() -> tuple[Table, Schema]:
    values = np.array([[1.0, 0.5, 7.0, np.pi], [2.0, 1.0, 7.0, np.e], [4.0, 0.5, 7.0, 1.1]])
    table = Table(("whole", "half", "same", "real"), values, (NumberFormat(),) * 4)
    return table, Schema.infer(table)


def test_restoring_never_clips_and_lets_what_is_not_finite_through():
    table, schema = mixed()
    assert schema.free.tolist() == [0, 1, 3]
    assert np.array_equal(schema.decode(schema.encode(table.values)), table.values)
    far = schema.decode(Encoded.of(np.array([[-99.6, 1e6 + 0.2, 1e9], [np.nan, np.inf, -np.inf]])))
    assert far[0].tolist() == [-100.0, 1e6, 7.0, 1e9]
    assert np.isnan(far[1, 0])
    assert far[1, 1:].tolist() == [np.inf, 7.0, -np.inf]


def test_other_rows_are_put_in_the_order_of_the_schema():
    table, schema = mixed()
    order = [2, 0, 3, 1]
    other = Table(tuple(table.columns[j] for j in order), table.values[:, order], (NumberFormat(),) * 4)
    assert np.array_equal(schema.match(other, "rows.csv"), table.values)


def test_a_missing_column_is_named_and_others_are_passed_over():
    schema = mixed()[1]
    values = np.array([[9.0, 0, 2, 7, 7.5]])

    def rows(*names: str) -> Table:
        return Table(names, values[:, : len(names)], (NumberFormat(),) * len(names))

    with pytest.raises(InputError) as caught:
        schema.match(rows("more", "whole", "half", "same", "reel"), "rows.csv")
    assert "column 'real', got none of that name (did you mean 'reel'?)" in str(caught.value)
    wider = rows("more", "whole", "half", "same", "real")
    assert schema.match(wider, "rows.csv").tolist() == [[0, 2, 7, 7.5]]
    assert schema.unknown(wider) == ("more",)


def test_another_value_in_a_constant_column_is_refused():
    table, schema = mixed()
    values = table.values.copy()
    values[1:, 2] = 8
    with pytest.raises(InputError, match=r"rows\.csv.*7 .*'same'.*8 in row 2 \(2 of 3 rows\)"):
        schema.match(Table(table.columns, values, table.formats), "rows.csv")
    values[1:, 2] = np.nan
    assert np.isnan(schema.match(Table(table.columns, values, table.formats), "holes.csv")[1, 2])


def edits(obj):
    whole, half, same, real = obj["columns"]
    return {
        "no version": lambda: obj.pop("version"),
        "other version": lambda: obj.update(version=5),
        "version true": lambda: obj.update(version=True),
        "fields of another version": lambda: obj.update(version=2),
        "unknown key": lambda: obj.update(more=1),
        "columns": lambda: obj.update(columns={}),
        "no columns": lambda: obj.update(columns=[]),
        "column": lambda: obj.update(columns=[1]),
        "same name": lambda: obj["columns"].append(whole),
        "unknown field": lambda: whole.update(more=1),
        "missing field": lambda: whole.pop("seen"),
        "no kind": lambda: whole.pop("kind"),
        "kind": lambda: whole.update(kind="text"),
        "kind list": lambda: whole.update(kind=[]),
        "other kind": lambda: whole.update(kind="continuous"),
        "kind of decimals": lambda: whole.update(kind="rounded"),
        "kind of integers": lambda: half.update(kind="integer"),
        "name": lambda: whole.update(name=3),
        "gap zero": lambda: whole["grid"].update(gap=0),
        "gap text": lambda: whole["grid"].update(gap="1"),
        "gap true": lambda: whole["grid"].update(gap=True),
        "step tiny": lambda: whole["grid"].update(step=1e-9),
        "step large": lambda: whole["grid"].update(step=9),
        "decimals": lambda: half["grid"].update(decimals=300),
        "decimals float": lambda: whole["grid"].update(decimals=0.0),
        "low huge": lambda: whole["seen"].update(low=10**400),
        "low above high": lambda: whole["seen"].update(low=5),
        "low null": lambda: real["seen"].update(low=None),
        "value": lambda: whole.update(value=1),
        "value null": lambda: same.update(value=None),
        "origin float": lambda: whole["format"].update(origin=1.0),
        "origin huge": lambda: whole["format"].update(origin=2**64, decimals=0),
        "origin of decimals": lambda: whole["format"].update(origin=5, decimals=1),
        "origin of real numbers": lambda: real["format"].update(origin=5, decimals=0),
        "unsigned": lambda: whole["format"].update(unsigned=1),
        "written": lambda: whole["format"].update(decimals=13),
        "written true": lambda: whole["format"].update(decimals=True),
    }


@pytest.mark.parametrize("name", edits(mixed()[1].to_json()))
def test_a_schema_that_was_tampered_with_is_refused(name):
    obj = mixed()[1].to_json()
    edits(obj)[name]()
    with pytest.raises(InputError, match=r"schema\.json") as caught:
        Schema.from_json(obj)
    assert "\n" not in str(caught.value)


def flat(schema: Schema, version: int) -> dict:
    """The schema as versions 1 and 2 wrote it: one record for all kinds."""

    def of(column) -> dict:
        parts = to_json(column)
        grid, seen = parts.get("grid", {}), parts.get("seen", {"low": parts.get("value"), "high": parts.get("value")})
        return {
            "name": column.name,
            "kind": column.kind,
            **{key: grid.get(key) for key in ("gap", "decimals", "offset", "step")},
            **seen,
            "value": parts.get("value"),
            **({} if version == 1 else {"origin": column.format.origin, "written": column.format.decimals}),
        }

    return {"version": version, "columns": [of(column) for column in schema.columns]}


def test_the_schema_of_an_older_run_is_read():
    _, schema = mixed()
    assert Schema.from_json(flat(schema, 2)) == schema
    first = Schema.from_json(flat(schema, 1))
    assert [c.format for c in first.columns] == [NumberFormat(0), NumberFormat(1), NumberFormat(), NumberFormat()]
    assert [replace(a, format=b.format) for a, b in zip(first.columns, schema.columns, strict=True)] == list(
        schema.columns
    )
    far = Schema.infer(Table.of(np.array([[2**63 + 5], [2**63 + 9]], dtype=np.uint64)))
    assert Schema.from_json(flat(far, 2)) == far


@pytest.mark.parametrize(
    ("version", "column", "change"),
    [
        (1, 0, {"origin": 0}),
        (1, 0, {"written": 0}),
        (2, 0, {"more": 1}),
        (2, 0, {"value": 1.0}),
        (2, 0, {"gap": None}),
        (2, 0, {"step": 9.0}),
        (2, 0, {"kind": "rounded"}),
        (2, 0, {"kind": "text"}),
        (2, 2, {"gap": 1.0}),
        (2, 2, {"value": None}),
        (2, 3, {"step": 0.1}),
        (2, 3, {"origin": 5}),
        (2, 3, {"low": 9.0}),
        (2, 3, {"written": 13}),
    ],
)
def test_the_schema_of_an_older_run_is_read_as_strictly(version, column, change):
    obj = flat(mixed()[1], version)
    obj["columns"][column].update(change)
    with pytest.raises(InputError, match=rf"schema\.json: columns\[{column}\]") as caught:
        Schema.from_json(obj)
    assert "\n" not in str(caught.value)


def test_a_column_without_a_number_has_no_schema():
    with pytest.raises(InputError, match="'c'"):
        column([np.nan, np.nan])
    assert column([np.nan, 1, 2]).kind == "integer"
