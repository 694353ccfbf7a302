"""Rows in lanes: a row's bits do not depend on the others, and its steps are those of a solve by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, mixture, rows_of
from scorax.likelihood import ExactDivergence, Hutchinson, log_prob
from scorax.likelihood._log_prob import _call_of
from scorax.models import AbstractScoreModel, Denoiser, Evidence, ScoreFunction
from scorax.networks import MLP, MaskedInput, ResMLP
from scorax.processes import VP, GaussianLaw
from scorax.targets import ExactDenoiser

pytestmark = [pytest.mark.usefixtures("double"), pytest.mark.bits]

KEY = jax.random.key(0)


def exact() -> tuple[ExactDenoiser, np.ndarray]:
    return ExactDenoiser.create(mixture(), VP()), np.array(rows_of(mixture(), 130, key=KEY))


def network(dimension: int = 5) -> tuple[AbstractScoreModel, np.ndarray]:
    """Five columns: no multiple of what a processor takes at once."""
    learner = awake(MLP(dimension, width=24, depth=2, key=KEY), key=KEY)
    model = Denoiser(network=learner, process=VP(), moments=GaussianLaw.standard(dimension))
    return model, np.random.default_rng(0).standard_normal((130, dimension))


def plain() -> tuple[AbstractScoreModel, np.ndarray]:
    model, x = exact()
    return ScoreFunction(lambda t, x, condition: model(t, x), model.process, model.moments), x


CASES = {
    "exact": (exact, 1e-6, None),
    "exact, loose": (exact, 1e-1, None),
    "plain score": (plain, 1e-3, None),
    "network": (network, 1e-6, None),
    "network, loose": (network, 1e-3, None),
    "network, one probe": (network, 1e-3, Hutchinson(1)),
}


EVERY_RUN = [
    ("float32", "exact"),
    ("float32", "exact, loose"),
    ("float32", "plain score"),
    ("float32", "network, one probe"),
    ("float64", "network"),
    ("float64", "network, loose"),
]
"""One of each kind of model and of divergence, in both precisions: a program is up to ten seconds of compiling. CI runs all of
them with the other claims about bits."""


@pytest.mark.parametrize(
    ("dtype", "case"),
    [
        pytest.param(dtype, name, marks=() if (dtype, name) in EVERY_RUN else pytest.mark.slow)
        for dtype in ("float32", "float64")
        for name in CASES
    ],
)
def test_trap_29_a_row_is_the_same_alone_and_beside_an_outlier(dtype, case):
    """Bit for bit, in value and in error, alone, in part and in another order: no lane computes otherwise than the next."""
    made, tolerance, divergence = CASES[case]
    (model, x), limits = made(), dict(tolerance=tolerance, divergence=divergence, key=KEY)
    x = x.astype(dtype)
    x[3] = 50.0
    whole = log_prob(model, x, **limits)
    orders = [np.random.default_rng(seed).permutation(len(x)) for seed in range(2)]
    for rows in (slice(0, 1), slice(3, 4), slice(0, 64), slice(60, 70), *orders):
        part = log_prob(model, x[rows], **limits)
        assert np.array_equal(part.value, whole.value[rows])
        assert np.array_equal(part.solver_error, whole.solver_error[rows])
        assert np.array_equal(part.evaluations, whole.evaluations[rows])


def test_lanes_take_the_steps_that_a_row_takes_by_itself():
    """More rows than one call takes, of which some are solved again, against the mapped solve of a row: a traced call is one."""
    model = ExactDenoiser.create(mixture(), VP())
    x = np.array(rows_of(mixture(), 1030, key=KEY))
    x[[3, 70, 1028]] = 50.0
    x[[5, 1029]] = np.inf
    got = log_prob(model, x, tolerance=1e-6)
    mapped = jax.jit(lambda rows: log_prob(model, rows, tolerance=1e-6))(x)
    assert np.ptp(np.asarray(got.evaluations)[np.isfinite(x[:, 0])]) > 1000
    assert np.array_equal(np.flatnonzero(~np.asarray(got.converged)), [5, 1029])
    assert np.array_equal(got.converged, mapped.converged)
    assert np.array_equal(got.evaluations, mapped.evaluations)
    np.testing.assert_allclose(got.value, mapped.value, rtol=1e-8)  # a rounded step


def test_a_call_is_traceable_in_whatever_is_traced():
    """Rows, or the key of their probes alone, or nothing inside a traced function: shapes and types are those of a plain call."""
    model, x = ExactDenoiser.create(mixture(), VP()), jnp.zeros((3, 2))

    def probed(rows, key):
        return log_prob(model, rows, divergence=Hutchinson(2), key=key)

    expected = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), jax.eval_shape(probed, x, KEY))
    for function, *arguments in ((lambda key: probed(x, key), KEY), (lambda: probed(x, KEY),)):
        got = jax.eval_shape(function, *arguments)
        assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), got) == expected


def test_rows_with_evidence_share_the_weights() -> None:
    """What a row carries from step to step grows with its coordinates and not with the network, of which it needs no copy."""

    def carried(width: int) -> int:
        network = MaskedInput(ResMLP(9, width=width, depth=2, outputs=3, key=KEY))
        model = Denoiser(network=network, process=VP(), moments=GaussianLaw.standard(3))
        evidence = Evidence(jnp.zeros(3), jnp.arange(3) == 0, jnp.arange(3) == 1)
        call = _call_of(model, ExactDivergence(), jnp.dtype(float), None, False, None)
        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(call.state, jnp.zeros(3), evidence)))

    assert carried(8) == carried(64) < 200
