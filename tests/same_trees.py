"""Whether two trees are the same to the bit."""

from typing import Any

import equinox as eqx
import jax
import numpy as np


def same(a: Any, b: Any) -> bool:
    """The same structure with its static fields, and leaves of the same kind, type and bits."""
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    return all(map(same_leaf, jax.tree.leaves(a), jax.tree.leaves(b)))


def same_leaf(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if not eqx.is_array(a):
        return repr(a) == repr(b)  # -0.0 is not 0.0, and a NaN is itself
    a, b = np.asarray(a), np.asarray(b)
    return (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes()
