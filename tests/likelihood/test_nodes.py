"""Chebyshev's nodes: what their weights integrate exactly, and the order of a sweep over them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, mixture, noisy
from scorax.likelihood import ExactDivergence, Hutchinson
from scorax.likelihood._flow import Flow
from scorax.likelihood._methods import SWEPT
from scorax.likelihood._nodes import CORRECT, COUNTS, HIGHEST, PACES, PAST, PLACES, PREDICT, WEIGHTS
from scorax.likelihood._sweep import sweep
from scorax.models import Denoiser, flow_ends
from scorax.networks import MLP
from scorax.processes import EDM, GaussianLaw
from scorax.targets import ExactDenoiser

pytestmark = pytest.mark.usefixtures("quick_compilation", "double")

KEY = jax.random.key(0)


@pytest.mark.parametrize("level", [0, 1, 5, 12, 18])
def test_fejers_rule_is_exact_for_as_many_powers_as_it_has_nodes(level):
    count = COUNTS[level]
    for power in range(count - 1):
        got = WEIGHTS[level, 1:count] @ PLACES[level, 1:count] ** power
        np.testing.assert_allclose(got, 1 / (power + 1), rtol=1e-12)
    assert WEIGHTS[level, 0] == 0
    assert not np.any(WEIGHTS[level, count:])


@pytest.mark.parametrize("level", [2, 9])
def test_the_highest_modes_are_those_and_no_others(level):
    """Sines of the angle: the integral of the highest ones, as a bound of what it may be, and nothing of those below."""
    count = COUNTS[level]
    angles = np.arange(1, count) * np.pi / count
    for mode in range(1, count):
        rate = np.sin(mode * angles) / (np.sin(angles) / 2)
        expected = np.zeros(3)
        if mode >= count - 3:
            expected[count - mode - 1] = 2 / mode
        np.testing.assert_allclose(rate @ HIGHEST[level, 1:count], expected, atol=1e-12)


@pytest.mark.parametrize("power", range(5))
def test_adams_weights_are_exact_for_their_powers(power):
    """After the start for all, at the start for odd ones: the slope is odd there, and its derivative known."""
    step = 9.0
    newest = (step - np.arange(PAST)) ** power
    whole = ((step + 1) ** (power + 1) - step ** (power + 1)) / (power + 1)
    if power < PAST:
        np.testing.assert_allclose(PREDICT[-1, 1:] @ newest, whole, rtol=1e-12)
    np.testing.assert_allclose(CORRECT[-1, 1:] @ [(step + 1) ** power, *newest], whole, rtol=1e-12)
    if power % 2 == 0:
        return
    for first in range(PAST):
        whole = ((first + 1.0) ** (power + 1) - float(first) ** (power + 1)) / (power + 1)
        bend = float(power == 1)
        slopes = [float(max(first + 1 - k, 0)) ** power for k in range(PAST + 1)]
        if power == 1 or first > 0:  # the first prediction knows the derivative alone
            np.testing.assert_allclose(PREDICT[first] @ [bend, *slopes[1:]], whole, rtol=1e-12)
        np.testing.assert_allclose(CORRECT[first] @ [bend, *slopes], whole, rtol=1e-12)


def test_paces_are_the_derivative_of_places():
    angles = np.arange(COUNTS[-1]) * np.pi / COUNTS[-1]
    by_angle = jax.vmap(jax.grad(lambda angle: (1 - jnp.cos(angle)) / 2))(jnp.asarray(angles))
    np.testing.assert_allclose(PACES[-1], by_angle * np.pi / COUNTS[-1], atol=1e-15)


@pytest.mark.parametrize(
    ("divergence", "least"), [(ExactDivergence(), 4.5), (Hutchinson(1, control=False), 3.5)], ids=["corrected", "not"]
)
def test_the_order_of_a_sweep(divergence, least):
    """On an exact mixture, 64 nodes and 128: five, the corrector's, where slopes are corrected, and else the predictor's."""
    model = ExactDenoiser.create(mixture(), EDM(t0=0.05))
    ends = flow_ends(model, jnp.dtype(float))
    drawn = divergence.draw(None, (2,), jnp.dtype(float), key=KEY)
    flow = Flow(model, None, ends, (2,), divergence, drawn, SWEPT)
    rows = jax.vmap(lambda key: noisy(mixture(), EDM(t0=0.05)).sample(key=key))(jax.random.split(KEY, 20))
    ends_of = jax.jit(lambda level: jax.vmap(lambda x: sweep(flow, x, level).end)(rows))
    coarse, fine, finest = (ends_of(jnp.asarray(level)) for level in (12, 15, 18))
    order = np.log2(np.max(np.abs(coarse - finest)) / np.max(np.abs(fine - finest)))
    assert order > least


@pytest.mark.parametrize(
    ("dimension", "divergence"),
    [(1, ExactDivergence()), (2, ExactDivergence()), (3, Hutchinson(2)), (2, Hutchinson(4))],
    ids=["one coordinate", "all coordinates", "two probes", "more probes than coordinates"],
)
def test_a_node_gives_the_right_hand_side_and_its_derivative(dimension, divergence):
    """Those of the panels' system, whether a Jacobian was made or not."""
    network = awake(MLP(dimension, width=8, depth=1, key=KEY), key=KEY)
    model = Denoiser(network=network, process=EDM(), moments=GaussianLaw.standard(dimension))
    drawn = divergence.draw(None, (dimension,), jnp.dtype(float), key=KEY)
    flow = Flow(model, None, flow_ends(model, jnp.dtype(float)), (dimension,), divergence, drawn, SWEPT)
    z = flow.start(jnp.linspace(-1.0, 1.5, dimension))
    place, direction = jnp.asarray(0.7), jnp.zeros_like(z).at[:dimension].set(jnp.linspace(0.5, -1.0, dimension))
    rate, change = flow.node(place, z)
    slope, rates = flow.system.both(place, z)
    np.testing.assert_allclose(rate, slope + rates, rtol=1e-12)
    expected = jax.jvp(lambda z: flow.system.state(place, z), (z,), (direction,))[1]
    assert change is not None
    np.testing.assert_allclose(change(direction), expected, rtol=1e-11, atol=1e-14)


def test_one_probe_leaves_slopes_as_they_are():
    """A derivative would cost as much again as the probe."""
    model = ExactDenoiser.create(mixture(3), EDM())
    divergence = Hutchinson(1)
    drawn = divergence.draw(None, (3,), jnp.dtype(float), key=KEY)
    flow = Flow(model, None, flow_ends(model, jnp.dtype(float)), (3,), divergence, drawn, SWEPT)
    assert flow.node(jnp.asarray(0.5), flow.start(jnp.zeros(3)))[1] is None
