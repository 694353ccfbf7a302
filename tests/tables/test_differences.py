"""Columns that another one bounds from below and that differ from it by little."""

import json
from itertools import permutations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from drawn_columns import rng, table, texts
from scorax._errors import InputError
from scorax.data import NumberFormat, TimeFormat
from scorax.metrics import order_bits
from scorax.tables import Choices, Conditions, FitRows, Schema, examine
from scorax.tables._coordinates import Coordinates
from scorax.tables._fitted import FittedTable
from scorax.tables._imputed import _point_of
from scorax.tables._model import cut_at
from scorax.tables._training import Training
from scorax.tables.columns import Difference
from untrained import CONFIG

ROWS = 400
DAY = TimeFormat("day", "day")
START = 12_000 + rng(1).integers(0, 3000, ROWS).astype(float)
LASTS = rng(2).choice([0, 1, 2, 3, 7, 14], ROWS, p=[0.1, 0.1, 0.3, 0.2, 0.2, 0.1]).astype(float)
NOISE = rng(3).normal(size=ROWS)
VISITS = table(start=(START, DAY), end=(START + LASTS, DAY), x=NOISE)
LOW = rng(4).normal(50, 20, ROWS)
PRICES = table(
    **{
        name: (np.round(values, 2), NumberFormat(2))
        for name, values in {
            "high": LOW + np.cumsum(rng(5).exponential(2, (3, ROWS)), axis=0)[2],
            "low": LOW,
            "mid": LOW + np.cumsum(rng(5).exponential(2, (3, ROWS)), axis=0)[0],
        }.items()
    }
)


def kinds(rows, choices=None):
    return [column.kind for column in examine(rows, choices).schema.columns]


def test_an_end_is_its_start_and_what_it_lasts():
    found = examine(VISITS)
    end = found.schema.columns[1]
    assert isinstance(end, Difference)
    assert end.source == "start"
    assert end.map.base.ends[0] == 0
    assert "0 to 14 days more" in end.summary
    assert any("in no row below 'start'" in remark.text for remark in found.remarks)
    np.testing.assert_array_equal(found.schema.decode(found.schema.encode(VISITS.values)), VISITS.values)
    assert Schema.from_json(json.loads(json.dumps(found.schema.to_json()))) == found.schema
    assert kinds(VISITS, Choices.read(columns=["x=continuous"]))[1] == "difference"
    assert end.alone == "--column end=YYYY-MM-DD"
    assert kinds(VISITS, Choices.read(columns=["end=YYYY-MM-DD"]))[1] == "time"
    stated = table(low=PRICES.values[:, 1], mid=PRICES.values[:, 2])
    assert kinds(stated)[1] == "difference"
    assert kinds(stated, Choices.read(columns=["mid=continuous"]))[1] == "continuous"


def test_bounds_make_a_chain_and_no_draw_breaks_one():
    schema = examine(PRICES).schema
    assert {rest.column.name: rest.column.source for rest in schema.differences} == {"mid": "low", "high": "mid"}
    np.testing.assert_array_equal(schema.decode(schema.encode(PRICES.values)), PRICES.values)
    coordinates = Coordinates.fit(PRICES.values, schema)
    high, low, mid = coordinates.decode(rng(6).normal(0, 3, (5000, coordinates.dimension))).T
    assert (low <= mid).all()
    assert (mid <= high).all()
    np.testing.assert_array_equal(np.round(high, 2), high)


def test_the_density_is_that_of_both_columns():
    """The weight of a row is the logarithm of the Jacobian of all columns, here by differences."""
    raw = table(a=LOW, b=LOW + rng(7).gamma(2.0, 1.5, ROWS))
    schema = examine(raw).schema
    assert kinds(raw) == ["continuous", "difference"]
    rows, step = raw.values[:20], 1e-5
    jacobian = np.stack(
        [
            (schema.encode(rows + step * one).numbers - schema.encode(rows - step * one).numbers) / (2 * step)
            for one in np.eye(2)
        ],
        axis=2,
    )
    np.testing.assert_allclose(np.linalg.slogdet(jacobian)[1], schema.log_weight(rows), atol=1e-4)


def test_probabilities_of_the_cells_above_a_start_sum_to_one():
    split = FitRows(VISITS).split(CONFIG, 0)
    training = Training.of(split.train, Coordinates.fit(split.train, split.schema), split.settings, seed=0)
    fitted = FittedTable(training.blueprint, cut_at(training.model, 1e-3))
    given, lasts = VISITS.values[3], np.arange(16.0)
    rows = np.column_stack([np.full(16, given[0]), given[0] + lasts, np.full(16, given[2])])
    mass = np.exp(fitted.log_prob(rows, given=["start", "x"], seed=None).value)
    # A cell has the density in its middle times its width; the outermost go on without end.
    assert mass.sum() == pytest.approx(1, abs=0.05)
    with pytest.raises(InputError, match="expected 'start' given too where 'end' is"):
        fitted.log_prob(rows, given=["end"])
    with pytest.raises(InputError, match="a value where 'start' is missing"):
        fitted.log_prob(np.array([[np.nan, given[1], 0.0]]))
    holed = np.array([[given[0], np.nan, 0.0], [np.nan, np.nan, 0.0]])
    drawn = fitted.completed(np.repeat(holed, 50, axis=0), 0)
    assert (drawn[:50, 0] == given[0]).all()
    assert (drawn[:, 1] >= drawn[:, 0]).all()


def test_an_end_that_is_filled_is_its_start_and_the_middle_of_what_it_lasts():
    schema = examine(VISITS).schema
    drawn = np.array(
        [[[12_100, 12_100 + k, 0.0] for k in (1, 2, 7)], [[12_000 + k, 12_000 + 2 * k, 1.0] for k in (1, 3, 5)]]
    )
    values = np.array([[12_100, np.nan, 0.0], [np.nan, np.nan, 1.0]])
    np.testing.assert_array_equal(
        _point_of(drawn, values, schema, "median")[:, :2], [[12_100, 12_102], [12_003, 12_006]]
    )


def test_rows_that_break_the_order_are_refused_when_they_are_scored():
    schema = examine(VISITS).schema
    rows = table(start=(np.array([12_100.0, 12_100.0]), DAY), end=(np.array([12_101.0, 12_099.0]), DAY), x=[0.0, 0.0])
    with pytest.raises(
        InputError, match=r"column 'end' as in the fit: 'start' and 0 to 14 days more.*got -1 more in row 2"
    ):
        schema.match(rows, "rows")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("low=50, mid=40", r"'low' and 0 to .* more.*got -10 more"),
        ("mid=40", "expected 'low' given too where 'mid' is"),
        ("low=50, mid=51, high=50", r"'mid' and .* more.*got -1 more"),
    ],
)
def test_cells_that_no_row_has_together_are_not_told(words, message):
    with pytest.raises(InputError, match=message):
        Conditions.read(words, examine(PRICES).schema).told(examine(PRICES).schema, masks=True)


def test_cells_above_their_bound_are_told_as_they_are():
    schema = examine(PRICES).schema
    told = Conditions.read("mid=51, low=50", schema).told(schema, masks=True)
    np.testing.assert_array_equal(told.known, [np.nan, 50, 51])


OTHERS = {
    "one row that says otherwise": (np.append(START[:-1] + LASTS[:-1], START[-1] - 1), DAY),
    "a value where the other has none": (np.where(rng(8).random(ROWS) < 0.1, np.nan, START), DAY),
    "far away": (START + 5000 + 10 * LASTS, DAY),
    "as spread as the column": (START + rng(9).integers(0, 3000, ROWS), DAY),
    "another unit": (START + LASTS, TimeFormat("second", "second")),
    "numbers": (START + LASTS, NumberFormat(0)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_columns_are_themselves(name):
    if name == "a value where the other has none":
        rows = table(start=OTHERS[name], end=(START + LASTS, DAY), x=NOISE)
    else:
        rows = table(start=(START, DAY), end=OTHERS[name], x=NOISE)
    assert "difference" not in kinds(rows)


def test_holes_of_the_end_alone_are_no_matter():
    end = np.where(rng(8).random(ROWS) < 0.1, np.nan, START + LASTS)
    rows = table(start=(START, DAY), end=(end, DAY), x=NOISE)
    schema = examine(rows).schema
    assert schema.columns[1].kind == "difference"
    np.testing.assert_array_equal(
        schema.decode(schema.encode(rows.values))[~np.isnan(end)], rows.values[~np.isnan(end)]
    )


def test_columns_that_rest_on_each_other_are_no_schema():
    obj = json.loads(json.dumps(examine(PRICES).schema.to_json()))
    for column in obj["columns"]:
        if column["name"] == "mid":
            column["source"] = "high"
    with pytest.raises(InputError, match="columns rest on each other"):
        Schema.from_json(obj)
    word = table(start=(START, DAY), end=(START + LASTS, DAY), word=texts(["a", "b"] * (ROWS // 2)))
    obj = json.loads(json.dumps(examine(word).schema.to_json()))
    obj["columns"][1]["source"] = "word"
    with pytest.raises(InputError, match="which is no column of numbers"):
        Schema.from_json(obj)


def test_evidence_is_the_share_of_arrangements_in_order():
    lower, upper = np.array([1.0, 1, 1, 1, 2, 2]), np.array([1.0, 1, 1, 2, 9, 30])
    kept = np.mean([(lower <= np.array(own)).all() for own in permutations(upper.tolist())])
    assert order_bits(lower, upper) == pytest.approx(-np.log2(kept))
    assert order_bits(lower, upper - 3) == 0
    assert order_bits(np.array([]), np.array([])) == 0


def test_evidence_is_at_most_that_of_a_normal_difference():
    """Where all arrangements but few are out of order, what counts is how far the difference stays from zero."""
    lower = np.arange(0.0, 1000, 10)
    apart = 2 + ndtri((np.arange(100) + 0.5) / 100).clip(-1.9)
    expected = -100 * np.log2(ndtr(apart.mean() / apart.std()))
    assert order_bits(lower, lower + apart) == pytest.approx(expected)


def test_columns_that_only_go_together_bound_nothing():
    """300 tables of two normal columns with correlation .95, one 3.5 deviations of the difference above the other."""
    found = 0
    for seed in range(300):
        a = rng(seed).normal(size=300)
        b = 0.95 * a + np.sqrt(1 - 0.95**2) * rng(1000 + seed).normal(size=300)
        found += kinds(table(a=a, b=b + 3.5 * (b - a).std())).count("difference")
    assert found == 0


def test_columns_of_other_sizes_bound_nothing():
    """300 tables of independent columns of which one is a thousand times as large: in order by their sizes."""
    found = 0
    for seed in range(300):
        a, b = rng(seed).random(300), rng(1000 + seed).gamma(4, 300, 300)
        found += kinds(table(a=a, b=b)).count("difference")
    assert found == 0
