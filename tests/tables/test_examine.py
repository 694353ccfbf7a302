"""What columns are taken for: the stated rules, on columns of each kind that people bring."""

import json
from typing import Any

import numpy as np
import pytest

from scorax._errors import InputError
from scorax.data import BooleanFormat, NumberFormat, Table, TextFormat, TimeFormat
from scorax.tables import Choices, Schema, examine
from scorax.tables.columns import (
    AbstractNumber,
    Asinh,
    Boolean,
    Category,
    Constant,
    Continuous,
    Copy,
    Count,
    Identity,
    Integer,
    Log,
    Logit,
    Ordered,
    Rounded,
    Softplus,
    Time,
)

ROWS = 400


def rng(seed=0):
    return np.random.default_rng(seed)


def texts(cells) -> tuple[np.ndarray, TextFormat]:
    levels = tuple(sorted({cell for cell in cells if cell is not None}))
    return np.array([np.nan if c is None else levels.index(c) for c in cells], dtype=float), TextFormat(levels)


def table(**columns) -> Table:
    """Of values, or of values and their format; a filler column makes rows that differ."""
    pairs = [c if isinstance(c, tuple) else (np.asarray(c, float), NumberFormat()) for c in columns.values()]
    return Table(tuple(columns), np.column_stack([v for v, _ in pairs]), tuple(f for _, f in pairs))


def only(column, choices=None, name="c") -> tuple[Any, list[str]]:
    found = examine(table(**{name: column}), choices)
    return found.schema.columns[0], [remark.text for remark in found.remarks]


def zeros_and(values, share=0.7, seed=9):
    return np.where(rng(seed).random(len(values)) < share, 0.0, values)


def integers(low, high, seed=0, rows=ROWS):
    return rng(seed).integers(low, high + 1, rows).astype(float), NumberFormat(0)


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
    assert column.spikes == tuple(np.arange(top + 1))
    assert column.map.base == Log(top + 1)
    assert "long count" in remarks[0]


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
    assert column.map.ends == "anywhere"


def test_heavy_tails_do_not_set_the_scale():
    column, _ = only(rng(17).standard_cauchy(ROWS))
    assert isinstance(column.map.base, Asinh)
    assert column.map.base.scale == pytest.approx(2 / 1.349, rel=0.2)  # the quartiles of a Cauchy law are -1 and 1


@pytest.mark.parametrize(
    ("draw", "base"),
    [
        (lambda r: np.exp(r.normal(7, 1, ROWS)), Log(0.0)),
        (lambda r: -np.exp(r.normal(7, 1, ROWS)), Log(0.0, "below")),
        (lambda r: r.gamma(2, size=ROWS), Log(0.0)),
        (lambda r: r.normal(0, 1, ROWS), Identity()),
        (lambda r: r.normal(10, 1, ROWS), Identity()),
        (lambda r: np.abs(r.normal(2.5, 1, ROWS)), Softplus(0.0, 0.5)),
    ],
)
def test_the_base_of_a_column(draw, base):
    found = only(draw(rng(5)))[0].map.base
    assert type(found) is type(base)
    assert found.ends == base.ends


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
    values = np.minimum(rng().normal(30, 12, ROWS).round(1), 50)
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


CELSIUS = np.round(rng().normal(15, 8, ROWS), 1)
IMAGES = {
    "equal": (CELSIUS, NumberFormat(1)),
    "turned": (-CELSIUS, NumberFormat(1)),
    "fahrenheit": (np.round(1.8 * CELSIUS + 32, 2), NumberFormat(2)),
    "inches": (np.round(CELSIUS / 2.54, 3), NumberFormat(3)),
    "kelvin": (np.round(CELSIUS + 273.15, 2), NumberFormat(2)),
    "unrounded": (CELSIUS * 2.54, NumberFormat()),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_of_a_column_is_a_copy_and_comes_back_to_the_bit(name):
    rows = table(celsius=(CELSIUS, NumberFormat(1)), other=rng(1).normal(size=ROWS), image=IMAGES[name])
    schema = examine(rows).schema
    assert isinstance(schema.columns[2], Copy)
    assert schema.columns[2].source == "celsius"
    np.testing.assert_array_equal(schema.decode(schema.encode(rows.values)), rows.values)
    assert schema.dimension == 2
    values = rows.values.copy()
    values[3, 2] += 0.1
    with pytest.raises(InputError, match=r"'image'.*row 4 \(1 of 400 rows\)"):
        schema.match(Table(rows.columns, values, rows.formats), "rows")
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_a_value_for_each_text_is_a_copy():
    place = rng().integers(0, 4, ROWS)
    named = (place * 1.0, TextFormat(("Chad", "Mali", "Niger", "Togo")))
    rows = table(
        code=(np.array([148.0, 466, 562, 768])[place], NumberFormat(0)),
        name=named,
        short=(np.array([3.0, 0, 2, 1])[place], TextFormat(("ML", "NE", "TD", "TG"))),
        region=(np.array([0.0, 1, 1, 1])[place], TextFormat(("central", "west"))),
    )
    schema = examine(rows).schema
    assert [column.kind for column in schema.columns] == ["copy", "category", "copy", "category"]
    np.testing.assert_array_equal(schema.decode(schema.encode(rows.values)), rows.values)


def test_what_is_nearly_a_copy_is_none():
    other = CELSIUS.copy()
    other[7] += 0.1
    rows = table(a=(CELSIUS, NumberFormat(1)), b=(other, NumberFormat(1)), c=(np.where(CELSIUS > 20, np.nan, CELSIUS)))
    assert [column.kind for column in examine(rows).schema.columns] == ["rounded"] * 3


def test_rare_flags_that_agree_by_accident_are_no_copies():
    flags = np.zeros((500, 2))
    flags[7] = 1
    rows = table(x=rng().normal(size=500), a=(flags[:, 0], NumberFormat(0)), b=(flags[:, 1], NumberFormat(0)))
    assert [column.kind for column in examine(rows).schema.columns] == ["continuous", "count", "count"]


def test_a_copy_needs_its_source():
    rows = table(a=(CELSIUS, NumberFormat(1)), b=(CELSIUS, NumberFormat(1)))
    obj = examine(rows).schema.to_json()
    obj["columns"] = obj["columns"][1:]
    with pytest.raises(InputError, match=r"schema\.json.*'b' is a copy of 'a'"):
        Schema.from_json(obj)


def test_a_constant_is_a_constant_whatever_it_is_of():
    for cells in ((np.zeros(ROWS), TextFormat(("a", "b"))), (np.ones(ROWS), BooleanFormat()), np.full(ROWS, 3.5)):
        assert isinstance(only(cells)[0], Constant)


def test_a_person_states_kinds_and_ends():
    age = integers(17, 90)
    column, _ = only(age, Choices.read(["c=integer,0..120"]))
    assert isinstance(column, Integer)
    assert column.map.base == Logit(0.0, 120.0)
    column, _ = only(age, Choices.read(["c=count"]))
    assert isinstance(column, Count)
    assert len(column.points) == 74
    column, _ = only(integers(2, 7), Choices.read(["c=integer,1..10"]))
    assert isinstance(column, Count)
    assert (column.low, column.high, column.below, column.above) == (1, 10, None, None)
    assert only(age, Choices.read(["c=continuous,0.."]))[0].map.base.ends == (0, np.inf)
    assert isinstance(only(integers(1, 5), Choices.read(["c=ordered"]))[0], Ordered)
    assert isinstance(only(integers(1, 5), Choices.read(categories=["c"]))[0], Category)
    far = integers(5, 900)[0], NumberFormat(0, 2**60)
    assert only(far, Choices.read([f"c=integer,{2**60}.."]))[0].map.base.ends == (0, np.inf)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["c"], "NAME=KIND"),
        (["=integer"], "NAME=KIND"),
        (["c=intger"], "did you mean 'integer'"),
        (["c=integer,5"], "LOW..HIGH"),
        (["c=integer,9..5"], "LOW..HIGH"),
        (["c=integer,.."], "LOW..HIGH"),
        (["c=integer,nan..5"], "LOW..HIGH"),
        (["c=integer,a..b"], "LOW..HIGH"),
        (["c=category,0..5"], "ends of a column of numbers"),
        (["c=integer", "c=count"], "one word on column 'c', got two"),
        (["d=integer"], "the name of a column, got 'd'"),
        (["c=integer,0..20"], "values between the stated ends, got 90"),
    ],
)
def test_wrong_words_are_refused_in_one_line(words, said):
    with pytest.raises(InputError) as caught:
        only((np.append(integers(17, 89)[0], 90.0), NumberFormat(0)), Choices.read(words))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_kind_that_does_not_fit_is_refused():
    for cells in (rng().normal(size=ROWS), texts(["a", "b"] * 50)):
        with pytest.raises(InputError, match="expected cells of the stated kind integer"):
            only(cells, Choices.read(["c=integer"]))


def test_plain_columns_are_what_a_schema_of_numbers_infers():
    rows = table(a=integers(1, 5), b=zeros_and(rng().normal(size=ROWS)), c=CELSIUS, d=-CELSIUS, e=np.ones(ROWS))
    assert examine(rows, plain=True).schema == Schema.infer(rows)
    assert examine(rows, Choices.read(ignored=["d"]), plain=True).schema.names == ("a", "b", "c", "e")
    with pytest.raises(InputError, match="'c': expected numbers, got cells of text"):
        examine(table(c=texts(["a", "b"] * 9)), plain=True)
