"""Cells that were computed are off by their last bits: 0.1 + 0.2 is 0.3."""

import numpy as np
import pytest

from scorax.data import NumberFormat, Table
from scorax.tables import examine
from scorax.tables.columns import AbstractColumn, AbstractNumber


def column(values: np.ndarray) -> AbstractColumn:
    return examine(Table.of_columns({"x": values})).schema.columns[0]


LEVELS = {
    "few": (np.array([0.1, 0.3, 0.7, 2.5, 8.8]), "ordered"),
    "sparse": (np.array([0.1, 0.25, 0.3, 0.7, 1.3, 2.5, 4.8, 9.9, 14.2, 17.7, 20.1, 33.4, 50.3, 71.6]), "ordered"),
    "grid": (np.arange(30) / 10, "ordered"),
    "classes": (np.cumsum(np.random.default_rng(0).integers(20, 90, 60)) / 100, "repeated"),
    "off every grid": (np.sort(np.random.default_rng(1).uniform(size=60)) * 1e4 / 3, "repeated"),
}


@pytest.mark.parametrize("name", LEVELS)
def test_cells_off_by_their_last_bits_are_the_same_levels(name: str) -> None:
    """The kind, the levels and the place of each cell are those of the cells without it."""
    levels, kind = LEVELS[name]
    generator = np.random.default_rng(2)
    shares = 1 + 0.2 * (np.arange(len(levels)) % 2)
    exact = generator.choice(levels, 3000, p=shares / shares.sum())
    off = np.where(generator.uniform(size=3000) < 0.2, np.nextafter(exact, np.inf), exact)
    assert len(np.unique(off)) > len(np.unique(exact))
    wanted, found = column(exact), column(off)
    assert (wanted.kind, found.kind) == (kind, kind)
    np.testing.assert_array_equal(found.encode(off).levels, wanted.encode(exact).levels)
    np.testing.assert_allclose(found.encode(off).numbers, wanted.encode(exact).numbers, rtol=1e-9)
    np.testing.assert_array_equal(found.decode(found.encode(off)), exact)
    np.testing.assert_allclose(found.log_weight(off), wanted.log_weight(exact), rtol=1e-9)
    # A column of exact cells takes others that were computed.
    np.testing.assert_array_equal(wanted.encode(off).levels, wanted.encode(exact).levels)


def test_a_large_value_does_not_make_small_ones_equal() -> None:
    levels = np.array([-2.3250307746388343, -1.2654214710460525, -1.1, 0.0, 1e-9, 1e12])
    values = np.random.default_rng(0).choice(levels, 600)
    found = column(values)
    assert found.kind == "ordered"
    np.testing.assert_array_equal(found.decode(found.encode(values)), values)


def test_decimals_that_are_written_keep_levels_apart() -> None:
    """At 1e10 the twelfth digit is a hundredth, and a difference of that is one where it is written."""
    levels = 1e10 + np.array([0.0, 0.01, 0.03, 0.04])
    values = np.random.default_rng(0).choice(levels, 400)
    found = column(values)
    assert found.kind == "ordered"
    np.testing.assert_array_equal(found.decode(found.encode(values)), values)
    assert found.encode(np.array([1e10 + 0.02])).levels.tolist() == [[-1]]


@pytest.mark.parametrize("size", [1e-2, 1.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("digits", [9, 12, 15])
def test_a_cell_weighs_what_the_map_makes_of_its_width(size: float, digits: int) -> None:
    """R writes 15 digits, and of those that repeat the last one is below what an image under a logarithm still tells apart: such
    cells had no width and a log-density of minus infinity."""
    generator = np.random.default_rng(0)
    exact = size * np.exp(generator.normal(0, 0.5, 300))
    written = [f"{v:.{digits}g}" for v in np.append(exact, generator.choice(exact, 200))]
    decimals = max(len(text.partition(".")[2]) for text in written)
    values = np.array(written, float)
    table = Table(("x",), values[:, None], (NumberFormat(decimals if decimals <= 12 else None),))
    schema = examine(table).schema
    (found,) = schema.columns
    assert isinstance(found, AbstractNumber)
    assert not found.map.trivial
    slope = found.map.log_slope(values, found.margin)
    np.testing.assert_allclose(found.log_weight(values), slope, atol=0.02 if digits == 15 else 2e-4)
    np.testing.assert_allclose(schema.decode(schema.encode(table.values)), table.values, rtol=1e-14)
