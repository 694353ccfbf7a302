"""Baselines of mixed rows against closed forms, sums over all cells and integrals, and against their own samples."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.stats
from scipy.special import logsumexp

from scorax._errors import InputError
from scorax._mixed_rows import level_counts, smoothed_shares
from scorax.baselines import (
    ChainBaseline,
    CopulaBaseline,
    MixedRows,
    ProductMixtureBaseline,
    compare_folds,
    compare_mixed,
)
from scorax.baselines._normal_cells import log_mass, truncated_normal
from scorax.baselines._number_bins import NumberBins

BASELINES = [
    lambda: ProductMixtureBaseline(max_components=12),
    lambda: CopulaBaseline(draws=128),
    lambda: ChainBaseline(num_bins=8, max_rounds=8),
]
BASELINE_NAMES = ["mixture of products", "Gaussian copula", "boosted chain"]
NAMES = ["mixture", "copula", "chain"]


def _rows(n: int, *, seed: int) -> MixedRows:
    """A rounded number and three discrete quantities that depend on one another.

    The number does not apply at level 0 of the second.
    """
    generator = np.random.default_rng(seed)
    first = generator.choice(3, n, p=[0.5, 0.3, 0.2])
    second = (generator.uniform(size=n) < 0.3 + 0.2 * first).astype(int)
    number = np.round(generator.standard_normal(n) + first, 1)
    third = np.minimum(generator.poisson(1.0 + first), 3)
    number[second == 0] = np.nan
    return MixedRows(number[:, None], np.column_stack([first, second, third]), (3, 2, 5), (0.1,), (False, False, True))


@pytest.fixture(scope="module", params=range(3), ids=NAMES)
def fitted(request):
    return BASELINES[request.param]().fit(_rows(800, seed=0), seed=0)


@pytest.fixture(scope="module")
def masses(fitted) -> np.ndarray:
    """Mass of each of the 30 combinations of levels, summed over every row there can be.

    The number is on its grid far beyond the data, or not there at level 0 of the second discrete quantity.
    """
    grid = np.round(np.arange(-12.0, 14.0, 0.1), 1)
    parts = []
    for first, second, third in itertools.product(range(3), range(2), range(5)):
        number = np.array([np.nan]) if second == 0 else grid
        parts.append((number, np.tile([first, second, third], (len(number), 1))))
    numbers, levels = (np.concatenate(part) for part in zip(*parts, strict=True))
    cells = MixedRows(numbers[:, None], levels, (3, 2, 5), (0.1,), (False, False, True))
    mass = np.exp(fitted.log_prob(cells)) * np.where(np.isfinite(cells.numbers[:, 0]), 0.1, 1.0)
    return np.bincount(cells.levels @ _PLACES, weights=mass, minlength=30)


_PLACES = np.array([10, 5, 1])


def test_the_masses_of_all_cells_sum_to_one(fitted, masses) -> None:
    # The copula is estimated; its 128 points are the same for all cells, which leaves an error under a hundredth.
    assert masses.sum() == pytest.approx(1.0, abs=1e-2 if fitted.name == "Gaussian copula" else 1e-6)


def test_samples_have_the_frequencies_that_the_log_probability_says(fitted, masses) -> None:
    drawn = fitted.sample(20_000, seed=1)
    counts = np.bincount(drawn.levels @ _PLACES, minlength=30)
    often = masses * 20_000 > 5
    # False alarm: .001 for each of the three, once, with fixed keys.
    found, said = np.append(counts[often], counts[~often].sum()), np.append(masses[often], masses[~often].sum())
    p = scipy.stats.chisquare(found, said / said.sum() * found.sum()).pvalue
    assert p > 1e-3
    assert np.array_equal(np.isnan(drawn.numbers[:, 0]), drawn.levels[:, 1] == 0)
    present = drawn.numbers[drawn.levels[:, 1] == 1, 0]
    assert np.array_equal(present, np.round(present, 1))


def test_a_fit_and_its_draws_follow_from_the_seed(fitted) -> None:
    again = BASELINES[BASELINE_NAMES.index(fitted.name)]().fit(_rows(800, seed=0), seed=0)
    rows = _rows(100, seed=3)
    np.testing.assert_array_equal(again.log_prob(rows), fitted.log_prob(rows))
    one, two = fitted.sample(50, seed=4), again.sample(50, seed=4)
    np.testing.assert_array_equal(one.numbers, two.numbers)
    np.testing.assert_array_equal(one.levels, two.levels)


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("make", BASELINES[:2], ids=NAMES[:2])
def test_a_missing_level_is_summed_over(make, place: int) -> None:
    baseline = make().fit(_rows(800, seed=0), seed=0)
    rows = _rows(40, seed=2)
    each = []
    for level in range(rows.num_levels[place]):
        levels = rows.levels.copy()
        levels[:, place] = level
        each.append(baseline.log_prob(MixedRows(rows.numbers, levels, rows.num_levels, rows.widths, rows.ordered)))
    levels = rows.levels.copy()
    levels[:, place] = -1
    missing = baseline.log_prob(MixedRows(rows.numbers, levels, rows.num_levels, rows.widths, rows.ordered))
    np.testing.assert_allclose(logsumexp(each, axis=0), missing, atol=0.05 if make is BASELINES[1] else 1e-9)


def test_one_component_is_the_product_of_smoothed_shares_and_a_normal_law() -> None:
    rows = _rows(300, seed=0)
    got = ProductMixtureBaseline(max_components=1).fit(rows, seed=0).log_prob(rows)
    expected = np.zeros(300)
    for levels, size in zip(rows.levels.T, rows.num_levels, strict=True):
        counts = np.array([(levels == k).sum() for k in range(size)])
        expected += np.log((counts + 0.5) / (300 + 0.5 * size))[levels]
    x = rows.numbers[:, 0]
    there = np.isfinite(x)
    # A tenth of a row of prior at the same variance changes nothing.
    law = scipy.stats.norm(x[there].mean(), x[there].std())
    expected[there] += np.log((law.cdf(x[there] + 0.05) - law.cdf(x[there] - 0.05)) / 0.1)
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    assert rows.levels[:, 2].max() == 3  # the last level is never seen, and has the mass of half a row


@pytest.mark.parametrize("make", BASELINES, ids=NAMES)
def test_a_level_that_is_never_seen_has_the_mass_of_half_a_row(make) -> None:
    levels = np.random.default_rng(0).integers(0, 3, 400)[:, None]
    baseline = make().fit(MixedRows(np.zeros((400, 0)), levels, (4,)), seed=0)
    one = baseline.log_prob(MixedRows(np.zeros((1, 0)), np.array([[3]]), (4,)))
    assert one[0] == pytest.approx(np.log(0.5 / 402), rel=1e-9)


@pytest.mark.parametrize("make", BASELINES, ids=NAMES)
def test_a_change_of_units_moves_the_log_probability_by_the_logarithm(make) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((200, 2))
    levels = (x[:, :1] > 0.5).astype(int)
    one = make().fit(MixedRows(x, levels, (2,)), seed=0).log_prob(MixedRows(x, levels, (2,)))
    scaled = MixedRows(x * [1024.0, 0.125] + [0.0, 4.0], levels, (2,))
    other = make().fit(scaled, seed=0).log_prob(scaled)
    np.testing.assert_allclose(other, one - np.log(1024.0 * 0.125), atol=1e-3)


def test_a_copula_without_correlation_is_the_product_of_its_margins() -> None:
    rows = _rows(500, seed=0)
    baseline = CopulaBaseline(draws=8).fit(rows, seed=0)
    baseline.correlations = np.eye(4)
    got = baseline.log_prob(rows)
    margin = MixedRows(rows.numbers, np.zeros((500, 0), int), (), rows.widths)
    expected = (
        CopulaBaseline(draws=8).fit(margin.take(np.isfinite(rows.numbers[:, 0]).nonzero()[0]), seed=0).log_prob(margin)
    )
    for levels, size in zip(rows.levels.T, rows.num_levels, strict=True):
        expected = expected + np.log(smoothed_shares(level_counts(levels, size)))[levels]
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_a_far_value_costs_a_copula_no_more_than_its_margins_and_a_few_nats() -> None:
    x = np.random.default_rng(0).multivariate_normal(np.zeros(2), [[1.0, 0.95], [0.95, 1.0]], 1000)
    none = np.zeros((1001, 0), int)
    baseline = CopulaBaseline().fit(MixedRows(x, none[:1000], ()), seed=0)
    far = baseline.log_prob(MixedRows(np.array([[0.0, 20.0]]), none[:1], ()))
    # Normal tails alone: 20^2 / 2, and by the correlation ten times that.
    assert -200 < far[0] < -20


def test_a_copula_finds_the_correlation_behind_cells_and_gives_their_rectangles() -> None:
    truth = np.array([[1.0, 0.7, -0.4], [0.7, 1.0, 0.1], [-0.4, 0.1, 1.0]])
    z = np.random.default_rng(0).multivariate_normal(np.zeros(3), truth, 6000)
    levels = np.column_stack([np.searchsorted([-0.5, 0.8], z[:, 1]), np.searchsorted([0.0], z[:, 2])])
    rows = MixedRows(z[:, :1], levels, (3, 2), None, (True, True))
    baseline = CopulaBaseline(draws=1024).fit(rows, seed=0)
    # A tetrachoric correlation of 6,000 rows has a standard error of about .02.
    assert np.abs(baseline.correlations - truth).max() < 0.08
    # With the number missing a row is a rectangle, which SciPy integrates.
    shares = [smoothed_shares(level_counts(column, k)) for column, k in zip(levels.T, (3, 2), strict=True)]
    a, b = (scipy.stats.norm.ppf(np.cumsum(share)[:-1]) for share in shares)
    law = scipy.stats.multivariate_normal(np.zeros(2), baseline.correlations[1:, 1:])
    expected = law.cdf([a[1], b[0]]) - law.cdf([a[0], b[0]])
    got = baseline.log_prob(MixedRows(np.array([[np.nan]]), np.array([[1, 0]]), (3, 2), None, (True, True)))
    assert np.exp(got[0]) == pytest.approx(expected, rel=3e-3)


def test_a_mixture_of_two_products_is_found_and_a_chain_sees_a_rule() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 2, (2, 3000))
    rows = MixedRows(np.zeros((3000, 0)), np.column_stack([a, b, a ^ b]), (2, 2, 2))
    truth = np.log(0.25)
    values = compare_mixed(rows.take(slice(2000)), rows.take(slice(2000, None)), seed=0)
    assert list(values) == ["Gaussian copula", "mixture of products", "boosted chain"]
    means = {name: value.values.mean() for name, value in values.items()}
    assert means["boosted chain"] > truth - 0.02  # the rule of an exclusive or
    assert means["mixture of products"] > truth - 0.05
    assert means["Gaussian copula"] == pytest.approx(1.5 * truth, abs=0.02)  # no pair depends on one another


def test_masses_of_cells_keep_their_digits_and_cut_draws_stay_inside() -> None:
    low, high = np.array([-1.0, 5.0, -np.inf, -np.inf, 40.0]), np.array([1.0, 6.0, 0.0, np.inf, np.inf])
    normal = scipy.stats.norm
    expected = [normal.cdf(1) - normal.cdf(-1), normal.sf(5) - normal.sf(6), 0.5, 1.0]
    np.testing.assert_allclose(np.exp(log_mass(low, high))[:4], expected, rtol=1e-12)
    assert log_mass(low, high)[4] == pytest.approx(normal.logsf(40), rel=1e-12)
    for share in (0.0, 0.3, 1.0):
        drawn = truncated_normal(low, high, np.full(5, share))
        assert np.all((drawn >= low) & (drawn <= high))
    drawn = truncated_normal(low[:4], high[:4], np.full(4, 0.3))
    got = [normal.cdf(d) - normal.cdf(a) for d, a in zip(drawn, low[:4], strict=True)]
    np.testing.assert_allclose(got, 0.3 * np.array(expected), rtol=1e-6)


@pytest.mark.parametrize("make", BASELINES, ids=NAMES)
@pytest.mark.parametrize("present", [0, 1, 5])
def test_a_number_that_hardly_any_row_has_and_a_level_that_none_has_are_fitted(make, present: int) -> None:
    rows = _rows(60, seed=0)
    numbers = np.column_stack([rows.numbers, np.where(np.arange(60) < present, np.arange(60.0), np.nan)])
    levels = np.column_stack([rows.levels, np.full(60, -1)])
    table = MixedRows(numbers, levels, (*rows.num_levels, 3), (0.1, 0.0), (False, False, True, False))
    baseline = make().fit(table, seed=0)
    assert np.isfinite(baseline.log_prob(table)).all()
    assert (baseline.sample(200, seed=0).levels[:, 3] == 2).any()  # a third, by symmetry


def test_the_chain_takes_fewer_rows_where_its_work_would_be_too_much() -> None:
    rows = _rows(3000, seed=0)
    whole = ChainBaseline(num_bins=4, max_rounds=2).fit(rows, seed=0)
    part = ChainBaseline(num_bins=4, max_rounds=2, max_work=1.0).fit(rows, seed=0)
    first = MixedRows(np.full((1, 1), np.nan), np.array([[0, -1, -1]]), (3, 2, 5), (0.1,), (False, False, True))
    chosen = rows.cut(2000, np.random.default_rng(0)).levels[:, 0]
    for baseline, levels in ((whole, rows.levels[:, 0]), (part, chosen)):
        expected = ((levels == 0).sum() + 0.5) / (len(levels) + 1.5)
        assert np.exp(baseline.log_prob(first)[0]) == pytest.approx(expected, rel=1e-12)


def test_small_tables_have_few_bins_and_folds_the_same_baselines_as_held_rows() -> None:
    r = np.random.default_rng(3)
    rows = MixedRows(r.normal(size=(200, 2)), r.integers(0, 2, (200, 1)), (2,))
    assert ", at most 8 bins, " in ChainBaseline(max_rounds=3).fit(rows, seed=0).description
    folds = np.arange(200) % 2
    by_fold = compare_folds(rows, folds, seed=0)
    held = compare_mixed(rows.take(np.flatnonzero(folds)), rows.take(np.flatnonzero(folds == 0)), seed=0, quick=True)
    assert by_fold.keys() == held.keys()
    for name, own in held.items():
        np.testing.assert_array_equal(by_fold[name].values[folds == 0], own.values)
    wide = MixedRows(r.normal(size=(40, 61)), r.integers(0, 2, (40, 1)), (2,))
    assert "boosted chain" not in compare_folds(wide, np.arange(40) % 2, seed=0)


@pytest.mark.parametrize("width", [0.0, 0.5])
def test_bins_of_a_number_have_a_density_and_cut_no_cell(width: float) -> None:
    values = np.random.default_rng(0).standard_normal(500)
    if width:
        values = width * np.rint(values / width)
    bins = NumberBins.of(values, width, 6)
    grid = np.linspace(-30, 30, 60_001) if not width else np.arange(-60, 61) * width
    levels = bins.levels(grid)
    for level in range(bins.num_levels):
        density = np.exp(bins.log_density(grid[levels == level], np.full((levels == level).sum(), level)))
        assert density.sum() * (width or 1e-3) == pytest.approx(1.0, abs=0.02 if not width else 1e-9)
    drawn = bins.draw(np.repeat(np.arange(bins.num_levels), 50), np.random.default_rng(1))
    np.testing.assert_array_equal(bins.levels(drawn), np.repeat(np.arange(bins.num_levels), 50))
    if width:
        np.testing.assert_allclose((bins.edges / width) % 1, 0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels": np.zeros((3, 1), int)}, "numbers .* and levels"),
        ({"levels": np.array([[0], [2]])}, "levels from 0 to 1, or -1, got 2 in column 0 of levels"),
        ({"numbers": np.array([[1.0], [np.inf]])}, "finite numbers, or NaN, got 1"),
        ({"widths": (-1.0,)}, "widths of 0 or more"),
        ({"ordered": (True, True)}, "1 orders, got 1, 1 and 2"),
    ],
)
def test_rows_that_do_not_fit_are_refused(change: dict, words: str) -> None:
    fields = {"numbers": np.zeros((2, 1)), "levels": np.zeros((2, 1), int), "num_levels": (2,)} | change
    with pytest.raises(InputError, match=words):
        MixedRows(**fields)


def test_rows_of_another_table_and_too_few_rows_are_refused() -> None:
    rows = _rows(30, seed=0)
    with pytest.raises(InputError, match="rows of one table"):
        compare_mixed(rows, MixedRows(rows.numbers, rows.levels, (3, 2, 6), rows.widths, rows.ordered), seed=0)
    with pytest.raises(InputError, match="2 rows or more"):
        ProductMixtureBaseline().fit(rows.take(slice(1)), seed=0)


@pytest.mark.parametrize("count", [2, 5, 9])
def test_as_few_rows_as_a_model_is_trained_on_are_fitted(count: int) -> None:
    """The folds of a table of ten rows have nine, or five."""
    rows = _rows(30, seed=0)
    found = compare_mixed(rows.take(slice(count)), rows.take(slice(20, None)), seed=0, quick=True)
    assert len(found) == 3
    assert all(np.isfinite(own.values).all() for own in found.values())


def test_levels_that_are_more_than_half_of_the_rows_are_fitted_without_a_word():
    """scikit-learn asks whether so many classes are numbers: there is nobody to answer."""
    generator = np.random.default_rng(0)
    levels = np.column_stack([generator.integers(0, 3, 80), np.arange(80) % 60])
    rows = MixedRows(np.empty((80, 0)), levels, (3, 60), (), (False, False))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        chain = ChainBaseline().fit(rows, seed=0)
    assert np.isfinite(chain.log_prob(rows)).all()
