import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import multivariate_normal

from scorax.processes import EDM, VE, VP, Cosine, GaussianLaw, Level, Rectified, SubVP, Tabulated

PROCESSES = [
    VP(),
    VP(beta_min=2.0, beta_max=2.0, t1=3.0),
    SubVP(),
    VE(),
    VE(sigma_min=0.1, sigma_max=5.0, t1=2.0),
    EDM(),
    Cosine(),
    Rectified(),
    Tabulated.from_betas(np.geomspace(1e-4, 0.5, 12)),
    Tabulated.from_sigmas(np.geomspace(0.01, 10.0, 7)),
]
by_process = pytest.mark.parametrize("process", PROCESSES, ids=repr)


def inner_times(process) -> np.ndarray:
    """Fifty times at equally spaced log-ratios inside the clock, in the context's precision.

    One number of them for all tests: operations on arrays of one shape are compiled once.
    """
    low, high = (float(process.log_ratio(jnp.asarray(t))) for t in (process.t0, process.t1))
    return np.asarray(jax.vmap(process.time_of)(np.linspace(low, high, 52)[1:-1]))


def test_trap_12_small_time_variance_keeps_its_digits_in_float32():
    times = np.geomspace(1e-7, 1e-2, 51)
    exact = -np.expm1(-(0.1 * times + 0.5 * 19.9 * times**2))
    got = jax.vmap(VP().variance)(jnp.asarray(times, jnp.float32))
    np.testing.assert_allclose(got, exact, rtol=1e-6)


@by_process
def test_trap_13_and_14_variance_solves_the_moment_equation(process):
    """v' = 2 f v + g^2 from v(t0) = sigma(t0)^2, integrated by SciPy with nothing but f and g^2 of the process."""
    with jax.enable_x64(True):
        rates = jax.jit(lambda t: (process.drift_coefficient(t), process.squared_diffusion(t)))

        def slope(t, v):
            f, g2 = rates(jnp.asarray(t))
            return 2 * float(f) * v + float(g2)

        times = inner_times(process)
        start = [float(process.variance(jnp.asarray(process.t0)))]
        solved = solve_ivp(slope, (process.t0, times[-1]), start, t_eval=times, method="DOP853", rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(jax.vmap(process.variance)(jnp.asarray(times)), solved.y[0], rtol=1e-6)


@pytest.mark.parametrize("t1", [1.0, 2.0])
def test_trap_14_diffusion_of_the_exploding_process(t1):
    with jax.enable_x64(True):
        process, t = VE(sigma_min=0.1, sigma_max=5.0, t1=t1), jnp.asarray(0.4)
        g = process.diffusion(t, jnp.ones(2)).value
        np.testing.assert_allclose(g, process.sigma(t) * np.sqrt(2 * np.log(50.0) / t1), rtol=1e-12)
        np.testing.assert_allclose(process.sigma(jnp.asarray(t1)), 5.0, rtol=1e-12)


@by_process
def test_trap_15_rates_are_the_derivatives_of_the_kernel(process):
    """f = d log alpha and g^2 = d sigma^2 - 2 f sigma^2 by central differences at 50 times."""
    with jax.enable_x64(True):
        times = inner_times(process)
        h = 1e-4 * np.minimum(times, 1.001 * process.t1 - times)  # the rates of interpolants grow towards t = 1
        later, earlier = (jax.vmap(process.level)(jnp.asarray(times + s * h)) for s in (1, -1))
        f = np.log(later.alpha / earlier.alpha) / (2 * h)
        g2 = (later.sigma**2 - earlier.sigma**2) / (2 * h) - 2 * f * jax.vmap(process.variance)(jnp.asarray(times))
        np.testing.assert_allclose(jax.vmap(process.drift_coefficient)(jnp.asarray(times)), f, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(jax.vmap(process.squared_diffusion)(jnp.asarray(times)), g2, rtol=1e-6)
        rate = (jax.vmap(process.log_ratio)(times + h) - jax.vmap(process.log_ratio)(times - h)) / (2 * h)
        np.testing.assert_allclose(jax.vmap(process.log_ratio_rate)(jnp.asarray(times)), rate, rtol=1e-6)


def test_trap_13_diffusion_of_sub_vp():
    """sigma (not its square) is 1 - exp(-B), and g^2 = beta (1 - exp(-2 B))."""
    with jax.enable_x64(True):
        times = np.geomspace(1e-4, 1, 30)
        integral = 0.1 * times + 0.5 * 19.9 * times**2
        beta = 0.1 + 19.9 * times
        g2 = jax.vmap(SubVP().squared_diffusion)(jnp.asarray(times))
        np.testing.assert_allclose(g2, -beta * np.expm1(-2 * integral), rtol=1e-9)
        np.testing.assert_allclose(jax.vmap(SubVP().sigma)(jnp.asarray(times)), -np.expm1(-integral), rtol=1e-12)


@pytest.mark.parametrize("process", [Cosine(), Rectified()], ids=repr)
def test_trap_15_interpolants_are_normalised_and_end_before_the_singular_time(process):
    with jax.enable_x64(True):
        zero, end = jnp.asarray(0.0), jnp.asarray(1.0)
        assert process.alpha(zero) == 1
        assert process.variance(zero) == 0
        assert abs(process.alpha(end)) < 1e-15
        np.testing.assert_allclose(process.variance(end), 1, rtol=1e-12)
        at_the_end = dataclasses.replace(process, t1=1 - 1e-9).squared_diffusion(jnp.asarray(1 - 1e-9))
        assert at_the_end > 1e8  # g^2 grows without bound: no SDE sampler can start at 1
    with pytest.raises(ValueError, match="< 1, got"):
        dataclasses.replace(process, t1=1.0)


def test_trap_15_cosine_schedule_of_the_paper():
    """alpha^2 = f(t) / f(0) with f = cos^2; and rectified f = -1/(1 - t), g^2 = 2 t / (1 - t)."""
    with jax.enable_x64(True):
        t = np.linspace(0.01, 0.99, 50)
        f = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
        np.testing.assert_allclose(jax.vmap(Cosine().alpha)(jnp.asarray(t)) ** 2, f, rtol=1e-10)
        np.testing.assert_allclose(jax.vmap(Cosine().variance)(jnp.asarray(t)), 1 - f, rtol=1e-10)
        np.testing.assert_allclose(jax.vmap(Rectified().drift_coefficient)(jnp.asarray(t)), -1 / (1 - t), rtol=1e-12)
        np.testing.assert_allclose(jax.vmap(Rectified().squared_diffusion)(jnp.asarray(t)), 2 * t / (1 - t), rtol=1e-12)


@pytest.mark.parametrize("process", [SubVP(), Cosine(), Rectified()], ids=repr)
def test_trap_12_variance_of_every_schedule_keeps_its_digits_in_float32(process):
    times = np.geomspace(1e-6, 0.9, 40).astype(np.float32)
    with jax.enable_x64(True):
        exact = jax.vmap(process.variance)(jnp.asarray(times, jnp.float64))
    np.testing.assert_allclose(jax.vmap(process.variance)(jnp.asarray(times)), exact, rtol=1e-6)


@by_process
def test_transitions_compose_to_the_kernel(process):
    """Kernel to s, then transition to t: the moments of the kernel to t, without the cancelling difference."""
    with jax.enable_x64(True):
        s, t = (jnp.asarray(time) for time in inner_times(process)[[16, 33]])
        first, then, whole = process.kernel(s), process.transition(s, t), process.kernel(t)
        np.testing.assert_allclose(then.mean_map.value * first.mean_map.value, whole.mean_map.value, rtol=1e-12)
        variance = (then.mean_map.value * first.root.value) ** 2 + then.root.value**2
        np.testing.assert_allclose(variance, whole.root.value**2, rtol=1e-12)


@by_process
def test_trap_12_transitions_over_short_steps_keep_their_digits_in_float32(process):
    """Both coefficients of the kernel between two float32 times, against the moment equation in float64.

    The variance is the integral of g(r)^2 (alpha_t / alpha_r)^2 from s to t, where nothing cancels; over such steps, at most a
    hundredth of the time, four nodes of Gauss's rule are exact to rounding.
    """
    moves = jax.jit(jax.vmap(process.transition))
    with jax.enable_x64(True):
        known = jax.jit(jax.vmap(jax.vmap(lambda r: (process.alpha(r), process.squared_diffusion(r)))))
    points, weights = np.polynomial.legendre.leggauss(4)
    first = inner_times(process)[2::5]  # of which no step goes over a node of a table: those are in test_tabulated.py
    for step in (1e-2, 1e-4, 1e-6):
        t = first + np.maximum(step * np.minimum(first, 1.001 * process.t1 - first), 4 * np.spacing(first))
        s, t = (np.asarray(part, np.float32) for part in (first, t))
        got = moves(s, t)
        s, t = (np.asarray(part, np.float64) for part in (s, t))
        r = s[:, None] + (t - s)[:, None] * (points + 1) / 2
        with jax.enable_x64(True):
            alpha, rate = (np.asarray(part) for part in known(np.concatenate([s[:, None], r, t[:, None]], axis=1)))
        added = (t - s) / 2 * np.sum(weights * rate[:, 1:-1] * (alpha[:, -1:] / alpha[:, 1:-1]) ** 2, axis=1)
        np.testing.assert_allclose(got.mean_map.value, alpha[:, -1] / alpha[:, 0], rtol=2e-6)
        np.testing.assert_allclose(got.root.value, np.sqrt(added), rtol=5e-6)


@by_process
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-11)])
def test_time_of_undoes_log_ratio(process, dtype, tolerance):
    with jax.enable_x64(dtype == "float64"):
        times = jnp.asarray(inner_times(process))
        assert times.dtype == dtype
        back = jax.vmap(lambda t: process.time_of(process.log_ratio(t)))(times)
        np.testing.assert_allclose(back, times, rtol=tolerance)
        assert np.all(np.diff(jax.vmap(process.log_ratio)(times)) > 0)


@by_process
def test_cut_off_moves_to_a_level(process):
    moved = process.starting_at(-1.0)
    with jax.enable_x64(True):
        np.testing.assert_allclose(moved.log_ratio(jnp.asarray(moved.t0)), -1.0, rtol=1e-12)
    assert moved == dataclasses.replace(process, t0=moved.t0)


def test_perturb_is_the_kernel():
    """Mean and variance of 20000 draws within 4 SE (false-alarm rate 1e-4 for each number)."""
    process, t, x0 = VP(), jnp.asarray(0.3), jnp.array([1.0, -2.0])
    keys = jax.random.split(jax.random.key(0), 20_000)
    draws = np.asarray(jax.vmap(lambda key: process.perturb(t, x0, key=key))(keys))
    alpha, sigma = (float(part) for part in process.level(t))
    assert np.all(np.abs(draws.mean(0) - alpha * np.asarray(x0)) < 4 * sigma / np.sqrt(20_000))
    assert np.all(np.abs(draws.var(0) / sigma**2 - 1) < 4 * np.sqrt(2 / 20_000))


@pytest.mark.parametrize(
    "build",
    [
        lambda: VP(beta_min=0.0),
        lambda: VP(beta_min=2.0, beta_max=1.0),
        lambda: VP(t0=0.0),
        lambda: VE(sigma_min=2.0, sigma_max=1.0),
        lambda: VE(t0=1.0),
        lambda: EDM(t0=0.0),
        lambda: EDM(t0=3.0, t1=2.0),
        lambda: SubVP(beta_min=-1.0),
        lambda: SubVP(t0=0.0),
        lambda: Cosine(offset=0.0),
        lambda: Cosine(t0=0.0),
        lambda: Rectified(t1=1.5),
    ],
)
def test_impossible_clocks_are_refused(build):
    with pytest.raises(ValueError, match=r"expected .*, got .*; "):
        build()


def test_gaussian_law_against_scipy():
    with jax.enable_x64(True):
        mean, covariance = np.array([0.3, -1.0, 2.0]), np.cov(np.random.default_rng(0).standard_normal((3, 9)))
        law, x = GaussianLaw.from_moments(mean, covariance), jnp.array([0.1, 0.2, 0.3])
        witness = multivariate_normal(mean, covariance)
        np.testing.assert_allclose(law.log_density(x), witness.logpdf(x), rtol=1e-10)
        np.testing.assert_allclose(-law.precision_times(x), jax.grad(law.log_density)(x), rtol=1e-10)
        noisy = law.at(Level(jnp.asarray(0.8), jnp.asarray(0.6)))
        expected = multivariate_normal(0.8 * mean, 0.64 * covariance + 0.36 * np.eye(3)).logpdf(x)
        np.testing.assert_allclose(noisy.log_density(x), expected, rtol=1e-10)
        root = jax.jacfwd(law.draw)(jnp.zeros(3))
        np.testing.assert_allclose(root @ root.T, covariance, rtol=1e-10, atol=1e-12)
