"""Posteriors in closed form: ranks, means, spreads and coverage, at one rate of false alarms (docs/reliability.md, R14).

A thousand times a truth and an observation are drawn, and draws given the observation are compared with the truth and with the
exact law. Every law gives eight tests a quantity; each is taken at 1e-4 divided by their number, so that the suite raises a false
alarm with a probability of 1e-4 at most, over the keys that are fixed here.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from oracles import mixture
from scorax.models import Evidence
from scorax.processes import VP
from scorax.samplers import AdamsBashforth, sample
from scorax.targets import ExactDenoiser, GaussianMixture, gaussian
from untrained_conditional import CONFIG, Untrained, given, moments

pytestmark = pytest.mark.reliability

REPLICATES, DRAWS, BINS = 1000, 99, 20
COVERAGE = (0.5, 0.9, 0.98)
TESTS = 8 * (2 + 2 + 1)
"""Of a Gaussian and of a mixture two quantities each, and one of a table."""

ALARM = 1e-4 / TESTS


def p_values(truth: np.ndarray, draws: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Of one quantity: truths (n), draws (n, m), and the draws as standard normal scores under their exact law."""
    ranks, places = np.sum(draws < truth[:, None], axis=1), draws.shape[1] + 1
    counts = np.bincount(ranks * BINS // places, minlength=BINS)
    mean = np.sqrt(scores.size) * scores.mean()
    spread = stats.chi2(scores.size).cdf(np.sum(scores**2))
    uniform = (
        ranks + 0.5
    ) / places - 0.5  # of variance 1 / 12, and its square of variance 1 / 180, but for 1e-4 of either
    found = {
        "ranks": stats.chisquare(counts).pvalue,
        "mean rank": 2 * stats.norm.sf(abs(uniform.mean()) * np.sqrt(12 * len(ranks))),
        "spread of ranks": 2 * stats.norm.sf(abs(np.mean(uniform**2) - 1 / 12) * np.sqrt(180 * len(ranks))),
        "mean": 2 * stats.norm.sf(abs(mean)),
        "variance": 2 * min(spread, 1 - spread),
    }
    for share in COVERAGE:
        inside = np.sum(np.abs(2 * ranks - (places - 1)) < share * places)
        found[f"{share:.0%}"] = stats.binomtest(int(inside), len(ranks), share).pvalue
    return found


class Exact(NamedTuple):
    """The law of each of n observations: weights (n, k), and means and deviations (n, k, quantities) of mixture components."""

    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray

    def scores(self, draws: np.ndarray) -> np.ndarray:
        """Draws (n, m, quantities) as standard normal scores."""
        z = (draws[:, :, None] - self.means[:, None]) / self.deviations[:, None]
        weights = self.weights[:, None, :, None]
        below, above = (np.sum(weights * tail(z), axis=2) for tail in (stats.norm.cdf, stats.norm.sf))
        return np.where(below < 0.5, stats.norm.ppf(below), stats.norm.isf(above))

    def draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        n, _, quantities = self.means.shape
        chosen = np.argmax(random.random((n, count, 1)) < np.cumsum(self.weights, axis=1)[:, None], axis=2)
        rows = np.arange(n)[:, None]
        return self.means[rows, chosen] + self.deviations[rows, chosen] * random.normal(size=(n, count, quantities))


def arrays(law: GaussianMixture, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Truths of a law, and its weights, means and covariances."""
    own, weights = law.components, np.exp(np.asarray(law.log_weights, np.float64))
    means = np.asarray(own.mean, np.float64)
    covariances = np.asarray(own.basis * own.variances[:, None] @ np.swapaxes(own.basis, 1, 2), np.float64)
    which = random.choice(len(weights), REPLICATES, p=weights / weights.sum())
    normal = random.normal(size=(REPLICATES, means.shape[1]))
    rows = means[which] + np.einsum("nij,nj->ni", np.linalg.cholesky(covariances)[which], normal)
    return rows, weights, means, covariances


def given_first(
    rows: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, alpha: float, sigma: float
) -> Exact:
    """The law at the level (alpha, sigma) of all but the first coordinate given the first of clean data."""
    gap, own = rows[:, :1] - means[:, 0], covariances[:, 0, 0]
    logs = np.log(weights) + stats.norm.logpdf(gap, scale=np.sqrt(own))
    gains = covariances[:, 1:, 0] / own[:, None]
    left = np.diagonal(covariances[:, 1:, 1:], axis1=1, axis2=2) - gains**2 * own[:, None]
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return Exact(
        shares / shares.sum(axis=1, keepdims=True),
        alpha * (means[:, 1:] + gap[:, :, None] * gains),
        np.broadcast_to(np.sqrt(alpha**2 * left + sigma**2), (len(rows), *left.shape)),
    )


def assert_pass(truth: np.ndarray, draws: np.ndarray, exact: Exact) -> None:
    scores = exact.scores(draws)
    for j in range(truth.shape[1]):
        found = p_values(truth[:, j], draws[:, :, j], scores[:, :, j])
        assert min(found.values()) > ALARM, (j, found)


@pytest.mark.parametrize(
    "law", [gaussian(np.zeros(3), np.cov(np.random.default_rng(2).normal(size=(3, 9)))), mixture(3)]
)
def test_trap_24_draws_given_a_coordinate_have_its_law(law: GaussianMixture) -> None:
    random, process = np.random.default_rng(4), VP()
    rows, *parts = arrays(law, random)
    level = process.level(jnp.asarray(process.t0))
    alpha, sigma = float(level.alpha), float(level.sigma)
    known = np.array([True, False, False])
    asked = Evidence(
        np.repeat(rows, DRAWS, axis=0).astype(np.float32),
        *(np.tile(m, (len(rows) * DRAWS, 1)) for m in (known, ~known)),
    )
    drawn = sample(
        ExactDenoiser.create(law, process),
        AdamsBashforth(num_steps=64),
        len(rows) * DRAWS,
        key=jax.random.key(3),
        condition=asked,
    )
    draws = np.asarray(drawn, np.float64).reshape(len(rows), DRAWS, 3)[:, :, 1:]
    truth = alpha * rows[:, 1:] + sigma * random.normal(size=(len(rows), 2))
    assert_pass(truth, draws, given_first(rows, *parts, alpha, sigma))


def test_draws_of_a_table_given_its_other_columns_have_their_law() -> None:
    """Through coordinates, ensemble and units: an untrained field is the Gaussian that it starts from."""
    random = np.random.default_rng(5)
    X = 10 + 3 * random.normal(size=(400, 3)) @ np.array([[1.0, 0.8, -0.3], [0, 0.6, 0.5], [0, 0, 0.7]])
    law = Untrained(CONFIG).fit(X, 2 * X[:, 0] - X[:, 2] + random.normal(size=400))
    mean, covariance = moments(law)
    rows = random.multivariate_normal(mean, covariance, REPLICATES)
    draws = np.asarray(law.sample(rows[:, :-1], DRAWS), np.float64).reshape(REPLICATES, DRAWS, 1)
    means, deviation = given(law, rows[:, :-1], [0, 1, 2])
    exact = Exact(np.ones((REPLICATES, 1)), means[:, None, None], np.full((REPLICATES, 1, 1), deviation))
    assert_pass(rows[:, -1:], draws, exact)


DEFECTS = {
    "sd 15 % too wide": lambda d, m: m + 1.15 * (d - m),
    "sd 13 % too narrow": lambda d, m: m + (d - m) / 1.15,
    "0.2 sd too high": lambda d, m: d + 0.2 * d.std(axis=1, keepdims=True),
    "sign": lambda d, m: -d,
    "the observation is not looked at": lambda d, m: np.random.default_rng(0).permutation(d),
    "the mean instead of a draw": lambda d, m: np.broadcast_to(m, d.shape) + 1e-6 * d,
    "half of the draws twice": lambda d, m: np.concatenate([d[:, : DRAWS // 2 + 1], d[:, : DRAWS // 2]], axis=1),
}


@pytest.mark.parametrize("defect", [None, *DEFECTS])
def test_defects_are_caught_and_exact_draws_pass(defect: str | None) -> None:
    """By the ranks and coverage alone, as where no exact law is known."""
    random = np.random.default_rng(6)
    rows, *parts = arrays(mixture(3), random)
    exact = given_first(rows, *parts, 1.0, 0.0)
    draws = exact.draw(random, DRAWS)
    if defect is None:
        assert_pass(rows[:, 1:], draws, exact)
        return
    draws = DEFECTS[defect](draws, draws.mean(axis=1, keepdims=True))
    scores = random.normal(size=draws.shape)
    found = [p_values(rows[:, j + 1], draws[:, :, j], scores[:, :, j]) for j in range(2)]
    assert min(min(one.values()) for one in found) < ALARM, found
