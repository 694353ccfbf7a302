"""Every objective against the explicit one at one model: constants, gradients, variances. Means within 4 SE (6e-5)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, mixture, rows_of
from scorax.models import EnergyScore, ScoreFunction
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
from scorax.studies import compare_objectives
from scorax.targets import ExactDenoiser

AT = {"weighting": UniformWeighting(), "times": FixedTime(0.5)}
OBJECTIVES = {
    "implicit": ImplicitScoreMatching(**AT),
    "sliced": SlicedScoreMatching(**AT),
    "difference": FiniteDifferenceScoreMatching(**AT),
    "energy": EnergyDifferenceScoreMatching(**AT),
    "denoising": DenoisingScoreMatching(**AT),
    "reduced": DenoisingScoreMatching(**AT, control_variate=True),
}
NETWORK = awake(MLP(2, width=4, depth=1, key=jax.random.key(0)), key=jax.random.key(1))


@pytest.fixture(scope="module")
def table():
    with jax.enable_x64(True):
        network = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), NETWORK)
        law, process = mixture(), EDM()
        rows = rows_of(law, 4096, key=jax.random.key(2))
        return compare_objectives(
            EnergyScore(network, process), OBJECTIVES, ExactDenoiser.create(law, process), rows, key=jax.random.key(3)
        )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_is_the_fisher_divergence_after_its_constant(table, name):
    row = table[name]
    assert abs(row.fisher - row.explicit) < 4 * np.hypot(row.fisher_error, row.explicit_error)
    np.testing.assert_allclose(row.value + row.constant, row.fisher, rtol=1e-9)
    assert row.explicit > 20 * row.explicit_error


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_has_the_gradient_of_the_explicit_objective(table, name):
    """The squared distance of the mean gradients has mean difference_error^2 if they agree; four times its root is far out."""
    row = table[name]
    assert row.difference < 4 * row.difference_error
    assert row.difference_error < 0.2
    assert row.cosine > 1 - 8 * row.difference_error**2


def test_constants_have_their_signs_and_the_costs_are_counted(table):
    """Half the information is positive and one number for the implicit family; minus the floor is negative."""
    implicit = table["implicit"].constant
    assert implicit > 0
    for name in ("sliced", "difference", "energy"):
        assert abs(table[name].constant / implicit - 1) < 0.2
    assert table["denoising"].constant < 0
    assert [table[name].evaluations for name in OBJECTIVES] == [3, 2, 2, 3, 1, 2]


def test_variances_are_ordered(table):
    """The exact divergence varies least of the implicit family; the control variate helps the denoising form."""
    assert table["implicit"].gradient_variance < table["sliced"].gradient_variance
    assert table["reduced"].gradient_variance < table["denoising"].gradient_variance


def test_clean_data_and_bad_arguments():
    law = mixture()
    target, rows = ScoreFunction.of_density(law.log_density), rows_of(law, 100, key=jax.random.key(2))
    row = compare_objectives(
        EnergyScore(NETWORK), {"implicit": ImplicitScoreMatching()}, target, rows, key=jax.random.key(3), num_draws=100
    )["implicit"]
    assert abs(row.fisher - row.explicit) < 4 * np.hypot(row.fisher_error, row.explicit_error)
    assert isinstance(target.process, Clean)
    with pytest.raises(ValueError, match="rows and draws"):
        compare_objectives(EnergyScore(NETWORK), {}, target, rows[:0], key=jax.random.key(3))
