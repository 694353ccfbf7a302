"""Networks of pictures and signals."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import correlate
from scipy.special import softmax

from oracles import awake
from scorax.networks import (
    MLP,
    ClassEmbedder,
    DiT,
    GridOptions,
    MaskedInput,
    Masks,
    MixedPrecision,
    MixtureSkip,
    UNet,
    VectorEmbedder,
    cost,
)
from scorax.networks._dit import _joined, _patches
from scorax.networks._linear import Conv, drawn
from scorax.networks._positions import Attention

KEY = jax.random.key(0)
LEVEL = jnp.asarray(0.3)
BUILD = {
    "DiT": lambda shape, **more: DiT(shape, patch=2, width=16, depth=2, heads=2, key=KEY, **more),
    "UNet": lambda shape, **more: UNet(shape, width=4, multiples=(1, 2), heads=2, key=KEY, **more),
}
by_build = pytest.mark.parametrize("build", BUILD.values(), ids=BUILD)
by_shape = pytest.mark.parametrize("shape", [(8, 3), (4, 8, 3)], ids=["signal", "picture"])


@eqx.filter_jit
def output(network, x, condition=None, key=None):
    return network(LEVEL, x, condition, key=key)


def state(shape, seed: int = 1):
    return jax.random.normal(jax.random.key(seed), shape)


@by_build
@by_shape
def test_a_state_goes_to_one_of_its_shape_and_starts_at_zero(build, shape):
    network = build(shape)
    first = output(network, state(shape))
    assert first.shape == shape
    assert not np.any(first)
    assert np.any(output(awake(network, key=KEY), state(shape)))


@by_build
def test_every_output_depends_on_every_input(build):
    """The coarse grid and attention join all positions: a field of a picture is no field of its parts."""
    network = awake(build((8, 8, 1)), key=KEY)
    slopes = jax.jacrev(lambda x: output(network, x).ravel())(state((8, 8, 1))).reshape(64, 64)
    assert np.all(np.abs(np.asarray(slopes)) > 0)


def test_patches_are_taken_apart_and_joined():
    x = np.arange(4.0 * 6 * 2, dtype=np.float32).reshape(4, 6, 2)
    cut = _patches(jnp.asarray(x), 2)
    assert np.array_equal(cut[1], x[:2, 2:4].ravel())
    assert np.array_equal(_joined(cut, (4, 6), 2), x)


@pytest.mark.parametrize("axes", [1, 2])
def test_a_convolution_is_the_correlation_with_its_kernel(axes):
    layer = drawn(Conv(axes, 2, 3), key=KEY)
    x = np.asarray(state((*(5, 6)[:axes], 2)))
    weight, bias = np.asarray(layer.weight), np.asarray(layer.bias)
    expected = [sum(correlate(x[..., i], weight[..., i, o], mode="same") for i in range(2)) + bias[o] for o in range(3)]
    np.testing.assert_allclose(layer(jnp.asarray(x)), np.stack(expected, -1), rtol=1e-4, atol=1e-5)
    assert np.abs(weight).max() <= (2 * 3**axes) ** -0.5


def test_attention_is_the_softmax_of_products_of_unit_vectors():
    layer = drawn(Attention(6, 2), key=KEY)
    h = np.asarray(state((5, 6)))
    inner = (h @ np.asarray(layer.inner.weight) + np.asarray(layer.inner.bias)).reshape(5, 3, 2, 3)
    q, k, v = inner.transpose(1, 2, 0, 3)
    q, k = (part / np.sqrt(np.mean(part**2, -1, keepdims=True)) for part in (q, k))
    mixed = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(3), axis=-1) @ v
    expected = mixed.transpose(1, 0, 2).reshape(5, 6) @ np.asarray(layer.outer.weight) + np.asarray(layer.outer.bias)
    np.testing.assert_allclose(layer(jnp.asarray(h)), expected, rtol=1e-4, atol=1e-5)


@by_build
def test_the_inside_computed_again_changes_no_gradient(build):
    plain, again = (awake(build((4, 4, 1), options=GridOptions(rematerialize=flag)), key=KEY) for flag in (False, True))

    def slope(network):
        gradient = eqx.filter_jit(eqx.filter_grad(lambda n: jnp.sum(n(LEVEL, state((4, 4, 1))) ** 2)))(network)
        return jax.tree.leaves(eqx.filter(gradient, eqx.is_inexact_array))

    for a, b in zip(slope(plain), slope(again), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@by_build
def test_dropout_is_off_without_a_key(build):
    network = awake(build((4, 4, 1), options=GridOptions(dropout=0.5)), key=KEY)
    x = state((4, 4, 1))
    assert np.array_equal(output(network, x), output(network, x))
    assert not np.allclose(output(network, x, key=jax.random.key(1)), output(network, x, key=jax.random.key(2)))


@by_build
def test_a_class_and_a_vector_are_read_and_a_condition_without_a_reader_is_refused(build):
    x = state((4, 4, 1))
    for embedder, conditions in (
        (ClassEmbedder(3, 16, key=KEY), (jnp.asarray(0), jnp.asarray(2), None)),
        (VectorEmbedder(2, 16, key=KEY), (jnp.zeros(2), jnp.ones(2), None)),
    ):
        network = awake(build((4, 4, 1), embedder=embedder), key=KEY)
        answers = [np.asarray(output(network, x, told)) for told in conditions]
        assert min(np.abs(a - b).max() for a, b in itertools.pairwise(answers)) > 1e-4
    with pytest.raises(TypeError, match="without an embedder"):
        build((4, 4, 1))(LEVEL, x, jnp.asarray(0))


@by_build
def test_masks_are_channels(build):
    """What is absent or known does not reach the output through the noisy state."""
    network = awake(MaskedInput(build((4, 4, 3), options=GridOptions(outputs=1))), key=KEY)
    known = jnp.arange(16).reshape(4, 4, 1) % 3 == 0
    target = jnp.arange(16).reshape(4, 4, 1) % 3 == 1
    masks = Masks(state((4, 4, 1), 2), known, target)
    x = state((4, 4, 1))
    elsewhere = jnp.where(target, x, 99.0)
    assert output(network, x).shape == (4, 4, 1)
    assert np.array_equal(output(network, x, masks), output(network, elsewhere, masks))
    assert not np.allclose(output(network, x, masks), output(network, x + 1, masks))


@by_build
def test_products_in_bfloat16_keep_weights_and_output_in_float32(build):
    network = awake(build((4, 4, 1)), key=KEY, size=0.1)
    mixed, x = MixedPrecision(network), state((4, 4, 1))
    exact, rounded = np.asarray(output(network, x)), output(mixed, x)
    assert rounded.dtype == jnp.float32
    assert 0 < np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()
    gradient = eqx.filter_jit(eqx.filter_grad(lambda n: jnp.sum(n(LEVEL, x) ** 2)))(mixed)
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {jnp.dtype("float32")}


def test_cost_counts_parameters_and_products():
    network = MLP(10, width=100, depth=2, key=KEY)
    sizes = [(10 + 16) * 100, 100 * 100, 100 * 10]
    found = cost(network, (10,))
    assert found.parameters == sum(sizes) + 210
    assert 2 * sum(sizes) < found.flops < 2.2 * sum(sizes)
    inside = MLP(2, width=4, depth=1, key=KEY)
    law = np.zeros(1), np.zeros((1, 2)), np.eye(2)[None], np.ones((1, 2))
    assert cost(MixtureSkip(inside, *law), (2,)).parameters == cost(inside, (2,)).parameters  # a law is not trained


def test_sizes_have_the_parameters_of_the_reference():
    """Peebles and Xie (2023), table 1: 33 million of DiT-S; theirs has an embedding of 1,000 classes beside."""
    shapes = eqx.filter_eval_shape(lambda: DiT.sized("S", (32, 32, 4), key=jax.random.key(0)))
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes) if hasattr(leaf, "shape"))
    assert abs(count / 33e6 - 1) < 0.05


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DiT((7, 8, 1), patch=2, key=KEY), r"pad the states to \(8, 8\)"),
        (lambda: UNet((6, 6, 1), multiples=(1, 1, 1), key=KEY), r"pad the states to \(8, 8\)"),
        (lambda: UNet((64,), key=KEY), "build a ResMLP"),
        (lambda: DiT((8, 8, 1), width=10, heads=4, key=KEY), "heads that divide the width"),
        (lambda: DiT.sized("M", (8, 8, 1), key=KEY), "XS, S, B, L, XL"),
        (lambda: UNet((8, 8, 1), embedder=ClassEmbedder(2, 7, key=KEY), key=KEY), "an embedder of width 128"),
        (lambda: UNet((8, 8, 1), key=KEY)(LEVEL, jnp.zeros((8, 8))), r"a state of shape \(8, 8, 1\)"),
    ],
)
def test_what_cannot_be_built_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
