"""Pooled intervals: limits of the formulas, and coverage where everything is known."""

import numpy as np
import pytest
from scipy.stats import t

from scorax._errors import InputError
from scorax.tables import pool


def test_without_a_difference_between_tables_it_is_the_analysis_of_one() -> None:
    answer = pool(np.full((5, 3, 2), [1.0, -2.0]), np.full((5, 3, 2), [4.0, 9.0]))
    np.testing.assert_allclose(answer.estimate, [1, -2])
    np.testing.assert_allclose(answer.standard_error, [2, 3])
    assert np.isinf(answer.df).all()
    np.testing.assert_array_equal(answer.missing_information, 0)
    np.testing.assert_allclose(answer.interval(0.9)[1][0], 1 + 1.6448536 * 2, rtol=1e-6)
    few = pool(np.ones((5, 1)), np.ones((5, 1)), complete_df=10)
    np.testing.assert_allclose(few.df, 10 * 11 / 13)


def test_one_draw_each_is_the_rule_of_rubin_with_the_degrees_of_barnard_and_rubin() -> None:
    """Written out by hand for estimates 0, 1, 2 and variances 1: B = 1, T = 1 + 4/3."""
    answer = pool(np.array([[0.0], [1.0], [2.0]]), np.ones((3, 1)), complete_df=20)
    total, share = 7 / 3, 4 / 7
    old, observed = 2 / share**2, 20 * 21 / 23 * (1 - share)
    np.testing.assert_allclose(answer.standard_error, np.sqrt(total))
    np.testing.assert_allclose(answer.df, 1 / (1 / old + 1 / observed))
    r = 4 / 3
    np.testing.assert_allclose(answer.missing_information, (r + 2 / (old + 3)) / (r + 1))
    assert answer.df < min(old, 20)


def test_nested_draws_are_the_formula_and_many_draws_leave_the_variance_between_models() -> None:
    random = np.random.default_rng(0)
    q, u = random.normal(size=(4, 6)), random.gamma(3, size=(4, 6))
    b, w = q.mean(axis=1).var(ddof=1), q.var(axis=1, ddof=1).mean()
    total = u.mean() + 1.25 * b + 5 / 6 * w
    answer = pool(q, u)
    np.testing.assert_allclose(answer.standard_error**2, total)
    np.testing.assert_allclose(1 / answer.df, (1.25 * b / total) ** 2 / 3 + (5 / 6 * w / total) ** 2 / 20)
    # Draws that are all the same are one draw.
    same = pool(np.repeat(q[:, :1], 50, axis=1), np.repeat(u[:, :1], 50, axis=1))
    np.testing.assert_allclose(same.standard_error, pool(q[:, :1], u[:, :1]).standard_error)
    np.testing.assert_allclose(same.df, pool(q[:, :1], u[:, :1]).df)


def test_without_a_variance_within_all_information_is_missing() -> None:
    answer = pool(np.array([[0.0], [1.0]]), np.zeros((2, 1)), complete_df=5)
    assert answer.missing_information == 1
    assert answer.df == 0


def test_draws_of_one_model_are_pooled_with_a_warning() -> None:
    q, u = np.random.default_rng(1).normal(size=(1, 5)), np.ones((1, 5))
    with pytest.warns(UserWarning, match="too narrow"):
        answer = pool(q, u)
    np.testing.assert_allclose(answer.standard_error, pool(q.T, u.T).standard_error)


@pytest.mark.parametrize(
    ("models", "draws", "estimated"),
    [(20, 1, False), (10, 3, False), (5, 1, True)],
    ids=["rubin", "nested", "few rows"],
)
def test_intervals_of_a_normal_mean_cover_as_they_say(models: int, draws: int, estimated: bool) -> None:
    """A mean of n values of which a third is missing completely at random, filled by proper draws: parameters from their
    posterior, then cells. 95 % intervals of 8,000 replicates cover 93.9 to 96.1 % (4.5 standard errors: 1 in 150,000)."""
    replicates, n, seen = 8000, 30, 20
    random = np.random.default_rng([models, draws, estimated])
    known = random.normal(size=(replicates, seen))
    mean, square = known.mean(axis=1), known.var(axis=1, ddof=1)
    shape = (replicates, models)
    sigma2 = (seen - 1) * square[:, None] / random.chisquare(seen - 1, shape) if estimated else np.ones(shape)
    centre = mean[:, None] + np.sqrt(sigma2 / seen) * random.normal(size=shape)
    made = centre[..., None, None] + np.sqrt(sigma2)[..., None, None] * random.normal(size=(*shape, draws, n - seen))
    whole = np.concatenate([np.broadcast_to(known[:, None, None], (*shape, draws, seen)), made], axis=-1)
    q = whole.mean(axis=-1)
    u = whole.var(axis=-1, ddof=1) / n if estimated else np.full(q.shape, 1 / n)
    answer = pool(np.moveaxis(q, 0, -1), np.moveaxis(u, 0, -1), complete_df=n - 1 if estimated else np.inf)
    low, high = answer.interval()
    covered = np.mean((low < 0) & (high > 0))
    assert 0.939 < covered < 0.961
    # A third is missing: 1/20 = 1/n + B, so that share of the information in the limit of many models.
    if models == 20:
        assert abs(np.mean(answer.missing_information) - 1 / 3) < 0.06
    assert (t.cdf((high - answer.estimate) / answer.standard_error, answer.df) - 0.975 < 1e-9).all()


def test_what_cannot_be_pooled_is_refused() -> None:
    for q, u, message in (
        (np.zeros(5), np.ones(5), "models, draws"),
        (np.zeros((1, 1)), np.ones((1, 1)), "two tables or more"),
        (np.zeros((2, 1)), np.ones((2, 2)), "one shape"),
        (np.zeros((2, 1)), -np.ones((2, 1)), "squared standard errors"),
    ):
        with pytest.raises(InputError, match=message):
            pool(q, u)
    with pytest.raises(InputError, match="between 0 and 1"):
        pool(np.zeros((2, 1)), np.ones((2, 1))).interval(95)
