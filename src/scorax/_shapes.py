"""Arguments taken apart for a compiled program, and the shapes of what one returns, traced once for those that are alike."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree


class Rest(NamedTuple):
    """What is left of a PyTree without its arrays, as a static argument of a compiled program."""

    leaves: tuple[Any, ...]
    tree: Any

    def with_arrays(self, arrays: PyTree) -> PyTree:
        """The whole PyTree."""
        return eqx.combine(arrays, jax.tree.unflatten(self.tree, self.leaves))


def taken_apart(whole: PyTree, is_array: Callable[[Any], bool]) -> tuple[PyTree, Rest]:
    """The leaves of a PyTree that are arrays of the program, and the rest of it."""
    arrays, rest = eqx.partition(whole, is_array)
    leaves, tree = jax.tree.flatten(rest)
    return arrays, Rest(tuple(leaves), tree)


def shapes_of(function: Callable[..., PyTree], *args: PyTree) -> PyTree:
    """``jax.eval_shape(function, *args)``, where arguments may have leaves that are no arrays, which are compiled in.

    A function that has been asked about arguments of the same structure, shapes and other leaves is not traced again: its name
    has to live as long as the program, and a lambda does not.
    """
    arrays, rest = taken_apart(args, _has_shape)
    return _called.eval_shape((function, rest), arrays)


@functools.partial(jax.jit, static_argnums=0)
def _called(static: tuple[Callable[..., PyTree], Rest], arrays: PyTree) -> PyTree:
    function, rest = static
    return function(*rest.with_arrays(arrays))


def _has_shape(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, np.ndarray | jax.ShapeDtypeStruct)
