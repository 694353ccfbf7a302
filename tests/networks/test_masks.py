"""Networks that are told which coordinates are known, asked for or absent."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake
from scorax.likelihood import log_prob
from scorax.models import Denoiser, Evidence, Given, Guided, PredictV
from scorax.networks import (
    MLP,
    ClassEmbedder,
    Ensemble,
    MaskedInput,
    MaskedWaves,
    Masks,
    MixtureSkip,
    ResMLP,
    noise_averaged_waves,
)
from scorax.processes import EDM, GaussianLaw, Level
from scorax.targets import ExactDenoiser, GaussianMixture

D = 3
KEY = jax.random.key(0)
LEVEL = Level(jnp.asarray(1.0), jnp.asarray(0.4))


def build(key: jax.Array) -> MaskedInput:
    return MaskedInput(ResMLP(3 * D, outputs=D, width=8, depth=1, key=key))


def masked_network() -> MaskedInput:
    network = awake(build(KEY), key=KEY)
    assert isinstance(network, MaskedInput)
    return network


def evidence(known: list[bool], target: list[bool], value: tuple[float, ...] = (0.3, -1.0, 0.7)) -> Evidence:
    return Evidence(np.array(value, np.float32), np.array(known), np.array(target))


@pytest.fixture(scope="module")
def model() -> Denoiser:
    law = GaussianLaw.from_moments(np.array([0.2, 0.0, -0.1]), np.array([[1, 0.5, 0], [0.5, 1.5, 0], [0, 0, 0.8]]))
    members = awake(Ensemble.create(build, 2, key=KEY), key=KEY)
    return Denoiser(members, EDM(t0=0.01, t1=20.0), moments=law)


def test_the_network_sees_targets_known_values_and_nothing_of_the_rest() -> None:
    network = masked_network()
    masks = Masks(jnp.array([5.0, 2.0, 7.0]), jnp.array([False, True, False]), jnp.array([True, False, False]))
    x, c = jnp.array([0.4, 9.0, 9.0]), jnp.asarray(0.3)
    told = jnp.array([0.4, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(network(c, x, masks), network.network(c, told))
    np.testing.assert_array_equal(network(c, x), network.network(c, jnp.concatenate([x, jnp.zeros(2 * D)])))


def test_waves_are_those_of_what_is_seen_and_none_of_the_masks() -> None:
    network = MaskedWaves(awake(ResMLP(7 * D, outputs=D, width=8, depth=1, key=KEY), key=KEY), 2)
    masks = Masks(jnp.array([5.0, 2.0, 7.0]), jnp.array([False, True, False]), jnp.array([True, False, False]))
    x, c, seen = jnp.array([0.4, 9.0, 9.0]), jnp.asarray(0.3), jnp.array([0.4, 2.0, 0.0])
    told = jnp.array([0.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    entry = jnp.concatenate([seen, told, noise_averaged_waves(c, seen, 2)])
    np.testing.assert_array_equal(network(c, x, masks), network.network(c, entry))
    entry = jnp.concatenate([x, jnp.zeros(2 * D), noise_averaged_waves(c, x, 2)])
    np.testing.assert_array_equal(network(c, x), network.network(c, entry))
    assert network.reads_masks
    with pytest.raises(ValueError, match="waves"):
        MaskedWaves(network.network, 0)


def test_coordinates_that_are_not_asked_for_are_standard_normal(model: Denoiser) -> None:
    x = jnp.array([0.4, -0.2, 1.3])
    given = Given(model, evidence([False, True, False], [True, False, False]))
    found = given.predict_at(LEVEL, x)
    r2 = 1 + 0.4**2
    np.testing.assert_allclose(found.x0[1:], x[1:] / r2, rtol=1e-6)
    # The target depends on the known value and on no other coordinate of the state.
    moved = given.predict_at(LEVEL, x.at[1:].set(8.0))
    np.testing.assert_array_equal(found.x0[0], moved.x0[0])
    other = Given(model, evidence([False, True, False], [True, False, False], (0.0, 3.0, 0.0)))
    assert abs(float(other.predict_at(LEVEL, x).x0[0] - found.x0[0])) > 1e-3


def test_all_targets_are_the_model_itself(model: Denoiser) -> None:
    x = jnp.array([0.4, -0.2, 1.3])
    whole = Given(model, evidence([False] * 3, [True] * 3))
    for mine, own in zip(whole.predict_at(LEVEL, x), model.predict_at(LEVEL, x), strict=True):
        np.testing.assert_allclose(mine, own, rtol=1e-6)


def test_a_marginal_density_integrates_to_one(model: Denoiser) -> None:
    """The density of one coordinate with the others absent, over a grid: it is one of a field in one dimension."""
    grid = np.linspace(-8, 8, 400, dtype=np.float32)
    rows = np.zeros((len(grid), D), np.float32)
    rows[:, 0] = grid
    one = jax.tree.map(lambda leaf: leaf[None], evidence([False] * 3, [True, False, False]))
    density = np.exp(np.asarray(log_prob(model, rows, condition=one, key=KEY).value, np.float64))
    np.testing.assert_allclose(np.sum(density) * (grid[1] - grid[0]), 1, atol=2e-3)


def test_moments_of_the_targets_are_kept(model: Denoiser) -> None:
    given = model.given(evidence([True, False, False], [False, True, False]))
    np.testing.assert_allclose(given.moments.mean, [0, 0, 0], atol=1e-7)
    np.testing.assert_allclose(given.moments.variances, [1, 1.5, 1], rtol=1e-5)


def test_refusals(model: Denoiser) -> None:
    question = evidence([False] * 3, [True] * 3)
    with pytest.raises(TypeError, match="reads evidence"):
        Denoiser(MLP(D, width=8, depth=1, key=KEY), EDM()).given(question)
    with pytest.raises(TypeError, match=r"Karras\(\)"):
        Denoiser(masked_network(), EDM(), PredictV()).given(question)
    with pytest.raises(TypeError, match="embedder"):  # a class that the network inside does not read
        Given(model, dataclasses.replace(question, condition=jnp.asarray(1))).predict_at(LEVEL, jnp.zeros(D))
    with pytest.raises(TypeError, match="embedder"):
        masked_network()(jnp.asarray(0.3), jnp.zeros(D), jnp.asarray(1))


def test_a_class_beside_masks_reaches_the_network_inside() -> None:
    """With masks or without; where none is told it is the embedder's null. Guidance mixes the two."""
    keys = jax.random.split(KEY, 3)
    inside = awake(
        ResMLP(3 * D, outputs=D, width=8, depth=1, embedder=ClassEmbedder(2, 4, key=keys[0]), key=keys[1]), key=keys[2]
    )
    network, c, x = MaskedInput(inside), jnp.asarray(0.3), jnp.array([0.4, -0.2, 1.3])
    one, none = jnp.asarray(1), jnp.zeros(D, bool)
    np.testing.assert_array_equal(network(c, x, one), network(c, x, Masks(x, none, ~none, one)))
    model = Denoiser(network, EDM(t0=0.01, t1=20.0))
    question = evidence([False, True, False], [True, False, False])
    found = {}
    for name, told in (("none", None), ("null", -1), ("zero", 0), ("one", 1)):
        own = None if told is None else jnp.asarray(told)
        found[name] = Given(model, dataclasses.replace(question, condition=own)).predict_at(LEVEL, x).x0
    np.testing.assert_array_equal(found["none"], found["null"])
    assert abs(float(found["one"][0] - found["zero"][0])) > 1e-3
    guided = Given(Guided(model, 2.0), dataclasses.replace(question, condition=one)).predict_at(LEVEL, x).x0
    np.testing.assert_allclose(guided[0], 2 * found["one"][0] - found["none"][0], rtol=1e-5)


@pytest.mark.parametrize("t", [1e-3, 0.5, 50.0])
def test_an_untrained_skip_that_is_told_masks_is_the_conditional_law_of_its_mixture(t: float) -> None:
    """Three components in four dimensions, every question of one row: known, asked for and absent coordinates."""
    random = np.random.default_rng(0)
    roots = random.normal(size=(3, 4, 4))
    law = GaussianMixture.create(
        np.array([0.2, 0.3, 0.5]), random.normal(size=(3, 4)), roots @ roots.transpose(0, 2, 1) + 0.2 * np.eye(4)
    )
    parts = law.components
    inside = MaskedInput(ResMLP(12, outputs=4, width=8, depth=1, key=KEY))
    network = MixtureSkip(inside, law.log_weights, parts.mean, parts.basis, parts.variances)
    exact, model = ExactDenoiser.create(law, EDM()), Denoiser(network, EDM())
    kinds = np.array(np.meshgrid(*[range(3)] * 4)).reshape(4, -1).T
    kinds = kinds[(kinds == 1).any(axis=1)]
    rows = random.normal(size=kinds.shape).astype(np.float32)
    questions = Evidence(rows, kinds == 0, kinds == 1)
    x = jnp.asarray(rows[::-1] * (1 + t), jnp.float32)

    def output(model: Denoiser | ExactDenoiser) -> np.ndarray:
        found = jax.vmap(lambda told, state: Given(model, told).predict(jnp.asarray(t), state))(questions, x)
        return np.where(kinds == 1, np.stack([found.x0, found.noise]), 0)

    np.testing.assert_allclose(output(model), output(exact), atol=5e-4)


@pytest.mark.parametrize("t", [1e-3, 0.5, 50.0])
def test_known_codes_tell_the_numbers_of_a_skip_and_others_are_absent(t: float) -> None:
    """Two numbers and a code of two coordinates, which is known, asked for or absent as a whole."""
    random = np.random.default_rng(1)
    root = random.normal(size=(4, 4))
    law = GaussianMixture.create(np.ones(1), random.normal(size=(1, 4)), (root @ root.T + 0.2 * np.eye(4))[None])
    parts = law.components
    inside = MaskedInput(ResMLP(12, outputs=4, width=8, depth=1, key=KEY))
    network = MixtureSkip(inside, law.log_weights, parts.mean, parts.basis, parts.variances, numbers=2)
    exact, model = ExactDenoiser.create(law, EDM()), Denoiser(network, EDM())
    kinds = np.array([[*numbers, code, code] for numbers in ((1, 1), (0, 1), (1, 2)) for code in range(3)])
    rows = random.normal(size=kinds.shape).astype(np.float32)
    x = jnp.asarray(rows[::-1] * (1 + t), jnp.float32)
    numbers = np.where(np.arange(4) < 2, kinds == 1, False)

    def output(model: Denoiser | ExactDenoiser, target: np.ndarray) -> np.ndarray:
        questions = Evidence(rows, kinds == 0, target)
        found = jax.vmap(lambda told, state: Given(model, told).predict(jnp.asarray(t), state))(questions, x)
        return np.where(numbers, np.stack([found.x0, found.noise]), 0)

    np.testing.assert_allclose(output(model, kinds == 1), output(exact, numbers), atol=5e-4)
    whole = jax.vmap(lambda state: model.predict(jnp.asarray(t), state).x0)(x[:, :])
    np.testing.assert_allclose(whole[1, :2], output(model, kinds == 1)[0, 1, :2], atol=5e-4)
