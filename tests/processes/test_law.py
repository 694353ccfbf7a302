"""Gaussian laws of every kind beside the dense covariance, and the laws of an array of rows."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from scorax.processes import DiagonalLaw, GaussianKernel, GaussianLaw, IsotropicLaw, Level, LowRankLaw, Matrix, Scalar

pytestmark = pytest.mark.usefixtures("double")

D = 5
RNG = np.random.default_rng(0)
MEAN, VARIANCES, FACTOR = RNG.standard_normal(D), RNG.uniform(0.1, 2.0, D), RNG.standard_normal((D, 2))
FULL = np.diag(VARIANCES) + FACTOR @ FACTOR.T
LAWS = {
    "full": lambda: (GaussianLaw.from_moments(MEAN, FULL), FULL),
    "diagonal": lambda: (DiagonalLaw(jnp.asarray(MEAN), jnp.asarray(VARIANCES)), np.diag(VARIANCES)),
    "isotropic": lambda: (IsotropicLaw(jnp.asarray(MEAN), jnp.asarray(0.7)), 0.7 * np.eye(D)),
    "low rank": lambda: (LowRankLaw(jnp.asarray(MEAN), jnp.asarray(VARIANCES), jnp.asarray(FACTOR)), FULL),
    "a factor of zeros": lambda: (
        LowRankLaw(jnp.asarray(MEAN), jnp.asarray(VARIANCES), jnp.zeros((D, 2))),
        np.diag(VARIANCES),
    ),
}


@pytest.fixture(params=LAWS, ids=str)
def pair(request, double):
    """A law, and its covariance."""
    return LAWS[request.param]()


def test_every_method_agrees_with_the_dense_covariance(pair):
    clean, covariance = pair
    x = MEAN + np.linspace(-1, 2, D)
    for law, mean, dense in (
        (clean, MEAN, covariance),
        (clean.at(Level(jnp.asarray(0.6), jnp.asarray(0.8))), 0.6 * MEAN, 0.36 * covariance + 0.64 * np.eye(D)),
        (clean.shifted(jnp.asarray(0.5)), MEAN + 0.5, covariance),
    ):
        assert type(law) is type(clean)
        close = lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)  # noqa: E731
        close(law.mean, mean)
        close(law.root @ law.root.T, dense)
        close(law.draw(jnp.asarray(x)), mean + law.root @ x)
        close(law.whiten(law.draw(jnp.asarray(x))), x)
        close(law.covariance_times(jnp.asarray(x)), dense @ x)
        close(law.precision_times(jnp.asarray(x)), np.linalg.solve(dense, x - mean))
        close(law.log_determinant, np.linalg.slogdet(dense)[1])
        close(law.log_density(jnp.asarray(x)), multivariate_normal(mean, dense).logpdf(x))


def test_the_excess_along_probes_has_mean_zero_and_is_that_of_the_logarithm(pair):
    """Over the unit vectors times sqrt(d), whose mean is the trace: exactly zero. Of log S where the law has eigenvectors."""
    law, dense = pair
    probes = math.sqrt(D) * jnp.eye(D)
    excess = jax.vmap(law.log_excess)(probes)
    assert abs(float(jnp.mean(excess))) < 1e-10
    values, vectors = np.linalg.eigh(dense)
    logarithm = (vectors * np.log(values)) @ vectors.T
    if not isinstance(law, LowRankLaw):
        np.testing.assert_allclose(excess, D * np.diag(logarithm) - np.trace(logarithm), atol=1e-10)


def test_draws_have_the_mean_and_the_covariance(pair):
    """4.5 standard errors for each of 20 numbers: a false alarm in 7,000 suites, and the key is fixed."""
    law, dense = pair
    count = 20_000
    draws = np.asarray(jax.vmap(lambda key: law.sample(key=key))(jax.random.split(jax.random.key(1), count)))
    assert np.all(np.abs(draws.mean(axis=0) - MEAN) < 4.5 * np.sqrt(np.diag(dense) / count))
    error = np.sqrt((np.outer(np.diag(dense), np.diag(dense)) + dense**2) / count)
    assert np.all(np.abs(np.cov(draws.T) - dense) < 4.5 * error)


@pytest.mark.parametrize("scalar", [True, False], ids=["scalar", "matrix"])
def test_a_linear_sde_maps_laws_of_every_kind(pair, scalar):
    law, dense = pair
    turn, root = RNG.standard_normal((D, D)), RNG.standard_normal((D, D))
    kernel = GaussianKernel(Matrix(jnp.asarray(turn)), jnp.asarray(MEAN), Matrix(jnp.asarray(root)))
    if scalar:
        turn, root = 0.6 * np.eye(D), 0.8 * np.eye(D)
        kernel = GaussianKernel(Scalar(jnp.asarray(0.6)), jnp.asarray(MEAN), Scalar(jnp.asarray(0.8)))
    image = kernel.image(law)
    assert not scalar or type(image) is type(law)
    np.testing.assert_allclose(image.mean, turn @ MEAN + MEAN, rtol=1e-10)
    np.testing.assert_allclose(image.root @ image.root.T, turn @ dense @ turn.T + root @ root.T, atol=1e-10)


@pytest.mark.parametrize("count", [2, 4096, 10_001])
def test_moments_of_rows_are_those_of_numpy(count):
    """To rounding, whatever the number of blocks, also for a column a hundred million standard deviations from zero."""
    rows = np.random.default_rng(0).standard_normal((count, 3)) @ np.array([[1.0, 0.5, 0], [0, 0.3, 0.2], [0, 0, 2.0]])
    rows[:, 1] += 1e8
    covariance = np.cov(rows.T, ddof=0)
    law = GaussianLaw.of_rows(rows)
    np.testing.assert_allclose(law.root @ law.root.T, covariance, atol=1e-7)
    diagonal = GaussianLaw.of_rows(rows, DiagonalLaw)
    np.testing.assert_allclose(diagonal.variances, np.diag(covariance), atol=1e-7)
    isotropic = GaussianLaw.of_rows(rows, IsotropicLaw)
    np.testing.assert_allclose(isotropic.variance, np.diag(covariance).mean(), atol=1e-7)
    for found in (law, diagonal, isotropic):
        np.testing.assert_allclose(found.mean, rows.mean(axis=0), rtol=1e-14, atol=1e-14)


def test_a_low_rank_law_of_rows_is_wrong_by_what_its_components_leave_out():
    """Variances are exact; the rest of the covariance is off by no more than the components after the last one kept."""
    rng, size = np.random.default_rng(1), 320
    scales = 3.0 * np.arange(1, size + 1) ** -1.0
    rows = (rng.standard_normal((1000, size)) * scales) @ np.linalg.qr(rng.standard_normal((size, size)))[0] + 2.0
    law = GaussianLaw.of_rows(rows, LowRankLaw)
    covariance = np.cov(rows.T, ddof=0)
    ours = np.diag(law.variances) + law.factor @ law.factor.T
    left = np.linalg.eigvalsh(covariance)[::-1][law.factor.shape[1] :]
    np.testing.assert_allclose(law.mean, rows.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(np.diag(ours), np.diag(covariance), rtol=1e-10)
    assert np.linalg.norm(ours - covariance) < np.linalg.norm(left)
    few = GaussianLaw.of_rows(rows[:40], LowRankLaw)  # fewer rows than directions: nothing is left out
    np.testing.assert_allclose(
        np.diag(few.variances) + few.factor @ few.factor.T, np.cov(rows[:40].T, ddof=0), atol=1e-7
    )


def test_the_law_of_images_costs_megabytes():
    """64 x 64 x 3, whose covariance would be 604 MB in float32."""
    images = np.random.default_rng(0).standard_normal((70, 64, 64, 3)).astype(np.float32)
    law = GaussianLaw.of_rows(images)
    assert isinstance(law, LowRankLaw)
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(law)) < 4e6
    noisy = law.at(Level(jnp.float32(0.0), jnp.float32(2.0)))  # noise alone
    x = jnp.linspace(-1.0, 1.0, law.mean.size, dtype=jnp.float32)
    exact = -0.5 * (float(jnp.sum(x**2)) / 4 + x.size * math.log(8 * math.pi))
    np.testing.assert_allclose(noisy.log_density(x), exact, rtol=1e-5)


def test_rows_of_any_shape_are_flat_and_keep_their_precision():
    images = np.random.default_rng(0).standard_normal((50, 2, 3)).astype(np.float32)
    for kind in (None, GaussianLaw, DiagonalLaw, IsotropicLaw, LowRankLaw):
        law = GaussianLaw.of_rows(images, kind)
        assert isinstance(law, kind or GaussianLaw)
        assert law.mean.shape == (6,)
        assert law.mean.dtype == np.float32
        with jax.enable_x64(False):
            assert GaussianLaw.of_rows(images.astype(np.float64), kind).mean.dtype == np.float32


@pytest.mark.parametrize("kind", [GaussianLaw, DiagonalLaw, IsotropicLaw, LowRankLaw])
@pytest.mark.parametrize("rows", [np.zeros((1, 2)), np.zeros((0, 2)), np.array([[0.0], [np.nan]])])
def test_too_few_rows_and_no_numbers_are_refused(rows, kind):
    with pytest.raises(ValueError, match="two or more finite rows"):
        GaussianLaw.of_rows(rows, kind)


@pytest.mark.parametrize(
    "covariance",
    [
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        np.array([[1.0, 0.5], [0.0, 1.0]]),
        np.full((2, 2), np.nan),
        np.eye(3),
        np.ones(2),
    ],
)
def test_what_is_no_covariance_is_refused(covariance):
    with pytest.raises(ValueError, match=r"expected a (symmetric )?covariance"):
        GaussianLaw.from_moments(np.zeros(2), covariance)
