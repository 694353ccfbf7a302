"""A training that does not stay finite: noticed before a state is yielded, named, and skipped where that is asked for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from scorax._errors import DivergedError
from scorax._trees import all_finite
from scorax.models import Denoiser
from scorax.networks import MLP, Ensemble
from scorax.objectives import AbstractObjective, DenoisingScoreMatching
from scorax.processes import VP
from scorax.training import AbstractRows, Examples, FitOptions, Validation, fit, initial_state
from scorax.training._fault import raise_fault
from scorax.training._steps import Finite, Watch

pytestmark = pytest.mark.reliability

KEY = jax.random.key(0)
DATA = np.random.default_rng(0).standard_normal((160, 2)).astype(np.float32)
MARK = 3.25
STEPS = 20
LOSS = DenoisingScoreMatching()


def small(key=KEY) -> MLP:
    return MLP(2, width=8, depth=1, key=key)


MODEL = Denoiser(small(), VP())
THREE = Denoiser(Ensemble.create(small, 3, key=KEY), VP())


class Source(AbstractRows):
    """Rows that nobody looked at, as those of a file that changed."""

    def __init__(self, rows, row=None, value=np.nan):
        self.rows = rows.copy()
        if row is not None:
            self.rows[row, 0] = value

    def __len__(self):
        return len(self.rows)

    shape, dtype = property(lambda self: self.rows.shape[1:]), property(lambda self: self.rows.dtype)

    def take(self, indices):
        return Examples(self.rows[indices], None)

    def moments(self):
        raise NotImplementedError


class Kinked(AbstractObjective):
    """A loss that is finite, and without a gradient at rows that begin with the mark."""

    weighting: None = None
    times: None = None

    def evaluations(self, dimension):
        return 1

    def at(self, model, t, x0, condition=None, *, key, training=True):
        raise NotImplementedError

    def __call__(self, model, x0, u, condition=None, *, key, training=True):
        loss = LOSS(model, x0, u, condition, key=key, training=training)
        return loss + jnp.sqrt(jnp.where(x0[0] == MARK, 0 * loss, 1)) - 1


def injecting(where: str) -> optax.GradientTransformation:
    """Descent whose update or state is not finite at the step that its state names, given by :func:`begun`."""

    def update(gradient, state, params=None):
        step, at, spare = state
        hit = jnp.where(step == at, jnp.inf, 0.0)
        updates = jax.tree.map(lambda g: -0.01 * g + (hit if where == "weight" else 0), gradient)
        return updates, (step + 1, at, spare + (hit if where == "optimiser" else 0))

    return optax.GradientTransformation(lambda params: (jnp.array(0), jnp.array(-1), jnp.zeros(())), update)


INJECTING = {where: injecting(where) for where in ("weight", "optimiser")}
PLAIN = optax.sgd(0.01)


def begun(where: str, at: int):
    state = initial_state(MODEL, INJECTING[where])
    return eqx.tree_at(lambda tree: tree.optimizer, state, (jnp.array(0), jnp.array(at), jnp.zeros(())))


def train(rows, *, model=MODEL, objective=LOSS, optimizer=PLAIN, state=None, every=4, **options) -> list:
    """Yielded states, each of which is finite; and the error that ends them, if one does."""
    seen = []
    options = FitOptions(16, every, **options)
    try:
        for own in fit(model, objective, rows, optimizer, key=KEY, num_steps=STEPS, options=options, state=state):
            trees = (own.weights, own.ema, own.best, own.optimizer)
            assert bool(all_finite(trees)), "a state that is not finite was yielded"
            seen.append(jax.tree.map(lambda leaf: np.array(leaf) if eqx.is_array(leaf) else leaf, own))
    except DivergedError as error:
        seen.append(error)
    return seen


def test_fifty_injections_are_noticed_before_the_next_state_and_named():
    """Ten each: rows of NaN and of infinity, gradients, weights and states of the optimiser, at random steps."""
    random = np.random.default_rng(1)
    for row in random.choice(len(DATA), 10, replace=False):
        for rows, objective, named in (
            (Source(DATA, row), LOSS, "a loss"),
            (Source(DATA, row, np.inf), LOSS, "a loss"),
            (Source(DATA, row, MARK), Kinked(), "a gradient"),
        ):
            *states, error = train(rows, objective=objective)
            assert error.fault.quantity == named
            assert row in error.fault.rows
            assert 4 * (len(states) - 1) <= error.fault.step < 4 * len(states)
            assert f"{named} that is not, at step {error.fault.step} (gradient norm" in str(error)
    for at in random.integers(STEPS, size=10):
        *states, error = train(DATA, optimizer=INJECTING["weight"], state=begun("weight", at))
        assert len(states) == at // 4
        # A weight shows in the loss of the next step, or at the end of the compiled call.
        last = at % 4 == 3
        assert (error.fault.quantity, error.fault.step) == (("a weight", at) if last else ("a loss", at + 1))
        *states, error = train(DATA, optimizer=INJECTING["optimiser"], state=begun("optimiser", at))
        assert len(states) == at // 4
        assert error.fault.quantity == "a number of the optimiser"


@pytest.mark.parametrize("every", [1, 4])
def test_a_learning_rate_of_a_thousand_is_noticed(every):
    """Descent multiplies the weights at each step until a loss overflows: within twenty steps. No such state is yielded."""
    *states, error = train(DATA, optimizer=optax.sgd(1e3), every=every)
    assert isinstance(error, DivergedError)
    assert error.fault.quantity in ("a loss", "a gradient", "a weight")
    assert len(states) == error.fault.step // every + 1


def test_what_is_not_finite_at_the_end_of_a_call_is_named():
    watch = Watch.of(None, 1)
    for broken, named in ((1, "an average of the weights"), (2, "a number of the optimiser")):
        finite = Finite(*(np.array(place != broken) for place in range(3)))
        with pytest.raises(DivergedError, match=f"got {named} that is not, at step 7;"):
            raise_fault(watch, finite, 8, [])


@pytest.mark.parametrize("tree", ["weights", "ema", "best", "optimizer"])
def test_a_state_that_is_not_finite_is_not_resumed(tree):
    state = initial_state(MODEL, optax.adam(0.1))
    spoilt = jax.tree.map(lambda leaf: leaf * jnp.nan if eqx.is_inexact_array(leaf) else leaf, getattr(state, tree))
    state = eqx.tree_at(lambda own: getattr(own, tree), state, spoilt)
    with pytest.raises(ValueError, match=f"a state of finite numbers, got NaN or infinity in {tree}"):
        next(fit(MODEL, LOSS, DATA, optax.adam(0.1), key=KEY, num_steps=1, state=state))


def test_a_held_out_loss_that_is_not_finite_ends_the_training():
    held = Validation((np.array([3]),), every=4, num_draws=4)
    (error,) = train(Source(DATA, 3), validation=held, member_rows=[np.arange(4, 160)])
    assert error.fault.quantity == "a held-out loss"


def test_a_step_that_is_skipped_leaves_the_state_and_is_counted():
    """Ten steps pass over all rows once, so twenty have two with the bad row; without one the training is that of ``stop``."""
    taken = train(Source(DATA, 5), nan="skip")
    assert np.array_equal(taken[-1].skipped[:, 0], [2])
    assert np.isfinite(taken[-1].loss)
    clean = train(DATA, nan="skip")
    assert np.array_equal(clean[-1].skipped, [[0, 0]])
    for a, b in zip(jax.tree.leaves(clean[-1].weights), jax.tree.leaves(train(DATA)[-1].weights), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_a_skipped_step_changes_no_weight_average_or_optimiser():
    rows = np.full((16, 2), np.nan, np.float32)  # every batch is bad
    first, *states, error = train(Source(rows), nan="skip")
    assert np.array_equal(states[0].skipped, [[4, 4]])
    assert np.isnan(states[0].loss[0])
    for name in ("weights", "ema", "optimizer"):
        pairs = zip(jax.tree.leaves(getattr(first, name)), jax.tree.leaves(getattr(states[0], name)), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    assert (error.fault.step, error.fault.in_a_row) == (5, 6)
    assert "at step 5, the last of 6 in a row" in str(error)


def test_skipping_is_of_a_member_and_a_resumed_run_counts_on():
    """Member 1 alone has the bad row; a run that goes on from a state ends in the same bits and counts."""
    rows = Source(DATA, 90)
    own = {"model": THREE, "member_rows": [np.arange(0, 80), np.arange(80, 160), np.arange(0, 80)], "nan": "skip"}
    straight = train(rows, **own)
    assert np.array_equal(straight[-1].skipped[:, 0] > 0, [False, True, False])
    state = jax.tree.map(lambda leaf: jnp.asarray(leaf) if eqx.is_array(leaf) else leaf, straight[3])
    resumed = train(rows, state=state, **own)[-1]
    for a, b in zip(jax.tree.leaves(resumed), jax.tree.leaves(straight[-1]), strict=True):
        assert np.array_equal(a, b, equal_nan=True)
    error = train(rows, **own | {"nan": "stop"})[-1]
    assert error.fault.member == 1
    assert 90 in error.fault.rows
