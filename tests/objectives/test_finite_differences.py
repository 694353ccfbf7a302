"""The step of finite differences, and what stochastic traces promise."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import losses, mixture, rows_of, strata
from scorax._divergence import value_and_quadratic_forms
from scorax.models import EnergyScore, ScoreFunction
from scorax.networks import AbstractNetwork
from scorax.objectives import (
    EnergyDifferenceScoreMatching,
    FiniteDifferenceScoreMatching,
    FixedTime,
    GaussianProbe,
    RademacherProbe,
    SlicedScoreMatching,
    VarianceWeighting,
)
from scorax.processes import EDM, Clean, Level
from scorax.targets import GaussianMixture

STEPS = 10.0 ** -np.arange(0.0, 6.5, 0.5)
ROWS = 256


class LawOf(AbstractNetwork):
    """The network whose energy on clean data is minus the log-density of a law."""

    law: GaussianMixture

    def __call__(self, c_noise, x, condition=None, *, key=None):
        square = jnp.sum(x**2)
        return x * (0.5 + self.law.log_density(x) / square)


def step_errors(build, model, law) -> np.ndarray:
    """Median error of the loss for each step and, last, for the default, against exact derivatives along the same probes."""
    data = (rows_of(law, ROWS, key=jax.random.key(1)), *strata(ROWS, key=jax.random.key(2)))
    exact = losses(SlicedScoreMatching(variance_reduced=False), model, *data)
    stepped = eqx.tree_at(lambda o: o.step, build(0.1), jnp.float32(0.1))  # traced: one program for all steps
    every = [losses(eqx.tree_at(lambda o: o.step, stepped, jnp.float32(h)), model, *data) for h in STEPS]
    return np.array([np.median(np.abs(value - exact)) for value in [*every, losses(build(None), model, *data)]])


@pytest.mark.parametrize("number", ["05", "51"])
def test_trap_05_and_51_the_default_step_is_at_the_bottom_of_the_valley(number):
    """Float32 on a mixture of unit scale: rounding grows to the small side, bias to the large one."""
    law = mixture().at(Level(jnp.asarray(0.8), jnp.asarray(0.6)))
    if number == "05":
        model = ScoreFunction(lambda t, x, condition: law.score(x), Clean())
        errors = step_errors(lambda step: FiniteDifferenceScoreMatching(step=step), model, law)
    else:
        errors = step_errors(lambda step: EnergyDifferenceScoreMatching(step=step), EnergyScore(LawOf(law)), law)
    best = int(np.argmin(errors[:-1]))
    assert 0 < best < len(STEPS) - 1
    assert errors[0] > 3 * errors[best]
    assert errors[-2] > 30 * errors[best]
    assert errors[-1] < 3 * errors[best]


def test_trap_05_bias_is_of_second_order():
    with jax.enable_x64(True):
        law = mixture()
        model = ScoreFunction(lambda t, x, condition: law.score(x), Clean())
        data = (rows_of(law, ROWS, key=jax.random.key(1)), *strata(ROWS, key=jax.random.key(2)))
        exact = losses(SlicedScoreMatching(variance_reduced=False), model, *data).mean()
        bias = [abs(losses(FiniteDifferenceScoreMatching(step=h), model, *data).mean() - exact) for h in (1e-2, 5e-3)]
        np.testing.assert_allclose(np.log2(bias[0] / bias[1]), 2.0, atol=0.05)


def test_trap_05_the_step_follows_the_scale_of_the_state():
    """At sigma = 80 a step of 5e-3 drowns in rounding; one of 5e-3 R does not. The score is linear: no bias."""
    model = ScoreFunction(lambda t, x, condition: -x / (1 + t**2), EDM())
    data = (rows_of(mixture(), ROWS, key=jax.random.key(1)), *strata(ROWS, key=jax.random.key(2)))
    how = {"weighting": VarianceWeighting(), "times": FixedTime(80.0)}
    exact = losses(SlicedScoreMatching(variance_reduced=False, **how), model, *data)
    errors = [
        float(np.abs(losses(FiniteDifferenceScoreMatching(step=step, **how), model, *data) - exact).max())
        for step in (None, 5e-3 / 80)
    ]
    assert errors[0] < 1e-3
    assert errors[1] > 10 * errors[0]


MATRIX = np.random.default_rng(0).standard_normal((64, 64)) / 8


@eqx.filter_jit
def forms(matrix, probe, keys):
    probes = jax.vmap(lambda key: probe((len(matrix),), matrix.dtype, key=key))(keys)
    return value_and_quadratic_forms(lambda x: matrix @ x, jnp.zeros(len(matrix)), probes)[1], probes


def test_trap_25_probes_are_independent_and_their_mean_is_divided_by_their_number():
    """The variance of the mean of 16 directions is a sixteenth; its mean the trace; one key, one answer."""
    symmetric = jnp.asarray(MATRIX + MATRIX.T)
    model = ScoreFunction(lambda t, x, condition: symmetric @ x, Clean())
    data = (jnp.zeros((4000, 64)), *strata(4000, key=jax.random.key(2)))
    one, many = (np.asarray(losses(SlicedScoreMatching(num_probes=n), model, *data)) for n in (1, 16))
    for value in (one, many):
        assert abs(value.mean() - np.trace(MATRIX + MATRIX.T)) < 4 * value.std() / np.sqrt(4000)
    # Relative standard error of each variance is at most sqrt(3 / n) here: 4 SE of the ratio is below 0.16.
    assert abs(16 * many.var() / one.var() - 1) < 0.16
    assert np.array_equal(many, losses(SlicedScoreMatching(num_probes=16), model, *data))
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 4 / np.sqrt(4000)


@pytest.mark.parametrize("probe", [RademacherProbe(), GaussianProbe()], ids=repr)
def test_trap_26_variance_of_a_probe(probe):
    """Symmetric J, d = 64: 2 (|J|_F^2 - sum of the squared diagonal) with signs, 2 |J|_F^2 with normals."""
    symmetric = MATRIX + MATRIX.T + np.diag(np.linspace(0, 3, 64))
    square, diagonal = np.sum(symmetric**2), np.sum(np.diag(symmetric) ** 2)
    truth = 2 * (square - diagonal) if isinstance(probe, RademacherProbe) else 2 * square
    values = np.asarray(forms(jnp.asarray(symmetric), probe, jax.random.split(jax.random.key(0), 20_000))[0])
    assert abs(values.var() / truth - 1) < 4 * np.sqrt(3 / 20_000)
    assert diagonal > 0.3 * square


def test_trap_44_the_direction_is_constant_under_the_derivative():
    with jax.enable_x64(True):
        matrix = jnp.asarray(MATRIX)  # not symmetric
        values, probes = forms(matrix, GaussianProbe(), jax.random.split(jax.random.key(0), 20_000))
        np.testing.assert_allclose(values, jnp.einsum("ni,ij,nj->n", probes, matrix, probes), rtol=1e-9, atol=1e-9)
        assert abs(values.mean() - jnp.trace(matrix)) < 4 * values.std() / np.sqrt(20_000)
