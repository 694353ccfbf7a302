"""Metrics of mixed rows against SciPy, closed forms, brute force and what samples of one law must give."""

import itertools

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import roc_auc_score

from scorax import metrics
from scorax._errors import InputError
from scorax._mixed_rows import MixedRows
from scorax.metrics._association import correlation_ratio, cramers_v
from scorax.metrics._columns import kolmogorov_smirnov
from scorax.metrics._detection import area_under_curve


def _rows(n: int, *, seed: int, shift: float = 0.0) -> MixedRows:
    """Two numbers, of which the second is not there at level 0 of the first of two discrete quantities."""
    generator = np.random.default_rng(seed)
    level = generator.integers(0, 3, n)
    x = generator.standard_normal((n, 2)) + level[:, None]
    x[:, 1] += shift * x[:, 0]
    x[level == 0, 1] = np.nan
    rank = np.clip(np.rint(x[:, 0] + generator.standard_normal(n)), 0, 4).astype(int)
    return MixedRows(x, np.column_stack([level, rank]), (3, 5), None, (False, True))


@pytest.mark.parametrize("classifier", ["boosted trees", "random forest"])
def test_two_samples_of_one_law_are_not_told_apart_and_others_are(classifier) -> None:
    same = metrics.detection(_rows(600, seed=0), _rows(600, seed=1), classifier=classifier)
    other = metrics.detection(_rows(600, seed=0), _rows(700, seed=2, shift=2.0), classifier=classifier)
    # Three folds of 400 rows: the area has a standard error of half that of the score. False alarm 1e-4 with fixed keys.
    assert abs(same.area - 0.5) < 3.9 * same.standard_error / 2
    assert same.standard_error == pytest.approx(2 / np.sqrt(12 * 600) * np.sqrt(2), rel=0.1)  # of a ranking by chance
    assert same.score > 1 - 4 * same.standard_error
    assert other.rows == 600
    assert other.score < 0.7 < other.area + 0.1
    low, high = other.interval
    assert low < other.score < high
    assert "detection score" in other.sentence


def test_copies_of_other_rows_are_always_told_apart() -> None:
    far = _rows(60, seed=1)
    far = MixedRows(far.numbers + 50, far.levels, far.num_levels, far.widths, far.ordered)
    found = metrics.detection(_rows(60, seed=0), far)
    assert (found.score, found.area, found.standard_error) == (0.0, 1.0, 0.0)


def test_xgboost_gives_the_score_as_it_is_published() -> None:
    xgboost = pytest.importorskip("xgboost")
    pandas = pytest.importorskip("pandas")
    from sklearn.model_selection import StratifiedKFold

    real, made = _rows(150, seed=0), _rows(150, seed=1, shift=0.5)
    rows = real.followed_by(made)
    frame = pandas.DataFrame(rows.numbers).assign(
        level=pandas.Categorical(rows.levels[:, 0], categories=range(3)), rank=rows.levels[:, 1]
    )
    frame.columns = frame.columns.astype(str)
    labels = np.repeat([0, 1], 150)
    scores = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(frame, labels):
        model = xgboost.XGBClassifier(eval_metric="logloss", enable_categorical=True, random_state=0, n_jobs=1)
        model.fit(frame.iloc[train], labels[train])
        scores.append(2 * max(roc_auc_score(labels[test], model.predict_proba(frame.iloc[test])[:, 1]), 0.5) - 1)
    assert metrics.detection(real, made, classifier="xgboost").score == pytest.approx(1 - np.mean(scores), abs=1e-12)


def test_the_area_is_scikit_learns_and_its_variance_that_of_many_samples() -> None:
    generator = np.random.default_rng(0)
    areas, variances = [], []
    for _ in range(400):
        scores = np.round(np.concatenate([generator.normal(0, 1, 40), generator.normal(0.8, 1, 60)]), 1)
        positive = np.repeat([False, True], [40, 60])
        area, variance = area_under_curve(scores, positive)
        areas.append(area)
        variances.append(variance)
    assert area == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
    # The variance of 400 areas has a relative standard error of sqrt(2 / 400) = .07.
    assert np.mean(variances) == pytest.approx(np.var(areas), rel=0.25)


def test_the_kolmogorov_smirnov_distance_is_scipys() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal(80), np.round(generator.standard_normal(61) + 0.3, 1)
    assert kolmogorov_smirnov(x, y) == pytest.approx(scipy.stats.ks_2samp(x, y).statistic, abs=1e-12)


def test_columns_have_their_distances_ends_and_spikes() -> None:
    numbers = np.concatenate([np.zeros(30), np.linspace(1, 2, 60), np.full(10, np.nan)])
    levels = np.repeat([[0, 0], [1, 1]], 50, axis=0)
    real = MixedRows(numbers[:, None], levels, (3, 3), None, (False, True))
    other = np.concatenate([np.zeros(10), np.linspace(1, 2, 70), [-1.0, 3.0], np.full(18, np.nan)])
    made = MixedRows(
        other[:, None], np.repeat([[0, 0], [1, 1], [2, 2]], [20, 55, 25], axis=0), (3, 3), None, (False, True)
    )
    number, category, rank = metrics.column_differences(real, made)
    expected = scipy.stats.ks_2samp(numbers[:90], other[:82]).statistic
    assert number.distance == pytest.approx(expected, abs=1e-12)
    assert number.outside.value == pytest.approx(2 / 82)
    assert number.outside.low < 2 / 82 < number.outside.high
    zero, nothing = number.spikes
    assert (zero.value, zero.real, zero.synthetic) == (0.0, 0.3, 0.1)
    assert zero.standard_error == pytest.approx(np.sqrt(0.21 / 100 + 0.09 / 100))
    assert np.isnan(nothing.value)
    assert (nothing.real, nothing.synthetic) == (0.1, 0.18)
    assert category.measure == "total variation"
    assert category.distance == pytest.approx(0.5 * (0.3 + 0.05 + 0.25))
    assert rank.measure == "Kolmogorov-Smirnov"
    assert rank.distance == pytest.approx(0.3)
    assert category.outside.value == rank.outside.value == 0.25
    assert "more than samples of one law" in category.sentence
    assert "30.0%" in number.sentence


def test_what_one_law_exceeds_one_time_in_twenty_is_exceeded_so_often() -> None:
    over = np.zeros(4)
    for seed in range(150):
        pair = metrics.column_differences(_rows(200, seed=2 * seed), _rows(150, seed=2 * seed + 1), seed=seed)
        over += [column.distance > column.expected for column in pair]
    # Binomial(150, .05): more than 17 has probability .001; ties make the limits of levels cautious, not the other way.
    assert over.max() <= 17
    assert over.sum() >= 10


def test_cramers_v_and_the_correlation_ratio_of_known_tables() -> None:
    table = np.array([[30.0, 10.0, 0.0], [10.0, 50.0, 0.0]])
    statistic = scipy.stats.contingency.association(table[:, :2].astype(int), method="cramer", correction=False)
    assert cramers_v(table) == pytest.approx(statistic, abs=1e-12)
    assert cramers_v(np.diag([4.0, 3.0, 9.0])) == pytest.approx(1.0)
    assert cramers_v(np.outer([1.0, 2.0], [3.0, 4.0])) == pytest.approx(0.0, abs=1e-12)
    assert cramers_v(np.array([[3.0, 4.0]])) == 0.0
    x = np.array([1.0, 3.0, 7.0, 9.0])
    assert correlation_ratio(x, np.array([0, 0, 2, 2])) == pytest.approx(np.sqrt(36 / 40))
    assert correlation_ratio(np.ones(4), np.array([0, 0, 2, 2])) == 0.0


def test_associations_are_those_of_rows_where_both_are_there() -> None:
    rows = _rows(300, seed=0)
    matrix = metrics.associations(rows)
    there = np.isfinite(rows.numbers[:, 1])
    assert matrix[0, 1] == pytest.approx(np.corrcoef(rows.numbers[there].T)[0, 1], abs=1e-12)
    assert matrix[2, 0] == pytest.approx(correlation_ratio(rows.numbers[:, 0], rows.levels[:, 0]), abs=1e-12)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(np.diag(matrix), 1.0)


def test_associations_of_one_law_are_as_far_apart_as_permuted_ones() -> None:
    real = _rows(400, seed=0)
    same = metrics.association_difference(real, _rows(400, seed=1))
    other = metrics.association_difference(real, _rows(400, seed=2, shift=-3.0))
    assert same.mean <= same.limit  # one time in twenty not; the keys are fixed
    assert other.mean > other.limit
    assert other.worst == (0, 1)
    assert "columns 0 and 1" in other.sentence
    only = MixedRows(real.numbers[:, :1], np.zeros((400, 0), int), ())
    assert np.isnan(metrics.association_difference(only, only).mean)


def test_real_rows_are_worth_what_real_rows_are_and_shuffled_ones_nothing() -> None:
    train, test = _rows(600, seed=0), _rows(400, seed=1)
    again = metrics.train_on_synthetic(train, _rows(600, seed=2), test, 2)
    assert again.measure == "accuracy"
    assert abs(again.real - again.synthetic) < 4 * again.standard_error
    order = np.random.default_rng(0).permutation(600)
    shuffled = MixedRows(train.numbers, train.levels[order], (3, 5), None, (False, True))
    worse = metrics.train_on_synthetic(train, shuffled, test, 0)
    assert worse.measure == "R2"
    assert worse.synthetic < worse.real - 3 * worse.standard_error
    assert "R2" in worse.sentence
    with pytest.raises(InputError, match="a column from 0 to 3, got 4"):
        metrics.train_on_synthetic(train, train, test, 4)


def test_a_column_that_is_constant_in_generated_rows_is_predicted_as_that() -> None:
    train = _rows(100, seed=0)
    levels = train.levels.copy()
    levels[:, 0] = 1
    made = MixedRows(train.numbers, levels, (3, 5), None, (False, True))
    found = metrics.train_on_synthetic(train, made, train, 2)
    assert found.synthetic == pytest.approx((train.levels[:, 0] == 1).mean())


def test_nearest_mixed_rows_are_those_of_all_pairs() -> None:
    rows, reference = _rows(40, seed=0), _rows(60, seed=1)
    got, places = metrics.nearest_mixed_rows(rows, reference, reference)
    ends = np.nanquantile(reference.numbers, [0.05, 0.5, 0.95], axis=0)
    expected = np.zeros((40, 60))
    for i, k in itertools.product(range(40), range(60)):
        for j in range(2):
            a, b = rows.numbers[i, j], reference.numbers[k, j]
            apart = abs(np.nan_to_num(a, nan=ends[1, j]) - np.nan_to_num(b, nan=ends[1, j])) / (ends[2, j] - ends[0, j])
            expected[i, k] += apart + (np.isnan(a) != np.isnan(b))
        expected[i, k] += rows.levels[i, 0] != reference.levels[k, 0]
        expected[i, k] += abs(rows.levels[i, 1] - reference.levels[k, 1]) / 4
    np.testing.assert_allclose(got, expected.min(axis=1), rtol=1e-10)
    np.testing.assert_allclose(expected[np.arange(40), places], expected.min(axis=1), rtol=1e-10)


def test_fresh_rows_are_no_copies_and_rows_of_the_fit_are() -> None:
    train, held = _rows(500, seed=0), _rows(400, seed=1)
    fresh = metrics.copying(train, held, _rows(500, seed=2))
    assert abs(fresh.nearer - 0.5) < 3.3 * fresh.standard_error  # false alarm .001, with fixed keys
    assert fresh.references == 400
    assert (fresh.duplicates, fresh.held_duplicates) == (0, 0)
    assert "no copying is seen" in fresh.sentence
    copies = metrics.copying(train, held, train.take(slice(100)), max_rows=10_000)
    assert copies.nearer > 0.75
    assert 50 < copies.duplicates <= 100  # four fifths of the rows of the fit are compared with
    assert "copies are seen" in copies.sentence


def test_the_standard_error_of_copying_is_that_of_many_splits() -> None:
    made, shares, errors = _rows(200, seed=0), [], []
    for seed in range(60):
        found = metrics.copying(_rows(60, seed=1000 + seed), _rows(60, seed=2000 + seed), made)
        shares.append(found.nearer)
        errors.append(found.standard_error)
    # The deviation of 60 shares has a relative standard error of about .09.
    assert np.std(shares) == pytest.approx(np.mean(errors), rel=0.3)
    assert np.mean(shares) == pytest.approx(0.5, abs=3.3 * np.mean(errors) / np.sqrt(60))


def test_duplicates_are_equal_cell_for_cell() -> None:
    numbers = np.array([[0.0, np.nan], [1.0, 2.0], [-0.0, np.nan]])
    rows = MixedRows(numbers, np.array([[0], [0], [1]]), (2,))
    reference = MixedRows(numbers[::-1], np.array([[0], [-1], [1]]), (2,))
    assert metrics.duplicates(rows, reference) == 2


def test_a_share_has_the_interval_of_wilson() -> None:
    interval = scipy.stats.binomtest(3, 40).proportion_ci(method="wilson")
    share = metrics.ShareInterval.of(3, 40)
    assert (share.low, share.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert metrics.ShareInterval.of(0, 0).high == 1.0


def test_rows_of_another_table_are_refused() -> None:
    rows = _rows(30, seed=0)
    other = MixedRows(rows.numbers, rows.levels, (3, 6), None, (False, True))
    for compare in (metrics.detection, metrics.column_differences, metrics.association_difference):
        with pytest.raises(InputError, match="rows of one table"):
            compare(rows, other)
    with pytest.raises(InputError, match="20 rows a sample, got 5"):
        metrics.detection(rows, rows.take(slice(5)))
