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


def sweeps_of(evaluations: int, opening: int) -> bool:
    """Whether so many evaluations are those of a first sweep and of finer ones, each up to three levels above the last."""
    counts, chains = np.asarray(COUNTS), {opening: {COUNTS[opening]}}
    for level in range(opening + 1, len(COUNTS)):
        before = set().union(*(chains[lower] for lower in range(max(opening, level - 3), level)))
        chains[level] = {total + int(counts[level]) for total in before}
    return any(evaluations in totals for totals in chains.values())


def test_rows_are_swept_again_until_they_are_good():
    """By more nodes each time, and each row by as many as it needs: its evaluations are those of all its sweeps, and no steps."""
    found = log_prob(NETWORK, ROWS, rtol=1e-9, atol=1e-4, estimate_error=False)
    opening, evaluations = SWEPT.opening + 8, np.asarray(found.evaluations)
    assert np.all(found.converged)
    assert all(sweeps_of(each, opening) for each in evaluations)
    assert 0.05 < np.mean(evaluations == COUNTS[opening]) < 0.95
    truth = log_prob(NETWORK, ROWS, rtol=1e-10, atol=1e-10, estimate_error=False).value
    assert np.mean(np.abs(found.value - truth)) < 1e-4


@pytest.mark.parametrize("divergence", [None, Hutchinson(2)], ids=["exact", "probes"])
def test_rows_for_which_no_number_of_nodes_suffices_go_step_by_step(monkeypatch, divergence):
    """Half of the rows, each with its condition and its probes: the answers are those of the steps, of the others the sweeps'.

    What was tried before is counted: one sweep, two panels for the error of the end, and a slope there.
    """
    limits = dict(rtol=1e-3, atol=1e-3, divergence=divergence, key=KEY, conditions=np.arange(70) % 2)
    rows = ROWS[:70] + 0.5
    steps = log_prob(CLOSED, rows, **limits)  # as any closed form at this tolerance
    monkeypatch.setattr(_log_prob, "nodes_for", lambda *facts: Nodes(0.3, 1.0, opening=len(COUNTS) - 3))
    swept = log_prob(CLOSED, rows, **limits)
    monkeypatch.setattr(_log_prob, "nodes_for", lambda *facts: Nodes(0.3, 1.0, opening=len(COUNTS) - 3))
    monkeypatch.setattr(_passes, "excess", lambda flow, done, rtol, atol: jnp.where(done.end[0] > 0, jnp.inf, 0.0))
    got = log_prob(CLOSED, rows, **limits)
    fell = np.asarray(got.value) == steps.value
    assert 10 < np.count_nonzero(fell) < 60
    assert np.all(got.converged)
    for name in ("value", "solver_error", "trace_error", "truncation"):
        mixed = np.where(fell, getattr(steps, name), getattr(swept, name))
        assert np.array_equal(getattr(got, name), mixed)
    extra = np.asarray(got.evaluations) - np.where(fell, steps.evaluations, 0)
    assert np.array_equal(extra[fell], np.full(np.count_nonzero(fell), COUNTS[-1] + 2 * PRECISE.evaluations + 1))
