import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorax._errors import InputError
from scorax.data import Column, Schema, Table, read_table, write_table


def column(values, decimals=None) -> Column:
    array = np.asarray(values, dtype=float)[:, None]
    return Schema.infer(Table(("c",), array, (decimals,))).columns[0]


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
    assert found.gap == (None if gap is None else pytest.approx(gap, rel=1e-12))
    assert found.offset == offset
    assert found.step == step


def test_numbers_of_single_precision_keep_their_decimals():
    values = np.round(np.random.default_rng(0).normal(size=300), 1).astype(np.float32)
    found = column(values)
    assert (found.kind, found.decimals, found.step) == ("rounded", 1, 0.1)


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
    schema = Schema.infer(Table(names, values, tuple(d for _, d in columns)))
    noise = np.random.default_rng(seed).uniform(-0.49, 0.49, values.shape)
    # Only where the grid is the one of the gap: on a finer one the noise reaches the neighbours on purpose.
    width = np.array([0.0 if c.step is None else c.step for c in schema.columns])
    assert np.array_equal(schema.restore((values + noise * width)[:, schema.free]), values)
    for c, j in zip(schema.columns, range(len(names)), strict=True):
        distinct = np.unique(values[:, j])
        if c.gap is not None and len(distinct) > 1:
            assert c.gap == pytest.approx(np.diff(distinct).min(), rel=1e-6)
            assert c.step <= c.gap
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


@settings(max_examples=25)
@given(tables)
def test_a_file_keeps_table_and_schema(tmp_path_factory, columns):
    values = np.array([c for c, _ in columns]).T
    names = tuple(f"c{j}" for j in range(len(columns)))
    decimals = tuple(d for _, d in columns)
    path = tmp_path_factory.getbasetemp() / "kept.csv"
    write_table(path, names, values, decimals)
    table = read_table(path)
    assert np.array_equal(table.values, values)
    assert table.decimals == decimals
    assert Schema.infer(table) == Schema.infer(Table(names, values, decimals))


def mixed() -> tuple[Table, Schema]:
    values = np.array([[1.0, 0.5, 7.0, np.pi], [2.0, 1.0, 7.0, np.e], [4.0, 0.5, 7.0, 1.1]])
    table = Table(("whole", "half", "same", "real"), values, (None,) * 4)
    return table, Schema.infer(table)


def test_restoring_never_clips_and_lets_what_is_not_finite_through():
    table, schema = mixed()
    assert schema.free.tolist() == [0, 1, 3]
    assert np.array_equal(schema.restore(table.values[:, schema.free]), table.values)
    far = schema.restore(np.array([[-99.6, 1e6 + 0.2, 1e9], [np.nan, np.inf, -np.inf]]))
    assert far[0].tolist() == [-100.0, 1e6, 7.0, 1e9]
    assert np.isnan(far[1, 0])
    assert far[1, 1:].tolist() == [np.inf, 7.0, -np.inf]


def test_other_rows_are_put_in_the_order_of_the_schema():
    table, schema = mixed()
    order = [2, 0, 3, 1]
    other = Table(tuple(table.columns[j] for j in order), table.values[:, order], (None,) * 4)
    assert np.array_equal(schema.match(other, "rows.csv"), table.values)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("whole", "half", "same", "reel"), "column 'real', got none of that name (did you mean 'reel'?)"),
        (("whole", "half", "same", "real", "more"), "also 'more'"),
    ],
)
def test_other_columns_are_refused_by_name(names, said):
    schema = mixed()[1]
    values = np.ones((1, len(names))) * 7
    with pytest.raises(InputError) as caught:
        schema.match(Table(names, values, (None,) * len(names)), "rows.csv")
    assert str(caught.value).startswith("rows.csv: ")
    assert said in str(caught.value)


def test_another_value_in_a_constant_column_is_refused():
    table, schema = mixed()
    values = table.values.copy()
    values[1:, 2] = 8
    with pytest.raises(InputError, match=r"rows\.csv.*7\.0.*'same'.*8\.0 in row 2 \(2 of 3 rows\)"):
        schema.match(Table(table.columns, values, table.decimals), "rows.csv")
    values[1:, 2] = np.nan
    assert np.isnan(schema.match(Table(table.columns, values, table.decimals), "holes.csv")[1, 2])


def test_a_name_is_found_or_suggested():
    _, schema = mixed()
    assert schema.index("half") == 1
    with pytest.raises(InputError, match="did you mean 'half'"):
        schema.index("hlaf")


def edits(obj):
    first = obj["columns"][0]
    return {
        "no version": lambda: obj.pop("version"),
        "other version": lambda: obj.update(version=3),
        "version true": lambda: obj.update(version=True),
        "fields of another version": lambda: obj.update(version=1),
        "unknown key": lambda: obj.update(more=1),
        "columns": lambda: obj.update(columns={}),
        "no columns": lambda: obj.update(columns=[]),
        "column": lambda: obj.update(columns=[1]),
        "same name": lambda: obj["columns"].append(first),
        "unknown field": lambda: first.update(more=1),
        "missing field": lambda: first.pop("low"),
        "kind": lambda: first.update(kind="text"),
        "kind list": lambda: first.update(kind=[]),
        "other kind": lambda: first.update(kind="continuous"),
        "name": lambda: first.update(name=3),
        "gap zero": lambda: first.update(gap=0),
        "gap text": lambda: first.update(gap="1"),
        "gap true": lambda: first.update(gap=True),
        "low huge": lambda: first.update(low=10**400),
        "low above high": lambda: first.update(low=5),
        "low null": lambda: first.update(low=None),
        "step tiny": lambda: first.update(step=1e-9),
        "step large": lambda: first.update(step=9),
        "decimals": lambda: first.update(decimals=300),
        "decimals float": lambda: first.update(decimals=0.0),
        "value": lambda: first.update(value=1),
        "origin float": lambda: first.update(origin=1.0),
        "origin huge": lambda: first.update(origin=2**64),
        "origin of decimals": lambda: first.update(origin=5, written=1),
        "written": lambda: first.update(written=13),
        "written true": lambda: first.update(written=True),
    }


def test_the_schema_of_an_older_run_is_read():
    obj = mixed()[1].to_json()
    older = [{k: v for k, v in c.items() if k not in ("origin", "written")} for c in obj["columns"]]
    columns = Schema.from_json({"version": 1, "columns": older}).columns
    assert [(c.origin, c.written) for c in columns] == [(0, 0), (0, 1), (0, None), (0, None)]
    assert [(c.kind, c.gap, c.step) for c in columns] == [(c.kind, c.gap, c.step) for c in mixed()[1].columns]


@pytest.mark.parametrize("name", edits(mixed()[1].to_json()))
def test_a_schema_that_was_tampered_with_is_refused(name):
    obj = mixed()[1].to_json()
    edits(obj)[name]()
    with pytest.raises(InputError, match=r"schema\.json") as caught:
        Schema.from_json(obj)
    assert "\n" not in str(caught.value)


def test_a_column_without_a_number_has_no_schema():
    with pytest.raises(InputError, match="'c'"):
        column([np.nan, np.nan])
    assert column([np.nan, 1, 2]).kind == "integer"
