"""Samplers against closed forms; statistical tolerances are 4 SE (false-alarm rate 6e-5 a number) at fixed keys."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import centred, mixture
from scorax.models import ScoreFunction
from scorax.processes import EDM, VE, VP, GeometricBrownianMotion, LogNormal, Normal, Tabulated
from scorax.samplers import (
    DDIM,
    DDPM,
    AdamsBashforth,
    AnnealedLangevin,
    Churn,
    DPMSolver,
    EulerMaruyama,
    Heun,
    KarrasGrid,
    LogNormalGrid,
    LogRatioGrid,
    NodeGrid,
    PredictorCorrector,
    ProbabilityFlow,
    QuadraticGrid,
    ReverseSDE,
    Terminal,
    UniformGrid,
    nodes,
    sample,
    sample_path,
)
from scorax.targets import ExactDenoiser

KEY = jax.random.key(0)
DRAWS = 4096
GRIDS = [UniformGrid(), QuadraticGrid(), KarrasGrid(), LogRatioGrid(), LogNormalGrid()]
PROCESSES = [VP(), VE(), EDM()]


def variances(process, t) -> np.ndarray:
    """Variance of the noisy N(0, 0.25)."""
    level = jax.vmap(process.level)(jnp.asarray(t))
    return np.asarray(0.25 * level.alpha**2 + level.sigma**2, np.float64)


@pytest.mark.parametrize("num_steps", [20, 100])
def test_trap_17_euler_maruyama_follows_its_recursion(num_steps):
    """Variance v <- (1 - h f - h g^2 / V)^2 v + h g^2 on N(0, 0.25), with beta in closed form."""
    sampler = EulerMaruyama(num_steps=num_steps)
    t = KarrasGrid().times(VP(), num_steps)
    beta, total = 0.1 + 19.9 * t, variances(VP(), t)
    v = total[0]
    for i, h in enumerate(t[:-1] - t[1:]):
        v = (1 + h * beta[i] / 2 - h * beta[i] / total[i]) ** 2 * v + h * beta[i]
    draws = np.asarray(sample(ExactDenoiser.create(centred(0.25), VP()), sampler, DRAWS, key=KEY), np.float64)
    assert abs((draws**2).mean() / v - 1) < 4 * np.sqrt(2 / DRAWS)
    assert abs(draws.mean()) < 4 * np.sqrt(v / DRAWS)


@pytest.mark.parametrize("grid", GRIDS, ids=repr)
@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_trap_17_grids_cover_the_clock_exactly(grid, process):
    for num_steps in (1, 2, 33):
        times = grid.times(process, num_steps)
        assert times.dtype == np.float64
        assert len(times) == num_steps + 1
        assert times[0] == process.t1
        assert times[-1] == process.t0
        assert np.all(np.diff(times) < 0)
    stacked = nodes(grid, process, 8, jnp.dtype("float32"))
    with jax.enable_x64(True):
        exact = jax.vmap(process.level)(jnp.asarray(grid.times(process, 8)))
    for ours, truth in zip(stacked.level, exact, strict=True):
        np.testing.assert_allclose(ours, truth, rtol=1e-7)  # rounded once, from float64


def test_trap_17_spacing_is_what_the_grid_says():
    process = VP()
    with jax.enable_x64(True):
        ratios = {
            type(grid): np.asarray(jax.vmap(process.log_ratio)(jnp.asarray(grid.times(process, 10)))) for grid in GRIDS
        }
    np.testing.assert_allclose(np.diff(UniformGrid().times(process, 10)), -(1 - 1e-5) / 10, rtol=1e-12)
    np.testing.assert_allclose(np.diff(ratios[LogRatioGrid], 2), 0, atol=1e-7)
    np.testing.assert_allclose(np.diff(np.exp(ratios[KarrasGrid] / 7), 2), 0, atol=1e-7)
    np.testing.assert_allclose(np.diff(np.sqrt(QuadraticGrid().times(process, 10)), 2), 0, atol=1e-7)
    normal = ratios[LogNormalGrid]
    steps = -np.diff(normal)
    assert normal[np.argmin(steps)] == pytest.approx(-0.5, abs=1.0)  # densest around the centre
    assert steps.max() / steps.min() > 2


def test_impossible_grids_are_refused():
    with pytest.raises(ValueError, match="num_steps of at least 1"):
        nodes(KarrasGrid(), VP(), 0, jnp.dtype("float32"))


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
def test_trap_22_stop_at_t0_adds_the_noise_of_t0(ratio):
    """Draws of N(0, s^2) with s = ratio t0 have variance s^2 + t0^2; Tweedie's step would make it s^4 / (s^2 + t0^2)."""
    with jax.enable_x64(True):
        process = EDM(t0=0.1)
        s2 = (ratio * process.t0) ** 2
        model = ExactDenoiser.create(centred(s2), process)
        _, states = ProbabilityFlow(rtol=1e-8, atol=1e-8, num_nodes=2).path(model, jnp.ones(1), key=KEY)
        factor = float(states[-1, 0] / states[0, 0])
        variance = factor**2 * (s2 + process.t1**2)
        np.testing.assert_allclose(variance / s2, 1 + ratio**-2, rtol=1e-5)
        x0 = model.predict(jnp.asarray(process.t0), jnp.ones(1)).x0[0]
        np.testing.assert_allclose(variance * x0**2 / s2, 1 / (1 + ratio**-2), rtol=1e-5)


def test_trap_40_rows_starts_and_steps_are_independent():
    """Under a zero score Euler-Maruyama's increments are its noise: correlations over 4096 rows below 4 / sqrt(n).

    28 pairs of the start and the steps in two coordinates: false-alarm rate 2e-3 over all of them.
    """
    process = EDM(t0=0.5, t1=2.0)
    model = ScoreFunction(fn=lambda t, x, condition: jnp.zeros_like(x), process=process)
    sampler = EulerMaruyama(num_steps=3, grid=UniformGrid())
    _, states = sample_path(model, sampler, DRAWS, key=KEY, start=Terminal((2,)))
    times = UniformGrid().times(process, 3)
    start = states[:, 0] / np.sqrt(1 + process.t1**2)
    noise = jnp.diff(states, axis=1) / np.sqrt(2 * times[:-1] * -np.diff(times))[:, None]
    columns = np.concatenate([np.asarray(start), np.asarray(noise).reshape(DRAWS, 6)], axis=1)
    assert np.all(np.abs(columns.mean(0)) < 4 / np.sqrt(DRAWS))
    assert np.all(np.abs(columns.var(0) - 1) < 4 * np.sqrt(2 / DRAWS))
    correlations = np.corrcoef(columns.T) - np.eye(8)
    assert np.abs(correlations).max() < 4 / np.sqrt(DRAWS)
    for lag in (1, 2, 512):  # neighbouring rows, rows of the two halves of a block
        assert abs(np.mean(columns[lag:, 0] * columns[:-lag, 0])) < 4 / np.sqrt(DRAWS - lag)


def test_trap_41_nothing_is_clipped_to_the_unit_box():
    """N(0, 25): the share of draws beyond +-1 and the standard deviation, and no pile at +-1."""
    draws = np.asarray(sample(ExactDenoiser.create(centred(25.0), EDM()), Heun(), DRAWS, key=KEY))[:, 0]
    assert abs(draws.std() / 5 - 1) < 4 / np.sqrt(2 * DRAWS)
    outside = 2 * 0.4207403  # P(|N(0, 1)| > 0.2)
    assert abs(np.mean(np.abs(draws) > 1) - outside) < 4 * np.sqrt(outside * (1 - outside) / DRAWS)
    assert np.mean(np.abs(np.abs(draws) - 1) < 1e-3) < 4e-3


def test_models_a_sampler_cannot_serve_are_refused_by_name():
    model = ScoreFunction(fn=lambda t, x, condition: -x, process=VP())
    for sampler in (DDIM(), DDPM(), Heun(), DPMSolver(), AdamsBashforth()):
        with pytest.raises(TypeError, match="got ScoreFunction"):
            sample(model, sampler, 3, key=KEY, start=Terminal((2,)))
    with pytest.raises(ValueError, match="shape"):
        sample(model, EulerMaruyama(), 3, key=KEY)
    geometric = GeometricBrownianMotion(0.3, 0.5, prior=LogNormal(Normal(jnp.zeros(1), jnp.ones(1))))
    general = ScoreFunction(fn=lambda t, x, condition: -x, process=geometric)
    for sampler in (ReverseSDE(), AnnealedLangevin(), PredictorCorrector()):
        with pytest.raises(TypeError, match="got GeometricBrownianMotion"):
            sample(general, sampler, 3, key=KEY)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: DDIM(eta=1.5), "eta in"),
        (lambda: DDPM(variance="large"), "posterior"),
        (lambda: Churn(amount=-1.0), "amount"),
        (lambda: AnnealedLangevin(step_size=2.0), "step_size"),
        (lambda: AnnealedLangevin(corrections=0), "corrections"),
        (lambda: PredictorCorrector(snr=1.0), "snr"),
        (lambda: LogNormalGrid(share=1.0), "share"),
    ],
)
def test_impossible_settings_are_refused(build, words):
    with pytest.raises(ValueError, match=words):
        build()


def test_the_nodes_of_a_table_are_a_grid():
    process = Tabulated.from_betas(np.linspace(1e-4, 0.02, 1000))
    np.testing.assert_array_equal(NodeGrid().times(process, 999), process.nodes[::-1])
    some = NodeGrid().times(process, 50)
    assert set(some) <= set(process.nodes)
    assert np.ptp(np.diff(some)) < 1.5e-3  # even to a node
    with pytest.raises(ValueError, match="at most 999 steps"):
        NodeGrid().times(process, 1000)
    with pytest.raises(TypeError, match="got VP"):
        NodeGrid().times(VP(), 10)


def test_named_nodes_are_walked_and_no_others():
    process = Tabulated.from_betas(np.linspace(1e-4, 0.02, 1000))
    np.testing.assert_array_equal(NodeGrid(tuple(range(1, 1001))).times(process, 999), NodeGrid().times(process, 999))
    chain = NodeGrid((10, 11, 400, 1000))
    cut = dataclasses.replace(process, t0=10 / 1000)
    np.testing.assert_array_equal(
        nodes(chain, cut, 3, jnp.dtype("float32")).t, np.float32(process.nodes[[999, 399, 10, 9]])
    )
    with pytest.raises(ValueError, match=r"to t0 = 0\.001, both exactly"):
        nodes(chain, process, 3, jnp.dtype("float32"))


def test_a_failed_solve_is_nan_and_never_a_number():
    draws = sample(ExactDenoiser.create(mixture(), VP()), ProbabilityFlow(max_steps=2), 3, key=KEY)
    assert np.all(np.isnan(draws))
