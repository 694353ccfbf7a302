"""Maps of columns: inverses, slopes, masses of cells, and what bounds them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from scorax.data import NumberFormat
from scorax.tables.columns import (
    AbstractNumber,
    Asinh,
    Cells,
    Continuous,
    Grid,
    Identity,
    Integer,
    Knots,
    Log,
    Logit,
    Map,
    Rounded,
    Softplus,
    Span,
)

BASES = {
    "identity": (Identity(), np.array([-1e6, -2.0, 0.0, 1e-9, 7.5, 3e8])),
    "log": (Log(2.0), np.array([2 + 1e-12, 2.5, 3.0, 1e3, 1e12])),
    "log of a positive": (Log(0.0), np.array([1e-300, 1e-9, 1.0, 1e12, 1e300])),
    "log below": (Log(-1.0, "below"), np.array([-1e12, -1e3, -2.0, -1.5, -1 - 1e-12])),
    "softplus": (Softplus(0.0, 2.0), np.array([1e-300, 1e-9, 0.5, 30.0, 1e12])),
    "softplus below": (Softplus(5.0, 0.1, "below"), np.array([-1e12, -3.0, 4.0, 4.99, 5 - 1e-12])),
    "logit": (Logit(-3.0, 5.0), np.array([-3 + 1e-12, -2.9, 0.0, 1.0, 4.9, 5 - 1e-12])),
    "logit of a share": (Logit(0.0, 1.0), np.array([1e-300, 1e-9, 0.5, 1 - 1e-12])),
    "asinh": (Asinh(4.0, 0.5), np.array([-1e12, -30.0, 3.9, 4.0, 4.1, 1e3, 1e12])),
}
each = pytest.mark.parametrize(("base", "values"), BASES.values(), ids=BASES)


@each
@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_values_come_back_from_a_base(base, values, margin):
    images = base.forward(values, margin)
    assert (np.diff(images) > 0).all()
    # Relative to the value, or where the map counts from elsewhere to the distance from there.
    unit = {"logit": 8.0, "asinh": 4.0}.get(base.kind, 0.0) if base.ends != (0, 1) else 0.0
    assert (np.abs(base.inverse(images, margin) - values) <= 1e-12 * np.maximum(np.abs(values), unit + margin)).all()


@each
@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_the_slope_of_a_base_is_its_derivative(base, values, margin):
    values = values[(np.abs(values) > 1e-6) & (np.abs(values) < 1e7)]
    low, high = base.ends
    room = np.minimum(np.minimum(values - low, high - values) + margin, np.maximum(np.abs(values), 1))
    values, size = values[room > 1e-6], 1e-4 * room[room > 1e-6]
    slope = (base.forward(values + size, margin) - base.forward(values - size, margin)) / (2 * size)
    np.testing.assert_allclose(base.log_slope(values, margin), np.log(slope), atol=1e-6)


@pytest.mark.parametrize("origin", [0.1, 1.0, 3.0, 7.7, 1e6])
def test_zero_comes_back_as_zero_from_an_end_elsewhere(origin):
    zero = np.zeros(1)
    for base in (Log(-origin), Log(origin, "below"), Logit(-origin, 2.3 * origin), Asinh(origin, 0.3 * origin)):
        assert base.inverse(base.forward(zero, 0.0), 0.0) == 0
    for times in (0.2, 1.3, 6.0):
        base = Softplus(-origin, times * origin)
        assert base.inverse(base.forward(zero, 0.0), 0.0) == 0


def test_the_ends_of_a_base_are_the_ends_of_its_values():
    far = np.array([-800.0, -50.0, 50.0, 800.0])
    assert (Logit(-3.0, 5.0).inverse(far, 0.0) == [-3, -3 + 0, 5, 5]).all()
    assert (Log(2.0).inverse(far[:2], 0.0) >= 2).all()
    assert (Log(2.0, "below").inverse(far[2:], 0.0) <= 2).all()
    map = Map(Logit(-3.0, 5.0))
    found = map.inside(map.inverse(far, 0.0), 0.0)
    assert ((found > -3) & (found < 5)).all()
    assert not map.beyond(found, 0.0).any()
    assert map.beyond(np.array([-3.0, 5.0, 9.0]), 0.0).all()
    assert map.beyond(np.array([-3.0, 5.0, 9.0]), 0.1).tolist() == [False, False, True]


@st.composite
def knots(draw) -> Knots:
    gaps = draw(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)), min_size=1, max_size=39))
    start = draw(st.floats(-100, 100))
    at, to = (np.cumsum([first, *(gap[i] for gap in gaps)]) for i, first in ((0, start), (1, -3.0)))
    return Knots(tuple(at.tolist()), tuple(to.tolist()), draw(st.floats(0.05, 20)), draw(st.floats(0.05, 20)))


@settings(max_examples=60, deadline=None)
@given(knots(), st.integers(0, 2**32 - 1))
def test_knots_are_monotone_and_come_back(found, seed):
    at, to = np.array(found.at), np.array(found.to)
    span = at[-1] - at[0]
    values = np.sort(np.random.default_rng(seed).uniform(at[0] - span / 2, at[-1] + span / 2, 400))
    images = found.forward(values)
    np.testing.assert_allclose(found.forward(at), to, atol=1e-12 * (1 + np.abs(to)).max())
    assert (np.diff(images) >= 0).all()
    assert np.abs(found.inverse(images) - values).max() <= 1e-11 * (1 + np.abs(values).max())
    # Nowhere flatter than half the flattest chord or tail, nowhere steeper than three times the steepest.
    chords = [*(np.diff(to) / np.diff(at)), found.lower, found.upper]
    slopes = np.exp(found.log_slope(values))
    assert slopes.min() >= min(chords) / 2 * (1 - 1e-9)
    assert slopes.max() <= 3 * max(chords) * (1 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(knots())
def test_the_slope_of_knots_is_their_derivative_and_continuous(found):
    at = np.array(found.at)
    middles = np.concatenate([[at[0] - 1], (at[1:] + at[:-1]) / 2, [at[-1] + 1]])
    size = 1e-5
    slope = (found.forward(middles + size) - found.forward(middles - size)) / (2 * size)
    np.testing.assert_allclose(np.exp(found.log_slope(middles)), slope, rtol=1e-4)
    inner = at[1:-1]
    sides = [np.exp(found.log_slope(np.nextafter(inner, side * np.inf))) for side in (-1, 1)]
    np.testing.assert_allclose(*sides, rtol=1e-6)


KNOTS = Knots((-1.0, 0.0, 1.5), (-1.2, 0.3, 1.0), 0.8, 0.6)


@pytest.mark.parametrize(
    "map",
    [
        Map(),
        Map(Log(0.0)),
        Map(Softplus(0.0, 2.0)),
        Map(Logit(0.0, 1.0)),
        Map(Asinh(0.3, 0.2)),
        Map(Identity(), KNOTS),
        Map(Log(0.0), KNOTS),
        Map(Log(0.0), bent=Span(0.5, 4.0)),
        Map(Log(0.0, "below"), KNOTS, bent=Span(-2.0, -0.5)),
        Map(Asinh(0.3, 0.2), KNOTS, bent=Span(-0.4, 0.9)),
    ],
)
def test_a_density_through_a_map_integrates_to_one(map):
    column = Continuous("c", NumberFormat(), Span(0, 1), map)

    def density(value: float) -> float:
        at = np.array([value])
        return float(stats.norm.pdf(column.encode(at).numbers[0, 0]) * np.exp(column.log_weight(at)[0]))

    # From quantile to quantile, so that every piece is smooth and short.
    edges = map.inverse(np.linspace(-8.5, 8.5, 69), 0.0)
    kinks = map.base.inverse(np.array(KNOTS.at), 0.0) if map.knots else []
    edges = np.unique([*edges, *kinks])
    total = sum(integrate.quad(density, a, b, epsabs=1e-12, limit=100)[0] for a, b in pairwise(edges))
    assert total == pytest.approx(1, abs=1e-8)


BENT = {
    "log": (Log(2.0), Span(2.5, 40.0), [2 + 1e-9, 2.5, 3.0, 40.0, 41.0, 1e9]),
    "log below": (Log(-1.0, "below"), Span(-40.0, -1.5), [-1e9, -41.0, -40.0, -3.0, -1.5, -1 - 1e-9]),
    "asinh": (Asinh(4.0, 0.5), Span(-30.0, 9.0), [-1e9, -31.0, -30.0, 4.0, 9.0, 9.5, 1e9]),
    "softplus": (Softplus(0.0, 2.0), Span(0.1, 9.0), [1e-9, 0.1, 5.0, 9.0, 1e9]),
}


@pytest.mark.parametrize(("base", "bent", "values"), BENT.values(), ids=BENT)
@pytest.mark.parametrize("knots", [None, KNOTS])
@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_a_map_is_a_line_beyond_the_outermost_rows_except_towards_an_end(base, bent, values, knots, margin):
    found, values = Map(base, knots, bent=bent), np.array(values)
    numbers = found.forward(values, margin)
    assert (np.diff(numbers) > 0).all()
    np.testing.assert_allclose(found.inverse(numbers, margin), values, rtol=1e-9, atol=1e-9)
    between = values[(values >= bent.low) & (values <= bent.high)]
    for got in (found.forward, found.log_slope):
        np.testing.assert_array_equal(got(between, margin), getattr(Map(base, knots), got.__name__)(between, margin))
    size = 1e-6
    middle = np.concatenate([between, [bent.low, bent.high]])
    slope = (found.forward(middle + size, margin) - found.forward(middle - size, margin)) / (2 * size)
    np.testing.assert_allclose(np.exp(found.log_slope(middle, margin)), slope, rtol=1e-4)
    for end, at, side in zip(base.ends, (bent.low, bent.high), (-1, 1), strict=True):
        if not np.isfinite(end):
            far = at + side * np.array([100.0, 200.0, 300.0])
            np.testing.assert_allclose(np.diff(found.forward(far, margin), 2), 0, atol=1e-9)
            assert np.ptp(found.log_slope(far, margin)) == 0
        else:
            low, high = base.ends
            assert (
                (found.inverse(np.array([-30.0, 30.0]), 0.0) >= low)
                & (found.inverse(np.array([-30.0, 30.0]), 0.0) <= high)
            ).all()


@pytest.mark.parametrize("tail", ["cauchy", "lognormal", "laplace"])
@pytest.mark.parametrize("rows", [100, 3000])
def test_an_error_beyond_the_rows_is_as_large_in_the_file_as_in_the_numbers(tail, rows):
    """Ten units of the numbers more make ten times the error in the file that one makes, not its exponential."""
    random = np.random.default_rng(3)
    values = {
        "cauchy": random.standard_cauchy(rows),
        "lognormal": random.lognormal(0, 2, rows),
        "laplace": random.laplace(size=rows),
    }[tail]
    column = Continuous.infer(Cells("c", values, NumberFormat(), plain=False))
    assert isinstance(column, AbstractNumber)
    numbers = column.encode(np.array([values.min(), values.max()])).numbers[:, 0]
    one, ten = (
        column.map.inverse(np.array([numbers[1] + by * np.ptp(numbers)]), 0.0)[0] - values.max() for by in (1, 10)
    )
    assert ten == pytest.approx(10 * one)


@pytest.mark.parametrize(
    "map", [Map(), Map(Log(0.0)), Map(Softplus(0.0, 9.0)), Map(Logit(0.0, 40.0)), Map(Asinh(9.0, 3.0), KNOTS)]
)
@pytest.mark.parametrize("unit", [1.0, 0.1])
def test_the_probabilities_of_cells_sum_to_that_between_the_outermost(map, unit):
    """Density times width: with noise uniform over a cell, the mean of the density of numbers is the mass of the cell."""
    if unit == 1.0:
        column = Integer("c", NumberFormat(0), Span(0, 40), Grid(0, 1.0, 0.0, 1.0), map)
    else:
        column = Rounded("c", NumberFormat(1), Span(0, 40), Grid(1, 0.1, 0.0, 0.1), map)
    points = np.round(np.arange(0, 40 + unit / 2, unit), 1)
    numbers, widths, _ = column.encode(points)
    mass = np.diff(stats.norm.cdf(np.column_stack([numbers - widths / 2, numbers + widths / 2])), axis=1)[:, 0]
    outermost = stats.norm.cdf([numbers[0, 0] - widths[0, 0] / 2, numbers[-1, 0] + widths[-1, 0] / 2])
    assert mass.sum() == pytest.approx(outermost[1] - outermost[0], abs=1e-12)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    middle = numbers + widths * nodes / 2
    mean = stats.norm.pdf(middle) @ weights / 2
    np.testing.assert_allclose(mean * np.exp(column.log_weight(points)) * unit, mass, rtol=1e-6, atol=1e-9)


def test_what_is_generated_beyond_the_cells_is_the_end():
    column = Integer("c", NumberFormat(0), Span(0, 40), Grid(0, 1.0, 0.0, 1.0), Map(Logit(0.0, 40.0)))
    encoded = column.encode(np.array([0.0, 40.0]))
    far = encoded._replace(numbers=encoded.numbers + np.array([[-60.0], [60.0]]))
    assert column.decode(far).tolist() == [0, 40]


@pytest.mark.parametrize("outlier", [1e3, 1e6, 1e12])
def test_an_outlier_does_not_set_the_scale(outlier):
    """The images of all others are those without it, up to the unit of a normal law."""
    values = np.random.default_rng(0).normal(size=1000)
    with_it = np.append(values, outlier)
    spread = []
    for cells in (values, with_it):
        column = Continuous.infer(Cells("c", cells, NumberFormat(), plain=False))
        assert isinstance(column, AbstractNumber)
        numbers = column.encode(values).numbers[:, 0]
        every = column.encode(cells).numbers[:, 0]
        spread.append((np.quantile(numbers, 0.84) - np.quantile(numbers, 0.16)) / 2 / every.std())
    assert spread[1] > 0.6 * spread[0]
