"""Conditions in training, sampling and scoring, row by row; a trained network on two known Gaussian classes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from oracles import awake
from scorax.likelihood import log_prob
from scorax.models import Denoiser, Guided
from scorax.networks import MLP, ClassEmbedder, Ensemble, ResMLP, VectorEmbedder
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import VP
from scorax.samplers import Heun, Terminal, sample
from scorax.targets import GaussianMixture
from scorax.training import FitOptions, Rows, Validation, adamw, fit

KEY = jax.random.key(0)
OBJECTIVE = DenoisingScoreMatching()
ROWS = np.random.default_rng(0).standard_normal((40, 2)).astype(np.float32)
LABELS = (np.arange(40) % 4 - 1).astype(np.int32)


def vectors(key=KEY) -> MLP:
    return MLP(2, width=8, depth=1, embedder=VectorEmbedder(1, 4, dropout=0.2, key=key), key=key)


def trained(network, *, num_steps=10, data=ROWS, condition=None, **options):
    model = Denoiser(network, VP())
    *_, last = fit(
        model,
        OBJECTIVE,
        Rows(data, condition),
        optax.adam(1e-2),
        key=KEY,
        num_steps=num_steps,
        options=FitOptions(16, 5, **options),
    )
    return last, last.model(model, "weights")


@pytest.mark.bits
def test_conditions_follow_their_rows_in_training_and_validation():
    """Rows in another order with their conditions alike, visited in the same order: the same state to the last bit.

    The folds and training rows are renumbered with them; conditions that stay in the old order give another state.
    """
    network = Ensemble.create(vectors, 2, key=KEY)
    order = np.random.default_rng(1).permutation(40)
    place = np.argsort(order)  # row i is row place[i] of the shuffled table
    conditions = ROWS[:, :1] ** 2
    folds = [np.arange(10), np.arange(10, 20)]
    rest = [np.setdiff1d(np.arange(40), fold) for fold in folds]

    def run(data, told, number):
        validation = Validation(tuple(number[fold] for fold in folds), every=5, num_draws=64)
        return trained(
            network, data=data, condition=told, validation=validation, member_rows=[number[rows] for rows in rest]
        )[0]

    straight = run(ROWS, conditions, np.arange(40))
    shuffled = run(ROWS[order], conditions[order], place)
    mixed = run(ROWS[order], conditions, place)
    # The optimiser's updates add over a batch in the order of its rows, which is the same in both runs.
    for name in ("weights", "validation_loss"):
        assert eqx.tree_equal(getattr(straight, name), getattr(shuffled, name))
        assert not eqx.tree_equal(getattr(straight, name), getattr(mixed, name))


def test_conditions_that_do_not_fit_the_rows_are_refused():
    with pytest.raises(ValueError, match="or of 40, one for each, got shape"):
        trained(vectors(), condition=np.zeros((39, 1)))
    with pytest.raises(ValueError, match="finite"):
        trained(vectors(), condition=np.full((40, 1), np.nan))
    classes = MLP(2, width=8, depth=1, embedder=ClassEmbedder(3, 4, key=KEY), key=KEY)
    with pytest.raises(ValueError, match="classes from 0 to 2, or -1 for none, got 3"):
        trained(classes, condition=LABELS + 1)
    with pytest.raises(TypeError, match="without an embedder"):
        trained(MLP(2, width=8, depth=1, key=KEY), condition=LABELS)
    model = Denoiser(classes, VP())
    for refused, what in (
        (1, r"leading axis of 1, the same for all rows, or of 4, one for each, got shape \(\)"),
        (LABELS[:3], r"got shape \(3,\)"),
        (LABELS[:4] + 2, "got 3"),
        (np.array([7]), "got 7"),
    ):
        with pytest.raises(ValueError, match=what):
            sample(model, Heun(4), 4, key=KEY, start=Terminal((2,)), condition=refused)
        with pytest.raises(ValueError, match=what):
            log_prob(model, jnp.zeros((4, 2)), refused)


@pytest.mark.bits
def test_trap_33_a_row_depends_on_its_number_and_its_own_condition_alone():
    """Across the border of a block, from a later start, and with every other condition changed: the same bits."""
    network = MLP(2, width=8, depth=1, embedder=ClassEmbedder(2, 4, key=KEY), key=KEY)
    model, labels = Denoiser(awake(network, key=KEY), VP()), np.arange(1100, dtype=np.int32) % 3 - 1
    draws = np.asarray(sample(model, Heun(4), 1100, key=KEY, start=Terminal((2,)), condition=labels))
    tail = sample(model, Heun(4), range(1040, 1100), key=KEY, start=Terminal((2,)), condition=labels[1040:])
    assert np.array_equal(tail, draws[1040:])
    others = np.where(np.arange(1100) == 1050, labels, 0).astype(np.int32)
    changed = np.asarray(sample(model, Heun(4), 1100, key=KEY, start=Terminal((2,)), condition=others))
    assert np.array_equal(changed[1050], draws[1050])
    assert not np.array_equal(changed[1052], draws[1052])
    shared = np.asarray(sample(model, Heun(4), 60, key=KEY, start=Terminal((2,)), condition=np.array([1])))
    assert np.array_equal(shared[labels[:60] == 1], draws[:60][labels[:60] == 1])

    x, own = jnp.asarray(draws[:70]), labels[:70]
    scored = log_prob(model, x, own, estimate_error=False)
    assert np.array_equal(log_prob(model, x[66:], own[66:], estimate_error=False).value, scored.value[66:])
    one = log_prob(model, x, jnp.asarray([1]), estimate_error=False).value
    assert np.array_equal(np.asarray(one)[own == 1], np.asarray(scored.value)[own == 1])
    assert not np.allclose(np.asarray(one)[own != 1], np.asarray(scored.value)[own != 1], atol=1e-2)


@pytest.fixture(scope="module")
def two_classes():
    """ResMLP with a dropout of conditions of 0.2 on 4000 rows of two classes of unequal share, and the truth."""
    means = np.array([[1.0, 0.6], [-0.6, -0.2]])
    law = GaussianMixture.create(np.array([0.25, 0.75]), means, np.stack([0.16 * np.eye(2), 0.25 * np.eye(2)]))
    labels = (np.arange(4000) % 4 > 0).astype(np.int32)
    keys = jax.random.split(KEY, 4000)
    rows = jax.jit(jax.vmap(lambda label, key: law.given(label).sample(key=key)))(labels, keys)
    embedder = ClassEmbedder(2, 32, dropout=0.2, key=KEY)
    model = Denoiser(ResMLP(2, width=32, depth=1, embedder=embedder, key=KEY), VP(), moments=law.moments())
    *_, last = fit(
        model,
        OBJECTIVE,
        Rows(rows, labels),
        adamw(5e-3, num_steps=600),
        key=KEY,
        num_steps=600,
        options=FitOptions(ema_decay=0.97),
    )
    return means, last.model(model)


def mean_of_draws(model, label) -> np.ndarray:
    conditions = np.full(2048, label, np.int32)
    return np.mean(sample(model, Heun(), 2048, key=jax.random.key(1), condition=conditions), axis=0)


def test_trap_35_one_network_learns_the_classes_and_their_mixture(two_classes):
    """Means of 2048 draws within 0.1: 4 SE are 0.04 for a class and 0.08 for the mixture, the rest is the fit's own error."""
    means, model = two_classes
    mixture = np.array([0.25, 0.75]) @ means
    for label, truth in ((0, means[0]), (1, means[1]), (-1, mixture)):
        np.testing.assert_allclose(mean_of_draws(Guided(model, jnp.asarray(1.0)), label), truth, atol=0.1)
    np.testing.assert_allclose(mean_of_draws(Guided(model, jnp.asarray(0.0)), 0), mixture, atol=0.1)
    assert np.linalg.norm(model.network.embedder.null) > 0.05  # it started at zero
