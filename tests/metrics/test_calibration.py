"""Ranks of parameters among draws: uniform under the right posterior, with the stated rate of false alarms."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from scorax.metrics import Calibration

DRAWS, ROWS = 49, 400


def ranks(random: np.random.Generator, parameters: int, *, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Of normal parameters, among draws of N(mean, 1) about their own means, scaled and shifted."""
    mean = random.normal(size=(ROWS, parameters))
    theta = mean + random.normal(size=mean.shape)
    drawn = mean + shift + scale * random.normal(size=(DRAWS, *mean.shape))
    return np.sum(drawn < theta, axis=0)


def of(own: np.ndarray) -> Calibration:
    return Calibration.of(own, DRAWS, [f"p{j}" for j in range(own.shape[1])])


@pytest.mark.parametrize("parameters", [1, 3])
def test_exact_posteriors_pass_at_the_stated_rate(parameters: int) -> None:
    """400 exact posteriors: as many alarms as 5 % gives, within 3.5 standard errors (4.7e-4); over independent parameters."""
    random = np.random.default_rng(7)
    failed = sum(not of(ranks(random, parameters)).calibrated.all() for _ in range(400))
    low, high = binom.interval(norm.cdf(3.5) - norm.cdf(-3.5), 400, 0.05)
    assert low <= failed <= high


@pytest.mark.parametrize(
    ("scale", "shift", "verdict"),
    [(1 / 1.5, 0.0, "too narrow"), (1.5, 0.0, "too wide"), (1.0, 0.4, "too high"), (1.0, -0.4, "too low")],
)
def test_wrong_posteriors_fail_and_are_named(scale: float, shift: float, verdict: str) -> None:
    """The parameter beside them is right."""
    random = np.random.default_rng(3)
    found = of(np.column_stack([ranks(random, 1), ranks(random, 1, scale=scale, shift=shift)]))
    assert found.verdicts == ("calibrated", verdict)
    assert found.p_values[1] < 1e-3
    assert f"p1: {verdict}" in str(found)


def test_a_sample_passes_where_it_lies_in_all_bands() -> None:
    random = np.random.default_rng(1)
    for scale in (1.0, 0.92, 0.85):
        found = of(ranks(random, 2, scale=scale))
        low, high = found.bands
        inside = ((low[:, None] <= found.shares) & (found.shares <= high[:, None])).all(axis=0)
        np.testing.assert_array_equal(inside, found.calibrated)
        assert np.all(low < (np.arange(DRAWS) + 1) / (DRAWS + 1))
        assert np.all(high > (np.arange(DRAWS) + 1) / (DRAWS + 1))


@pytest.mark.parametrize(
    ("own", "draws", "names", "confidence", "words"),
    [
        (np.array([[4]]), 3, ["a"], 0.9, "ranks from 0 to 3"),
        (np.array([[1, 2]]), 3, ["a"], 0.9, "ranks of 1 parameters"),
        (np.array([[1]]), 3, ["a"], 1.0, "confidence between 0 and 1"),
        (np.zeros((0, 1), int), 3, ["a"], 0.9, "ranks of some simulations"),
        (np.array([[0]]), 0, ["a"], 0.9, "ranks among some draws"),
    ],
)
def test_what_are_no_ranks_is_refused(own, draws, names, confidence, words) -> None:
    with pytest.raises(ValueError, match=words):
        Calibration.of(own, draws, names, confidence=confidence)
