"""Intervals and sets hold as often as they say, whatever the model is."""

import numpy as np
import pytest

from scorax.tables._conformal import interval_scores, set_scores
from scorax.tables._targets import repeats
from untrained_conditional import CONFIG, Untrained


def test_an_interval_score_is_the_distance_to_an_interval() -> None:
    y = np.array([0.0, 3.0, 1.5, 2.0])
    np.testing.assert_array_equal(interval_scores(np.ones(4), np.full(4, 2.0), y), [1.0, 1.0, -0.5, 0.0])


def test_the_score_of_a_class_is_uniform_under_its_own_law() -> None:
    """Of a label with the law p, by the middles of 1,000 cells of u."""
    p, u = np.array([0.2, 0.5, 0.05, 0.25]), (np.arange(1000) + 0.5) / 1000
    scores = set_scores(np.tile(p, (1000, 1)), u)
    for q in (0.1, 0.3, 0.6, 0.97):
        assert np.mean((scores <= q) @ p) == pytest.approx(q, abs=1e-3)


def test_weights_that_are_not_whole_have_their_share_in_the_mean() -> None:
    """Counts are the whole numbers beside the shares; their mean over 400 seeds within 4.5 standard errors (each 7e-6)."""
    random = np.random.default_rng(0)
    X, weights = random.normal(size=(30, 2)), random.uniform(0.1, 4, size=30)
    shares = 30 * weights / weights.sum()
    counts = np.array([np.bincount(repeats(weights, X, seed), minlength=30) for seed in range(400)])
    assert np.all(counts.sum(axis=1) == 30)
    assert np.all(np.abs(counts - shares) < 1)
    part = shares % 1
    assert np.all(np.abs(counts.mean(axis=0) - shares) < 4.5 * np.sqrt(part * (1 - part) / 400) + 1e-9)
    np.testing.assert_array_equal(np.bincount(repeats(np.arange(30), X, 0), minlength=30), np.arange(30))


def coverage(y: np.ndarray, X: np.ndarray, confidence: float) -> tuple[float, float, int]:
    """Mean coverage of intervals over 40 splits of rows that the field has not seen, and its standard error."""
    law = Untrained(CONFIG).fit(X[:100], y[:100])
    found = []
    for split in range(40):
        order = 100 + np.random.default_rng(split).permutation(len(y) - 100)
        known, fresh = order[:39], order[39:]
        intervals = law.calibrate(X[known], y[known]).predict_interval(X[fresh], confidence)
        noise = np.random.default_rng([split, 1]).uniform(-0.5, 0.5, len(fresh)) * (y.dtype.kind == "i")
        inside = (intervals[:, 0] <= y[fresh] + noise) & (y[fresh] + noise <= intervals[:, 1])
        found.append(inside.mean())
    return float(np.mean(found)), float(np.std(found) / np.sqrt(40)), 39


@pytest.mark.parametrize("kind", ["number", "count"])
def test_intervals_of_a_wrong_model_cover_as_often_as_they_say(kind: str) -> None:
    """Noise grows with x and the field knows nothing of it: ceil(40 * .8) / 40 = .8, within 4.5 standard errors."""
    random = np.random.default_rng(4)
    X = random.uniform(0, 3, size=(400, 1))
    y = 4 * X[:, 0] + (0.2 + X[:, 0] ** 2) * random.normal(size=400)
    mean, error, _ = coverage(y if kind == "number" else np.round(y).astype(int), X, 0.8)
    assert abs(mean - 0.8) < 4.5 * error


def test_sets_of_a_wrong_model_cover_as_often_as_they_say() -> None:
    """The same with classes whose probabilities the field does not see depend on x."""
    random = np.random.default_rng(4)
    X = random.normal(size=(700, 1))
    y = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + random.normal(size=700), [-0.5, 0.7])]
    law = Untrained(CONFIG).fit(X[:100], y[:100])
    found = []
    for split in range(40):
        order = 100 + np.random.default_rng(split).permutation(600)
        sets = law.calibrate(X[order[:99]], y[order[:99]]).predict_set(X[order[99:]], 0.8, random_state=split)
        found.append(np.mean(sets[np.arange(501), np.searchsorted(law.classes_, y[order[99:]])]))
    assert abs(np.mean(found) - 0.8) < 4.5 * np.std(found) / np.sqrt(40)
