"""Every objective against the explicit one at one model: constants, gradients, variances. Means within 4 SE (6e-5)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake
from scorax.diagnostics import ObjectiveComparison, compare_objectives
from scorax.models import EnergyScore, ScoreFunction, ScoreNetwork
from scorax.networks import MLP
from scorax.objectives import (
    DenoisingScoreMatching,
    EnergyDifferenceScoreMatching,
    FiniteDifferenceScoreMatching,
    FixedTime,
    ImplicitScoreMatching,
    SlicedScoreMatching,
    UniformWeighting,
)
from scorax.processes import EDM, Clean

AT = {"weighting": UniformWeighting(), "times": FixedTime(0.5)}
OBJECTIVES = {
    "implicit": ImplicitScoreMatching(**AT),
    "sliced": SlicedScoreMatching(**AT),
    "difference": FiniteDifferenceScoreMatching(**AT),
    "energy": EnergyDifferenceScoreMatching(**AT),
    "denoising": DenoisingScoreMatching(**AT),
    "reduced": DenoisingScoreMatching(**AT, control_variate=True),
}
LONG = pytest.mark.slow  # every objective is a program of its own: five to ten seconds of compiling each
QUICK = ["implicit", "denoising"]
NAMES = QUICK + [pytest.param(name, marks=LONG) for name in OBJECTIVES if name not in QUICK]
NETWORK = awake(MLP(2, width=4, depth=1, key=jax.random.key(0)), key=jax.random.key(1))
VARIANCES = jnp.array([1.0, 0.2])


@functools.cache
def row(name: str) -> ObjectiveComparison:
    """N(0, diag(1, 0.2)) at sigma = 1/2."""
    target = ScoreFunction(lambda t, x, condition: -x / (VARIANCES + t**2), EDM())
    rows = jnp.sqrt(VARIANCES) * jax.random.normal(jax.random.key(2), (4096, 2))
    model = (EnergyScore if name == "energy" else ScoreNetwork)(NETWORK, EDM())
    return compare_objectives(model, {name: OBJECTIVES[name]}, target, rows, key=jax.random.key(3))[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_the_fisher_divergence_after_its_constant(name):
    ours = row(name)
    assert abs(ours.fisher - ours.explicit) < 4 * np.hypot(ours.fisher_error, ours.explicit_error)
    np.testing.assert_allclose(ours.value + ours.constant, ours.fisher, rtol=1e-6)
    assert ours.explicit > 20 * ours.explicit_error


@pytest.mark.parametrize("name", NAMES)
def test_each_has_the_gradient_of_the_explicit_objective(name):
    """The squared distance of the mean gradients has mean difference_error^2 if they agree; four times its root is far out."""
    ours = row(name)
    assert ours.difference < 4 * ours.difference_error
    assert ours.difference_error < 0.2
    assert ours.cosine > 1 - 8 * ours.difference_error**2


def test_constants_in_closed_form_and_the_costs():
    """Half the information, and minus the floor: sums over v + sigma^2 and 1 / sigma^2."""
    information = 0.5 * float(jnp.sum(1 / (VARIANCES + 0.25)))
    for name, truth in (("implicit", information), ("denoising", information - 0.5 * 2 / 0.25)):
        # The standard error of the constant is below that of a sum of two squared normals of this size.
        assert abs(row(name).constant - truth) < 4 * abs(truth) * np.sqrt(2 / 4096)
    assert [o.evaluations(2) for o in OBJECTIVES.values()] == [3, 2, 2, 3, 1, 2]


@LONG
def test_variances_are_ordered():
    """The exact divergence varies least of the implicit family; the control variate helps the denoising form."""
    assert row("implicit").gradient_variance < row("sliced").gradient_variance
    assert row("reduced").gradient_variance < row("denoising").gradient_variance


def test_clean_data_and_bad_arguments():
    target = ScoreFunction.of_density(lambda x: -0.5 * jnp.sum(x**2 / VARIANCES))
    rows = jnp.sqrt(VARIANCES) * jax.random.normal(jax.random.key(2), (100, 2))
    ours = compare_objectives(
        ScoreNetwork(NETWORK), {"implicit": ImplicitScoreMatching()}, target, rows, key=jax.random.key(3), num_draws=100
    )["implicit"]
    assert abs(ours.fisher - ours.explicit) < 4 * np.hypot(ours.fisher_error, ours.explicit_error)
    assert isinstance(target.process, Clean)
    with pytest.raises(ValueError, match="of at least 1, got 0"):
        compare_objectives(ScoreNetwork(NETWORK), {}, target, rows[:0], key=jax.random.key(3))
