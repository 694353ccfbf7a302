"""Columns that the levels of another one determine."""

import json
from itertools import permutations

import numpy as np
import pytest

from drawn_columns import ROWS, integers, rng, table, texts
from scorax._errors import InputError
from scorax.data import BooleanFormat, NumberFormat, Table, TextFormat
from scorax.tables import Choices, Schema, examine
from scorax.tables.columns import Category, Copy
from scorax.tables.columns._groups import evidence

COUNTRIES = tuple(f"country {k:02d}" for k in range(30))
PLACE = rng(3).integers(0, 30, ROWS)
COUNTRY = (PLACE * 1.0, TextFormat(COUNTRIES))
CONTINENT = ((PLACE % 5) * 1.0, TextFormat(("Africa", "America", "Asia", "Europe", "Oceania")))
NOISE = rng(4).normal(size=ROWS)


def kinds(rows, choices=None):
    return [column.kind for column in examine(rows, choices).schema.columns]


def test_what_levels_determine_is_restored_from_them():
    rows = table(continent=CONTINENT, x=NOISE, country=COUNTRY)
    found = examine(rows)
    copy = found.schema.columns[0]
    assert isinstance(copy, Copy)
    assert copy.summary == "one of 5 values for each of the 30 levels of 'country'"
    assert any("as all 400 rows have it; --column continent=KIND models it" in remark.text for remark in found.remarks)
    np.testing.assert_array_equal(found.schema.decode(found.schema.encode(rows.values)), rows.values)
    assert Schema.from_json(json.loads(json.dumps(found.schema.to_json()))) == found.schema
    assert kinds(rows, Choices.read(categories=["continent"])) == ["category", "continuous", "category"]


SMALL = rng(5).integers(0, 9, ROWS).astype(float)
DETERMINED = {
    "a text": texts([f"{'low' if v < 3 else 'high'}" for v in SMALL]),
    "a truth value": (SMALL % 2, BooleanFormat()),
    "a number": (np.array([0.5, 2.25, 9.75])[(SMALL % 3).astype(int)], NumberFormat(2)),
    "a smaller count": (SMALL // 2, NumberFormat(0)),
}


@pytest.mark.parametrize("name", DETERMINED)
def test_small_counts_determine_too(name):
    values, form = DETERMINED[name]
    rows = table(count=(SMALL, NumberFormat(0)), image=(np.asarray(values, float), form), x=NOISE)
    schema = examine(rows).schema
    assert [column.kind for column in schema.columns] == ["count", "copy", "continuous"]
    np.testing.assert_array_equal(schema.decode(schema.encode(rows.values)), rows.values)


def test_a_truth_value_says_a_text():
    flag = rng(6).integers(0, 2, ROWS)
    rows = table(flag=(flag * 1.0, BooleanFormat()), word=(1.0 - flag, TextFormat(("no", "yes"))), x=NOISE)
    assert sorted(kinds(rows)) == ["category", "continuous", "copy"]


def test_one_row_that_says_otherwise_is_enough():
    other = CONTINENT[0].copy()
    other[-1] = (other[-1] + 1) % 5
    assert kinds(table(continent=(other, CONTINENT[1]), country=COUNTRY)) == ["category", "category"]


def test_a_count_with_a_level_that_no_row_has_determines_nothing():
    gap = np.where(SMALL == 4, 5, SMALL)
    assert kinds(table(c=(gap, NumberFormat(0)), b=(gap % 2, BooleanFormat()), x=NOISE))[:2] == ["count", "boolean"]


def test_levels_in_few_rows_determine_nothing_that_they_share():
    """Each of 150 names in two or three rows, with one town of four; where each has its own, it is another name of it."""
    place = np.arange(ROWS) % 150
    names = texts([f"name {k:03d}" for k in place])
    towns, codes = texts([f"town {k % 4}" for k in place]), texts([f"{7 * k % 150:03d}" for k in place])
    assert kinds(table(name=names, town=towns, x=NOISE)) == ["category", "category", "continuous"]
    assert kinds(table(name=names, code=codes, x=NOISE)) == ["category", "copy", "continuous"]


def test_holes_that_do_not_coincide_leave_a_column_to_the_model():
    hole = rng(7).random(ROWS) < 0.2
    holed = (np.where(hole, np.nan, COUNTRY[0]), COUNTRY[1])
    assert kinds(table(country=holed, continent=CONTINENT, x=NOISE)) == ["category", "category", "continuous"]
    both = table(country=holed, continent=(np.where(hole, np.nan, CONTINENT[0]), CONTINENT[1]), x=NOISE)
    assert kinds(both) == ["category", "copy", "continuous"]


def test_rows_beside_the_map_are_refused_and_what_it_does_not_know_is_not():
    rows = table(country=COUNTRY, continent=CONTINENT, x=NOISE)
    schema = examine(rows).schema

    def matched(country, continent):
        levels = sorted({"nowhere", *COUNTRIES})
        values = np.array([[np.nan if country is None else levels.index(country), continent, 0.0]])
        return schema.match(Table(rows.columns, values, (TextFormat(tuple(levels)), *rows.formats[1:])), "rows")

    matched("country 07", 2.0)
    assert matched("country 07", np.nan)[0, 1] == 2
    matched("nowhere", 4.0)
    with pytest.raises(InputError, match="got another value in row 1"):
        matched("country 07", 3.0)
    with pytest.raises(InputError, match="got a value where 'country' is missing in row 1"):
        matched(None, 2.0)


def test_of_two_that_determine_a_column_that_with_fewer_levels_does():
    region = ((PLACE % 10) * 1.0, TextFormat(tuple("abcdefghij")))
    other = rng(8).permutation(50)[PLACE + 20 * rng(9).integers(0, 2, ROWS) * (PLACE % 2)]
    city = texts([f"city {k:02d}" for k in other])
    rows = table(city=city, region=region, continent=CONTINENT, country=COUNTRY, x=NOISE)
    sources = {c.name: c.source for c in examine(rows).schema.columns if isinstance(c, Copy)}
    assert sources["region"] == sources["continent"] == "country"
    assert "city" not in sources


def test_independent_columns_are_no_copies():
    """400 tables of five columns in 60 rows, of 2 to 15 levels: by chance one in 2^20 is a copy, 0.008 in all."""
    found = 0
    for seed in range(400):
        columns = {f"c{k}": integers(0, int(rng(seed).choice([1, 2, 4, 14])), 10 * seed + k, 60) for k in range(5)}
        found += kinds(table(**columns)).count("copy")
    assert found == 0


@pytest.mark.parametrize(("groups", "values"), [([4, 2, 1], [3, 4]), ([2, 2, 2, 1], [1, 2, 4]), ([3, 3, 1], [1, 6])])
def test_evidence_of_s_bits_is_in_one_of_two_to_the_s_tables(groups, values):
    """All orders of seven rows: the share of those that gain s bits or more is at most 2^-s, whatever s is."""
    place, labels = np.repeat(np.arange(len(groups)), groups), np.repeat(np.arange(len(values)), values)
    orders = sorted(set(permutations(labels.tolist())))
    gained = []
    for order in orders:
        images = [set(np.array(order)[place == k].tolist()) for k in range(len(groups))]
        if all(len(image) == 1 for image in images):
            levels = np.unique([image.pop() for image in images], return_counts=True)[1]
            gained.append(evidence(np.array(values), levels))
    for bits in gained:
        assert sum(other >= bits - 1e-9 for other in gained) / len(orders) <= 2**-bits * (1 + 1e-9)


def test_a_stated_category_of_numbers_determines():
    zips = np.array([10115.0, 20095.0, 50667.0, 80331.0, 99084.0])[PLACE % 5]
    rows = table(zip=(zips, NumberFormat(0)), state=(zips % 2, BooleanFormat()), x=NOISE)
    schema = examine(rows, Choices.read(categories=["zip"])).schema
    assert isinstance(schema.columns[0], Category)
    assert isinstance(schema.columns[1], Copy)
    assert schema.columns[1].at == (10115.0, 20095.0, 50667.0, 80331.0, 99084.0)
