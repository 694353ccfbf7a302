"""Tables of any columns go all the way: fitted, sampled and scored or refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_tables import MAKERS, Column, odd
from scorax._errors import InputError
from scorax.data import NumberFormat, Table
from scorax.tables import FitRows, Recipe
from tiny import TINY

STEPS = replace(TINY.training, max_steps=2, validate_every=1)
CONFIG = replace(TINY, training=STEPS, ensemble=replace(TINY.ensemble, folds=1))
ROWS = 5


def _named(r: np.random.Generator, columns: list[Column]) -> Table:
    """With names that are not plain words."""
    marks = r.choice(["é ", "价", "a,b", "Σ\u00a0", "x"], len(columns))
    names = tuple(f"{mark}{j}" for j, mark in enumerate(marks))
    return Table(names, np.column_stack([values for values, _ in columns]), tuple(form for _, form in columns))


@st.composite
def tables(draw) -> Table:
    r, rows = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.integers(12, 60))
    makers = draw(st.lists(st.sampled_from(MAKERS), min_size=1, max_size=12))
    columns = [odd(r, maker(r, rows)) for maker in makers]
    if draw(st.booleans()):
        huge = np.exp(r.normal(0, r.choice([1, 20]), rows)) * 10.0 ** r.integers(-200, 200)
        columns.append((huge, NumberFormat()))
    return _named(r, columns[:12])


@pytest.mark.slow  # every fit compiles programs of its own, half a minute each
@settings(max_examples=4, deadline=None)
@given(tables())
def test_any_table_is_fitted_sampled_and_scored_or_refused(table: Table) -> None:
    rows = FitRows(table)
    try:
        split = rows.split(CONFIG, 0)
    except InputError:
        return
    fitted = Recipe(CONFIG, 0).fit(rows).fitted
    drawn = fitted.sample_rows(0, ROWS, 1)
    assert drawn.shape == (ROWS, len(split.schema.columns))
    for values in (drawn, split.train[:ROWS]):
        assert np.isfinite(fitted.log_prob(values).value).all()
