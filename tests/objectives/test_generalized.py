"""Score matching on a half-line and on a box, by quadrature: no sampling error."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from oracles import losses
from scorax.models import ScoreFunction
from scorax.objectives import GeneralizedScoreMatching, ImplicitScoreMatching
from scorax.processes import VP, Clean

pytestmark = pytest.mark.usefixtures("double")


class Affine(eqx.Module):
    coefficients: jax.Array

    def __call__(self, t, x, condition):
        return self.coefficients[1] - self.coefficients[0] * x


@eqx.filter_jit
def minimiser(objective, nodes, weights):
    """(a, b) of s = -a (x - b) that minimises the objective: it is quadratic in (a, a b)."""

    def loss(coefficients):
        model = ScoreFunction(Affine(coefficients), Clean())
        key = jax.random.key(0)
        return weights @ jax.vmap(lambda x: objective(model, x[None], jnp.zeros(()), key=key))(nodes)

    a, ab = -jnp.linalg.solve(jax.hessian(loss)(jnp.zeros(2)), jax.grad(loss)(jnp.zeros(2)))
    return a, ab / a


def quadrature(*knots: float):
    """Nodes and weights of N(0, 1) restricted to between the first and the last knot, smooth between knots."""
    base, weight = np.polynomial.legendre.leggauss(80)
    nodes = np.concatenate([(p + q) / 2 + (q - p) / 2 * base for p, q in itertools.pairwise(knots)])
    weights = np.concatenate([(q - p) / 2 * weight for p, q in itertools.pairwise(knots)])
    weights *= norm.pdf(nodes)
    return jnp.asarray(nodes), jnp.asarray(weights / weights.sum())


@pytest.mark.parametrize(("lower", "a", "b"), [(0.0, 2.752, 0.798), (0.5, 3.725, 1.141)])
def test_trap_50_half_line(lower, a, b):
    """Plain implicit matching is biased where the density does not vanish at the boundary; the generalised one is not."""
    law = quadrature(lower, lower + 1, 5.0, 12.0)
    np.testing.assert_allclose(minimiser(ImplicitScoreMatching(), *law), (a, b), atol=5e-4)
    np.testing.assert_allclose(minimiser(GeneralizedScoreMatching(lower), *law), (1.0, 0.0), atol=1e-9)


def test_trap_50_without_a_free_mean_the_half_line_is_not_biased():
    """N(0, 1) on x > 0 with s = -a x: the boundary term a x p(x) vanishes at 0, and a = E[1] / E[x^2] = 1."""
    nodes, weights = quadrature(0.0, 1.0, 5.0, 12.0)
    model = [ScoreFunction(Affine(jnp.array([a, 0.0])), Clean()) for a in (-1.0, 0.0, 1.0)]
    keys, u = jax.random.split(jax.random.key(0), len(nodes)), jnp.zeros(len(nodes))
    j = [float(weights @ losses(ImplicitScoreMatching(), m, nodes[:, None], u, keys)) for m in model]
    np.testing.assert_allclose(-(j[2] - j[0]) / 2 / (j[2] - 2 * j[1] + j[0]), 1.0, atol=1e-9)


def test_trap_50_interval():
    """N(0, 1) on [-0.4, 1.2]: both ends count; the cap is beyond the middle, where the distance has its kink."""
    law = quadrature(-0.4, 0.4, 1.2)
    objective = GeneralizedScoreMatching(np.array([-0.4]), np.array([1.2]), cap=2.0)
    np.testing.assert_allclose(minimiser(objective, *law), (1.0, 0.0), atol=1e-9)


def test_terms_of_the_sum_in_closed_form():
    """h s^2 / 2 + h ds + s dh by hand, one coordinate below the cap and one above it."""
    model = ScoreFunction(lambda t, x, condition: -jnp.array([2.0, 3.0]) * x, Clean())
    x = jnp.array([0.25, 4.0])
    value = GeneralizedScoreMatching()(model, x, jnp.zeros(()), key=jax.random.key(0))
    near = 0.25 * 0.5**2 / 2 - 0.25 * 2 - 0.5
    far = 12.0**2 / 2 - 3
    np.testing.assert_allclose(value, near + far, rtol=1e-12)


def test_refusals():
    model, data = ScoreFunction(lambda t, x, condition: -x, Clean()), (jnp.zeros(()), jax.random.key(0))
    assert np.isnan(GeneralizedScoreMatching()(model, jnp.array([-0.1, 1.0]), data[0], key=data[1]))
    with pytest.raises(TypeError, match="under VP"):
        GeneralizedScoreMatching()(ScoreFunction(lambda t, x, condition: -x, VP()), jnp.ones(2), data[0], key=data[1])
    with pytest.raises(ValueError, match="lower < upper"):
        GeneralizedScoreMatching(1.0, np.array([2.0, 0.5]))
    with pytest.raises(ValueError, match="positive cap"):
        GeneralizedScoreMatching(cap=0.0)
