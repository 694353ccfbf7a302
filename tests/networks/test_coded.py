"""The head of codes against closed forms: mixtures of point masses, Bayes' rule, float64."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coded import exact, laws
from oracles import awake
from scorax._trees import trainable
from scorax.models import Denoiser, PredictV, category_log_posteriors
from scorax.networks import (
    MLP,
    CodedHead,
    Ensemble,
    LearnedUncertainty,
    MixtureSkip,
    ResMLP,
    codebook,
    decode_categories,
    encode_categories,
    line_codebook,
    simplex_codebook,
)
from scorax.processes import EDM, VP

KEY = jax.random.key(0)
SIGMAS = (2e-3, 0.05, 1.0, 80.0)


def independent(points, priors, *, numbers: int = 0) -> CodedHead:
    width = sum(own.shape[1] for own in points) + numbers
    network = ResMLP(width, width=4, depth=0, outputs=numbers + sum(map(len, points)), key=KEY)
    return CodedHead(network, points, [np.log(own) for own in priors])


@pytest.mark.parametrize("count", [2, 3, 4, 60])
def test_a_simplex_has_equal_distances_and_unit_coordinates(count):
    points = simplex_codebook(count)
    np.testing.assert_allclose(points @ points.T, count * np.eye(count) - 1, atol=1e-12)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(np.mean(points**2, axis=0), 1)
    assert np.array_equal(codebook(count), points)


@pytest.mark.parametrize("count", [61, 128, 1000])
def test_many_categories_have_few_dimensions_and_are_apart(count):
    points = codebook(count)
    assert points.shape == (count, 2 * np.ceil(np.log2(count)))
    np.testing.assert_allclose(np.mean(points**2, axis=0), 1)
    distances = np.linalg.norm(points - points[:1], axis=1)[
        1:
    ]  # the same from every point: they are harmonics of the place
    assert distances.min() > 3.8


def test_points_on_a_line_are_equidistant():
    points = line_codebook(12)[:, 0]
    assert points.mean() == pytest.approx(0)
    assert points.std() == pytest.approx(1)
    np.testing.assert_allclose(np.diff(points), np.sqrt(12 / 143))


def test_categories_come_back_from_codes():
    points = [simplex_codebook(3), line_codebook(12), codebook(100), simplex_codebook(2)]
    categories = np.random.default_rng(0).integers([3, 12, 100, 2], size=(50, 4))
    codes = encode_categories(points, categories)
    assert np.array_equal(decode_categories(points, codes), categories)
    assert decode_categories([], codes[:, :0]).shape == encode_categories([], categories[:, :0]).shape == (50, 0)
    with pytest.raises(ValueError, match="categories from 0 to 1 in code 3"):
        encode_categories(points, categories + np.array([0, 0, 0, 1]))
    with pytest.raises(
        TypeError, match=r"whole numbers|Type-check"
    ):  # the second where arrays are checked at every call
        encode_categories(points, categories.astype(float))


@pytest.mark.parametrize(
    "points", [simplex_codebook(2), simplex_codebook(3), simplex_codebook(60), line_codebook(12)], ids=len
)
def test_untrained_it_is_the_law_of_the_priors_in_float32_too(points):
    """D, the noise and the posterior of a code with its priors, from .002 to 80, near its points, between two and far out.

    In float64 against the mixture of point masses; float32 against that at the same states, whose rounding alone moves the noise
    by up to eps |y| / sin a, and the logits by |c| times that over sin a.
    """
    count, m = points.shape
    priors = np.random.default_rng(count).dirichlet(np.ones(count))
    random = np.random.default_rng(1)
    near = points[random.integers(count, size=4)]
    between = 0.5 * (points[:1] + points[1:2])

    def answers(dtype):
        head = independent([points], [priors])
        model = Denoiser(head, EDM())

        def at(sigma, x):
            level = EDM().level(sigma)
            found = model.predict_at(level, x)
            return found.x0, found.noise, category_log_posteriors(model, sigma, x)[0]

        return jax.jit(jax.vmap(at))(jnp.asarray(sigmas, dtype), jnp.asarray(states, dtype))

    noise = random.standard_normal((4, m))
    cases = [(s, x) for s in SIGMAS for x in [*(near + s * noise), *(between + 0.3 * s * noise[:1]), 30 * near[0]]]
    sigmas, states = (np.asarray(own, np.float32) for own in zip(*cases, strict=True))
    single = [np.asarray(own, np.float64) for own in answers(jnp.float32)]
    with jax.enable_x64(True):
        double = [np.asarray(own) for own in answers(jnp.float64)]
    s, x = sigmas.astype(np.float64), states.astype(np.float64)
    joint = np.log(priors) - 0.5 * np.sum((x[:, None] - points) ** 2, axis=-1) / s[:, None] ** 2
    joint -= joint.max(axis=1, keepdims=True)
    log_posterior = joint - np.log(np.sum(np.exp(joint), axis=1, keepdims=True))
    x0 = np.exp(log_posterior) @ points
    np.testing.assert_allclose(double[0], x0, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(double[1], (x - x0) / s[:, None], rtol=1e-8, atol=1e-6)
    np.testing.assert_allclose(double[2], log_posterior, rtol=1e-8, atol=1e-7)
    size = np.linalg.norm(points, axis=1).max() * np.maximum(np.linalg.norm(x / np.hypot(1, s)[:, None], axis=1), 1)
    doubt = 4e-7 * (1 + size / (np.sin(np.arctan(s)) ** 2))  # of a logit
    apart = np.max(np.abs(single[0] - double[0]), axis=1)
    spread = np.sqrt(np.einsum("nk,nkm->n", np.exp(log_posterior), (points - x0[:, None]) ** 2))
    assert np.all(apart <= 1e-6 * size + doubt * spread)
    noise_apart = np.max(np.abs(single[1] - double[1]), axis=1)
    assert np.all(noise_apart <= 4e-7 * size / np.sin(np.arctan(s)) + doubt * spread / s + 1e-6)
    likely = log_posterior > -20
    assert np.all(np.abs(single[2] - double[2])[likely] <= np.broadcast_to(doubt[:, None], likely.shape)[likely])
    # A compiler may take a logit twice, in the normaliser and beside it, each with a rounding of its own.
    assert np.all(np.abs(np.exp(single[2]).sum(axis=1) - 1) <= 1e-5 + doubt)


@pytest.mark.parametrize("law", laws())
def test_an_exact_network_gives_bayes_and_the_score_of_the_mixture(law):
    """Posteriors against the sum over cells, the score against the gradient of the log-density; with numbers beside."""
    cells = laws()[law]
    random = np.random.default_rng(3)
    means = random.standard_normal((*cells.shape, 2))
    with jax.enable_x64(True):
        points = [line_codebook(cells.shape[0]), *(simplex_codebook(k) for k in cells.shape[1:])]
        model = exact(cells, points, means=means)
        index = np.stack(np.unravel_index(np.arange(cells.size), cells.shape), axis=1)
        centres = np.concatenate([means.reshape(cells.size, 2), encode_categories(points, index)], axis=1)
        variances = np.concatenate([np.full(2, 0.3), np.zeros(centres.shape[1] - 2)])

        def log_joint(x, sigma):
            noisy = variances + sigma**2
            return jnp.log(cells.ravel()) - 0.5 * jnp.sum((x - centres) ** 2 / noisy + jnp.log(noisy), axis=-1)

        @jax.jit
        def both(x, sigma):
            truth = jax.grad(lambda x: jax.nn.logsumexp(log_joint(x, sigma)))(x)
            return model(sigma, x), truth, jax.nn.softmax(log_joint(x, sigma)), category_log_posteriors(model, sigma, x)

        for sigma in (0.05, 0.5, 3.0):
            x = jnp.asarray(centres[5] + sigma * random.standard_normal(centres.shape[1]))
            score, truth, joint, posteriors = both(x, sigma)
            np.testing.assert_allclose(score, truth, rtol=1e-8, atol=1e-8)
            for j, own in enumerate(posteriors):
                expected = np.bincount(index[:, j], weights=np.asarray(joint), minlength=cells.shape[j])
                np.testing.assert_allclose(np.exp(own), expected, rtol=1e-8, atol=1e-12)


def test_an_ensemble_is_the_mean_of_members_with_priors_of_their_own():
    points = [simplex_codebook(3), line_codebook(4), line_codebook(4)]
    generator = np.random.default_rng(0)
    priors = [[generator.dirichlet(np.ones(len(own))) for own in points] for _ in range(2)]
    members = [awake(independent(points, own, numbers=2), key=jax.random.key(i)) for i, own in enumerate(priors)]
    law = np.array([0.0]), np.zeros((1, 2)), np.eye(2)[None], np.array([[0.5, 2.0]])
    members = [MixtureSkip(own, *law) for own in members]
    ensemble = Ensemble(jax.tree.map(lambda *leaves: jnp.stack(leaves), *members))
    c_noise, x = jnp.asarray(-0.7), jnp.array([0.3, -0.2, 0.9, 0.1, 1.0, -0.6])
    outputs = np.stack([eqx.filter_jit(own)(c_noise, x) for own in members])
    np.testing.assert_allclose(eqx.filter_jit(ensemble)(c_noise, x), outputs.mean(axis=0), rtol=1e-5)
    assert np.ptp(outputs, axis=0).min() > 1e-3
    ask = eqx.filter_jit(lambda network: network.log_posteriors(c_noise, x))
    each = [ask(own) for own in members]
    for j, own in enumerate(ask(ensemble)):
        np.testing.assert_allclose(np.exp(own), 0.5 * (np.exp(each[0][j]) + np.exp(each[1][j])), rtol=1e-5)
    assert [own.shape for own in ensemble.codebooks] == [(3, 2), (4, 1), (4, 1)]


@pytest.mark.slow  # three seconds of compiling; CI runs it
def test_a_skip_of_the_numbers_leaves_the_codes():
    """Either way round, and of no numbers at all."""
    points, priors = [simplex_codebook(3)], [np.full(3, 1 / 3)]
    head = awake(independent(points, priors, numbers=1), key=KEY)
    c_noise, x = jnp.asarray(-0.7), jnp.array([0.3, 0.9, 0.1])
    law = np.array([0.0]), np.array([[0.4]]), np.ones((1, 1, 1)), np.array([[0.5]])
    outside = MixtureSkip(head, *law)
    inside = CodedHead(MixtureSkip(head.network, *law), points, [np.log(own) for own in priors])
    alone = MixtureSkip(MLP(1, width=4, depth=0, key=KEY), *law)(c_noise, x[:1])
    expected = np.asarray(head(c_noise, x)) + np.append(alone, [0, 0])
    np.testing.assert_allclose(outside(c_noise, x), expected, rtol=1e-6)
    np.testing.assert_allclose(inside(c_noise, x), expected, rtol=1e-6)
    none = np.array([0.0]), np.zeros((1, 0)), np.zeros((1, 0, 0)), np.zeros((1, 0))
    codes = independent(points, priors)
    assert np.array_equal(MixtureSkip(codes, *none)(c_noise, x[1:]), codes(c_noise, x[1:]))


def test_without_codes_it_is_the_network():
    network = awake(ResMLP(2, width=4, depth=1, key=KEY), key=KEY)
    c_noise, x = jnp.asarray(-0.7), jnp.array([0.3, 0.9])
    head = CodedHead(network, [], [])
    assert np.array_equal(head(c_noise, x), network(c_noise, x))
    assert head.log_posteriors(c_noise, x) == ()


def test_dropout_keys_reach_the_network():
    head = CodedHead(
        awake(ResMLP(1, width=8, depth=1, dropout=0.5, outputs=2, key=KEY), key=KEY), [line_codebook(2)], [np.zeros(2)]
    )
    c_noise, x = jnp.asarray(1.0), jnp.array([0.3])
    assert head(c_noise, x, key=jax.random.key(1)) != head(c_noise, x, key=jax.random.key(2))


def test_what_does_not_fit_is_refused():
    network = ResMLP(1, width=4, depth=0, outputs=2, key=KEY)
    with pytest.raises(ValueError, match="log-priors"):
        CodedHead(network, [line_codebook(2)], [np.zeros(3)])
    with pytest.raises(ValueError, match="one output for each of 0 numbers and 3 categories"):
        CodedHead(network, [line_codebook(3)], [np.zeros(3)])(jnp.asarray(0.3), jnp.zeros(1))
    with pytest.raises(ValueError, match="2 coordinates of codes"):
        CodedHead(network, [simplex_codebook(3)], [np.zeros(3)])(jnp.asarray(0.3), jnp.zeros(1))
    head = CodedHead(network, [line_codebook(2)], [np.zeros(2)])
    with pytest.raises(ValueError, match="Karras"):
        category_log_posteriors(Denoiser(head, VP(), PredictV()), 0.3, jnp.zeros(1))
    with pytest.raises(TypeError, match="CodedHead"):
        category_log_posteriors(Denoiser(network, VP()), 0.3, jnp.zeros(1))


def test_codebooks_and_priors_are_facts_and_not_trained():
    model = Denoiser(network=independent([line_codebook(2)], [np.full(2, 0.5)]), process=EDM())
    marks = trainable(model).network
    assert not any(jax.tree.leaves(marks.law))
    assert any(jax.tree.leaves(marks.network))


def test_a_posterior_is_that_of_the_level_under_any_process():
    """At equal noise-to-signal ratios, of states scaled to the process."""
    head = awake(independent([simplex_codebook(3)], [np.array([0.2, 0.3, 0.5])], numbers=1), key=KEY)
    model, x = Denoiser(network=head, process=EDM()), jnp.array([0.3, -0.5, 0.9])
    vp = VP()
    t = vp.time_of(jnp.log(jnp.asarray(0.7)))
    there = category_log_posteriors(model.with_process(vp), t, vp.alpha(t) * x)[0]
    np.testing.assert_allclose(there, category_log_posteriors(model, 0.7, x)[0], rtol=1e-4)


def test_a_curve_beside_the_network_leaves_the_codes_alone():
    head = awake(independent([codebook(3)], [np.array([0.2, 0.3, 0.5])], numbers=1), key=KEY)
    beside, x = LearnedUncertainty(head), jnp.arange(3.0) / 3
    assert all(np.array_equal(a, b) for a, b in zip(beside.codebooks, head.codebooks, strict=True))
    for found, asked in zip(
        beside.log_posteriors(jnp.asarray(-0.4), x), head.log_posteriors(jnp.asarray(-0.4), x), strict=True
    ):
        np.testing.assert_array_equal(found, asked)
