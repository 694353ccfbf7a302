"""The cut-off that held-out rows choose."""

import math

import pytest

from scorax.tables._selection import climbed

SIGMAS = (0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4)


@pytest.mark.parametrize("best", SIGMAS)
@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_the_best_of_a_single_peak_is_found_and_not_all_are_tried(best: float, count: int) -> None:
    sigmas, tried = SIGMAS[:count], []

    def mean(sigma: float) -> float:
        tried.append(sigma)
        return -abs(math.log(sigma / best))

    means = climbed(mean, sigmas)
    assert max(means, key=means.__getitem__) == min(sigmas, key=lambda sigma: abs(math.log(sigma / best)))
    assert len(tried) == len(set(tried)) <= count // 2 + 3


def test_values_that_are_not_finite_are_walked_past() -> None:
    means = climbed(lambda sigma: -math.inf if sigma < 0.3 else -sigma, SIGMAS)
    assert max(means, key=means.__getitem__) == 0.3
