"""Linear SDEs against closed forms: damped Langevin, VP and Ornstein-Uhlenbeck as matrices, kernels and their scores."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from scorax.processes import (
    VP,
    BrownianMotion,
    Diagonal,
    GaussianKernel,
    GaussianLaw,
    LinearSDE,
    OrnsteinUhlenbeck,
    critically_damped_langevin,
)

pytestmark = pytest.mark.usefixtures("double")

F = np.array([[-1.0, 0.5], [0.2, -0.3]])
L = np.array([[0.7, 0.1, 0.0], [0.0, 0.4, 0.3]])
B = np.array([0.5, -1.0])


def damped(t, mass=0.25, rate=4.0):
    """Mean map and covariance of critically damped Langevin from a fixed start, in extended precision.

    With critical friction the drift matrix has one double eigenvalue -lambda, so exp(F t) = exp(-lambda t) (I + (F + lambda) t),
    and the covariance is what the stationary law diag(1, M) has lost: S - Phi S Phi^T.
    """
    real = np.longdouble
    friction, eigenvalue = 2 * np.sqrt(real(mass)), real(rate) / np.sqrt(real(mass))
    drift = rate * np.array([[0, 1 / real(mass)], [-1, -friction / mass]], real)
    phi = np.exp(-eigenvalue * real(t)) * (np.eye(2) + real(t) * (drift + eigenvalue * np.eye(2)))
    stationary = np.diag(np.array([1, mass], real))
    return phi.astype(float), (stationary - phi @ stationary @ phi.T).astype(float)


@pytest.mark.parametrize("mass", [0.25, 1.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-5), ("float64", 1e-10)])
def test_damped_langevin_has_its_closed_kernel(dtype, tolerance, mass):
    """From t = 1e-3, where the data's variance is of order t^3, to relaxation; entries in units of their scale."""
    process = critically_damped_langevin(1, mass=mass)
    for t in (1e-3, 0.03, 0.3, 1.0, 3.0):
        kernel = process.kernel(jnp.asarray(t, dtype))
        phi, covariance = damped(t, mass)
        scale = np.sqrt(np.diag(covariance))
        got = np.asarray(kernel.root.value, np.float64)
        np.testing.assert_allclose(
            (got @ got.T) / np.outer(scale, scale), covariance / np.outer(scale, scale), atol=tolerance
        )
        np.testing.assert_allclose(kernel.mean_map.value, phi, rtol=tolerance, atol=tolerance * np.abs(phi).max())


def test_damped_langevin_of_several_coordinates_is_one_for_each():
    kernel = critically_damped_langevin(3).kernel(jnp.asarray(0.4))
    phi, covariance = damped(0.4)
    np.testing.assert_allclose(kernel.mean_map.value, np.kron(phi, np.eye(3)), atol=1e-12)
    got = kernel.root.value @ kernel.root.value.T
    np.testing.assert_allclose(got, np.kron(covariance, np.eye(3)), atol=1e-12)


def test_damped_langevin_ends_in_its_prior():
    """The stationary law diag(1, M) solves F S + S F^T + L L^T = 0, and the image of it is itself."""
    process = critically_damped_langevin(2, mass=0.5)
    image = process.kernel(jnp.asarray(1.0)).image(process.prior)
    x = jnp.array([0.3, -1.0, 0.2, 0.5])
    np.testing.assert_allclose(image.log_density(x), process.prior.log_density(x), rtol=1e-12)


def test_constant_and_varying_coefficients_agree():
    """The series with doubling against the adaptive solve of the moment equations, from time 0 and between two times."""
    constant = LinearSDE(F, L, B)
    varying = LinearSDE(lambda t: jnp.asarray(F), lambda t: jnp.asarray(L), lambda t: jnp.asarray(B))
    for s, t in ((0.0, 0.7), (0.3, 0.9)):
        ours, theirs = (p.transition(jnp.asarray(s), jnp.asarray(t)) for p in (constant, varying))
        np.testing.assert_allclose(ours.mean_map.value, theirs.mean_map.value, rtol=1e-8)
        np.testing.assert_allclose(ours.shift, theirs.shift, rtol=1e-8)
        roots = [k.root.value @ k.root.value.T for k in (ours, theirs)]
        np.testing.assert_allclose(*roots, rtol=1e-7)


def test_trap_13_vp_as_a_time_dependent_linear_sde():
    process = LinearSDE(
        lambda t: -0.5 * (0.1 + 19.9 * t) * jnp.eye(2), lambda t: jnp.sqrt(0.1 + 19.9 * t) * jnp.eye(2), t0=1e-5
    )
    t = jnp.asarray(0.37)
    kernel = process.kernel(t)
    np.testing.assert_allclose(kernel.mean_map.value, VP().alpha(t) * np.eye(2), atol=1e-8)
    np.testing.assert_allclose(kernel.root.value @ kernel.root.value.T, VP().variance(t) * np.eye(2), atol=1e-8)


@pytest.mark.parametrize("process", [OrnsteinUhlenbeck(2.0, 0.5, 0.7), BrownianMotion(1.5, 0.7)], ids=repr)
def test_named_linear_processes_are_linear_sdes(process):
    """Their closed kernels against the series of the same coefficients."""
    rate = getattr(process, "rate", 0.0)
    offset = process.rate * process.mean if rate else process.drift_rate
    matrix = LinearSDE(-rate * np.eye(2), 0.7 * np.eye(2), np.full(2, offset))
    s, t, x = jnp.asarray(0.2), jnp.asarray(0.9), jnp.array([0.3, -1.2])
    ours, theirs = process.transition(s, t), matrix.transition(s, t)
    np.testing.assert_allclose(ours.mean(x), theirs.mean(x), rtol=1e-12)
    np.testing.assert_allclose(ours.root.dense(2) ** 2, theirs.root.value @ theirs.root.value.T, atol=1e-13)
    np.testing.assert_allclose(process.drift(t, x), matrix.drift(t, x), rtol=1e-12)
    np.testing.assert_allclose(process.conditional_score(t, 2 * x, x), matrix.conditional_score(t, 2 * x, x), rtol=1e-9)


@pytest.mark.parametrize(
    "process", [LinearSDE(F, L, B), critically_damped_langevin(1), VP()], ids=lambda p: type(p).__name__
)
def test_conditional_score_is_the_gradient_of_the_kernel(process):
    t, x0, x = jnp.asarray(0.4), jnp.array([0.3, -1.2]), jnp.array([0.1, 0.2])
    law = process.law(t, x0)
    expected = jax.grad(law.log_density)(x)
    np.testing.assert_allclose(process.conditional_score(t, x, x0), expected, rtol=1e-8)


def test_perturb_is_the_kernel():
    """Mean and covariance of 20000 draws within 4 SE (false-alarm rate 6e-5 a number)."""
    process, t, x0 = LinearSDE(F, L, B), jnp.asarray(0.8), jnp.array([1.0, -2.0])
    draws = jax.vmap(lambda k: process.perturb(t, x0, key=k))(jax.random.split(jax.random.key(0), 20_000))
    kernel = process.kernel(t)
    covariance = np.asarray(kernel.root.value @ kernel.root.value.T)
    centred = np.asarray(draws - kernel.mean(x0))
    assert np.all(np.abs(centred.mean(0)) < 4 * np.sqrt(np.diag(covariance) / 20_000))
    products = centred[:, :, None] * centred[:, None]
    assert np.all(np.abs(products.mean(0) - covariance) < 4 * products.std(0) / np.sqrt(20_000))


def test_image_of_a_gaussian_law_against_scipy():
    mean, covariance = np.array([0.3, -1.0]), np.array([[0.5, 0.2], [0.2, 0.4]])
    x = jnp.array([0.1, 0.2])
    for process in (LinearSDE(F, L, B), OrnsteinUhlenbeck(2.0, 0.5, 0.7)):
        kernel = process.kernel(jnp.asarray(0.8))
        image = kernel.image(GaussianLaw.from_moments(mean, covariance))
        phi, root = np.asarray(kernel.mean_map.dense(2)), np.asarray(kernel.root.dense(2))
        expected = multivariate_normal(
            np.asarray(kernel.mean(jnp.asarray(mean))), phi @ covariance @ phi.T + root @ root.T
        )
        np.testing.assert_allclose(image.log_density(x), expected.logpdf(x), rtol=1e-10)


def test_a_coordinate_without_noise_moves_along_its_drift():
    process = LinearSDE(np.diag([-1.0, -2.0]), np.array([[1.0], [0.0]]))
    draw = process.perturb(jnp.asarray(0.5), jnp.ones(2), key=jax.random.key(0))
    np.testing.assert_allclose(draw[1], np.exp(-1.0), rtol=1e-12)
    assert draw[0] != np.exp(-0.5)
    np.testing.assert_array_equal(process.perturb(jnp.asarray(0.0), jnp.ones(2), key=jax.random.key(0)), np.ones(2))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LinearSDE(np.ones((2, 3)), L), r"F of shape \(d, d\)"),
        (lambda: LinearSDE(F, np.ones(2)), r"L of shape \(d, m\)"),
        (lambda: LinearSDE(F, np.ones((3, 1))), r"L of shape \(d, m\)"),
        (lambda: LinearSDE(F, L, np.ones(3)), r"b of shape \(d,\)"),
        (lambda: LinearSDE(F, L, t0=-0.1), "0 <= t0 < t1"),
        (lambda: dataclasses.replace(LinearSDE(F, L), t1=0.0), "0 <= t0 < t1"),
        (lambda: critically_damped_langevin(0), "dimension of at least 1"),
        (lambda: critically_damped_langevin(1, mass=0.0), "positive mass"),
        (lambda: OrnsteinUhlenbeck(rate=0.0), "positive rate"),
        (lambda: OrnsteinUhlenbeck(sigma=-1.0), "positive sigma"),
        (lambda: BrownianMotion(t0=2.0), "0 <= t0 < t1"),
        (lambda: BrownianMotion(t1=np.inf), "a finite clock"),
        (lambda: LinearSDE(F, np.where(L > 0.6, np.nan, L)), "finite numbers in L"),
    ],
)
def test_impossible_coefficients_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_the_law_of_a_short_time_keeps_its_digits_in_float32():
    """Position and velocity differ by powers of the time: the covariance has no small eigenvalue in float32, its root has one."""
    time, x0 = 1e-4, jnp.array([0.3, 0.1], jnp.float32)
    law = critically_damped_langevin(1).law(jnp.float32(time), x0)
    mean, covariance = np.asarray(law.mean, np.float64), damped(time)[1]
    later = (mean + np.linalg.cholesky(covariance) @ np.array([0.5, -0.7])).astype(np.float32)
    assert law.basis.dtype == jnp.float32
    expected = multivariate_normal(mean, covariance).logpdf(later.astype(np.float64))
    np.testing.assert_allclose(law.log_density(jnp.asarray(later)), expected, atol=0.02)


def test_the_image_under_a_kernel_of_states_with_axes_is_that_of_flat_rows():
    gain, shift, spread = (
        jnp.asarray(part).reshape(3, 1) for part in ([2.0, 1.0, 0.5], [1.0, 0.0, -1.0], [0.1, 1.0, 2.0])
    )
    image = GaussianKernel(Diagonal(gain), shift, Diagonal(spread)).image(
        GaussianLaw.from_moments(np.ones(3), np.eye(3))
    )
    np.testing.assert_allclose(image.mean, (gain + shift).ravel(), rtol=1e-12)
    expected = multivariate_normal(np.ravel(gain + shift), np.diag(np.ravel(gain**2 + spread**2)))
    np.testing.assert_allclose(image.log_density(jnp.zeros(3)), expected.logpdf(np.zeros(3)), rtol=1e-10)
