"""Shapes of what a function returns, traced once for arguments that are alike."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree


def shapes_of(function: Callable[..., PyTree], *args: PyTree) -> PyTree:
    """``jax.eval_shape(function, *args)``, where arguments may have leaves that are no arrays, which are compiled in.

    A function that has been asked about arguments of the same structure, shapes and other leaves is not traced again: its name
    has to live as long as the program, and a lambda does not.
    """
    arrays, rest = eqx.partition(args, _has_shape)
    leaves, tree = jax.tree.flatten(rest)
    return _called.eval_shape((function, tuple(leaves), tree), arrays)


@functools.partial(jax.jit, static_argnums=0)
def _called(static: tuple[Callable[..., PyTree], tuple[Any, ...], Any], arrays: PyTree) -> PyTree:
    function, leaves, tree = static
    return function(*eqx.combine(arrays, jax.tree.unflatten(tree, leaves)))


def _has_shape(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, np.ndarray | jax.ShapeDtypeStruct)
