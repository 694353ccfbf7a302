"""Copies of other columns, and what a person says of columns."""

import json

import numpy as np
import pytest

from drawn_columns import ROWS, integers, only, rng, table, texts, zeros_and
from scorax._errors import InputError
from scorax.data import BooleanFormat, NumberFormat, Table, TextFormat
from scorax.tables import Choices, Schema, examine
from scorax.tables.columns import (
    Category,
    Constant,
    Copy,
    Count,
    Integer,
    Logit,
    Ordered,
)

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
    assert [column.kind for column in schema.columns] == ["copy", "category", "copy", "copy"]
    np.testing.assert_array_equal(schema.decode(schema.encode(rows.values)), rows.values)


def test_what_is_nearly_a_copy_is_none():
    other = CELSIUS.copy()
    other[7:9] += [0.1, -0.1]
    rows = table(a=(CELSIUS, NumberFormat(1)), b=(other, NumberFormat(1)), c=(np.where(CELSIUS > 20, np.nan, CELSIUS)))
    assert [column.kind for column in examine(rows).schema.columns] == ["rounded"] * 3


def test_rare_flags_that_agree_by_accident_are_no_copies():
    flags = np.zeros((500, 2))
    flags[7] = 1
    rows = table(x=rng().normal(size=500), a=(flags[:, 0], NumberFormat(0)), b=(flags[:, 1], NumberFormat(0)))
    assert [column.kind for column in examine(rows).schema.columns] == ["continuous", "count", "count"]


@pytest.mark.parametrize(
    ("form", "classes"), [(BooleanFormat("no", "yes"), 2), (NumberFormat(0), 2), (NumberFormat(0), 3)]
)
def test_a_threshold_is_no_line_that_goes_on_beyond_the_rows(form, classes):
    """Classes of equal width are what rounding a line to integers gives, and where rows end the line goes on: 3, and -1."""
    gain = np.rint(rng().normal(0, 1e4, ROWS))
    gain[:2] = -4e4, 4e4
    rows = table(gain=(gain, NumberFormat(0)), flag=(np.floor((gain + 4e4) / (8e4 / classes + 1)), form))
    schema = examine(rows).schema
    assert schema.columns[1].kind in ("boolean", "count")
    beyond = Table(rows.columns, np.array([[5e5, classes - 1.0]]), rows.formats)
    assert schema.match(beyond, "rows").tolist() == beyond.values.tolist()


def test_a_threshold_of_a_count_is_a_value_for_each_level():
    age = rng().integers(20, 30, ROWS) * 1.0
    rows = table(age=(age, NumberFormat(0)), older=((age >= 25) * 1.0, NumberFormat(0)))
    (_, older) = examine(rows).schema.columns
    assert isinstance(older, Copy)
    assert older.images == (0.0,) * 5 + (1.0,) * 5


def test_two_values_are_those_of_two_others_in_other_units():
    year = rng().integers(0, 2, ROWS) * 10.0 + 1985
    rows = table(year=(year, NumberFormat(0)), index=(np.round(0.1 * year - 197.4, 1), NumberFormat(1)))
    (index,) = (column for column in examine(rows).schema.columns if isinstance(column, Copy))
    assert index.images is None
    np.testing.assert_allclose(index.scale, 0.1)


def test_a_copy_needs_its_source():
    rows = table(a=(CELSIUS, NumberFormat(1)), b=(CELSIUS, NumberFormat(1)))
    obj = examine(rows).schema.to_json()
    obj["columns"] = obj["columns"][1:]
    with pytest.raises(InputError, match=r"schema\.json.*'b' is a copy of 'a'"):
        Schema.from_json(obj)


def test_a_constant_is_a_constant_whatever_it_is_of():
    for cells in ((np.zeros(ROWS), TextFormat(("a", "b"))), (np.ones(ROWS), BooleanFormat()), np.full(ROWS, 3.5)):
        assert isinstance(only(cells)[0], Constant)


def test_a_kind_that_is_stated_of_one_value_is_not_passed_over_in_silence():
    for cells, kind in ((np.full(ROWS, 3.0), "count,0..9"), ((np.zeros(ROWS), TextFormat(("a",))), "category")):
        column, remarks = only(cells, Choices.read([f"c={kind}"]))
        assert isinstance(column, Constant)
        assert any(f"one value is constant, also where {kind.split(',')[0]} is stated" in line for line in remarks)
    with pytest.raises(InputError, match=r"values between the stated ends, got 3\.0"):
        only(np.full(ROWS, 3.0), Choices.read(["c=count,0..2"]))


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
