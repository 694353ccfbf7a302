"""Paths: orders by slope, exact laws, rows and keys, the two halves of an SDE."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, norm

from scorax.processes import (
    SDE,
    VP,
    BrownianMotion,
    Clean,
    Diagonal,
    GeometricBrownianMotion,
    LinearSDE,
    Matrix,
    OrnsteinUhlenbeck,
    Scalar,
    critically_damped_langevin,
    without_drift,
    without_noise,
)
from scorax.simulation import Euler, Exact, Milstein, brownian_increments, simulate

KEY = jax.random.key(0)
GBM = GeometricBrownianMotion(0.5, 1.0)
OU = OrnsteinUhlenbeck(2.0, 0.5, 0.7)
ONES = np.ones((256, 16), np.float32)
"""4096 paths as one block: rows of 16 coordinates with noise of their own."""
COARSE, FINE = (16, 32, 64, 128), 1024


@pytest.fixture(scope="module")
def increments():
    """4096 Brownian paths over [0, 1] on the finest grid; coarse increments are sums of these."""
    keys = jax.random.split(KEY, 4096)
    return np.asarray(jax.vmap(lambda k: brownian_increments(1.0, FINE, (), jnp.float32, key=k))(keys), np.float64)


def ends(process, method, increments, num_steps):
    """Ends of the paths from 1, on the same Brownian paths for every method and number of steps, in float64."""
    with jax.enable_x64(True):
        h = jnp.asarray(1 / num_steps)
        summed = jnp.asarray(increments.reshape(len(increments), num_steps, -1).sum(-1))

        def step(x, xs):
            j, increment = xs
            return method.step(process, j * h, h, x, increment), None

        steps = (jnp.arange(num_steps, dtype=float), summed.T)
        return np.asarray(jax.jit(lambda xs: jax.lax.scan(step, jnp.ones(len(increments)), xs)[0])(steps))


def slope(errors) -> float:
    return -np.polyfit(np.log2(COARSE[: len(errors)]), np.log2(errors), 1)[0]


@pytest.mark.parametrize(("method", "order"), [(Euler(), 0.5), (Milstein(), 1.0)], ids=["Euler", "Milstein"])
def test_strong_order_under_multiplicative_noise(increments, method, order):
    """E|X_1 - exact| of geometric Brownian motion on the same Brownian paths."""
    exact = ends(GBM, Exact(), increments, 1)
    np.testing.assert_allclose(ends(GBM, Exact(), increments, 16), exact, rtol=1e-10)
    errors = [np.abs(ends(GBM, method, increments, n) - exact).mean() for n in COARSE]
    assert abs(slope(errors) - order) < 0.1


def test_strong_order_under_additive_noise(increments):
    """Ornstein-Uhlenbeck against the same Brownian paths on a grid eight times as fine as the finest."""
    reference = ends(OU, Euler(), increments, FINE)
    errors = [np.abs(ends(OU, Euler(), increments, n) - reference).mean() for n in COARSE]
    assert abs(slope(errors) - 1) < 0.15
    milstein, euler = (ends(OU, method, increments, 16) for method in (Milstein(), Euler()))
    np.testing.assert_array_equal(milstein, euler)  # the correction is zero


def test_weak_order_of_euler_maruyama(increments):
    """Error of the mean of geometric Brownian motion, its spread reduced by the exact end of the same path."""
    process = GeometricBrownianMotion(1.5, 0.3)
    exact = ends(process, Exact(), increments, 1)
    errors = []
    for n in COARSE[:3]:
        difference = ends(process, Euler(), increments, n) - exact
        errors.append(-difference.mean())
        expected = np.exp(1.5) - (1 + 1.5 / n) ** n
        assert abs(errors[-1] - expected) < 4 * difference.std() / np.sqrt(difference.size)
    assert abs(slope(errors) - 1) < 0.15


def test_trap_17_euler_maruyama_follows_its_recursion():
    """Mean and variance of Ornstein-Uhlenbeck after eight long steps, within 4 SE."""
    h, mean, variance = 1 / 8, 1.0, 0.0
    for _ in range(8):
        mean, variance = mean + h * 2.0 * (0.5 - mean), (1 - 2.0 * h) ** 2 * variance + 0.49 * h
    drawn = np.asarray(simulate(OU, ONES, [0.0, 1.0], key=KEY, num_steps=8)[:, -1], np.float64)
    assert abs(drawn.mean() - mean) < 4 * np.sqrt(variance / drawn.size)
    assert abs(drawn.var() / variance - 1) < 4 * np.sqrt(2 / drawn.size)


def test_trap_45_exact_paths_have_the_law_and_covariance_of_brownian_motion():
    """Each time against its normal law, and Cov(X_s, X_t) = sigma^2 min(s, t)."""
    process, ts = BrownianMotion(1.0, 0.5, t1=2.0), np.array([0.0, 0.3, 1.0, 2.0])
    paths = np.asarray(simulate(process, 2 * ONES, ts, key=KEY, method=Exact()), np.float64)
    assert paths.shape == (256, 4, 16)
    assert np.all(paths[:, 0] == 2)
    flat = np.moveaxis(paths[:, 1:], 1, 2).reshape(-1, 3)
    for column, t in zip(flat.T, ts[1:], strict=True):
        assert kstest(column, norm(2 + t, 0.5 * np.sqrt(t)).cdf).pvalue > 1e-3
    products = (flat - 2 - ts[1:])[:, :, None] * (flat - 2 - ts[1:])[:, None]
    truth = 0.25 * np.minimum.outer(ts[1:], ts[1:])
    assert np.all(np.abs(products.mean(0) - truth) < 4 * products.std(0) / np.sqrt(len(flat)))


@pytest.mark.parametrize(
    "process",
    [VP(), critically_damped_langevin(8), LinearSDE(-np.eye(16), np.ones((16, 1)))],
    ids=["VP", "langevin", "one noise for all"],
)
def test_exact_steps_keep_the_law_of_linear_sdes(process):
    """Two exact steps against one kernel: means within 4 SE, and variances."""
    t0, t1 = process.t0, 0.4
    paths = simulate(process, ONES, [t0, 0.15, t1], key=KEY, method=Exact())
    kernel = process.transition(jnp.asarray(t0), jnp.asarray(t1))
    mean, root = np.asarray(kernel.mean(jnp.ones(16))), np.asarray(kernel.root.dense(16))
    variance, drawn = (root**2).sum(1), np.asarray(paths[:, -1], np.float64)
    assert np.all(np.abs(drawn.mean(0) - mean) < 4 * np.sqrt(variance / 256))
    assert np.all(np.abs(drawn.var(0) / variance - 1) < 4 * np.sqrt(2 / 256))


def test_trap_46_starting_points_of_pixels_are_served_one_by_one():
    """Rows from different points: each has its own law, and rows are independent."""
    x0 = np.repeat(np.array([-1.0, 0.0, 2.0], np.float32), 3000)[:, None]
    ends_at = np.asarray(simulate(OU, x0, [0.0, 0.5], key=KEY, method=Exact())[:, -1, 0], np.float64).reshape(3, 3000)
    law = OU.law(jnp.asarray(0.5), jnp.array([-1.0, 0.0, 2.0]))
    for row, mean, sd in zip(ends_at, law.mean, law.sd, strict=True):
        assert kstest(row, norm(float(mean), float(sd)).cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(ends_at) - np.eye(3)).max() < 4 / np.sqrt(3000)


@pytest.mark.parametrize("process", [OU, GBM, critically_damped_langevin(8)], ids=lambda p: type(p).__name__)
def test_the_two_halves_of_an_sde_run_on_the_same_noise(process):
    """Without drift, without noise and with both: over one Euler step the increments add up, on one Brownian path."""
    parts = [
        np.asarray(simulate(p, ONES, [0.0, 0.125], key=KEY, num_steps=1)[:, -1], np.float64) - ONES
        for p in (process, without_drift(process), without_noise(process))
    ]
    np.testing.assert_allclose(parts[0], parts[1] + parts[2], atol=1e-6)
    assert parts[1].std() > 0.1
    assert np.all(parts[2] == parts[2][0])


@pytest.mark.parametrize(
    "noise",
    [lambda t, x: Scalar(0.5), lambda t, x: Diagonal([0.5, 0.5]), lambda t, x: Matrix(0.5 * np.eye(2))],
    ids=["Scalar", "Diagonal", "Matrix"],
)
def test_plain_numbers_are_constants(noise):
    """A drift of 0.3 and a noise of 0.5, however it is written, are those of Brownian motion on the same path."""
    process, x0 = SDE(lambda t, x: 0.3, noise), np.zeros((3, 2), np.float32)
    ours, theirs = (simulate(p, x0, [0.0, 1.0], key=KEY, num_steps=4) for p in (process, BrownianMotion(0.3, 0.5)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    dense = process.diffusion(jnp.zeros(()), jnp.zeros(2)).dense(2)
    np.testing.assert_allclose(dense, 0.5 * np.eye(2))


def test_grids_of_a_run_refine_and_methods_share_the_path():
    """Geometric Brownian motion: fine Milstein steps come to the exact end that one step of the same key has."""
    exact, milstein = (
        simulate(GBM, ONES[:8], [0.0, 0.5, 1.0], key=KEY, method=method, num_steps=steps)
        for method, steps in ((Exact(), 1), (Milstein(), 256))
    )
    error = np.abs(np.asarray(exact) - np.asarray(milstein))
    assert error.mean() < 0.01 * np.asarray(exact).std()


def matrix(t, x):
    return Matrix(jnp.eye(2, dtype=x.dtype))


def crossed(t, x):
    return Diagonal(x[::-1])


def one_number(t, x):
    return Scalar(x[0])


@pytest.mark.parametrize(
    ("diffusion", "message"),
    [(matrix, "got a matrix"), (crossed, "another coordinate"), (one_number, "another coordinate")],
)
def test_milstein_refuses_noise_it_does_not_serve(diffusion, message):
    process = SDE(lambda t, x: -x, diffusion)
    with pytest.raises(TypeError, match=message):
        simulate(process, np.array([[0.5, 0.7]], np.float32), [0.0, 1.0], key=KEY, method=Milstein())


def test_milstein_asks_for_a_first_state_that_it_can_look_at():
    process = SDE(lambda t, x: -x, lambda t, x: Diagonal(x))
    run = functools.partial(simulate, process, ts=[0.0, 1.0], key=KEY, method=Milstein())
    with pytest.raises(TypeError, match="outside jit"):
        jax.jit(lambda x: run(x0=x))(jnp.ones((1, 2)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"process": Clean()}, TypeError, "got Clean"),
        ({"process": SDE(lambda t, x: x, matrix), "method": Exact()}, TypeError, "got SDE"),
        ({"x0": np.ones((2, 2), int)}, TypeError, "floating-point"),
        ({"x0": 1.0}, ValueError, "one row"),
        ({"ts": [0.0]}, ValueError, "two increasing times"),
        ({"ts": [0.5, 0.2]}, ValueError, "two increasing times"),
        ({"ts": [0.5, 0.5 + 1e-9]}, ValueError, "as float32 has them"),
        ({"ts": [0.0, 1.5]}, ValueError, r"in \[0, 1\]"),
        ({"num_steps": 0}, ValueError, "at least 1"),
    ],
)
def test_impossible_runs_are_refused(arguments, error, message):
    standard = {"process": OU, "x0": np.ones((1, 2), np.float32), "ts": [0.0, 1.0]}
    with pytest.raises(error, match=message):
        simulate(**{**standard, **arguments}, key=KEY)


def test_a_root_at_zero_does_not_look_like_crossed_noise():
    """The derivative of a square root at zero is infinite, and along another coordinate it is no number."""
    process = SDE(lambda t, x: 1 - x, lambda t, x: Diagonal(jnp.sqrt(x)))
    Milstein().check(process, jnp.zeros(()), jnp.array([0.0, 1.0]))
