"""One value made of draws, by the kind of its column: draws written by hand."""

import numpy as np

from scorax.data import NumberFormat, Table, TextFormat, TimeFormat
from scorax.tables import FitRows, Schema, Spread
from scorax.tables._imputed import _point_of

NAN = np.nan


def mixed() -> Schema:
    """Amounts of which a third are zero, counts, colours, days, and a copy of the amounts in other units."""
    random, n = np.random.default_rng(0), 200
    amount = np.where(random.random(n) < 1 / 3, 0.0, random.gamma(4, 10, n).round(2))
    values = np.column_stack(
        [amount, random.poisson(1.5, n), random.integers(0, 3, n), random.permutation(n) * 3 + 8000, 2 * amount]
    )
    day = TimeFormat("day", "day", "T", None, 0)
    formats = (NumberFormat(2), NumberFormat(0), TextFormat(("blue", "green", "red")), day, NumberFormat(2))
    schema = FitRows(Table(("amount", "count", "colour", "day", "twice"), values, formats)).found.schema
    assert [column.kind for column in schema.columns] == ["continuous", "count", "category", "time", "copy"]
    assert schema.columns[0].codes
    return schema


def test_points_are_of_the_kind_of_their_column() -> None:
    schema = mixed()
    draws = np.array([[[0, 1, 0, 8102, 0], [10.5, 2, 2, 8105, 21], [20.51, 4, 2, 8201, 41.02]]], float)
    mostly = np.array([[[0, 1, 0, 8102, 0], [0, 2, 1, 8105, 0], [20.51, 2, 1, 8201, 41.02]]], float)
    drawn = np.concatenate([draws, mostly])
    values = np.full((2, 5), NAN)
    mean = _point_of(drawn, values, schema, "mean")
    # Two of three draws are numbers, and these count; or two are zeros. Counts have the median, and days a step of 3.
    np.testing.assert_array_equal(mean[:, 1], [2, 2])
    np.testing.assert_array_equal(mean[:, 2], [2, 1])
    np.testing.assert_array_equal(mean[:, 3], [8135, 8135])
    np.testing.assert_allclose(mean[:, 0], [15.5, 0], atol=0.0101)
    np.testing.assert_allclose(mean[:, 4], 2 * mean[:, 0])
    np.testing.assert_array_equal(_point_of(drawn, values, schema, "median")[:, 3], [8105, 8105])
    known = np.array([[1.5, NAN, 0, 8000, 3], [NAN, 1, 1, NAN, NAN]])
    np.testing.assert_array_equal(_point_of(drawn, known, schema, "mean")[~np.isnan(known)], known[~np.isnan(known)])


def test_a_spread_has_what_the_kind_of_the_column_has() -> None:
    schema = mixed()
    drawn = np.stack([np.tile([k % 2 * 10.0, k, k % 3, 8000 + k, 0], 1) for k in range(5)])[None]
    spread = Spread.of(drawn, np.ones((1, 5), bool), schema, np.array([7]))
    np.testing.assert_array_equal(spread.row, [7] * 5)
    np.testing.assert_allclose(spread.mean[[0, 1, 3]], [4, 2, 8002])
    np.testing.assert_allclose(spread.deviation[[1, 3]], np.sqrt(2.5))
    np.testing.assert_allclose(spread.quantiles[1], [0.2, 2, 3.8])
    assert np.isnan(spread.mean[2])
    np.testing.assert_allclose(spread.share[:3], [0.6, 0.2, 0.4])
    assert np.isnan(spread.share[3:]).all()
