"""Panels: what they integrate exactly, and the order of what they do not."""

import itertools

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax.likelihood._paired_panels import Pair, PairedPanels
from scorax.likelihood._panel import ORDER, RULE, System, panel, rule

pytestmark = pytest.mark.usefixtures("quick_compilation", "double")


@pytest.mark.parametrize("used", [RULE, rule(4, 6)], ids=["ours", "longer"])
def test_a_panel_integrates_polynomials_exactly(used):
    """State s^5, which a method of order 5 and the interpolation leave exact, and the integrals of s^k and of the state."""
    degree = 2 * len(used.nodes) - 1
    powers = jnp.arange(degree + 1)

    def slope(s, z):
        return jnp.zeros_like(z).at[0].set(5 * s**4)

    def rates(s, z):
        return jnp.concatenate([jnp.zeros(1), z[:1], s**powers])

    start, h = jnp.asarray(0.3), jnp.asarray(0.2)
    z = jnp.zeros(degree + 3).at[0].set(start**5)
    done = panel(used, System(slope, rates), start, h, z, slope(start, z))
    end = start + used.steps * h

    def over(k):
        return (end ** (k + 1) - start ** (k + 1)) / (k + 1)

    np.testing.assert_allclose(done.state, np.concatenate([[end**5, over(5)], over(np.asarray(powers))]), rtol=1e-12)


@pytest.mark.parametrize("used", [RULE, rule(4, 6)], ids=["ours", "longer"])
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


def test_the_order_of_a_solve():
    """The integral of sin(y) along y' = cos(y) on meshes halved twice, against log cosh: order 5, by the state."""

    def term(part):
        return diffrax.ODETerm(lambda s, pair, args: Pair(*(None if z is None else part(z) for z in pair)))

    terms = diffrax.MultiTerm(
        term(lambda z: jnp.stack([jnp.cos(z[0]), 0 * z[1]])), term(lambda z: jnp.stack([0 * z[0], jnp.sin(z[0])]))
    )
    solver, errors, apart = PairedPanels(RULE), [], []
    for count in (4, 8, 16):
        z = jnp.zeros(2)
        pair, times = Pair(z, z), np.linspace(0, 4, count + 1)
        progress = solver.init(terms, times[0], times[1], pair, None)
        advance = jax.jit(lambda a, b, pair, progress: solver.step(terms, a, b, pair, None, progress, False))
        for a, b in itertools.pairwise(times):
            pair, _, _, progress, _ = advance(jnp.asarray(a), jnp.asarray(b), pair, progress)
        errors.append(abs(float(pair.fine[1]) - np.log(np.cosh(4.0))))
        apart.append(float(progress.apart[1]))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.all(orders > ORDER)  # more than the order of the state, which this integral hardly feels
    assert np.all(np.array(apart) > np.array(errors))  # what the bound is a share of
