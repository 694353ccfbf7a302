"""The conformal quantile: its rank, and the coverage that exchangeable scores have."""

import itertools
import math

import numpy as np
import pytest

from scorax.metrics import conformal_quantile


@pytest.mark.parametrize(
    ("n", "level", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (8, 0.9, None), (99, 0.99, 99), (19, 0.5, 10), (3, 0.1, 1), (3, 1e-12, 1)],
)
def test_its_rank_is_the_ceiling_of_its_share_of_one_more(n: int, level: float, rank: int | None) -> None:
    scores = np.random.default_rng(0).permutation(n) + 1.0
    assert conformal_quantile(scores, level) == (math.inf if rank is None else rank)


def test_a_further_score_stays_below_as_often_as_it_says() -> None:
    """Over all orders of five scores, of which the last is the further one: exactly ceil(5 * level) of five."""
    for level in (0.3, 0.5, 0.79):
        orders = list(itertools.permutations(range(5)))
        inside = [order[4] <= conformal_quantile(np.array(order[:4], float), level) for order in orders]
        assert np.mean(inside) == pytest.approx(math.ceil(5 * level) / 5)


def test_what_is_no_level_or_no_score_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        conformal_quantile(np.ones(3), 1.0)
    with pytest.raises(ValueError, match="NaN"):
        conformal_quantile(np.array([1.0, np.nan]), 0.5)
