"""Methods of solving a flow: which one a flow gets, that all give one number, and that loose ones know their error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, mixture
from scorax.likelihood import ExactDivergence, Hutchinson, _log_prob, _passes, log_prob
from scorax.likelihood._methods import LOOSE, SMOOTH, STRICT, SWEPT, SWEPT_CLOSED, Nodes, nodes_for, steps_for
from scorax.likelihood._nodes import COUNTS
from scorax.likelihood._rules import PRECISE
from scorax.models import Denoiser, ScoreFunction
from scorax.networks import MLP
from scorax.processes import EDM, VE, GaussianLaw
from scorax.targets import ExactDenoiser

pytestmark = pytest.mark.usefixtures("quick_compilation", "double")

KEY = jax.random.key(0)
ROWS = np.random.default_rng(0).standard_normal((200, 2)) * np.repeat([1.0, 3.0], 100)[:, None]


def network() -> Denoiser:
    """A field that changes with the logarithm of the noise: rough where there is little of it."""
    learner = awake(MLP(2, width=24, depth=2, key=KEY), size=1.0, key=KEY)
    return Denoiser(network=learner, process=EDM(), moments=GaussianLaw.standard(2))


CLOSED, NETWORK = ExactDenoiser.create(mixture(), EDM()), network()
PLAIN = ScoreFunction(lambda t, x, condition: -x, process=VE())


@pytest.mark.parametrize(
    ("model", "divergence", "shape", "tolerance", "nodes", "steps"),
    [
        (CLOSED, ExactDivergence(), (2,), 1e-1, SWEPT_CLOSED, SMOOTH),
        (CLOSED, ExactDivergence(), (2,), 1e-2, None, SMOOTH),
        (CLOSED, ExactDivergence(), (5,), 1e-1, None, SMOOTH),
        (PLAIN, ExactDivergence(), (2,), 1e-1, None, SMOOTH),
        (NETWORK, ExactDivergence(), (2,), 1e-3, SWEPT, LOOSE),
        (NETWORK, ExactDivergence(), (5, 5), 1e-3, None, LOOSE),
        (NETWORK, Hutchinson(4), (5, 5), 1e-3, SWEPT, LOOSE),
        (NETWORK, Hutchinson(17), (5, 5), 1e-3, None, LOOSE),
        (NETWORK, ExactDivergence(), (2,), 1e-6, None, STRICT),
    ],
    ids=[
        "closed form",
        "closed, stricter",
        "closed, more",
        "no denoiser",
        "few",
        "many",
        "few probes",
        "many probes",
        "strict",
    ],
)
def test_which_method_a_flow_gets(model, divergence, shape, tolerance, nodes, steps):
    for limits in ((tolerance, 1e-9), (1e-9, tolerance)):
        assert nodes_for(model, divergence, shape, *limits) is nodes
        assert steps_for(model, *limits) is steps


def test_a_traced_tolerance_is_a_strict_one():
    seen = []

    def ask(rtol):
        seen.append((nodes_for(NETWORK, ExactDivergence(), (2,), rtol, 1.0), steps_for(NETWORK, rtol, 1.0)))

    jax.jit(ask)(jnp.asarray(1e-2))
    assert seen == [(None, STRICT)]


@pytest.mark.parametrize("model", [NETWORK, CLOSED], ids=["network", "closed form"])
def test_sweeps_agree_with_steps(monkeypatch, model):
    """Values, and what the slope at t0 says of the gap to the data, whatever the coordinate of the solve."""
    expected = log_prob(model, ROWS[:100:5], rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(_log_prob, "nodes_for", lambda *facts: SWEPT)
    got = log_prob(model, ROWS[:100:5], rtol=1e-6, atol=1e-6)
    assert np.all(np.abs(got.value - expected.value) < 1e-4)
    np.testing.assert_allclose(got.truncation, expected.truncation, rtol=1e-6)
    np.testing.assert_allclose(got.terminal_error, expected.terminal_error, rtol=1e-2)
    assert not np.array_equal(got.evaluations, expected.evaluations)


def test_loose_steps_agree_with_strict_ones(monkeypatch):
    """What a loose tolerance gets where rows are traced."""
    expected = log_prob(NETWORK, ROWS[::10], rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(_log_prob, "steps_for", lambda *facts: LOOSE)
    got = log_prob(NETWORK, ROWS[::10], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(got.value, expected.value, atol=1e-6)
    assert not np.array_equal(got.evaluations, expected.evaluations)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-4])
def test_the_error_of_a_loose_solve_is_covered(tolerance):
    """All but 3% of 200 rows, half of them far from the data, by bounds that say something; of strict steps 14 to 65%."""
    truth = log_prob(NETWORK, ROWS, rtol=1e-10, atol=1e-10, estimate_error=False).value
    answer = log_prob(NETWORK, ROWS, rtol=tolerance, atol=tolerance)
    error = np.abs(answer.value - truth)
    assert np.mean(error <= answer.solver_error) >= 0.97
    assert np.median(answer.solver_error) < 0.3
    assert np.mean(error) < tolerance * np.mean(1 + np.abs(truth))


def test_rows_are_swept_again_until_they_are_good():
    """By more nodes each time, and each by as many as it needs: evaluations of a row are those of all its sweeps."""
    far = np.array([[0.1, 0.2], [9.0, -4.0]])
    alone = [log_prob(CLOSED, row[None], rtol=0.1, atol=1e-3, estimate_error=False) for row in far]
    both = log_prob(CLOSED, far, rtol=0.1, atol=1e-3, estimate_error=False)
    opening = COUNTS[SWEPT_CLOSED.opening + 2]
    assert both.evaluations[0] >= opening
    assert np.array_equal(both.evaluations, [int(one.evaluations[0]) for one in alone])
    strict = log_prob(NETWORK, ROWS[:20], rtol=1e-9, atol=1e-5, estimate_error=False)
    again = np.asarray(strict.evaluations) > COUNTS[SWEPT.opening + 10]
    assert np.all(strict.converged)
    assert np.any(again)


def test_rows_for_which_no_number_of_nodes_suffices_go_step_by_step(monkeypatch):
    """The answer is that of the steps; what was tried before is counted: a sweep, and two panels and two slopes for errors."""
    limits = dict(rtol=1e-3, atol=1e-3)
    monkeypatch.setattr(_log_prob, "nodes_for", lambda *facts: None)
    expected = log_prob(NETWORK, ROWS[:70], **limits)
    monkeypatch.setattr(_log_prob, "nodes_for", lambda *facts: Nodes(0.3, 1.0, opening=len(COUNTS) - 3))
    monkeypatch.setattr(_passes, "excess", lambda flow, swept, rtol, atol: jnp.where(flow.drawn is None, 1e9, 0.0))
    got = log_prob(NETWORK, ROWS[:70], **limits)
    assert np.all(got.converged)
    assert np.array_equal(got.value, expected.value)
    assert np.array_equal(got.solver_error, expected.solver_error)
    assert np.array_equal(got.evaluations - expected.evaluations, np.full(70, COUNTS[-1] + 2 * PRECISE.evaluations + 2))
