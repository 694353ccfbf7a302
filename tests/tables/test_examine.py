"""What columns are taken for: the stated rules, on columns of each kind that people bring."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from drawn_columns import ROWS, integers, only, rng, table, texts, zeros_and
from scorax._errors import InputError
from scorax.data import BooleanFormat, NumberFormat, Table, TextFormat, TimeFormat
from scorax.tables import Choices, FitConfig, FitRows, examine
from scorax.tables.columns import (
    AbstractNumber,
    Asinh,
    Boolean,
    Category,
    Codes,
    Continuous,
    Count,
    Identity,
    Integer,
    Log,
    Logit,
    Map,
    Ordered,
    Rounded,
    Softplus,
    Time,
)


def test_days_and_answers_are_counts_with_closed_ends():
    day, _ = only(integers(1, 31))
    assert (type(day), day.low, day.high, day.below, day.above) == (Count, 1, 31, None, None)
    answers = rng().choice(5, ROWS, p=[0.1, 0.05, 0.1, 0.25, 0.5]) + 1.0
    answer, _ = only((answers, NumberFormat(0)))
    assert (type(answer), answer.low, answer.high, answer.below, answer.above) == (Count, 1, 5, None, None)
    with pytest.raises(InputError, match="row 1"):
        day.require(np.array([32.0]), "rows")


def test_a_falling_count_is_open_above():
    values = rng().negative_binomial(1, 0.2, 3000).astype(float)
    column, _ = only((values, NumberFormat(0)))
    assert isinstance(column, Count)
    assert (column.low, column.below) == (0, None)
    # A geometric law with ratio .8: its excess is geometric again.
    assert column.above == pytest.approx(0.8, abs=0.06)
    assert len(column.points) == values.max() + 1


def test_flags_are_counts_of_two_levels():
    assert isinstance(only((np.arange(ROWS) % 20 == 0, BooleanFormat()))[0], Boolean)
    column, remarks = only(((np.arange(ROWS) % 20 == 0) * 1.0, NumberFormat(0)))
    assert isinstance(column, Count)
    assert not column.ordered
    assert remarks == []


def test_a_long_count_has_levels_where_most_rows_are():
    values = rng(1).poisson(np.exp(1 + 0.5 * rng(2).normal(size=ROWS))).astype(float)
    values[[50, 150, 250, 350]] = [98_211, 120_340, 75_002, 101_999]
    column, remarks = only((values, NumberFormat(0)))
    assert isinstance(column, Integer)
    top = np.sort(values)[-5]
    assert column.spikes == tuple(np.arange(top + 1)[::-1])
    assert column.codes == (Codes(int(top) + 2, ordered=True),)
    assert column.map.base == Log(top + 1)
    assert "long count" in remarks[0]
    # A code for what is missing has no place on the line.
    assert not replace(column, spikes=(*column.spikes, -999.0)).codes[0].ordered


def test_a_long_count_with_one_value_beyond_is_of_levels():
    values = np.append(rng().poisson(3, ROWS).astype(float), [5000.0, 5000.0])
    column, _ = only((values, NumberFormat(0)))
    assert isinstance(column, Ordered)
    assert column.levels == tuple(np.unique(values))


@pytest.mark.parametrize("low_share", [0.3, 0.7])
def test_zeros_are_a_spike_and_the_rest_is_positive(low_share):
    values = zeros_and(np.round(np.exp(rng().normal(0.5, 1, ROWS)), 4), low_share)
    column, remarks = only((values, NumberFormat(4)))
    assert isinstance(column, Continuous)
    assert column.spikes == (0.0,)
    assert column.map.base == Log(0.0001)
    assert any("far more often" in remark for remark in remarks)
    draws = column.map.inverse(rng(3).normal(size=1000) * 20, column.margin)
    assert (column.map.inside(column.rounded(draws), column.margin) > 0).all()


def test_rain_in_tenths_has_a_spike():
    values = zeros_and(np.ceil(rng().gamma(0.6, 5, 1500) * 10) / 10, 0.57)
    column, _ = only((values, NumberFormat(1)))
    assert isinstance(column, Rounded)
    assert column.spikes == (0.0,)
    assert column.map.base.ends == (0.1, np.inf)


def test_ordinary_numbers_have_no_spike_and_stay_as_they_are():
    for seed in range(10):
        column, remarks = only(rng(seed).normal(50, 9, ROWS))
        assert isinstance(column, Continuous)
        assert column.map.trivial
        assert not column.spikes
        assert remarks == []


def test_heaps_are_no_spikes():
    ages = np.where(rng().random(2000) < 0.15, np.round(rng(1).uniform(2, 8, 2000)) * 10, rng(2).integers(18, 91, 2000))
    column, _ = only((ages, NumberFormat(0)))
    assert isinstance(column, Integer)
    assert not column.spikes


@pytest.mark.parametrize("code", [-999.0, 99999.0, -9.0])
def test_a_code_for_missing_is_a_spike(code):
    values = np.where(rng().random(ROWS) < 0.05, code, rng(1).gamma(9, 1, ROWS) / 4)
    column, remarks = only((np.round(values, 3), NumberFormat(3)))
    assert isinstance(column, AbstractNumber)
    assert column.spikes == (code,)
    assert "code for what is missing" in remarks[0]


@pytest.mark.parametrize(
    ("form", "shown"),
    [(TimeFormat("day", "day"), "2020-05-26"), (NumberFormat(0, 2**50), str(2**50 + 18_408))],
)
def test_ends_of_values_that_count_from_an_origin_are_shown_as_the_file_has_them(form, shown):
    values = np.where(rng().random(ROWS) < 0.1, 18_409.0, 18_409.0 - rng(1).integers(1, 3000, ROWS))
    column, remarks = only((values, form))
    assert isinstance(column, AbstractNumber)
    assert column.spikes == (18_409.0,)
    assert column.map.base.ends == (-np.inf, 18_408.0)
    assert f"ends up to {shown};" in column.summary
    assert f"values up to {shown} only" in remarks[-1]
    with pytest.raises(InputError, match=f"expected values up to {shown} in column 'c', got"):
        column.require(values + 40, "rows")


def test_a_code_beside_a_count_is_a_level():
    values = np.where(rng().random(ROWS) < 0.05, 99.0, rng(1).integers(0, 6, ROWS))
    column, _ = only((values, NumberFormat(0)))
    assert isinstance(column, Category)
    assert column.levels == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 99.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_box_has_hard_ends(seed):
    column, remarks = only(rng(seed).uniform(-1, 1, ROWS))
    assert isinstance(column, Continuous)
    assert column.map.base == Logit(-1.0, 1.0)
    assert "from -1 to 1" in remarks[0]


@pytest.mark.parametrize("seed", range(20))
def test_a_normal_column_has_no_ends(seed):
    column, _ = only(rng(seed).normal(rng(seed).uniform(-2, 2), 1, ROWS))
    assert column.ends == ""


def test_heavy_tails_do_not_set_the_scale():
    column, _ = only(rng(17).standard_cauchy(ROWS))
    assert isinstance(column.map.base, Asinh)
    assert column.map.base.scale == pytest.approx(2 / 1.349, rel=0.2)  # the quartiles of a Cauchy law are -1 and 1


@pytest.mark.parametrize(
    ("draw", "base"),
    [
        (lambda r: np.exp(r.normal(7, 1, ROWS)), Log(0.0)),
        (lambda r: -np.exp(r.normal(7, 1, ROWS)), Log(0.0, "below")),
        (lambda r: r.gamma(2, size=ROWS), Softplus(0.0, 4.0)),
        (lambda r: r.normal(0, 1, ROWS), Identity()),
        (lambda r: r.normal(10, 1, ROWS), Identity()),
        (lambda r: np.abs(r.normal(2.5, 1, ROWS)), Softplus(0.0, 0.5)),
    ],
)
def test_the_base_of_a_column(draw, base):
    found = only(draw(rng(5)))[0].map.base
    assert type(found) is type(base)
    assert found.ends == base.ends


@pytest.mark.parametrize("shape", [0.7, 1.0])
def test_a_number_of_many_small_values_has_no_tail_far_beyond_the_largest(shape):
    """Logarithms of a gamma law end sharply above, where a normal law goes on: it would put rows beyond twice the largest value.

    The number bends to a line above most values, and the normal law of it puts a hundred times fewer there.
    """
    values = np.round(rng(29).gamma(shape, 10, ROWS) + 0.05, 1)
    column, _ = only((values, NumberFormat(1)))

    def beyond(map):
        images = map.forward(values, column.margin)
        at = (map.forward(np.array([2 * values.max()]), column.margin) - images.mean()) / images.std()
        return ROWS * float(ndtr(-at)[0])

    assert beyond(column.map) < 0.02
    assert beyond(Map(Log(0.0))) > 100 * beyond(column.map)
    some = column.refitted(values[:200])
    lower, upper = np.quantile(values[:200], [0.25, 0.75])
    assert some.map.base.scale == pytest.approx(4 * (upper - lower) / 1.349)


def test_names_say_ends():
    shares = rng().beta(8, 2, ROWS)
    assert only(shares, name="fraction_of_rows")[0].map.base == Logit(0.0, 1.0)
    assert only(100 * shares, name="humidity, percent")[0].map.base == Logit(0.0, 100.0)


def test_two_humps_have_knots():
    values = np.concatenate([rng(1).normal(-4, 1, 1000), rng(2).normal(4, 1, 1000)])
    column, _ = only(values)
    assert column.map.knots is not None
    assert len(column.map.knots.at) <= 40
    images = column.map.forward(values, column.margin)
    assert np.abs(np.quantile(images, [0.16, 0.5, 0.84]) - [-1, 0, 1]).max() < 0.1


def test_repeated_rows_are_no_evidence_for_knots():
    column, _ = only(np.repeat(rng(26).normal(size=100), 4))
    assert column.map.knots is None


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ((329_397_000 + np.cumsum(rng(5).integers(1, 9, ROWS)) * 1.0, NumberFormat(0)), "running integers"),
        ((rng(1).permutation(ROWS) + 1.0, NumberFormat(0)), "all different integers, 400 of 400"),
        (texts([f"AX{k * 7919 % 10007:05d}" for k in range(ROWS)]), "400 different texts in 400 rows"),
    ],
)
def test_an_identifier_is_left_out(cells, why):
    rows = table(x=rng().normal(size=ROWS), who=cells)
    found = examine(rows)
    assert found.schema.names == ("x",)
    (left,) = found.schema.left_out
    assert left.name == "who"
    assert why in left.why
    assert found.schema.match(rows, "rows").shape == (ROWS, 1)
    assert found.schema.match(table(x=rng().normal(size=3)), "without it").shape == (3, 1)
    kept = examine(rows, Choices.read(["who=category"])).schema
    assert kept.names == ("x", "who")


def test_a_table_of_identifiers_is_refused_by_their_names_with_the_way_out():
    table = Table(
        ("id", "town", "one"),
        np.array([np.arange(40.0), np.arange(40.0), np.ones(40)]).T,
        (NumberFormat(0), TextFormat(tuple(f"t{k:02d}" for k in range(40))), NumberFormat(0)),
    )
    with pytest.raises(InputError) as caught:
        FitRows(table, "t.csv").split(FitConfig(), 0)
    assert str(caught.value) == (
        "t.csv: expected a column with different values, got left out 'id' (identifier (running integers, 40 of 40 possible "
        "ones)), 'town' (identifier (40 different texts in 40 rows)); constant 'one'; take one in with --column id=KIND or "
        "--category id, or bring other columns"
    )
    taken = FitRows(table, choices=Choices.read((), ("town",), ())).split(FitConfig(), 0).schema
    assert [taken.columns[j].name for j in taken.free] == ["town"]


def test_times_and_sparse_integers_are_no_identifiers():
    clock = 1_700_000_000.0 + np.sort(rng().integers(0, 86_400 * 30, ROWS))
    assert isinstance(only((clock, NumberFormat(0)))[0], Integer)
    assert examine(table(x=rng().normal(size=ROWS), user_id=(clock, NumberFormat(0)))).schema.names == ("x",)
    days = (np.arange(ROWS) * 1.0, TimeFormat("day", "day"))
    assert isinstance(only(days)[0], Time)


def test_a_few_dates_are_ordered_levels():
    days = np.array([0, 365, 730, 1096, 1461, 1826.0])[rng().integers(0, 6, ROWS)]
    column, _ = only((days, TimeFormat("day", "day")))
    assert isinstance(column, Ordered)
    assert len(column.levels) == 6


def test_a_spike_at_an_end_ends_the_others():
    values = np.minimum(rng().normal(34, 12, ROWS).round(1), 50)
    column, _ = only((values, NumberFormat(1)))
    assert isinstance(column, Rounded)
    assert column.spikes == (50.0,)
    assert column.map.base.ends[1] == 49.9


def test_where_many_values_stand_out_that_is_how_a_column_is_rounded():
    values = np.where(rng().random(2000) < 0.8, rng(1).integers(10, 40, 2000), rng(2).uniform(10, 40, 2000).round(1))
    column, _ = only((values, NumberFormat(1)))
    assert isinstance(column, Rounded)
    assert not column.spikes


def test_texts_are_categories_and_free_text_is_refused_with_the_way_out():
    column, _ = only(texts(rng().choice(["a", "b", "c"], ROWS).tolist()))
    assert isinstance(column, Category)
    lines = texts([f"this is what person number {k} has written into the form" for k in range(ROWS)])
    with pytest.raises(InputError, match=r"'c'.*free text.*--ignore c.*--category c") as caught:
        only(lines)
    assert "\n" not in str(caught.value)
    assert isinstance(only(lines, Choices.read(categories=["c"]))[0], Category)


def test_a_thousand_levels_are_allowed_with_a_remark():
    column, remarks = only(texts([f"place {k}" for k in rng().integers(0, 1000, 5000)]))
    assert isinstance(column, Category)
    assert len(column.points) > 900
    assert "levels" in remarks[0]


def test_leading_zeros_are_kept_and_said():
    column, remarks = only(texts(rng().choice(["00501", "02139", "94110"], ROWS).tolist()))
    assert isinstance(column, Category)
    assert "leading zeros" in remarks[0]


def test_integers_that_look_like_dates_are_said():
    days = rng().integers(1, 29, ROWS) + 100 * rng(1).integers(1, 13, ROWS) + 20_240_000.0
    assert any("look like dates" in remark for remark in only((days, NumberFormat(0)))[1])


def test_a_column_without_a_value_is_left_out_and_holes_are_said():
    values = rng().normal(size=ROWS)
    values[:7] = np.nan
    found = examine(table(x=values, none=np.full(ROWS, np.nan)))
    assert [left.why for left in found.schema.left_out] == ["no value in any row"]
    assert [remark.text for remark in found.remarks if remark.column == "x"] == ["7 of 400 cells are missing"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("power", [-700, 700])
def test_a_change_of_units_changes_no_kind_and_no_map(power):
    """Powers of two are exact; squares of such numbers leave float64."""
    values = np.exp(rng(3).normal(0, 1, ROWS))
    here, there = (only((values * unit, NumberFormat()))[0] for unit in (1.0, 2.0**power))
    assert (there.kind, there.map.base) == (here.kind, here.map.base)
