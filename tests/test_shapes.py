"""Shapes without computing, traced once for what is alike."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax._shapes import shapes_of
from scorax.processes import OrnsteinUhlenbeck

TRACED: list[str] = []


def scaled(values: dict[str, jax.Array], power: float, word: str) -> jax.Array:
    TRACED.append(word)
    return values["x"] ** power


def test_a_function_is_traced_once_for_arguments_that_are_alike() -> None:
    TRACED.clear()
    for value in (1.0, 2.0):
        found = shapes_of(scaled, {"x": jnp.full((2, 3), value, jnp.float32)}, 2.0, "once")
        assert (found.shape, found.dtype) == ((2, 3), jnp.float32)
    assert TRACED == ["once"]
    state = jax.ShapeDtypeStruct((2, 3), jnp.dtype(jnp.float32))
    assert shapes_of(scaled, {"x": state}, 2.0, "once").shape == (2, 3)
    assert TRACED == ["once"]


@pytest.mark.parametrize(
    ("shape", "dtype", "power", "word"),
    [
        ((3,), "float32", 2.0, "a"),
        ((2, 3), "float16", 2.0, "a"),
        ((2, 3), "float32", 3.0, "a"),
        ((2, 3), "float32", 2.0, "b"),
    ],
)
def test_other_shapes_precisions_and_leaves_are_traced_again(shape, dtype, power: float, word: str) -> None:
    shapes_of(scaled, {"x": jnp.zeros((2, 3))}, 2.0, "a")
    TRACED.clear()
    found = shapes_of(scaled, {"x": np.zeros(shape, dtype)}, power, word)
    assert (found.shape, found.dtype, TRACED) == (shape, jnp.dtype(dtype), [word])


def test_numbers_of_a_module_are_numbers_and_do_not_raise_the_precision() -> None:
    process = OrnsteinUhlenbeck()
    state = jax.ShapeDtypeStruct((4,), jnp.dtype(jnp.bfloat16))
    found = shapes_of(lambda p, x: p.drift(jnp.zeros((), x.dtype), x), process, state)
    assert (found.shape, found.dtype) == ((4,), jnp.bfloat16)
