"""Samplers against closed forms; statistical tolerances are 4 SE (false-alarm rate 6e-5 a number) at fixed keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import centred, mixture, noisy
from scorax.models import ScoreFunction
from scorax.processes import EDM, VE, VP
from scorax.samplers import (
    DDIM,
    EulerMaruyama,
    Heun,
    KarrasGrid,
    LogRatioGrid,
    Node,
    ProbabilityFlow,
    UniformGrid,
    nodes,
    sample,
)
from scorax.targets import ExactDenoiser, gaussian

KEY = jax.random.key(0)
DRAWS = 4096
GRIDS = [UniformGrid(), KarrasGrid(), LogRatioGrid()]
PROCESSES = [VP(), VE(), EDM()]


def variances(process, t) -> np.ndarray:
    """Variance of the noisy N(0, 0.25)."""
    level = jax.vmap(process.level)(jnp.asarray(t))
    return np.asarray(0.25 * level.alpha**2 + level.sigma**2, np.float64)


@pytest.mark.parametrize(
    "sampler", [EulerMaruyama(num_steps=300), ProbabilityFlow(rtol=1e-3, atol=1e-3)], ids=["sde", "flow"]
)
def test_trap_16_both_dynamics_end_in_the_law_of_a_mixture(sampler):
    """First and second moments of every coordinate at t0."""
    law = mixture()
    draws = np.asarray(sample(ExactDenoiser.create(law, VP()), sampler, DRAWS, key=KEY), np.float64)
    truth = noisy(law, VP()).moments()
    root = np.asarray(jax.jacfwd(truth.draw)(jnp.zeros(2)))
    second = root @ root.T + np.outer(truth.mean, truth.mean)
    for values, expected in ((draws, np.asarray(truth.mean)), (draws[:, :, None] * draws[:, None], second)):
        assert np.all(np.abs(values.mean(0) - expected) < 4 * values.std(0) / np.sqrt(DRAWS))


@pytest.mark.parametrize("num_steps", [20, 50, 100])
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
        assert abs(np.sum(times[:-1] - times[1:]) - (process.t1 - process.t0)) < 1e-12 * process.t1
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


def test_impossible_grids_are_refused():
    with pytest.raises(ValueError, match="num_steps of at least 1"):
        nodes(KarrasGrid(), VP(), 0, jnp.dtype("float32"))


@pytest.fixture(scope="module")
def correlated():
    """A correlated Gaussian under VP, and the exact map of its flow from the first to the last state."""
    with jax.enable_x64(True):
        covariance = np.array([[1.0, 0.7], [0.7, 0.8]])
        process = VP(t0=1e-3)
        model = ExactDenoiser.create(gaussian(np.array([0.5, -1.0]), covariance), process)
        first, last = (noisy(model.target, process, t) for t in (process.t1, process.t0))

        def flow(x1):
            basis, start, end = (
                np.asarray(p)
                for p in (first.components.basis[0], first.components.variances[0], last.components.variances[0])
            )
            return np.asarray(last.components.mean[0]) + basis @ (
                np.sqrt(end / start) * (basis.T @ (np.asarray(x1) - np.asarray(first.components.mean[0])))
            )

    return model, flow


@pytest.mark.parametrize(("sampler", "order"), [(DDIM, 1), (Heun, 2)])
def test_trap_18_order_of_the_deterministic_samplers(correlated, sampler, order):
    """Slope of the error between 64 and 128 steps against the exact flow."""
    with jax.enable_x64(True):
        model, flow = correlated
        errors = []
        for num_steps in (64, 128):
            _, states = jax.jit(
                lambda key, n=num_steps: sampler(n, LogRatioGrid()).path(model, (2,), jnp.float64, key=key)
            )(KEY)
            errors.append(np.linalg.norm(states[-1] - flow(states[0])))
        assert abs(np.log2(errors[0] / errors[1]) - order) < 0.15


def test_trap_18_weak_order_of_euler_maruyama(correlated):
    """Covariance carried through the sampler's own affine steps (Jacobian and noise), without drawing; slope one."""
    with jax.enable_x64(True):
        model, _ = correlated
        process = model.process
        target = noisy(model.target, process).components
        exact = np.asarray((target.basis[0] * target.variances[0]) @ target.basis[0].T)

        @jax.jit
        def steps(times, levels):
            pairs = [jax.tree.map(lambda n, s=s: n[s], (times, levels)) for s in (slice(None, -1), slice(1, None))]

            def one(t, s):
                def step(x, key):
                    return EulerMaruyama().step(model, x, Node(*t), Node(*s), None, key=key)

                noise = step(jnp.zeros(2), KEY) - step(jnp.zeros(2), jax.random.key(1))
                raw = jax.random.normal(KEY, (2,)) - jax.random.normal(jax.random.key(1), (2,))
                return jax.jacfwd(step)(jnp.zeros(2), KEY), noise / raw

            return jax.vmap(one)(*pairs)

        errors = []
        for num_steps in (400, 800):
            grid = nodes(LogRatioGrid(), process, num_steps, jnp.dtype("float64"))
            jacobians, gains = (np.asarray(part) for part in steps(grid.t, grid.level))
            first = noisy(model.target, process, process.t1).components
            covariance = np.asarray((first.basis[0] * first.variances[0]) @ first.basis[0].T)
            for jacobian, gain in zip(jacobians, gains, strict=True):
                covariance = jacobian @ covariance @ jacobian.T + np.diag(gain**2)
            errors.append(np.linalg.norm(covariance - exact))
        assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.15


def test_trap_18_adaptive_flow_meets_its_tolerance(correlated):
    """Error falls with the tolerance and is below a hundred times it; the state of the flow is y = x / R = x under VP."""
    with jax.enable_x64(True):
        model, flow = correlated
        errors = []
        for tolerance in (1e-4, 1e-8):
            _, states = ProbabilityFlow(rtol=tolerance, atol=tolerance, num_nodes=2).path(
                model, (2,), jnp.float64, key=KEY
            )
            errors.append(np.linalg.norm(states[-1] - flow(states[0])) / tolerance)
        assert max(errors) < 100


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
def test_trap_22_stop_at_t0_adds_the_noise_of_t0(ratio):
    """Draws of N(0, s^2) with s = ratio t0 have variance s^2 + t0^2; Tweedie's step would make it s^4 / (s^2 + t0^2)."""
    with jax.enable_x64(True):
        process = EDM(t0=0.1)
        s2 = (ratio * process.t0) ** 2
        model = ExactDenoiser.create(centred(s2), process)
        _, states = ProbabilityFlow(rtol=1e-8, atol=1e-8, num_nodes=2).path(model, (1,), jnp.float64, key=KEY)
        radii = [np.hypot(1, t) for t in (process.t1, process.t0)]
        factor = float(states[-1, 0] * radii[1] / (states[0, 0] * radii[0]))
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
    keys = jax.vmap(lambda row: jax.random.fold_in(KEY, row))(jnp.arange(DRAWS))
    _, states = jax.vmap(lambda key: sampler.path(model, (2,), jnp.float32, key=key))(keys)
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


def test_a_row_depends_on_the_key_and_its_number_alone():
    model, sampler = ExactDenoiser.create(mixture(), VP()), Heun(num_steps=4)
    rows = {n: np.asarray(sample(model, sampler, n, key=KEY)) for n in (1, 7, 1000, 1100)}
    for n, drawn in rows.items():
        assert drawn.shape == (n, 2)
        assert np.array_equal(drawn, rows[1100][:n])
    for start in (5, 1020, 1099):
        assert np.array_equal(
            np.asarray(sample(model, sampler, 3, key=KEY, start=start))[: 1100 - start], rows[1100][start : start + 3]
        )
    assert sample(model, sampler, 0, key=KEY).shape == (0, 2)
    assert len(np.unique(rows[1100][:, 0])) == 1100


def test_models_a_sampler_cannot_serve_are_refused_by_name():
    model = ScoreFunction(fn=lambda t, x, condition: -x, process=VP())
    for sampler in (DDIM(), Heun()):
        with pytest.raises(TypeError, match="got ScoreFunction"):
            sample(model, sampler, 3, key=KEY, shape=(2,))
    with pytest.raises(ValueError, match="shape"):
        sample(model, EulerMaruyama(), 3, key=KEY)


def test_paths_end_where_draws_do():
    model = ExactDenoiser.create(mixture(), VP())
    for sampler in (DDIM(num_steps=4), EulerMaruyama(num_steps=4)):
        times, states = sampler.path(model, (2,), jnp.float32, key=KEY)
        assert states.shape == (5, 2)
        np.testing.assert_allclose(times, KarrasGrid().times(VP(), 4), rtol=1e-6)
        np.testing.assert_allclose(states[-1], sampler.draw(model, (2,), jnp.float32, key=KEY), rtol=1e-6)


def test_a_failed_solve_is_nan_and_never_a_number():
    draws = sample(ExactDenoiser.create(mixture(), VP()), ProbabilityFlow(max_steps=2), 3, key=KEY)
    assert np.all(np.isnan(draws))
