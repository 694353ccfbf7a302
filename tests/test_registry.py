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


LONG = (samplers.ReverseSDE,)
"""Ten times the compiling of another walk; CI runs it, and every run traces it in both precisions."""


@pytest.fixture(params=list(CASES), ids=lambda c: c.__name__)
def case(request) -> Case:
    return CASES[request.param]


@pytest.fixture(params=list(CASES), ids=lambda c: c.__name__)
def cls(request) -> type:
    return request.param


def assert_close(ours: Any, theirs: Any, *, rtol: float) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=rtol, atol=1e-5)


def identical(ours: Any, theirs: Any) -> bool:
    """The same tree of the same kinds of arrays with the same bits, compared on the host: a comparison is no program."""

    def same(a: Any, b: Any) -> bool:
        if not eqx.is_array_like(a) or not eqx.is_array_like(b):
            return a == b
        return type(a) is type(b) and np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b)

    leaves = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    return jax.tree.structure(ours) == jax.tree.structure(theirs) and all(map(same, *leaves))


def rows_of(answer: Any) -> list[Any]:
    """The answers of the three examples of a batch."""
    host = jax.tree.map(np.asarray, answer)
    return [jax.tree.map(lambda leaf, i=i: leaf[i], host) for i in range(3)]


@pytest.mark.parametrize(
    "case",
    [pytest.param(CASES[c], marks=pytest.mark.slow if c in LONG else (), id=c.__name__) for c in CASES],
)
def test_jit_and_vmap_change_nothing_the_key_decides_and_the_gradient_is_finite(case):
    """The compiled answer to a batch is that of plain Python to each row; equal rows with equal keys have equal bits.

    The gradient beside it, in the same program, is finite and not zero. Where the answer does not depend on x it is compiled
    without a batch too. The walk of a sampler is compiled for each row. Without float64 an answer to float32 is float32.
    """
    subject = case.build()
    x = np.array([[0.3, -0.2], [1.1, 0.4], [-0.7, 0.9]], np.float32)
    keys = jax.random.split(jax.random.key(5), 3)

    def call(row, key):
        return case.call(subject, row, key)

    def total(row, key):
        answer = call(row, key)
        leaves = jax.tree.leaves(answer)
        return sum(jnp.sum(leaf) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)), answer

    mapped = jax.jit(jax.vmap(jax.grad(total, has_aux=True) if case.of_x else lambda row, key: ((), call(row, key))))
    alone = jax.jit(call) if case.walks else call
    looped = [alone(jnp.asarray(row), key) for row, key in zip(x, keys, strict=True)]
    assert float_types(looped[0]) == {jnp.dtype("float32")}
    gradients, answers = mapped(x, keys)
    for ours, theirs in zip(rows_of(answers), looped, strict=True):
        assert_close(ours, theirs, rtol=case.rtol)
    one, same, other = rows_of(mapped(x[[0, 0, 0]], keys[np.array([0, 0, 1])])[1])
    assert identical(one, same)
    assert identical(same, other) != case.random
    if case.of_x:
        assert np.all(np.isfinite(gradients))
        assert np.any(gradients)
    elif not case.walks:
        assert_close(jax.jit(call)(x[0], keys[0]), looped[0], rtol=case.rtol)


def float_types(answer: Any) -> set[np.dtype]:
    return {leaf.dtype for leaf in jax.tree.leaves(answer) if jnp.issubdtype(leaf.dtype, jnp.floating)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_is_kept_where_there_is_float64(case, dtype):
    """Neither a Python number nor a host table promotes or demotes: shapes only, nothing is computed."""
    with jax.enable_x64(dtype == "float64"):
        subject = case.build()
    with jax.enable_x64(True):
        x = jax.ShapeDtypeStruct((2,), dtype)
        shapes = eqx.filter_eval_shape(lambda row, key: case.call(subject, row, key), x, KEY)
        assert float_types(shapes) == {jnp.dtype(dtype)}


def test_tree_and_words(cls):
    subject = CASES[cls].build()
    assert cls.__name__ in repr(subject)
    leaves, tree = jax.tree.flatten(subject)
    assert identical(jax.tree.unflatten(tree, leaves), subject)
    # Host tables stay host tables in float64: a transform must come back from its file as it was.
    blank = jax.tree.map(
        lambda leaf: (
            np.zeros_like(leaf)
            if isinstance(leaf, np.ndarray)
            else jnp.asarray(np.zeros_like(leaf))
            if eqx.is_array(leaf)
            else leaf
        ),
        subject,
    )
    assert identical(with_named_arrays(blank, named_arrays(subject), where="the case"), subject)
    with pytest.raises(AttributeError):
        subject.name_that_no_class_has = 1  # modules are frozen
