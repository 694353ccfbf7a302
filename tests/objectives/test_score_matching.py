"""Explicit, implicit and sliced score matching against closed forms, on clean data and at the noised law.

Rows at plus and minus sqrt(v) have the second moment of N(0, v) exactly, so values for linear scores have no sampling error.
Means over random draws are held to 4 SE (false-alarm rate 6e-5) at fixed keys.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, centred, losses, mixture, rows_of, standard_error, strata
from scorax._probes import AbstractProbe
from scorax.models import EnergyScore, ScoreFunction, ScoreNetwork
from scorax.networks import AbstractNetwork, ResMLP
from scorax.objectives import (
    DenoisingScoreMatching,
    EnergyDifferenceScoreMatching,
    ExplicitScoreMatching,
    FiniteDifferenceScoreMatching,
    FixedTime,
    GaussianProbe,
    ImplicitScoreMatching,
    LikelihoodTimes,
    RademacherProbe,
    SlicedScoreMatching,
    SphereProbe,
    UniformTimes,
    UniformWeighting,
    VarianceWeighting,
)
from scorax.processes import EDM, VP, AbstractProcess, Clean
from scorax.targets import ExactDenoiser

pytestmark = pytest.mark.usefixtures("double")  # float64, and no tolerance below 1e-12 of values about one

DRAWS = 20_000


class Slope(eqx.Module):
    slope: jax.Array

    def __call__(self, t, x, condition):
        return -self.slope * x


def linear(slope: float, process=Clean()) -> ScoreFunction:  # noqa: B008
    return ScoreFunction(Slope(jnp.asarray(slope)), process)


class Square(AbstractNetwork):
    """The network whose energy on clean data is slope |x|^2 / 2."""

    slope: jax.Array

    def __call__(self, c_noise, x, condition=None, *, key=None):
        return 0.5 * (1 - self.slope) * x


def pairs(v: float, dimension: int, count: int = 2):
    """Rows at +-sqrt(v) in every coordinate, with quantiles and keys."""
    signs = jnp.where(jnp.arange(count) % 2 == 0, 1.0, -1.0)
    return (jnp.sqrt(v) * signs[:, None] * jnp.ones(dimension), *strata(count, key=jax.random.key(0)))


@functools.cache
def centred_draws(variance: float, dimension: int = 1):
    return rows_of(centred(variance, dimension), DRAWS, key=jax.random.key(1)), *strata(DRAWS, key=jax.random.key(2))


@pytest.mark.parametrize("v", [0.3, 1.0, 2.0])
def test_trap_01_half_the_square_and_the_whole_divergence(v):
    """s = -a x on N(0, v): a^2 v / 2 - a per coordinate, least at a = 1 / v with value -1 / (2 v)."""
    a, d = np.array([-1.0, 0.0, 1.0]), 3
    j = [float(losses(ImplicitScoreMatching(), linear(s), *pairs(v, d)).mean()) for s in a]
    np.testing.assert_allclose(j, d * (a**2 * v / 2 - a), rtol=1e-12, atol=1e-14)
    slope, bend = (j[2] - j[0]) / 2, j[2] - 2 * j[1] + j[0]
    np.testing.assert_allclose(-slope / bend, 1 / v, rtol=1e-12)
    np.testing.assert_allclose(j[1] - slope**2 / (2 * bend), -d / (2 * v), rtol=1e-12)


@pytest.mark.parametrize("a", [-0.5, 0.0, 1.7])
def test_trap_02_explicit_less_implicit_is_half_the_information(a):
    v, d = 0.7, 4
    target = ScoreFunction.of_density(centred(v, d).log_density)
    explicit, implicit = losses((ExplicitScoreMatching(target), ImplicitScoreMatching()), linear(a), *pairs(v, d))
    np.testing.assert_allclose(np.mean(explicit) - np.mean(implicit), d / (2 * v), rtol=1e-10)


def test_implicit_is_explicit_plus_a_constant_at_the_noised_law():
    """-s . s_theta - div s_theta has mean zero for any model: what explicit - implicit - |s|^2 / 2 leaves."""
    process, law = VP(), mixture()
    model = ExactDenoiser.create(mixture(seed=3), process)
    target = ExactDenoiser.create(law, process)
    zero = ScoreFunction(lambda t, x, condition: jnp.zeros_like(x), process)
    data = (rows_of(law, DRAWS, key=jax.random.key(1)), *strata(DRAWS, key=jax.random.key(2)))
    how = {"weighting": VarianceWeighting(), "times": UniformTimes()}
    objectives = (ExplicitScoreMatching(target, **how), ImplicitScoreMatching(**how))
    explicit, implicit = (np.asarray(value) for value in losses(objectives, model, *data))
    information = np.asarray(losses(objectives[0], zero, *data))
    rest = explicit - implicit - information
    assert abs(rest.mean()) < 4 * standard_error(rest)
    assert standard_error(rest) < 0.02 * float(explicit.mean() + information.mean())


def test_the_default_under_a_gaussian_process_is_in_nats():
    """Half the integral of g^2 times the squared error: the drop of the divergence between the ends."""
    process, p, q = VP(), 0.5, 1.3
    target = ExactDenoiser.create(centred(p), process)
    value = losses(ExplicitScoreMatching(target), ExactDenoiser.create(centred(q), process), *centred_draws(p))
    alpha, sigma = (np.asarray(part) for part in jax.vmap(process.level)(jnp.array([process.t0, process.t1])))
    ratio = (alpha**2 * p + sigma**2) / (alpha**2 * q + sigma**2)
    divergence = 0.5 * (ratio - 1 - np.log(ratio))
    assert abs(np.mean(value) - (divergence[0] - divergence[1])) < 4 * standard_error(value)


def test_a_target_under_another_process_is_refused():
    target = ExactDenoiser.create(mixture(), VP())
    for process in (EDM(), VP(beta_max=10.0), Clean()):
        with pytest.raises(ValueError, match="same process"):
            losses(ExplicitScoreMatching(target), linear(1.0, process), *pairs(1.0, 2))
    losses(ExplicitScoreMatching(target), linear(1.0, VP()), *pairs(1.0, 2))


class UnitSphere(AbstractProbe):
    """The probe of part of the literature, E v v^T = I / d: against the contract."""

    def __call__(self, shape, dtype, *, key):
        return SphereProbe()(shape, dtype, key=key) / jnp.sqrt(jnp.asarray(np.prod(shape), dtype))


def test_trap_03_sliced_equals_implicit_with_every_probe():
    """At a = 1 / v in d = 8: -d / (2 v)."""
    v, d = 0.5, 8
    objectives = [
        SlicedScoreMatching(probe, 1, variance_reduced)
        for probe in (RademacherProbe(), GaussianProbe(), SphereProbe())
        for variance_reduced in (True, False)
    ]
    for objective, value in zip(objectives, losses(objectives, linear(1 / v), *pairs(v, d, 100_000)), strict=True):
        assert abs(np.mean(value) + d / (2 * v)) < 4 * standard_error(value) + 1e-10, objective


def test_trap_03_unit_vectors_give_one_part_in_d():
    v, d = 0.5, 8
    value = losses(SlicedScoreMatching(UnitSphere(), 1, False), linear(1 / v), *pairs(v, d, 100_000))
    assert abs(float(value.mean()) + 1 / (2 * v)) < 4 * standard_error(value)


def test_trap_04_unit_vectors_with_the_exact_square_have_the_wrong_minimiser():
    """a^2 v d / 2 - a is least at 1 / (d v); with the factor d in the radius the minimiser is 1 / v."""
    v, d = 0.5, 8
    for probe, minimiser in ((UnitSphere(), 1 / (d * v)), (SphereProbe(), 1 / v)):
        j = [float(losses(SlicedScoreMatching(probe), linear(a), *pairs(v, d)).mean()) for a in (-1.0, 0.0, 1.0)]
        np.testing.assert_allclose(-(j[2] - j[0]) / 2 / (j[2] - 2 * j[1] + j[0]), minimiser, rtol=1e-10)


def test_trap_04_the_exact_square_is_not_always_the_smaller_variance():
    """Both forms have the mean of ISM; the reduced one varies less for an isotropic law, more for a correlated one."""
    v, d = 0.5, 8
    isotropic = (linear(1 / v), pairs(v, d, 100_000), -d / (2 * v))
    covariance = np.array([[1.0, 0.9], [0.9, 1.0]])
    precision = np.linalg.inv(covariance)
    rows = np.random.default_rng(5).standard_normal((100_000, 2)) @ np.linalg.cholesky(covariance).T
    exact = ScoreFunction(lambda t, x, condition: -precision @ x, Clean())
    correlated = (exact, (rows, *strata(100_000, key=jax.random.key(6))), -np.trace(precision) / 2)
    ratios = []
    for model, data, truth in (isotropic, correlated):
        values = losses([SlicedScoreMatching(GaussianProbe(), 1, flag) for flag in (True, False)], model, *data)
        for value in values:
            assert abs(np.mean(value) - truth) < 4 * standard_error(value)
        ratios.append(np.var(values[0]) / np.var(values[1]))
    assert ratios[0] < 0.9
    assert ratios[1] > 1.1


@pytest.mark.parametrize(
    ("build", "energy"),
    [
        (lambda how: ExplicitScoreMatching(ScoreFunction.of_density(centred(1.0, 2).log_density), **how), False),
        (lambda how: ImplicitScoreMatching(**how), False),
        (lambda how: SlicedScoreMatching(**how), False),
        (lambda how: SlicedScoreMatching(GaussianProbe(), 2, False, **how), False),
        (lambda how: FiniteDifferenceScoreMatching(**how), False),
        (lambda how: ImplicitScoreMatching(**how), True),
        (lambda how: EnergyDifferenceScoreMatching(**how), True),
    ],
    ids=["explicit", "implicit", "sliced", "sliced-plain", "difference", "implicit-energy", "energy-difference"],
)
def test_trap_06_every_objective_falls_towards_a_positive_slope(build, energy):
    """N(0, 1), score -a x: the loss is quadratic in a, falls at 0 and is least at 1; an energy has the other sign."""
    objective = build({})
    data = pairs(1.0, 2, 4000)
    models = [EnergyScore(Square(jnp.asarray(a))) if energy else linear(a) for a in (-1.0, 0.0, 1.0)]
    at = [np.asarray(losses(objective, model, *data)) for model in models]
    slope, bend = (at[2] - at[0]) / 2, at[2] - 2 * at[1] + at[0]
    assert slope.mean() < 0
    minimum = -slope.mean() / bend.mean()
    assert abs(minimum - 1) < 4 * standard_error(slope + minimum * bend) / bend.mean() + 1e-6


def test_trap_06_minimiser_at_a_noise_level():
    """At the noised law of N(0, 1) with alpha = 1 it is 1 / (1 + sigma^2), for the implicit as for the denoising form."""
    sigma = 0.7
    how = {"weighting": VarianceWeighting(), "times": FixedTime(sigma)}
    objectives = [build(**how) for build in (ImplicitScoreMatching, SlicedScoreMatching, DenoisingScoreMatching)]
    at = [np.array(losses(objectives, linear(a, EDM()), *centred_draws(1.0, 2))) for a in (-1.0, 0.0, 1.0)]
    for objective, slope, bend in zip(objectives, (at[2] - at[0]) / 2, at[2] - 2 * at[1] + at[0], strict=True):
        minimum = -slope.mean() / bend.mean()
        error = standard_error(slope + minimum * bend) / bend.mean()
        assert abs(minimum - 1 / (1 + sigma**2)) < 4 * error, objective
        assert error < 0.03


@pytest.mark.parametrize("times", [UniformTimes(), LikelihoodTimes(), FixedTime(0.3)], ids=repr)
def test_trap_10_law_of_times_is_divided_out_of_every_objective(times):
    """One times the constant weight of the clock: explicit, implicit and sliced under any law of times."""
    process, a = VP(t0=0.05), 0.8
    # N(0, 1) stays N(0, 1) under VP: the loss of -a x is (a - 1)^2 / 2 at every time, its integral that times the length.
    length = 1.0 if isinstance(times, FixedTime) else process.t1 - process.t0
    target = ExactDenoiser.create(centred(1.0), process)
    how = {"weighting": UniformWeighting(), "times": times}
    objectives = (ExplicitScoreMatching(target, **how), ImplicitScoreMatching(**how), SlicedScoreMatching(**how))
    values = losses(objectives, linear(a, process), *centred_draws(1.0))
    for value, constant in zip(values, (0.0, -0.5, -0.5), strict=True):
        assert abs(np.mean(value) - length * ((a - 1) ** 2 / 2 + constant)) < 4 * standard_error(value)


class Vector(AbstractProcess):
    """A process known by its draws only: x plus a shifted exponential, of mean zero."""

    t0: float = 0.0
    t1: float = 2.0

    def perturb(self, t, x0, *, key):
        return x0 + t * (jax.random.exponential(key, x0.shape, x0.dtype) - 1)


def test_processes_without_a_kernel_serve_all_but_the_denoising_objective():
    """Second moment 1 + t^2 under its draws: implicit loss of -a x at weight one, over the clock [0, 2]."""
    a, data = 0.6, centred_draws(1.0)
    value = losses(ImplicitScoreMatching(), linear(a, Vector()), *data)
    assert abs(value.mean() - (a**2 / 2 * (2 + 8 / 3) - 2 * a)) < 4 * standard_error(value)
    for objective in (DenoisingScoreMatching(), ImplicitScoreMatching(VarianceWeighting())):
        with pytest.raises(TypeError, match="got Vector"):
            losses(objective, linear(a, Vector()), *data)


@eqx.filter_jit
def jet(model, x, key):
    """Score and its derivative in one dimension."""
    return jax.jvp(lambda z: model(0.0, z, key=key), (x,), (jnp.ones(1),))


@pytest.mark.parametrize("build", [ImplicitScoreMatching, SlicedScoreMatching, FiniteDifferenceScoreMatching])
def test_dropout_is_one_function_within_an_example(build):
    """In d = 1 all three are s^2 / 2 + s' of the same thinned network; without training it is the whole network."""
    model = ScoreNetwork(awake(ResMLP(1, width=8, depth=1, dropout=0.5, key=jax.random.key(0)), key=jax.random.key(1)))
    x, key = jnp.array([0.3]), jax.random.key(2)
    for training in (True, False):
        network_key = jax.random.split(key, 3)[1] if training else None
        value, slope = jet(model, x, network_key)
        (got,) = losses(build(), model, x[None], jnp.zeros(1), key[None], training)
        np.testing.assert_allclose(got, 0.5 * value[0] ** 2 + slope[0], rtol=1e-6)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="num_probes of at least 1"):
        SlicedScoreMatching(num_probes=0)
    with pytest.raises(ValueError, match="positive step"):
        FiniteDifferenceScoreMatching(step=0.0)
    with pytest.raises(TypeError, match="EnergyScore"):
        losses(EnergyDifferenceScoreMatching(), linear(1.0), *pairs(1.0, 2))
