"""Rows that were put in several times are held out together; those of other tables one by one."""

from dataclasses import replace

import numpy as np
import pytest

from scorax.data import NumberFormat, Table
from scorax.tables import FitConfig, FitRows
from scorax.tables._coordinates import Coordinates
from scorax.tables._repeats import distinct_rows
from scorax.tables._training import Training
from scorax.tables.columns import Continuous
from scorax.tables.columns._span import Span
from tiny import TINY


def drawn(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, 2))


def training(values: np.ndarray, config: FitConfig) -> Training:
    split = FitRows(Table(("a", "b"), values, (NumberFormat(),) * 2)).split(config, 0)
    return Training.of(split.train, Coordinates.fit(split.train, split.schema), split.settings, seed=0)


@pytest.mark.parametrize("folds", [1, 2, 5])
def test_a_row_and_its_copies_are_in_one_fold(folds: int) -> None:
    values = np.random.default_rng(1).permutation(np.repeat(drawn(40), 4, axis=0))
    own = training(values, replace(TINY, ensemble=replace(TINY.ensemble, folds=folds)))
    number = np.unique(values, axis=0, return_inverse=True)[1].ravel()
    for member in range(folds):
        held, others = own.held_out(member), own.trained_on(member)
        assert not set(number[held]) & set(number[others])
        assert len(held) == 160 // (10 if folds == 1 else folds)
        assert len(held) + len(others) == 160


def test_a_hole_is_like_a_hole_and_few_copies_are_chance() -> None:
    columns = [Continuous(name, NumberFormat(), Span(-9.0, 9.0)) for name in ("a", "b")]
    values = drawn(100)
    np.testing.assert_array_equal(distinct_rows(values, columns), np.arange(100))
    values[50:, 1] = np.nan
    values[75:] = values[50:75]
    number = distinct_rows(values, columns)
    np.testing.assert_array_equal(number[50:75], number[75:])
    assert number.max() == 74
    few = np.concatenate([drawn(97), drawn(97)[:3]])
    np.testing.assert_array_equal(distinct_rows(few, columns), np.arange(100))
    # Values that repeat more often than rows do are of few values.
    coarse = np.round(drawn(400, 1), 1)
    np.testing.assert_array_equal(distinct_rows(coarse, columns), np.arange(400))
