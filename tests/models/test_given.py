"""The law of some coordinates of a row given others: in closed form, by every sampler, and as a log-density."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import scorax
from oracles import mixture
from scorax.likelihood import elbo, log_prob, row_log_prob, smoothed_log_prob
from scorax.models import Evidence, Given, Guided, ScoreFunction
from scorax.networks import MLP
from scorax.objectives import DenoisingScoreMatching, FixedTime
from scorax.processes import EDM, VP
from scorax.samplers import (
    DDIM,
    DDPM,
    AdamsBashforth,
    AnnealedLangevin,
    DPMSolver,
    EulerMaruyama,
    Heun,
    LogRatioGrid,
    PredictorCorrector,
    ProbabilityFlow,
    ReverseSDE,
    States,
    Terminal,
    sample,
)
from scorax.targets import ExactDenoiser, GaussianMixture, gaussian
from scorax.training import Rows, fit

D = 4
KEY = jax.random.key(0)
KINDS = 4
"""Different pairs of masks; rows of a request have them in turn."""


class Oracle(NamedTuple):
    """A Gaussian mixture as arrays of NumPy in float64: all of a conditional law by plain indexing."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @staticmethod
    def of(law: GaussianMixture) -> "Oracle":
        basis, variances = (np.asarray(leaf, np.float64) for leaf in (law.components.basis, law.components.variances))
        covariances = (basis * variances[:, None]) @ basis.transpose(0, 2, 1)
        weights = np.exp(np.asarray(law.log_weights, np.float64))
        return Oracle(weights / weights.sum(), np.asarray(law.components.mean, np.float64), covariances)

    def given(self, value: np.ndarray, known: np.ndarray, target: np.ndarray) -> "Oracle":
        """Of the targets alone."""
        logs, means, covariances = [], [], []
        for weight, mean, covariance in zip(*self, strict=True):
            inside, across = covariance[np.ix_(known, known)], covariance[np.ix_(target, known)]
            gain = np.linalg.solve(inside, across.T).T if known.any() else across
            means.append(mean[target] + gain @ (value - mean)[known])
            covariances.append(covariance[np.ix_(target, target)] - gain @ across.T)
            density = multivariate_normal(mean[known], inside).logpdf(value[known]) if known.any() else 0.0
            logs.append(np.log(weight) + density)
        return Oracle(np.exp(logs - logsumexp(logs)), np.stack(means), np.stack(covariances))

    def noisy(self, level: Any) -> "Oracle":
        alpha, sigma = float(level.alpha), float(level.sigma)
        noise = sigma**2 * np.eye(self.means.shape[1])
        return Oracle(self.weights, alpha * self.means, alpha**2 * self.covariances + noise)

    def log_density(self, x: np.ndarray) -> float:
        each = [multivariate_normal(m, s).logpdf(x) for m, s in zip(self.means, self.covariances, strict=True)]
        return float(logsumexp(each, b=self.weights))

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        mean = self.weights @ self.means
        spread = self.means - mean
        within = np.einsum("k,kij->ij", self.weights, self.covariances)
        return mean, within + np.einsum("k,ki,kj->ij", self.weights, spread, spread)


def questions(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, known and target coordinates of rows: ``KINDS`` different ones in turn, with a marginal among them."""
    random = np.random.default_rng(seed)
    known, target = (np.zeros((KINDS, D), bool) for _ in range(2))
    for k in range(KINDS):
        order = random.permutation(D)
        known[k, order[: k % D]] = True  # none in the first kind: a marginal law
        target[k, order[k % D : k % D + 1 + random.integers(D - k % D)]] = True
    value = random.normal(0.0, 0.7, (KINDS, D))
    turn = np.arange(count) % KINDS
    return value[turn], known[turn], target[turn]


LONG = pytest.mark.slow  # the same question under another process or sampler: seconds of compiling; CI asks it
LAWS = {
    "gaussian": lambda: gaussian(np.arange(D) / 4, 0.3 * np.eye(D) + 0.2),
    "mixture": lambda: mixture(D),
}


@pytest.fixture(params=LAWS)
def law(request):
    return LAWS[request.param]


@pytest.mark.usefixtures("double")
def test_conditional_laws_are_those_of_plain_indexing_with_traced_masks(law):
    """Weights, means, covariances and density at the targets; standard normal and independent elsewhere."""
    target_law, rows = law(), questions(KINDS)
    told = Evidence(*rows)

    @jax.jit
    def asked(law, told, x):
        found = jax.vmap(law.conditional)(told)
        return found, jax.vmap(lambda own, row: own.log_density(row))(found, x), jax.vmap(lambda o: o.moments())(found)

    x = np.random.default_rng(1).standard_normal((KINDS, D))
    found, densities, moments = asked(target_law, told, x)
    for k, (value, known, target) in enumerate(zip(*rows, strict=True)):
        want = Oracle.of(target_law).given(value, known, target)
        one = jax.tree.map(lambda leaf, k=k: leaf[k], found)
        ours = Oracle.of(one)
        np.testing.assert_allclose(ours.weights, want.weights, rtol=1e-10)
        np.testing.assert_allclose(ours.means[:, target], want.means, rtol=1e-9, atol=1e-12)
        expected = np.tile(np.eye(D), (len(want.weights), 1, 1))
        expected[np.ix_(range(len(want.weights)), target, target)] = want.covariances
        np.testing.assert_allclose(ours.covariances, expected, atol=1e-12)
        assert not np.any(ours.means[:, ~target])
        dummies = -0.5 * np.sum(x[k, ~target] ** 2 + np.log(2 * np.pi))
        np.testing.assert_allclose(densities[k], want.log_density(x[k, target]) + dummies, rtol=1e-10)
        mean, covariance = want.moments()
        law_of_row = jax.tree.map(lambda leaf, k=k: leaf[k], moments)
        np.testing.assert_allclose(law_of_row.mean[target], mean, rtol=1e-9, atol=1e-12)
        dense = np.asarray(law_of_row.root @ law_of_row.root.T)
        np.testing.assert_allclose(dense[np.ix_(target, target)], covariance, atol=1e-12)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("process", [VP(), pytest.param(EDM(), marks=LONG)], ids=lambda p: type(p).__name__)
def test_log_densities_are_those_of_the_conditional_law_for_masks_of_each_row(process):
    """To 1e-6 in float64: many rows with masks of their own, one row, one model for all rows, and blurred clean data.

    What stands at other coordinates of a row is not read.
    """
    target_law, rows = mixture(D), questions(2 * KINDS)
    model, level = ExactDenoiser.create(target_law, process), process.level(jnp.asarray(process.t0))
    x = np.random.default_rng(2).standard_normal((2 * KINDS, D))
    x = np.where(rows[2], x, np.nan)
    want = np.array(
        [
            Oracle.of(target_law).given(*own).noisy(level).log_density(r[own[2]])
            for *own, r in zip(*rows, x, strict=True)
        ]
    )
    told = Evidence(*rows)
    found = log_prob(model, x, told, tolerance=1e-8)
    np.testing.assert_allclose(found.value, want, atol=1e-6)
    assert np.all(found.total_error < 1e-5)
    assert np.all(np.abs(found.truncation) < 0.01)
    blurred = smoothed_log_prob(model, x / float(level.alpha), condition=told, tolerance=1e-8)
    np.testing.assert_allclose(blurred.value, want + rows[2].sum(axis=1) * np.log(float(level.alpha)), atol=1e-6)
    if isinstance(process, VP):
        one = jax.tree.map(lambda leaf: leaf[1], told)
        alone = jax.jit(lambda row, own: row_log_prob(model, row, own, tolerance=1e-8))(x[1], one)
        np.testing.assert_allclose(alone.value, want[1], atol=1e-6)
        same = log_prob(Given(model, one), x[[1, 1 + KINDS]], tolerance=1e-8)
        np.testing.assert_allclose(same.value, want[[1, 1 + KINDS]], atol=1e-6)
        bounds = elbo(model, x[:KINDS], jax.tree.map(lambda leaf: leaf[:KINDS], told), key=KEY)
        assert np.all(np.abs(np.asarray(bounds.value) - want[:KINDS]) < 4.5 * np.asarray(bounds.standard_error) + 1e-6)


def agree(sampler, law: GaussianMixture, process, count: int) -> None:
    """Conditional means and covariances within 4.5 standard errors and the error of the sampler on the law itself.

    ``KINDS`` kinds of masks in one request, ``count`` rows of each: at most 14 numbers a kind, a false alarm in 2,600 calls.
    """
    model, rows = ExactDenoiser.create(law, process), questions(KINDS * count)
    level, oracle = process.level(jnp.asarray(process.t0)), Oracle.of(law)
    whole = np.asarray(sample(model, sampler, KINDS * count, key=jax.random.key(1)), np.float64)
    mean, covariance = oracle.noisy(level).moments()
    own_mean = np.abs(whole.mean(axis=0) - mean).max()
    own_covariance = np.abs(np.cov(whole.T) - covariance).max()
    draws = np.asarray(sample(model, sampler, KINDS * count, key=KEY, condition=Evidence(*rows)), np.float64)
    for k in range(KINDS):
        value, known, target = (part[k] for part in rows)
        own = draws[k::KINDS]
        assert np.array_equal(own[:, known], np.broadcast_to(np.float32(value[known]), (count, known.sum())))
        assert np.all(np.isnan(own[:, ~known & ~target]))
        mean, covariance = oracle.given(value, known, target).noisy(level).moments()
        found, spread = own[:, target], np.diag(covariance)
        assert np.all(np.abs(found.mean(axis=0) - mean) < 4.5 * np.sqrt(spread / count) + own_mean)
        gaps = np.abs(np.cov(found.T).reshape(covariance.shape) - covariance)
        centred = found - found.mean(axis=0)
        fourth = np.einsum("ni,nj->ij", centred**2, centred**2) / count - (centred.T @ centred / count) ** 2
        assert np.all(gaps < 4.5 * np.sqrt(fourth / count) + own_covariance)


@pytest.mark.parametrize(
    "sampler", [Heun(num_steps=32), pytest.param(DDPM(num_steps=200), marks=LONG)], ids=lambda s: type(s).__name__
)
def test_draws_have_the_conditional_moments(sampler):
    agree(sampler, mixture(D), VP(), 1024)


@pytest.mark.slow  # every sampler on two laws and two processes: 48 programs, ten minutes on two busy cores
@pytest.mark.parametrize(
    "sampler",
    [
        DDIM(num_steps=100),
        DDIM(num_steps=100, eta=1.0),
        DDPM(num_steps=200),
        DPMSolver(num_steps=32),
        DPMSolver(num_steps=64, stochastic=True),
        AdamsBashforth(num_steps=64),
        Heun(num_steps=32),
        EulerMaruyama(num_steps=400),
        AnnealedLangevin(num_steps=100),
        PredictorCorrector(num_steps=100),
        ProbabilityFlow(),
        ReverseSDE(rtol=1e-2, atol=1e-2),
    ],
    ids=lambda s: f"{type(s).__name__}{'' if not getattr(s, 'eta', getattr(s, 'stochastic', 0)) else ', random'}",
)
@pytest.mark.parametrize("process", [VP(), EDM()], ids=lambda p: type(p).__name__)
def test_every_sampler_draws_the_conditional_law(sampler, law, process):
    agree(sampler, law(), process, 2048)


def test_a_class_beside_the_evidence_and_guidance_that_does_nothing():
    """The evidence carries a class, and a wrapper passes the evidence on: at scale one guidance is the class alone."""
    target_law, (value, known, target) = mixture(D), questions(KINDS)
    told = Evidence(value[3], known[3], target[3], jnp.asarray(1))
    model, t, x = ExactDenoiser.create(target_law, VP()), jnp.asarray(0.4), jnp.linspace(-1.0, 1.0, D)
    alone = ExactDenoiser.create(target_law.given(1), VP())
    expected = eqx.filter_jit(Given(alone, Evidence(*told_of(told))))(t, x)
    for asked in (Given(model, told), Given(Guided(model, 1.0), told)):
        np.testing.assert_allclose(eqx.filter_jit(asked)(t, x), expected, rtol=1e-4, atol=1e-5)
    assert isinstance(Given(model, told).with_process(EDM()).process, EDM)


def test_states_that_are_rows_with_absent_coordinates_may_be_started_from():
    """From data with noise at an earlier time: the targets of the draw do not know what stands elsewhere."""
    model, (value, known, target) = ExactDenoiser.create(mixture(D), VP()), questions(KINDS)
    told, x = Evidence(value, known, target), np.random.default_rng(0).standard_normal((KINDS, D)).astype(np.float32)
    draws = [
        sample(model, Heun(num_steps=4), KINDS, key=KEY, condition=told, start=States(jnp.asarray(rows), 0.5))
        for rows in (x, np.where(target, x, np.nan).astype(np.float32))
    ]
    assert np.all(np.isfinite(np.asarray(draws[0])[target]))
    np.testing.assert_array_equal(*draws)


def told_of(evidence: Evidence) -> tuple[Any, Any, Any]:
    return evidence.value, evidence.known, evidence.target


def test_the_denoising_loss_is_that_of_the_targets():
    """Coordinates that are independent: the losses of two parts add up to that of the whole, and others are not read."""
    model = ExactDenoiser.create(gaussian(np.zeros(3), np.diag([0.5, 1.0, 2.0])), VP())
    x0, none = jnp.array([0.3, -1.0, 2.0]), np.zeros(3, bool)
    first = np.array([True, False, False])
    for objective in (DenoisingScoreMatching(times=FixedTime(0.3)), DenoisingScoreMatching(control_variate=True)):

        @eqx.filter_jit
        def loss(row, told=None, objective=objective):
            return objective.at(model, jnp.asarray(0.3), row, told, key=KEY)

        parts = [
            loss(jnp.where(mask, x0, jnp.nan), Evidence(np.zeros(3, np.float32), none, mask))
            for mask in (first, ~first)
        ]
        np.testing.assert_allclose(sum(parts), loss(x0), rtol=1e-5)


def test_models_that_read_no_evidence_are_refused_by_name():
    value, known, target = (part[0] for part in questions(1))
    told = Evidence(value, known, target)
    network = scorax.Denoiser(MLP(D, width=4, depth=1, key=KEY), VP())
    score = ScoreFunction(lambda t, x, condition: -x, VP())
    rows = jax.tree.map(lambda leaf: leaf[None], told)
    for model, name in ((network, "Denoiser"), (score, "ScoreFunction"), (Guided(network, 2.0), "Denoiser")):
        expected = f"expected a model that reads evidence, got {name}"
        with pytest.raises(TypeError, match=expected):
            Given(model, told)
        with pytest.raises(TypeError, match=expected):
            sample(
                model, EulerMaruyama(num_steps=2, grid=LogRatioGrid()), 2, key=KEY, start=Terminal((D,)), condition=rows
            )
        with pytest.raises(TypeError, match=expected):
            log_prob(model, np.zeros((2, D), np.float32), rows)
        with pytest.raises(TypeError, match=expected):
            DenoisingScoreMatching().at(model, jnp.asarray(0.3), jnp.zeros(D), told, key=KEY)
    trained = Rows(np.zeros((8, D), np.float32), condition=Evidence(*questions(8)))
    with pytest.raises(TypeError, match="expected a model that reads evidence, got Denoiser"):
        next(fit(network, DenoisingScoreMatching(), trained, optax.adam(1e-3), key=KEY, num_steps=1))


def test_questions_without_a_meaning_are_refused_in_a_sentence():
    model, yes, no = ExactDenoiser.create(mixture(D), VP()), np.ones(D, bool), np.zeros(D, bool)
    value = np.zeros(D, np.float32)
    with pytest.raises(ValueError, match="got 4 that are both"):
        Evidence(value, yes, yes)
    with pytest.raises(ValueError, match="asked for in every row, got none"):
        Evidence(value, yes, no)
    with pytest.raises(ValueError, match=r"masks of the shape of the values, \(4,\), got \(3,\)"):
        Evidence(value, yes[:3], no)
    with pytest.raises(ValueError, match="known values that are finite, got 1"):
        Evidence(np.array([np.nan, 0, 0, 0], np.float32), np.arange(D) == 0, np.arange(D) == 1)
    with pytest.raises(TypeError, match="masks of truth values"):
        Evidence(value, np.zeros(D), yes)
    half = Evidence(np.zeros((2, D), np.float32), np.zeros((2, D), bool), np.stack([yes, no]))
    with pytest.raises(ValueError, match="asked for in every row, got none"):
        log_prob(model, np.zeros((2, D), np.float32), half)
    with pytest.raises(ValueError, match="leading axis"):
        sample(model, Heun(num_steps=2), 2, key=KEY, condition=Evidence(value, no, yes))
    with pytest.raises(ValueError, match=r"evidence of shape \(4,\), got \(3,\)"):
        Given(model, Evidence(value[:3], no[:3], yes[:3]))


def test_directions_without_variance_tell_nothing_and_spoil_nothing(double):
    """Copies of a known coordinate, and one that is constant, in float64: the law is that without them, to the bit's size."""
    value, known, target = np.array([2.0, 0.7, 0.7, 0.0]), np.array([1, 1, 1, 0], bool), np.array([0, 0, 0, 1], bool)
    covariance = np.array([[0, 0, 0, 0], [0, 1, 1, 0.5], [0, 1, 1, 0.5], [0, 0.5, 0.5, 1]])
    means = np.array([[2.0, 0, 0, 3], [2.0, 5, 5, -3], [1.0, 0, 0, 9]])
    law = GaussianMixture.create(np.array([0.2, 0.3, 0.5]), means, np.stack([covariance] * 3))
    told = Evidence(value, known, target)
    found = eqx.filter_jit(law.conditional)(told)
    # N(0.7; m, 1) is the evidence of the first two; the third is constant at another value.
    joint = np.log([0.2, 0.3]) - 0.5 * (0.7 - np.array([0.0, 5.0])) ** 2
    np.testing.assert_allclose(found.log_weights[:2], joint - np.logaddexp(*joint), atol=1e-6)
    assert found.log_weights[2] < -1e6
    np.testing.assert_allclose(found.components.mean[:2, 3], [3 + 0.35, -3 + 0.5 * (0.7 - 5)], rtol=1e-12)
    model = ExactDenoiser.create(law, VP())
    rows = np.array([[2.0, 0.7, 0.7, 3.1]])
    at_t0 = jax.jit(lambda law, x: law.at(VP().level(jnp.asarray(VP().t0))).log_density(x))
    exact = at_t0(found, np.array([0.0, 0.0, 0.0, 3.1]))
    dummies = -1.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(
        log_prob(model, rows, jax.tree.map(lambda leaf: leaf[None], told)).value, [exact - dummies], atol=1e-5
    )
