"""Panels: what they integrate exactly, and the order of what they do not."""

from types import SimpleNamespace

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax.likelihood._panel import panel
from scorax.likelihood._quadrature import PRECISE, rule

pytestmark = pytest.mark.usefixtures("double")

RULES = {
    "precise": PRECISE,
    "longer": rule(diffrax.Dopri5.tableau, 4, 6),
}


@pytest.fixture(params=list(RULES))
def used(request):
    return RULES[request.param]


def test_a_panel_integrates_polynomials_exactly(used):
    """A power of s as state, which its steps and the interpolation leave exact, and the integrals of s^k and of the state."""
    power, degree = min(5, 2 * used.steps + 1), 2 * len(used.nodes) - 1
    powers = jnp.arange(degree + 1)

    def slope(s, z):
        return jnp.zeros_like(z).at[0].set(power * s ** (power - 1))

    def rates(s, z):
        return jnp.concatenate([jnp.zeros(1), z[:1], s**powers])

    def both(s, z):
        return slope(s, z), rates(s, z)

    start, h = jnp.asarray(0.3), jnp.asarray(0.2)
    z = jnp.zeros(degree + 3).at[0].set(start**power)
    done = panel(used, SimpleNamespace(state=slope, both=both), start, h, z, slope(start, z))
    end = start + used.steps * h

    def over(k):
        return (end ** (k + 1) - start ** (k + 1)) / (k + 1)

    np.testing.assert_allclose(
        done.state, np.concatenate([[end**power, over(power)], over(np.asarray(powers))]), rtol=1e-12
    )


def test_the_null_rules_vanish_below_their_degree(used):
    """And for the next power one is the error of the rule with a node less, as said."""
    half, count = used.steps / 2, len(used.nodes)
    nodes = np.concatenate([used.nodes - 2 * half, used.nodes])  # from where the two panels meet
    top = 2 * count - 2
    for k in range(top):
        np.testing.assert_allclose(used.null @ nodes**k, 0, atol=1e-11 * (2 * half) ** k)
    roots, weights = np.polynomial.legendre.leggauss(count - 1)
    both = np.concatenate([roots - 1, roots + 1]) * half
    lower = half * np.sum(np.tile(weights, 2) * both**top)
    missing = 2 * (2 * half) ** (top + 1) / (top + 1) - lower
    np.testing.assert_allclose(used.null[0] @ nodes**top, missing, rtol=1e-9)


@pytest.mark.parametrize("state_only", [False, True])
def test_the_order_of_panels(state_only):
    """y' = cos(y) and the integral of sin(y), in 4, 8 and 16 panels, where sin y = tanh s: order five or more."""

    def slope(s, z):
        return jnp.stack([jnp.cos(z[0]), 0 * z[1]])

    def rates(s, z):
        return jnp.stack([0 * z[0], jnp.sin(z[0])])

    system = SimpleNamespace(state=slope, both=lambda s, z: (slope(s, z), rates(s, z)))
    forward = jax.jit(lambda s, h, z, m: panel(PRECISE, system, s, h, z, m))
    errors = []
    for count in (4, 8, 16):
        z, h = jnp.zeros(2), jnp.asarray(4.0 / (count * PRECISE.steps))
        m = slope(0.0, z)
        for k in range(count):
            done = forward(k * PRECISE.steps * h, h, z, m)
            z, m = done.state, done.slope
        truth = np.arcsin(np.tanh(4.0)) if state_only else np.log(np.cosh(4.0))
        errors.append(abs(float(z[0 if state_only else 1]) - truth))
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) > 5)
