"""Tables of many kinds of columns, drawn at random: every value comes back from what a model sees, and so does the schema."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_tables import MAKERS, odd
from scorax.data import NumberFormat, Table, TextFormat
from scorax.tables import Schema, examine

SIZES = st.sampled_from([1, 2, 3, 11, 40, 150, 400])


@st.composite
def tables(draw) -> Table:
    r, rows = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(SIZES)
    makers = draw(st.lists(st.sampled_from(MAKERS), min_size=12, max_size=16))
    columns = [odd(r, maker(r, rows)) for maker in makers]
    if draw(st.booleans()):
        columns.append(columns[0])
    names = tuple(f"c{j}" for j in range(len(columns)))
    return Table(names, np.column_stack([values for values, _ in columns]), tuple(form for _, form in columns))


def require_whole(table: Table) -> Schema:
    """What is asked of the schema of any table."""
    schema = examine(table).schema
    values = schema.match(table, "rows")
    encoded = schema.encode(values)
    back = schema.decode(encoded)
    assert set(schema.names) | {one.name for one in schema.left_out} == set(table.columns)
    for j, column in enumerate(schema.columns):
        known = ~np.isnan(values[:, j])
        given, found, form = values[known, j], back[known, j], table.formats[table.columns.index(column.name)]
        if column.kind == "constant":
            np.testing.assert_allclose(found, given, rtol=1e-12)
        elif form == NumberFormat() and not column.format.single and column.kind != "ordered":  # to the last digits
            spread = np.ptp(np.quantile(given, [0.25, 0.75]))
            assert (np.abs(found - given) <= 1e-12 * np.maximum(np.abs(given), spread)).all(), column
        else:
            np.testing.assert_array_equal(found, given, err_msg=str(column))
        if column.widths or column.codes:
            assert np.isnan(back[~known, j]).all()
    sizes = np.array([codes.size for codes in schema.codes], dtype=np.int64)
    assert ((encoded.levels >= -1) & (encoded.levels < sizes)).all()
    assert (encoded.widths >= 0).all()
    assert np.isfinite(encoded.numbers[~np.isnan(encoded.numbers)]).all()
    assert np.isfinite(schema.log_weight(values)).all()
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert schema.refitted(values).names == schema.names
    return schema


@settings(max_examples=25, deadline=None)
@given(tables())
def test_every_value_comes_back_and_so_does_the_schema(table):
    require_whole(table)


@pytest.mark.parametrize(
    ("table", "kinds"),
    [
        (Table(("a",), np.arange(50.0)[:, None] % 3, (TextFormat(("x", "y", "z")),)), ["category"]),
        (
            Table(("a", "b"), np.random.default_rng(0).integers(0, 9, (200, 2)) * 1.0, (NumberFormat(0),) * 2),
            ["count"] * 2,
        ),
        (Table(("a",), np.random.default_rng(0).normal(size=(50, 1)), (NumberFormat(),)), ["continuous"]),
        (
            Table(("a", "b"), np.column_stack([np.arange(50.0) % 7, np.full(50, np.nan)]), (NumberFormat(0),) * 2),
            ["count"],
        ),
        (
            Table(
                ("a",),
                np.random.default_rng(0).integers(0, 1000, (9000, 1)) * 1.0,
                (TextFormat(tuple(f"{k:03d}" for k in range(1000))),),
            ),
            ["category"],
        ),
        (
            Table(
                tuple(f"c{j}" for j in range(300)),
                np.random.default_rng(0).normal(size=(90, 300)),
                (NumberFormat(),) * 300,
            ),
            ["continuous"] * 300,
        ),
    ],
    ids=["categories only", "integers only", "one column", "a column without a value", "1,000 levels", "300 columns"],
)
def test_extreme_tables(table, kinds):
    assert [column.kind for column in require_whole(table).columns] == kinds
