"""Members fitted to bootstrapped rows: weights, what members differ by, and whose draws completed tables are."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import chi2

from scorax import ScoreImputer
from scorax._errors import InputError
from scorax.tables import EnsembleConfig, fill, pool
from scorax.tables._bootstrap import bootstrapped
from tiny import TINY
from untrained import CONFIG, ROWS, conditional, law, table, untrained


def bootstrap(folds: int):
    return dataclasses.replace(CONFIG, ensemble=EnsembleConfig(folds=folds, starts=("gaussian",), bootstrap=True))


def test_rows_come_as_often_as_weights_of_the_law_of_dirichlet() -> None:
    """Shares have mean 1/n and variance (n - 1) / (n^2 (n + 1)), and up to 1.6 % more by whole numbers; 4.5 standard errors."""
    n, times = 50, 2000
    random = np.random.default_rng(0)
    counts = np.array([np.bincount(bootstrapped(np.arange(n), random), minlength=n) for _ in range(times)])
    assert np.all(np.abs(counts.sum(axis=1) - 4 * n) <= 1)
    shares = counts / (4 * n)
    variance = (n - 1) / (n**2 * (n + 1))
    assert np.all(np.abs(shares.mean(axis=0) - 1 / n) < 4.5 * np.sqrt(variance / times))
    squares = ((shares - 1 / n) ** 2).sum(axis=1) / (n * variance)
    error = squares.std() / np.sqrt(times)
    assert 1 - 4.5 * error < squares.mean() < 1.016 + 4.5 * error


def test_members_differ_as_draws_from_the_posterior_of_a_mean() -> None:
    """The variance over 40 members of each mean that they start from is s^2 / n (chi-squared, three columns: 1 in 30,000)."""
    members = 40
    fitted = untrained(bootstrap(members))
    means = np.array([law(fitted, member)[0] for member in range(members)])
    ratio = means.var(axis=0, ddof=1) / (table().values[:, :3].var(axis=0) / 400)
    low, high = chi2.ppf([5e-6, 1 - 5e-6], members - 1) / (members - 1)
    assert np.all((ratio > low) & (ratio < 1.06 * high))  # without a fortieth of the rows each


def test_completed_tables_are_by_members_in_turn() -> None:
    """Means of 2,000 draws by each member are those of its own law, within 4.5 standard errors (4 figures: 1 in 35,000)."""
    fitted, draws = untrained(bootstrap(2)), 4000
    values = np.where(np.arange(4) == 1, np.nan, ROWS[:2])
    cells = fill(fitted, values, draws=draws, seed=2).cells
    for member in range(2):
        own = cells[member::2]
        for k in range(2):
            mean, covariance = conditional(fitted, [1], [0, 2], values[k, [0, 2]], member)
            assert abs(own[:, k].mean() - mean[0]) < 4.5 * np.sqrt(covariance[0, 0] / len(own))
    # Noise of their own: what two members draw of a row is not alike.
    correlation = np.corrcoef(cells[0::2, 0], cells[1::2, 0])[0, 1]
    assert abs(correlation) < 4.5 / np.sqrt(draws / 2)


def test_an_imputer_of_bootstrapped_members_is_pooled_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    values = table().values[:60, :3].copy()
    values[::4, 1] = np.nan
    imputer = ScoreImputer(TINY, folds=3, random_state=0, bootstrap=True).fit(values)
    assert imputer.fitted_.config.ensemble.bootstrap
    q = np.array([whole[:, 1].mean() for whole in imputer.draws(values, 3)])
    answer = pool(q[:, None], np.full((3, 1), values[:, 0].var() / 60), complete_df=59)
    assert 0 < answer.df < 59
    assert not [one for one in recwarn if "too narrow" in str(one.message)]


def test_one_member_alone_is_refused() -> None:
    with pytest.raises(InputError, match="2 or more beside bootstrap"):
        EnsembleConfig(folds=1, bootstrap=True)
