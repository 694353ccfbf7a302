"""Methods of solving a flow: which one a flow gets, that all give one number, and that loose ones know their error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, mixture
from scorax.likelihood import ExactDivergence, Hutchinson, _log_prob, log_prob
from scorax.likelihood._methods import FAST, LOOSE, SMOOTH, STRICT, method_for
from scorax.models import Denoiser
from scorax.networks import MLP
from scorax.processes import EDM, GaussianLaw
from scorax.targets import ExactDenoiser

pytestmark = pytest.mark.usefixtures("quick_compilation", "double")

KEY = jax.random.key(0)
ROWS = np.random.default_rng(0).standard_normal((200, 2)) * np.repeat([1.0, 3.0], 100)[:, None]


def network() -> Denoiser:
    """A field that changes with the logarithm of the noise: rough where there is little of it."""
    learner = awake(MLP(2, width=24, depth=2, key=KEY), size=1.0, key=KEY)
    return Denoiser(network=learner, process=EDM(), moments=GaussianLaw.standard(2))


CLOSED, NETWORK = ExactDenoiser.create(mixture(), EDM()), network()


@pytest.mark.parametrize(
    ("model", "divergence", "shape", "tolerance", "expected"),
    [
        (CLOSED, ExactDivergence(), (2,), 1e-1, SMOOTH),
        (NETWORK, ExactDivergence(), (2,), 1e-3, FAST),
        (NETWORK, ExactDivergence(), (3, 3), 1e-3, LOOSE),
        (NETWORK, Hutchinson(4), (3, 3), 1e-3, FAST),
        (NETWORK, Hutchinson(16), (3, 3), 1e-3, LOOSE),
        (NETWORK, ExactDivergence(), (2,), 1e-6, STRICT),
    ],
    ids=["closed form", "few", "many", "few probes", "many probes", "strict"],
)
def test_which_method_a_flow_gets(model, divergence, shape, tolerance, expected):
    assert method_for(model, divergence, shape, tolerance, 1e-9) is expected
    assert method_for(model, divergence, shape, 1e-9, tolerance) is expected


def test_a_traced_tolerance_is_a_strict_one():
    seen = []
    jax.jit(lambda rtol: seen.append(method_for(NETWORK, ExactDivergence(), (2,), rtol, 1.0)))(jnp.asarray(1e-2))
    assert seen == [STRICT]


@pytest.mark.parametrize("method", [LOOSE, FAST], ids=["loose", "fast"])
def test_methods_agree(monkeypatch, method):
    """Values, and what the slope at t0 says of the gap to the data, whatever the coordinate of the solve."""
    tight = dict(rtol=1e-9, atol=1e-9)
    expected = log_prob(NETWORK, ROWS[::10], **tight)
    monkeypatch.setattr(_log_prob, "method_for", lambda *facts: method)
    got = log_prob(NETWORK, ROWS[::10], **tight)
    np.testing.assert_allclose(got.value, expected.value, atol=1e-6)
    np.testing.assert_allclose(got.truncation, expected.truncation, rtol=1e-6)
    np.testing.assert_allclose(got.terminal_error, expected.terminal_error, rtol=1e-3)
    assert not np.array_equal(got.evaluations, expected.evaluations)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-4])
def test_the_error_of_a_loose_solve_is_covered(tolerance):
    """All but 3% of 200 rows, half of them far from the data, by bounds that say something; of strict steps 14 to 65%."""
    truth = log_prob(NETWORK, ROWS, rtol=1e-10, atol=1e-10, estimate_error=False).value
    answer = log_prob(NETWORK, ROWS, rtol=tolerance, atol=tolerance)
    assert np.mean(np.abs(answer.value - truth) <= answer.solver_error) >= 0.97
    assert np.median(answer.solver_error) < 0.05
