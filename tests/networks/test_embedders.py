"""Embedders: the learned null, dropout of the condition of one example, and conditions without a meaning."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake
from scorax._trees import named_arrays
from scorax.networks import (
    MLP,
    ClassEmbedder,
    Ensemble,
    MaskedCondition,
    MixtureSkip,
    ResMLP,
    VectorEmbedder,
    check_conditions,
)

KEY = jax.random.key(0)
C, X = jnp.asarray(0.3), jnp.array([0.3, -0.2])


def class_embedder(key=KEY) -> ClassEmbedder:
    return awake(ClassEmbedder(3, 4, dropout=0.25, key=key), key=key)


def vector_embedder(key=KEY) -> VectorEmbedder:
    return awake(VectorEmbedder(2, 4, dropout=0.25, key=key), key=key)


EMBEDDERS = {
    "classes": (class_embedder, jnp.asarray(1), jnp.asarray(-1)),
    "vectors": (vector_embedder, jnp.array([0.5, -1.0]), MaskedCondition(jnp.full(2, jnp.nan), jnp.asarray(False))),
}
by_embedder = pytest.mark.parametrize(("build", "condition", "absent"), EMBEDDERS.values(), ids=EMBEDDERS)
NETWORKS = {
    "MLP": lambda embedder, key=KEY: MLP(2, width=8, depth=2, embedder=embedder, key=key),
    "ResMLP": lambda embedder, key=KEY: ResMLP(2, width=8, depth=2, embedder=embedder, key=key),
}


@eqx.filter_jit
def told(network, condition, keys=None):
    """What the network says of one state: without a key, or of every key."""
    if keys is None:
        return network(C, X, condition)
    return jax.vmap(lambda key: network(C, X, condition, key=key))(keys)


by_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


@by_embedder
def test_trap_35_absence_is_one_learned_vector_however_it_is_said(build, condition, absent):
    """None, which is static, and the absent value, which is traced, are the null; its gradient is one, of all else zero."""
    embedder = build()
    assert np.array_equal(embedder(None), embedder.null)
    assert np.array_equal(eqx.filter_jit(embedder)(absent), embedder.null)
    assert not np.allclose(embedder(condition), embedder.null)
    gradient = eqx.filter_grad(lambda e: jnp.sum(e(absent)))(embedder)
    assert np.all(gradient.null == 1)
    others = eqx.tree_at(lambda g: g.null, gradient, None)
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(others))  # NaN in the absent place reaches nothing
    present = eqx.filter_grad(lambda e: jnp.sum(e(condition)))(embedder)
    assert np.all(present.null == 0)


@by_embedder
def test_trap_35_dropout_is_of_an_example_and_only_with_a_key(build, condition, absent):
    """The share of 4096 dropped conditions is within 4 SE of the rate, and neighbours fall independently (4 SE)."""
    embedder, keys = build(), jax.random.split(KEY, 4096)
    rows = jax.jit(jax.vmap(lambda key: embedder(condition, key=key)))(keys)
    dropped = np.all(np.asarray(rows == embedder.null), axis=-1)
    np.testing.assert_allclose(rows[~dropped], np.tile(embedder(condition), (np.sum(~dropped), 1)), rtol=1e-6)
    error = np.sqrt(0.25 * 0.75 / 4096)
    assert abs(dropped.mean() - 0.25) < 4 * error
    both = np.mean(dropped[1:] & dropped[:-1])
    assert abs(both - 0.25**2) < 4 * np.sqrt(0.25**2 * (1 - 0.25**2) / 4095) * 1.5  # pairs overlap
    assert np.array_equal(embedder(condition), embedder(condition))


@by_network
@by_embedder
def test_a_network_reads_its_condition(network, build, condition, absent):
    model = awake(network(build()), key=jax.random.key(1))
    bare = told(model, None)
    assert not np.allclose(told(model, condition), bare)
    np.testing.assert_allclose(told(model, absent), bare, rtol=1e-6)
    outputs = told(model, condition, jax.random.split(KEY, 64))
    assert len(np.unique(np.round(outputs, 5), axis=0)) == 2  # with its condition, and without


@by_network
def test_without_an_embedder_a_network_refuses_conditions(network):
    bare = network(None)
    assert not any(
        "embedder" in name for name in named_arrays(bare)
    )  # the names in the files of runs stay as they were
    with pytest.raises(TypeError, match="without an embedder, got an array"):
        bare(C, X, jnp.asarray(1))


def test_members_and_skips_pass_the_condition_on():
    ensemble = Ensemble.create(lambda key: NETWORKS["ResMLP"](ClassEmbedder(3, 4, key=key), key), 2, key=KEY)
    ensemble = awake(ensemble, key=jax.random.key(1))
    for label in (None, jnp.asarray(2)):
        outputs = np.stack([told(ensemble.member(i), label) for i in range(2)])
        np.testing.assert_allclose(told(ensemble, label), outputs.mean(0), rtol=1e-5, atol=1e-6)
    skip = MixtureSkip(ensemble, np.zeros(1), np.zeros((1, 2)), np.eye(2)[None], np.ones((1, 2)))
    assert not np.allclose(told(skip, jnp.asarray(1)), told(skip, jnp.asarray(2)))
    with pytest.raises(ValueError, match="got 3"):
        check_conditions(skip, np.array([0, 3]))


@pytest.mark.parametrize("label", [3, -2, 2**31 - 1, -(2**31)])
def test_a_class_outside_the_range_is_refused_or_nan_and_never_clipped(label):
    embedder = class_embedder()
    with pytest.raises(ValueError, match="classes from 0 to 2"):
        embedder(label)
    assert np.all(np.isnan(eqx.filter_jit(embedder)(jnp.asarray(label))))
    assert np.all(np.isfinite(eqx.filter_jit(embedder)(jnp.asarray(2))))


def test_bad_arguments_are_refused():
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="dropout"):
            ClassEmbedder(3, 4, dropout=rate, key=KEY)
    with pytest.raises(TypeError, match="signed integers"):
        class_embedder()(jnp.asarray(1.0))
    with pytest.raises(ValueError, match="one example"):
        class_embedder()(jnp.arange(2))
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        eqx.filter_jit(vector_embedder())(jnp.zeros(3))
    with pytest.raises(ValueError, match="2 numbers"):
        check_conditions(vector_embedder(), np.zeros((5, 3)))
    rows = np.array([[0.0, np.nan], [1.0, 2.0]])
    with pytest.raises(ValueError, match="finite"):
        check_conditions(vector_embedder(), rows)
    check_conditions(vector_embedder(), MaskedCondition(rows, np.array([False, True])))
