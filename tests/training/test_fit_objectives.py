"""Every objective trains, by the same call: precision of a Gaussian, score of a mixture, networks and energies.

The measure is the Fisher divergence ``E |s_theta - s|^2 / 2`` on fresh rows.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import losses, mixture, rows_of, strata
from scorax.models import Denoiser, EnergyScore, ScoreFunction, ScoreNetwork
from scorax.networks import MLP, AbstractNetwork
from scorax.objectives import (
    DenoisingScoreMatching,
    EnergyDifferenceScoreMatching,
    ExplicitScoreMatching,
    FiniteDifferenceScoreMatching,
    FixedTime,
    GeneralizedScoreMatching,
    ImplicitScoreMatching,
    SlicedScoreMatching,
    VarianceWeighting,
)
from scorax.processes import EDM, Level
from scorax.targets import ExactDenoiser, gaussian
from scorax.training import FitOptions, adamw, fit

KEY = jax.random.key(0)


class Affine(AbstractNetwork):
    matrix: jax.Array
    shift: jax.Array

    def __call__(self, c_noise, x, condition=None, *, key=None):
        return self.matrix @ x + self.shift


def trained(model, objective, rows, *, num_steps: int, rate: float):
    optimizer = adamw(rate, num_steps=num_steps, weight_decay=0.0)
    options = FitOptions(ema_decay=0.99)
    states = fit(model, objective, rows, optimizer, key=KEY, num_steps=num_steps, options=options)
    *_, last = states
    return last.model(model)


COVARIANCE = np.array([[1.0, 0.6], [0.6, 0.8]])


LONG = pytest.mark.slow  # the same call with another pairing: several seconds of compiling each; CI runs them


@pytest.mark.parametrize(
    ("objective", "build"),
    [
        (ImplicitScoreMatching(), ScoreNetwork),
        (SlicedScoreMatching(), ScoreNetwork),
        (FiniteDifferenceScoreMatching(num_probes=2), ScoreNetwork),
        pytest.param(ImplicitScoreMatching(), EnergyScore, marks=LONG),
        (EnergyDifferenceScoreMatching(num_probes=2), EnergyScore),
        (GeneralizedScoreMatching(lower=-np.inf), ScoreNetwork),
    ],
    ids=["implicit", "sliced", "difference", "implicit-energy", "energy-difference", "generalised"],
)
def test_the_precision_of_a_gaussian_is_recovered(objective, build):
    """An affine score on clean rows: its minimiser is minus the inverse sample covariance."""
    rows = rows_of(gaussian(np.array([0.3, -0.2]), COVARIANCE), 2000, key=KEY)
    model = build(Affine(jnp.zeros((2, 2)), jnp.zeros(2)))
    fitted = trained(model, objective, rows, num_steps=600, rate=3e-2)
    slope = jax.jacfwd(lambda x: fitted(0.5, x))(jnp.zeros(2))
    precision = np.linalg.inv(np.cov(np.asarray(rows).T, bias=True))
    np.testing.assert_allclose(-slope, precision, atol=0.12)
    assert np.abs(precision - np.eye(2)).max() > 0.8  # there was something to learn


SMOOTH = mixture().at(Level(jnp.asarray(0.8), jnp.asarray(0.6)))
CLEAN = ScoreFunction.of_density(SMOOTH.log_density)


def network() -> MLP:
    return MLP(2, width=32, depth=2, key=KEY)


def fisher(model, target, **how) -> float:
    rows = rows_of(target.target if isinstance(target, ExactDenoiser) else SMOOTH, 4000, key=jax.random.key(1))
    return float(losses(ExplicitScoreMatching(target, **how), model, rows, *strata(4000, key=jax.random.key(2))).mean())


def test_a_model_without_a_network_is_refused():
    with pytest.raises(TypeError):
        trained(CLEAN, ImplicitScoreMatching(), np.zeros((10, 2), np.float32), num_steps=1, rate=1.0)


@pytest.mark.parametrize(
    ("objective", "build"),
    [
        pytest.param(ImplicitScoreMatching(), ScoreNetwork, marks=LONG),
        pytest.param(SlicedScoreMatching(num_probes=2), ScoreNetwork, marks=LONG),
        (ImplicitScoreMatching(), EnergyScore),
        pytest.param(EnergyDifferenceScoreMatching(num_probes=2), EnergyScore, marks=LONG),
    ],
    ids=["implicit", "sliced", "implicit-energy", "energy-difference"],
)
def test_the_score_of_a_mixture_is_learned_on_clean_rows(objective, build):
    """Half the information is 1.58; the zero score has that Fisher divergence, the standard normal 0.38."""
    rows = rows_of(SMOOTH, 4000, key=KEY)
    fitted = trained(build(network()), objective, rows, num_steps=500, rate=5e-3)
    assert fisher(fitted, CLEAN) < 0.03


@pytest.mark.parametrize(
    ("objective", "build"),
    [
        (DenoisingScoreMatching, Denoiser),
        (ImplicitScoreMatching, EnergyScore),
        pytest.param(DenoisingScoreMatching, EnergyScore, marks=LONG),
        pytest.param(DenoisingScoreMatching, ScoreNetwork, marks=LONG),
        pytest.param(ImplicitScoreMatching, Denoiser, marks=LONG),
        pytest.param(ImplicitScoreMatching, ScoreNetwork, marks=LONG),
    ],
)
def test_the_score_of_a_noised_mixture_is_learned(objective, build):
    """At one noise level, without ever seeing its score: a tenth of the 0.45 of the zero score at most."""
    how = {"weighting": VarianceWeighting(), "times": FixedTime(0.5)}
    law, process = mixture(), EDM()
    rows = rows_of(law, 4000, key=KEY)
    fitted = trained(build(network(), process), objective(**how), rows, num_steps=500, rate=5e-3)
    assert fisher(fitted, ExactDenoiser.create(law, process), **how) < 0.045
