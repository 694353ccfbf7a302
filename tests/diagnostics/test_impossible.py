"""What no row of a table has and samples do, where the law is known."""

from dataclasses import replace

import numpy as np
import pytest

from scorax.diagnostics import Axis, verdict
from scorax.diagnostics._impossible import impossible_records
from scorax.records import Impossible, NeverSeen, Records

LOW, HIGH = (Axis(name, "rounded", 0.1, unit="1 decimals") for name in ("low", "high"))
KIND = Axis("species", "category", categories=("Adelie", "Chinstrap", "Gentoo"))
PLACE = Axis("island", "category", categories=("Biscoe", "Dream", "Torgersen"))
LAW = np.array([[44.0, 56, 52], [0, 68, 0], [124, 0, 0]]) / 344
"""Penguins: two species live on one island each."""


def rng(seed=0):
    return np.random.default_rng(seed)


def weather(rows, seed, *, broken=0.0):
    low, more = rng(seed).normal(10, 5, rows), rng(seed + 1).gamma(2, 2, rows)
    return np.round(np.column_stack([low, np.where(rng(seed + 2).random(rows) < broken, low - more, low + more)]), 1)


def penguins(rows, seed, law=LAW):
    return np.column_stack(np.unravel_index(rng(seed).choice(9, rows, p=law.ravel()), (3, 3))).astype(float)


def grade(found: Impossible) -> tuple[str, str]:
    (said,) = [one for one in verdict(Records(impossible=found)).sentences if one.topic == "samples"]
    return said.grade, said.text


def test_a_broken_order_is_said_and_graded():
    found = impossible_records([LOW, HIGH], weather(500, 0), weather(1000, 9, broken=0.03))
    assert found.levels is None
    order = found.orders
    assert order is not None
    assert (order.looked, order.worst, order.expected) == (1, ("low", "high"), 0)
    assert order.share == pytest.approx(0.03, abs=0.02)
    assert grade(found)[0] == "fair"
    assert "'low' above 'high' in " in grade(found)[1]
    assert grade(impossible_records([LOW, HIGH], weather(500, 0), weather(1000, 9, broken=0.3)))[0] == "poor"
    good = grade(impossible_records([LOW, HIGH], weather(500, 0), weather(1000, 9)))
    assert good == ("good", "In no sample an order of two columns that all rows of the table keep is broken.")


OTHERS = {
    "other units": ([LOW, replace(HIGH, unit="0 decimals")], weather(500, 0)),
    "one row that breaks it": ([LOW, HIGH], np.vstack([weather(500, 0), [[5.0, 4.9]]])),
    "ranges apart": ([LOW, HIGH], weather(500, 0) + np.array([0, 500])),
    "few rows": ([LOW, HIGH], weather(8, 0)),
    "places of categories": ([replace(LOW, categories=("a", "b")), HIGH], weather(500, 0)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_order(name):
    axes, real = OTHERS[name]
    assert impossible_records(axes, real, weather(1000, 9, broken=0.5)).orders is None


def test_levels_that_are_never_together_are_said():
    """Independent draws of both columns: Chinstraps and Gentoos on all islands."""
    apart = np.outer(LAW.sum(axis=1), LAW.sum(axis=0))
    found = impossible_records([KIND, PLACE], penguins(344, 0), penguins(1000, 1, apart))
    assert found.orders is None
    pair = found.levels
    assert pair is not None
    assert pair.worst == ("species", "island")
    assert pair.share == pytest.approx(apart[LAW == 0].sum(), abs=0.05)
    assert pair.levels == ("Gentoo", "Dream")
    assert grade(found)[0] == "poor"
    assert ", such as 'Gentoo' with 'Dream'. Other rows" in grade(found)[1]
    leaking = 0.94 * LAW + 0.06 * apart
    assert grade(impossible_records([KIND, PLACE], penguins(344, 0), penguins(1000, 1, leaking)))[0] == "fair"


def test_missing_cells_break_nothing():
    real, made = weather(500, 0), weather(1000, 9)
    real[:50, 0] = real[40:90, 1] = made[:500, 1] = np.nan
    assert grade(impossible_records([LOW, HIGH], real, made))[0] == "good"
    birds = penguins(344, 0)
    birds[:20, 0] = np.nan
    assert grade(impossible_records([KIND, PLACE], birds, penguins(1000, 1)))[0] == "good"


def test_other_rows_of_the_law_are_rarely_called_impossible():
    """400 laws of two columns of eight levels each, of which some pairs are rare; each is called fair or poor by chance in one of
    a hundred at most, so 12 of 400 or more with a probability below .001."""
    axes = [replace(axis, categories=tuple("abcdefgh")) for axis in (KIND, PLACE)]
    called = 0
    for seed in range(400):
        law = rng(seed).dirichlet(np.full(64, 0.2))
        real, made = (
            np.column_stack(np.unravel_index(rng(10_000 * k + seed).choice(64, 300, p=law), (8, 8))).astype(float)
            for k in (1, 2)
        )
        called += grade(impossible_records(axes, real, made))[0] != "good"
    assert called < 12


def test_records_hold_what_they_say():
    with pytest.raises(ValueError, match="the worst pair where there is one"):
        NeverSeen(1, 0.1, 0.0, 0.5, None, None, 0.0, "")
