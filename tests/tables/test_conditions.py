"""Words on the rows to draw: how they are read, what they mean, and which are refused."""

from collections.abc import Callable

import numpy as np
import pytest

from scorax._errors import InputError
from scorax.data import BooleanFormat, NumberFormat, Table, TextFormat, TimeFormat
from scorax.tables import Conditions, Schema, examine, given_columns, kept

RANDOM = np.random.default_rng(2)
TABLE = Table(
    ("age", "age, in years", "colour", "ok", "day", "x>=y"),
    np.column_stack(
        [
            RANDOM.normal(40, 12, 300),
            RANDOM.integers(0, 30, 300),
            RANDOM.integers(0, 3, 300),
            RANDOM.integers(0, 2, 300),
            19_000 + RANDOM.integers(0, 900, 300),
            RANDOM.normal(size=300),
        ]
    ),
    (
        NumberFormat(),
        NumberFormat(0),
        TextFormat(("blue", "dark, red", "green")),
        BooleanFormat("no", "yes"),
        TimeFormat("day", "day"),
        NumberFormat(),
    ),
)
SCHEMA: Schema = examine(TABLE).schema


def column(name: str) -> np.ndarray:
    return TABLE.values[:, TABLE.columns.index(name)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("age >= 40", lambda: column("age") >= 40),
        ("age<30.5, age > 20", lambda: (column("age") < 30.5) & (column("age") > 20)),
        ("age, in years=7", lambda: column("age, in years") == 7),
        ("age, in years in {7, 9}", lambda: np.isin(column("age, in years"), [7, 9])),
        ("colour=green", lambda: column("colour") == 2),
        ('colour="dark, red", age<=50', lambda: (column("colour") == 1) & (column("age") <= 50)),
        ('colour in {"dark, red", blue}', lambda: column("colour") < 2),
        ('colour in { blue , "dark, red" }', lambda: column("colour") < 2),
        ("colour != blue", lambda: column("colour") != 0),
        ("ok==yes", lambda: column("ok") == 1),
        ("day >= 2023-01-01", lambda: column("day") >= 19_358),
        ("age>=30, age<=30", lambda: column("age") == 30),
        ("colour != blue, colour in {blue, green}", lambda: column("colour") == 2),
        ('"age, in years"=7, "colour" = green', lambda: (column("age, in years") == 7) & (column("colour") == 2)),
        ("x>=y>=0.5", lambda: column("x>=y") >= 0.5),
    ],
)
def test_conditions_hold_for_the_rows_that_they_describe(words: str, expected: Callable[[], np.ndarray]) -> None:
    np.testing.assert_array_equal(Conditions.read(words, SCHEMA).holds(TABLE.values), expected())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "got nothing"),
        ("agee=3", "did you mean 'age'"),
        ("age", "begin with one of the columns"),
        ("age=36,5", "write decimals with a point, and begin with"),
        ("age=", "write it in this form"),
        ("colour in red", "write it in this form"),
        ("colour in {}", "write it in this form"),
        ("age>=40 colour=green", "a value of a column of numbers"),
        ("age=old", "a value of a column of numbers"),
        ("age=NA", "is no condition"),
        ("colour=pink", "a value of the fit"),
        ("colour>=blue", "for what has no order"),
        ("ok=maybe", "a value of a column of booleans"),
        ("colour=blue, colour=green", "one value for each column"),
        ("age>60, age<20", "conditions on 'age' that a value of it meets"),
        ("age>=30, age<30", "conditions on 'age' that a value of it meets"),
        ("age<=30, age>30", "conditions on 'age' that a value of it meets"),
        ("age=33, age>40", "conditions on 'age' that a value of it meets"),
        ("colour=blue, colour != blue", "conditions on 'colour' that a value of it meets"),
        ("colour in {blue}, colour in {green}", "conditions on 'colour' that a value of it meets"),
        ("ok!=yes, ok!=no", "conditions on 'ok' that a value of it meets"),
        ("day=2023-01-01T12:00", "values that column 'day' may have, got '2023-01-01T12:00', between two of them"),
        ("age=1e300", "not a million times beyond those of the fit"),
    ],
)
def test_other_words_are_refused(words: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Conditions.read(words, SCHEMA)


def test_equalities_are_told_to_a_model_trained_under_masks_and_ranges_are_not() -> None:
    own = Conditions.read("age=33, colour=green, day>=2023-01-01", SCHEMA)
    told = own.told(SCHEMA, masks=True)
    np.testing.assert_array_equal(told.known, [33, np.nan, 2, np.nan, np.nan, np.nan])
    assert told.rest is not None
    assert told.rest.each == own.each[2:]
    assert Conditions.read("age=33", SCHEMA).told(SCHEMA, masks=True).rest is None
    assert Conditions.read("colour=green", SCHEMA).told(SCHEMA, masks=False).known is None
    with pytest.raises(InputError, match="fit again with --masks"):
        own.told(SCHEMA, masks=False)


def test_rows_are_kept_in_their_order_whatever_the_batch() -> None:
    conditions = Conditions.read("colour=green", SCHEMA)

    def draw(start: int, count: int) -> np.ndarray:
        return TABLE.values[np.arange(start, start + count) % 300]

    green = np.flatnonzero(np.tile(column("colour") == 2, 20))[:150]
    for batch in (7, 512):
        pieces = list(kept(draw, conditions, 150, batch))
        np.testing.assert_array_equal(np.concatenate([piece.rows for piece in pieces]), TABLE.values[green % 300])
        colours = np.tile(column("colour"), 20)[: pieces[-1].looked]
        assert pieces[-1].met == np.count_nonzero(colours == 2)
    with pytest.raises(InputError, match="none in"):
        list(kept(draw, Conditions.read("age>=4000", SCHEMA), 1, 20_000))


def test_rows_that_hardly_any_draw_is_are_refused_with_their_share() -> None:
    """One draw in 2,000 meets the condition: 50 of the first 100,000, and 5,000 rows in ten million."""
    conditions = Conditions.read("age>=65", SCHEMA)

    def draw(start: int, count: int) -> np.ndarray:
        rows = np.tile(TABLE.values[:1], (count, 1))
        rows[:, SCHEMA.names.index("age")] = np.where(np.arange(start, start + count) % 2000, 40, 70)
        return rows

    assert sum(len(piece.rows) for piece in kept(draw, conditions, 100, 20_000)) == 100
    with pytest.raises(InputError, match=r"6,000 rows take .* got 5\d \(0.05\d* %\) in 10\d,\d{3} draws"):
        list(kept(draw, conditions, 6000, 20_000))


def test_names_of_given_columns_are_read_as_they_are() -> None:
    for words in ("age, age, in years,colour", 'age, "age, in years" ,"colour"'):
        assert given_columns(words, SCHEMA) == ["age", "age, in years", "colour"]
    for words, message in (("", "got none"), ("colour, colour", "again"), ("color", "did you mean 'colour'")):
        with pytest.raises(InputError, match=message):
            given_columns(words, SCHEMA)
    with pytest.raises(InputError, match="its density is asked for"):
        given_columns(",".join(SCHEMA.names), SCHEMA)


WORDS = ("-", "1e3", "None", "true", "x")
"""Texts that would be something else alone: a missing cell, a number, a truth value."""


def test_a_level_of_texts_is_named_whatever_else_its_word_could_be() -> None:
    values = np.column_stack([RANDOM.normal(size=100), np.arange(100) % 5])
    schema = examine(Table(("n", "word"), values, (NumberFormat(), TextFormat(WORDS)))).schema
    for k, word in enumerate(WORDS):
        for words in (f"word={word}", f"word in {{{word}}}"):
            np.testing.assert_array_equal(Conditions.read(words, schema).holds(values), values[:, 1] == k)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "colour=Green",
            r"a value of the fit, got 'Green' \(did you mean 'green'\?\); ask for 'blue', 'dark, red', 'green'",
        ),
        ("colour in {green, pink}", "got 'pink'"),
        ("age, in years=7.5", "got '7.5'; ask for '0', '1'"),
    ],
)
def test_a_level_that_the_fit_never_saw_is_refused_with_those_there_are(words: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Conditions.read(words, SCHEMA)


def test_another_value_of_a_constant_column_is_refused_in_its_own_digits() -> None:
    values = np.column_stack([RANDOM.normal(size=60), np.zeros(60), np.full(60, 3.0)])
    formats = (NumberFormat(), TextFormat(("here",)), NumberFormat(0))
    schema = examine(Table(("n", "place", "three"), values, formats)).schema
    with pytest.raises(InputError, match=r"the value 'here' .* got another text in row 1"):
        Conditions.read("place=there", schema)
    other = Table(("n", "place", "three"), values, (NumberFormat(), TextFormat(("there",)), NumberFormat(0)))
    with pytest.raises(InputError, match=r"the value 'here' .* got another text in row 1"):
        schema.match(other, "rows")
    finer = Table(
        ("n", "place", "three"), values + np.array([0, 0, 0.25]), (NumberFormat(), formats[1], NumberFormat(2))
    )
    with pytest.raises(InputError, match=r"the value 3 .* got 3.25 in row 1"):
        schema.match(finer, "rows")
