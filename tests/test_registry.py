"""Every public class of the core under one suite: jit, vmap, dtype, gradients, keys, repr, trees.

A new public class without a case in ``cases.py`` fails ``test_every_public_class_has_a_case``.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import CASES, KEY, Case
from scorax import models, networks, objectives, processes, samplers, simulation, targets, transforms
from scorax._trees import named_arrays, with_named_arrays

ROOMS = (processes, models, networks, transforms, objectives, samplers, simulation, targets)


def public_classes() -> list[type]:
    """Modules that can be built; records (named tuples) and abstract classes hold nothing to call."""
    found = {getattr(room, name) for room in ROOMS for name in room.__all__}
    return sorted(
        (
            c
            for c in found
            if isinstance(c, type) and issubclass(c, eqx.Module) and not c.__name__.startswith("Abstract")
        ),
        key=lambda c: c.__name__,
    )


def test_every_public_class_has_a_case():
    assert set(public_classes()) == set(CASES)


@pytest.fixture(params=list(CASES), ids=lambda c: c.__name__)
def case(request) -> Case:
    return CASES[request.param]


@pytest.fixture(params=list(CASES), ids=lambda c: c.__name__)
def cls(request) -> type:
    return request.param


def assert_close(ours: Any, theirs: Any, *, rtol: float = 2e-5) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=rtol, atol=1e-5)


def test_jit_and_vmap_change_nothing_and_the_key_decides(case):
    subject = case.build()
    x = jnp.array([[0.3, -0.2], [1.1, 0.4], [-0.7, 0.9]])
    keys = jax.random.split(jax.random.key(5), 3)

    def call(row, key):
        return case.call(subject, row, key)

    jitted = jax.jit(call)
    looped = [jitted(row, key) for row, key in zip(x, keys, strict=True)]
    assert_close(looped[0], call(x[0], keys[0]), rtol=case.rtol)
    mapped = jax.vmap(call)(x, keys)
    assert_close(mapped, jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped), rtol=case.rtol)
    same, other = jitted(x[0], keys[0]), jitted(x[0], keys[1])
    assert eqx.tree_equal(same, looped[0])
    assert bool(eqx.tree_equal(same, other)) != case.random


@pytest.mark.parametrize("dtype", ["float32", "float64", "float32 under x64"])
def test_precision_is_kept(case, dtype):
    """Neither a Python number nor a host table promotes or demotes: shapes only, nothing is computed."""
    if dtype == "float32 under x64":
        subject = case.build()  # made in float32, used where float64 exists
    with jax.enable_x64(dtype != "float32"):
        if dtype != "float32 under x64":
            subject = case.build()
        x = jax.ShapeDtypeStruct((2,), dtype.split()[0])
        shapes = eqx.filter_eval_shape(lambda row, key: case.call(subject, row, key), x, KEY)
        floats = [leaf.dtype for leaf in jax.tree.leaves(shapes) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        assert floats
        assert set(floats) == {jnp.dtype(x.dtype)}


def test_gradient_is_finite(case):
    if not case.of_x:
        pytest.skip("the answer does not depend on x")
    subject = case.build()

    def total(x):
        leaves = jax.tree.leaves(case.call(subject, x, KEY))
        return sum(jnp.sum(leaf) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating))

    gradient = jax.jit(jax.grad(total))(jnp.array([0.3, -0.2]))
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0)


def test_tree_and_words(cls):
    subject = CASES[cls].build()
    assert cls.__name__ in repr(subject)
    leaves, tree = jax.tree.flatten(subject)
    assert eqx.tree_equal(jax.tree.unflatten(tree, leaves), subject)
    blank = jax.tree.map(lambda leaf: 0 * leaf if eqx.is_array(leaf) else leaf, subject)
    # Host tables stay host tables in float64: a transform must come back from its file as it was.
    assert eqx.tree_equal(with_named_arrays(blank, named_arrays(subject), where="the case"), subject, typematch=True)
    with pytest.raises(AttributeError):
        subject.name_that_no_class_has = 1  # modules are frozen
