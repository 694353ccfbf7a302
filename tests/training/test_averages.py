"""Averages of the weights by power functions, and averages of any length from snapshots of them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from scorax.models import Denoiser
from scorax.networks import MLP
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import VP
from scorax.training import FitOptions, PowerAverages, Snapshot, fit, post_hoc_average, with_trained_arrays
from scorax.training._averages import power_of, profile

KEY = jax.random.key(0)
STEPS, EVERY = 1024, 32


def host(tree):
    return jax.tree.map(lambda leaf: np.array(leaf, np.float64), tree)


def distance(a, b) -> float:
    return float(
        np.sqrt(sum(np.sum((x - y) ** 2) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)))
    )


@pytest.fixture(scope="module")
def training():
    """A noisy training that keeps three averages, and what it showed every 32 steps."""
    model = Denoiser(MLP(2, width=16, depth=1, key=KEY), VP())
    rows = jax.random.normal(KEY, (256, 2)) * jnp.array([1.0, 0.3])
    options = FitOptions(batch_size=16, every=EVERY, averages=PowerAverages((0.05, 0.1, 0.075)))
    run = fit(model, DenoisingScoreMatching(), rows, optax.adam(3e-3), key=KEY, num_steps=STEPS, options=options)
    return model, [(int(s.step), host(s.weights), [host(own) for own in s.averages]) for s in run]


@pytest.mark.parametrize("length", [0.01, 0.05, 0.1, 0.25])
def test_the_length_is_the_deviation_of_the_profile(length):
    """Over 20,000 steps the discrete profile has that deviation, and is one in all."""
    count = 20_000
    shares, places = profile(count, power_of(length), count), (np.arange(count) + 0.5) / count
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert np.sqrt(shares @ places**2 - (shares @ places) ** 2) == pytest.approx(length, rel=1e-3)


def test_averages_are_the_sums_of_their_profiles():
    model = Denoiser(MLP(2, width=4, depth=1, key=KEY), VP())
    rows = jax.random.normal(KEY, (64, 2))
    options = FitOptions(batch_size=16, every=1, averages=PowerAverages((0.1,)))
    run = fit(model, DenoisingScoreMatching(), rows, optax.adam(1e-2), key=KEY, num_steps=12, options=options)
    states = [(host(s.weights), host(s.averages[0])) for s in run][1:]
    shares = profile(12, power_of(0.1), 12)
    weights = [own for own, _ in states]
    expected = jax.tree.map(lambda *leaves: sum(w * leaf for w, leaf in zip(shares, leaves, strict=True)), *weights)
    assert distance(expected, states[-1][1]) < 1e-5 * distance(weights[0], weights[-1])


def test_an_average_made_afterwards_is_the_one_that_was_tracked(training):
    """Of a length that lies between: to a thousandth of its distance to the weights from 32 snapshots of each length, half as
    near from the 16 that are there half-way."""
    model, states = training
    snapshots = [
        Snapshot(step, length, averages[k]) for step, _, averages in states for k, length in enumerate((0.05, 0.1))
    ]
    for (step, weights, averages), bound in ((states[-1], 1e-3), (states[len(states) // 2], 2e-3)):
        made = post_hoc_average(snapshots, 0.075, step=step)
        assert distance(made, averages[2]) < bound * distance(averages[2], weights)
    assert with_trained_arrays(model, post_hoc_average(snapshots, 0.12))(0.3, jnp.ones(2)).shape == (2,)


def test_a_length_that_was_tracked_comes_back(training):
    _, states = training
    snapshots = [Snapshot(step, 0.1, averages[1]) for step, _, averages in states]
    made = post_hoc_average(snapshots, 0.1)
    assert distance(made, states[-1][2][1]) < 1e-6 * distance(states[-1][1], states[-1][2][1])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: PowerAverages((0.3,)), r"a relative length in \(0, 0.28\)"),
        (lambda: PowerAverages(()), "at least one length"),
        (lambda: post_hoc_average([], 0.1), "snapshots of a training"),
        (lambda: post_hoc_average([Snapshot(5, 0.1, np.ones(2))], 0.1, step=6), "a step up to 5"),
        (lambda: post_hoc_average([Snapshot(5, 0.1, 1.0), Snapshot(6, 0.1, (1.0,))], 0.1), "one model"),
    ],
)
def test_what_makes_no_average_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()
