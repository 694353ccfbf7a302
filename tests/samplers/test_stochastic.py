"""Stochastic grid samplers against closed recursions of the variance on N(0, v); 4 SE at fixed keys (6e-5 a number)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import centred, mixture
from scorax.processes import EDM, VE, VP, Tabulated
from scorax.samplers import (
    DDIM,
    DDPM,
    AnnealedLangevin,
    Churn,
    DPMSolver,
    Heun,
    Node,
    NodeGrid,
    PredictorCorrector,
    nodes,
    sample,
)
from scorax.targets import ExactDenoiser

KEY = jax.random.key(0)
DRAWS = 4096
V = 0.25
LONG = pytest.mark.slow  # another process or number is another program; every run has VP, whose signal shrinks, CI all
PROCESSES = [VP(), pytest.param(VE(), marks=LONG), pytest.param(EDM(), marks=LONG)]


def levels(sampler, process) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """alpha, sigma and the variance of the noisy N(0, V) at the nodes."""
    with jax.enable_x64(True):
        level = nodes(sampler.grid, process, sampler.num_steps, jnp.dtype("float64")).level
    alpha, sigma = np.asarray(level.alpha), np.asarray(level.sigma)
    return alpha, sigma, alpha**2 * V + sigma**2


def agrees(sampler, process, variance: float) -> None:
    draws = np.asarray(sample(ExactDenoiser.create(centred(V), process), sampler, DRAWS, key=KEY), np.float64)
    assert abs((draws**2).mean() / variance - 1) < 4 * np.sqrt(2 / DRAWS)
    assert abs(draws.mean()) < 4 * np.sqrt(variance / DRAWS)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
@pytest.mark.parametrize("variance", ["posterior", "forward"])
def test_ddpm_follows_its_recursion(process, variance):
    """V <- (alpha_s alpha_t v + a sigma_s^2)^2 / V_t^2 V + tau^2; at 20 steps the two variances are far apart."""
    sampler = DDPM(20, variance=variance)
    alpha, sigma, total = levels(sampler, process)
    state = total[0]
    for t in range(20):
        decay = alpha[t] / alpha[t + 1]
        added = sigma[t] ** 2 - decay**2 * sigma[t + 1] ** 2
        tau2 = added if variance == "forward" else sigma[t + 1] ** 2 * added / sigma[t] ** 2
        factor = (alpha[t + 1] * alpha[t] * V + decay * sigma[t + 1] ** 2) / total[t]
        state = factor**2 * state + tau2
    agrees(sampler, process, state)


def test_ddpm_is_the_chain_of_its_betas():
    """One step down the table is the posterior mean and variance in the betas of Ho et al. (2020), eqs. 6 and 7."""
    with jax.enable_x64(True):
        betas = np.linspace(0.02, 0.3, 6)
        bars = np.cumprod(1 - betas)
        process = Tabulated.from_betas(betas)
        model = ExactDenoiser.create(mixture(), process)
        grid = nodes(NodeGrid(), process, 5, jnp.dtype("float64"))
        np.testing.assert_allclose(np.asarray(grid.level.alpha) ** 2, bars[::-1], rtol=1e-12)
        x = jnp.array([0.4, -1.1])
        for k in (5, 2):  # from the node with betas[k] to the one before it
            here, there = (Node(*jax.tree.map(lambda n, i=i: n[i], tuple(grid))) for i in (5 - k, 6 - k))
            x0 = model.predict(here.t, x).x0
            mean = (
                np.sqrt(bars[k - 1]) * betas[k] / (1 - bars[k]) * x0
                + np.sqrt(1 - betas[k]) * (1 - bars[k - 1]) / (1 - bars[k]) * x
            )
            z = jax.random.normal(KEY, (2,), jnp.float64)
            small = np.sqrt((1 - bars[k - 1]) / (1 - bars[k]) * betas[k])
            for name, spread in (("posterior", small), ("forward", np.sqrt(betas[k]))):
                stepped = DDPM(5, NodeGrid(), name).step(model, x, here, there, None, key=KEY)
                np.testing.assert_allclose(stepped, mean + spread * z, rtol=1e-10)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_ddim_with_eta_one_is_ddpm(process):
    model = ExactDenoiser.create(mixture(), process)
    ours, theirs = (np.asarray(sample(model, s, 64, key=KEY)) for s in (DDIM(12, eta=1.0), DDPM(12)))
    np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("eta", [pytest.param(0.3, marks=LONG), 0.8])
def test_ddim_between_follows_its_recursion(eta):
    sampler, process = DDIM(20, eta=eta), VP()
    alpha, sigma, total = levels(sampler, process)
    state = total[0]
    for t in range(20):
        tau2 = sigma[t + 1] ** 2 * (1 - (alpha[t] * sigma[t + 1] / (alpha[t + 1] * sigma[t])) ** 2)
        kept = np.sqrt(sigma[t + 1] ** 2 - eta**2 * tau2)
        state = ((alpha[t + 1] * alpha[t] * V + kept * sigma[t]) / total[t]) ** 2 * state + eta**2 * tau2
    agrees(sampler, process, state)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_heun_with_churn_follows_its_recursion(process):
    """The variance of noise put back is (r_hat^2 - r^2) alpha^2, times the square of the inflation."""
    sampler = Heun(12, churn=Churn(amount=3.0, low=0.02, high=30.0, inflation=1.1))
    alpha, sigma, total = levels(sampler, process)
    state = total[0]
    for t in range(12):
        inside = 0.02 <= sigma[t] / alpha[t] <= 30
        raised = sigma[t] * (1 + 0.25 * inside)
        state = state + 1.1**2 * (raised**2 - sigma[t] ** 2)
        v_t = alpha[t] ** 2 * V + raised**2
        euler = (alpha[t + 1] * alpha[t] * V + sigma[t + 1] * raised) / v_t
        noise = (raised / v_t + sigma[t + 1] / total[t + 1] * euler) / 2
        decay = alpha[t + 1] / alpha[t]
        state = (decay + (sigma[t + 1] - decay * raised) * noise) ** 2 * state
    agrees(sampler, process, state)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_trap_43_annealed_langevin_follows_its_recursion(process):
    """V <- (1 - h / V_s)^2 V + 2 h at every level, each starting from the (biased) last one, x / alpha kept between."""
    sampler = AnnealedLangevin(15, step_size=0.4, corrections=3)
    alpha, sigma, total = levels(sampler, process)
    state = total[0]
    for s in range(1, 16):
        h = 0.4 * sigma[s] ** 2
        state *= (alpha[s] / alpha[s - 1]) ** 2
        for _ in range(3):
            state = (1 - h / total[s]) ** 2 * state + 2 * h
    agrees(sampler, process, state)
    assert abs(state / total[-1] - 1) > 0.1  # the bias that the recursion predicts is there to be seen


@pytest.mark.parametrize("snr", [pytest.param(0.16, marks=LONG), 0.5])
def test_trap_32_stationary_variance_of_the_corrector(snr):
    """Many corrections of pure noise end at sigma^2 / (1 - snr^2), in two dimensions as in many."""
    process = EDM(t0=0.5)
    sampler = PredictorCorrector(1, predictor=DDIM(), corrections=400, snr=snr)
    model = ExactDenoiser.create(centred(1e-8, 2), process)
    draws = np.asarray(sample(model, sampler, DRAWS, key=KEY), np.float64)
    assert abs((draws**2).mean() * (1 - snr**2) / process.t0**2 - 1) < 4 * np.sqrt(1 / DRAWS)


def test_predictor_corrector_without_corrections_is_its_predictor():
    model = ExactDenoiser.create(mixture(), VP())
    ours = sample(model, PredictorCorrector(20, predictor=DDIM(7), corrections=0), 16, key=KEY)
    np.testing.assert_allclose(ours, sample(model, DDIM(20), 16, key=KEY), rtol=1e-5)


def test_churn_inside_a_predictor_is_shared_over_the_steps_that_are_made():
    model = ExactDenoiser.create(mixture(), VP())
    draws = [
        sample(model, PredictorCorrector(6, predictor=Heun(n, churn=Churn(1.0)), corrections=0), 4, key=KEY)
        for n in (6, 600)
    ]
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_stochastic_dpm_solver_follows_its_recursion(process):
    """On N(0, v) state and remembered prediction are jointly Gaussian: their covariance in closed form."""
    sampler = DPMSolver(12, stochastic=True)
    alpha, sigma, total = levels(sampler, process)
    covariance, last = np.array([[total[0], 0.0], [0.0, 0.0]]), np.inf
    for t in range(12):
        h = np.log(alpha[t + 1] / alpha[t]) - np.log(sigma[t + 1] / sigma[t])
        gain, share, weight = alpha[t] * V / total[t], -np.expm1(-2 * h), h / (2 * last)
        pull = alpha[t + 1] * share
        step = np.array(
            [[sigma[t + 1] / sigma[t] * np.exp(-h) + pull * (1 + weight) * gain, -pull * weight], [gain, 0.0]]
        )
        covariance = step @ covariance @ step.T
        covariance[0, 0] += sigma[t + 1] ** 2 * share
        last = h
    agrees(sampler, process, covariance[0, 0])
