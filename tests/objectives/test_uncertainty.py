"""The learned curve of what is left at each noise level."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from oracles import awake
from scorax.models import Denoiser, clock_input
from scorax.networks import MLP, LearnedUncertainty, MaskedInput, ResMLP
from scorax.objectives import DenoisingScoreMatching, FixedQuestion, MaskedMatching, UncertaintyWeighting
from scorax.processes import VP
from scorax.training import FitOptions, adamw, fit

KEY = jax.random.key(0)


def model(network=None) -> Denoiser:
    return Denoiser(network or LearnedUncertainty(MLP(1, width=4, depth=1, key=KEY)), VP())


def test_with_a_curve_of_zero_and_out_of_training_it_is_the_objective():
    plain, balanced = DenoisingScoreMatching(), UncertaintyWeighting(DenoisingScoreMatching())
    x, u = jnp.array([0.3]), jnp.asarray(0.4)
    for training in (True, False):
        ours, theirs = (o(model(), x, u, key=KEY, training=training) for o in (balanced, plain))
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_the_curve_becomes_the_logarithm_of_the_loss():
    """The network's output is frozen at zero, the model of N(0, 1), whose mean loss at each time is known by many draws."""
    network = LearnedUncertainty(MLP(1, width=4, depth=0, key=KEY))
    rows = 0.5 * jax.random.normal(KEY, (4096, 1))
    objective = UncertaintyWeighting(DenoisingScoreMatching())

    def labels(weights):
        return jax.tree_util.tree_map_with_path(
            lambda path, _: "curve" if "curve" in jax.tree_util.keystr(path) else "network", weights
        )

    optimizer = optax.multi_transform({"curve": adamw(0.03, num_steps=600), "network": optax.set_to_zero()}, labels)
    *_, last = fit(
        model(network), objective, rows, optimizer, key=KEY, num_steps=600, options=FitOptions(batch_size=512)
    )
    trained = last.model(model(network), "ema")
    for u in (0.2, 0.5, 0.8):
        t = objective.time(trained.process, jnp.asarray(u))
        keys = jax.random.split(jax.random.key(1), 4096)
        values = jax.vmap(lambda x, k, u=u: objective.objective(trained, x, jnp.asarray(u), key=k))(rows, keys)
        found = trained.network.uncertainty(clock_input(trained.process, t))
        assert abs(float(found) - float(jnp.log(jnp.mean(values)))) < 0.1


def test_the_curve_is_read_where_a_question_far_out_is_asked():
    """Its time is not that of its ``u``; with a curve that is not zero the two values differ."""
    known, x, u = jnp.array([True, False]), jnp.array([0.3, -1.0]), jnp.asarray(0.2)
    objective = MaskedMatching(questions=FixedQuestion(known, far=1.0))
    asked = model(awake(LearnedUncertainty(MaskedInput(ResMLP(6, width=4, depth=1, outputs=2, key=KEY))), key=KEY))
    curve = asked.network.uncertainty(clock_input(asked.process, objective.time(asked.process, 1 - 0.05 * (1 - u))))
    expected = objective(asked, x, u, key=KEY) * jnp.exp(-curve) + curve
    np.testing.assert_allclose(UncertaintyWeighting(objective)(asked, x, u, key=KEY), expected, rtol=1e-6)
    beside = asked.network.uncertainty(clock_input(asked.process, objective.time(asked.process, u)))
    assert abs(float(curve - beside)) > 0.01


def test_a_network_without_a_curve_is_refused():
    with pytest.raises(TypeError, match="LearnedUncertainty"):
        UncertaintyWeighting(DenoisingScoreMatching())(
            model(MLP(1, width=4, depth=1, key=KEY)), jnp.zeros(1), jnp.asarray(0.5), key=KEY
        )
