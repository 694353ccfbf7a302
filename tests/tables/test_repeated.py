"""Numbers of which few different ones are there, on no grid."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import kstest, norm

from scorax._mixed_rows import MixedRows
from scorax.baselines import compare_mixed
from scorax.data import Table
from scorax.tables import FitRows, TrainingConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._examine import examine
from scorax.tables._fitted import FittedTable
from scorax.tables._rows import Split
from scorax.tables._training import Training
from scorax.tables.columns import Continuous, Repeated, Rounded
from untrained import CONFIG


def column(values: np.ndarray) -> object:
    return examine(Table.of_columns({"price": values})).schema.columns[0]


def prices(rows: int, seed: int) -> np.ndarray:
    """Sixty prices, some far more frequent than their neighbours."""
    generator = np.random.default_rng(seed)
    levels = np.sort(np.exp(3 + generator.standard_normal(60)))
    weights = generator.gamma(0.5, size=60) + 0.01
    return generator.choice(levels, rows, p=weights / weights.sum())


@pytest.mark.parametrize("seed", range(5))
def test_values_come_back_from_anywhere_in_their_cell_and_the_images_are_normal(seed: int) -> None:
    values = prices(4000, seed)
    found = column(values)
    assert isinstance(found, Repeated)
    encoded = found.encode(values)
    generator = np.random.default_rng([seed, 1])
    inside = encoded.numbers[:, 0] + encoded.widths[:, 0] * generator.uniform(-0.499, 0.499, len(values))
    np.testing.assert_array_equal(found.decode(encoded._replace(numbers=inside[:, None])), values)
    # Uniform inside each cell, normal over cells: the distance to a normal law is at most that of the widest cell's middle.
    widest = np.max(np.unique(values, return_counts=True)[1]) / len(values)
    assert kstest(inside, "norm").statistic < widest


def test_the_density_of_the_normal_law_of_images_is_the_share_of_each_cell() -> None:
    values = prices(4000, 0)
    found = column(values)
    assert isinstance(found, Repeated)
    levels, rows = np.unique(values, return_counts=True)
    at = np.array(found.knots.at)
    low, high = np.array(found.knots.to[:-1]), np.array(found.knots.to[1:])
    share = (rows + 0.5) / (len(values) + 0.5 * len(levels))
    np.testing.assert_allclose(norm.cdf(high[1:-1]) - norm.cdf(low[1:-1]), share[1:-1], rtol=1e-9)
    # A density that is flat over the image of a cell integrates over the cell to what it has there.
    np.testing.assert_allclose(np.exp(found.log_weight(levels)) * np.diff(at), high - low, rtol=1e-12)


def test_shares_follow_the_rows_and_the_numbers_stay() -> None:
    values = prices(4000, 0)
    found = column(values)
    assert isinstance(found, Repeated)
    part = found.refitted(np.where(values > np.median(values), values, np.nan))
    assert part.levels == found.levels
    assert part.knots.at == found.knots.at
    assert part.knots.to[30] < found.knots.to[30]


def test_what_lies_on_a_grid_or_hardly_repeats_is_of_another_kind() -> None:
    generator = np.random.default_rng(0)
    assert isinstance(column(np.round(generator.normal(50, 8, 3000), 1)), Rounded)
    assert isinstance(column(generator.normal(size=3000)), Continuous)
    assert not isinstance(column(generator.choice(generator.normal(size=2000), 3000)), Repeated)


def test_nothing_is_refused_and_beyond_the_outermost_cells_the_density_goes_on() -> None:
    found = column(prices(4000, 0))
    assert isinstance(found, Repeated)
    beyond = np.array([found.knots.at[0] - 1.0, found.knots.at[-1] + 1.0, np.nan])
    assert np.isfinite(found.log_weight(beyond)).all()
    encoded = found.encode(beyond)
    assert encoded.widths[:, 0].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_array_equal(found.decode(encoded), [found.levels[0], found.levels[-1], np.nan])


def not_trained(split: Split) -> FittedTable:
    training = Training.of(split.train, Coordinates.fit(split.train, split.schema), split.settings, seed=0)
    return FittedTable(training.blueprint, training.model)


def test_baselines_see_values_inside_their_cells() -> None:
    """Forty prices on no grid beside a colour: baselines of their middles have more than the law itself."""
    generator = np.random.default_rng(0)
    levels = np.sort(generator.uniform(size=40))
    colour = generator.integers(0, 2, 2000)
    table = Table.of_arrow({"price": pa.array(levels[generator.integers(0, 40, 2000)]), "colour": pa.array(colour > 0)})
    split = FitRows(table).split(CONFIG, 0)
    price = split.schema.columns[0]
    assert isinstance(price, Repeated)
    rows = not_trained(split).compared(split.train, 0)
    assert isinstance(rows, MixedRows)
    place, at = np.searchsorted(levels, split.train[:, 0]), np.array(price.knots.at)
    assert (at[place] <= rows.numbers[:, 0]).all()
    assert (rows.numbers[:, 0] <= at[place + 1]).all()
    assert len(np.unique(rows.numbers)) == len(rows)
    widths = np.diff(at)
    truth = np.mean(np.log(np.bincount(place) / len(place) / widths)[place]) + np.log(0.5)
    for found in compare_mixed(rows.take(slice(0, 1500)), rows.take(slice(1500, None)), seed=0, quick=True).values():
        assert np.mean(found.values) < truth + 0.05  # the error of a mean of 500 rows is .03


def test_equal_rows_have_places_of_their_own_inside_their_cells() -> None:
    """Held-out rows at the same place as equal ones of the fit would have any density under a kernel."""
    values = np.random.default_rng(0).integers(0, 20, (600, 2)).astype(float)
    split = FitRows(Table.of(values, ["a", "b"], "X")).split(dataclasses.replace(CONFIG, training=TrainingConfig()), 0)
    fitted = not_trained(split)
    fit, held = fitted.compared(values[:500], 0), fitted.compared(values[:100], 0)
    assert isinstance(fit, np.ndarray)
    assert isinstance(held, np.ndarray)
    np.testing.assert_array_equal(np.rint(fit), values[:500])
    assert len(np.unique(np.concatenate([fit, held]), axis=0)) == 600
    np.testing.assert_array_equal(fitted.compared(values[:100], 0), held)


def test_baselines_are_told_the_width_of_the_cells_of_the_model() -> None:
    """Values at distances of .2 and .3 lie on points .1 apart, and have noise of .2."""
    generator = np.random.default_rng(0)
    points = np.cumsum(generator.integers(2, 4, 300)) / 10
    weights = np.exp(-(((points - points.mean()) / 12) ** 2) / 2)
    x, colour = generator.choice(points, 600, p=weights / weights.sum()), generator.integers(0, 2, 600)
    rows = {"x": pa.array(x), "colour": pa.array(colour > 0)}
    split = FitRows(Table.of_arrow(rows)).split(CONFIG, 0)
    found = not_trained(split).compared(split.train, 0)
    assert isinstance(found, MixedRows)
    encoded = split.schema.encode(split.train)
    np.testing.assert_allclose(encoded.widths[:, 0], 0.2)
    np.testing.assert_allclose(found.cell_widths, [0.2])
