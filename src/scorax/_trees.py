"""PyTree helpers: which leaves train, leaf names for files, moving averages, and rows."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, PyTree

from scorax._errors import InputError, explain

Tree = TypeVar("Tree")


class Frozen(eqx.Module):
    """Arrays inside a network that are constants and not parameters: saved and mapped with it, never trained or decayed."""

    value: PyTree


def trainable(model: PyTree) -> PyTree:
    """Boolean tree that is true on the floating-point arrays of ``model.network`` outside :class:`Frozen`, else false.

    Noise tables, moments and processes are arrays too, but constants.
    """

    def mark(part: PyTree) -> PyTree:
        frozen = isinstance(part, Frozen)
        return jtu.tree_map(lambda leaf: not frozen and eqx.is_inexact_array(leaf), part)

    marked = jtu.tree_map(mark, model.network, is_leaf=lambda part: isinstance(part, Frozen))
    return eqx.tree_at(lambda m: m.network, jtu.tree_map(lambda _: False, model), marked)


def network_arrays(model: PyTree) -> PyTree:
    """Boolean tree that is true on every array of ``model.network``, trained or not."""
    marked = jtu.tree_map(eqx.is_array, model.network)
    return eqx.tree_at(lambda m: m.network, jtu.tree_map(lambda _: False, model), marked)


def named_arrays(tree: PyTree) -> dict[str, np.ndarray]:
    """Arrays of a tree under their path names (``layers/0/weight``), on the host.

    Typed PRNG keys have no NumPy form and must not be in ``tree``.
    """
    leaves, _ = jtu.tree_flatten_with_path(eqx.filter(tree, eqx.is_array))
    return {jtu.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def with_named_arrays(tree: Tree, arrays: Mapping[str, np.ndarray], *, where: str) -> Tree:
    """``tree`` with every array leaf replaced by the array of its name; names, shapes and dtypes must agree exactly.

    Raises:
        InputError: a name is missing, unexpected, or its array has another shape or dtype.
    """
    like, rest = eqx.partition(tree, eqx.is_array)
    leaves, treedef = jtu.tree_flatten_with_path(like)
    names = [jtu.keystr(path, simple=True, separator="/") for path, _ in leaves]
    if set(names) != set(arrays):
        odd = sorted(set(names) ^ set(arrays))[0]
        wanted, got = ("present", "absent") if odd in names else ("absent", "present")
        raise InputError(
            explain(
                expected=f"tensor {odd!r} of {where} {wanted}",
                got=got,
                do="load it with the configuration it was saved by",
            )
        )
    loaded: list[Any] = []
    for name, (_, leaf) in zip(names, leaves, strict=True):
        array = arrays[name]
        if array.shape != leaf.shape or array.dtype != leaf.dtype:
            raise InputError(
                explain(
                    expected=f"tensor {name!r} of {where} as {leaf.dtype}{list(leaf.shape)}",
                    got=f"{array.dtype}{list(array.shape)}",
                    do="load it with the configuration it was saved by",
                )
            )
        loaded.append(placed(array, kept_on(leaf), name))
    return eqx.combine(jtu.tree_unflatten(treedef, loaded), rest)


def kept_on(leaf: Any) -> Literal["device", "host", "scalar"]:
    """Where an array is kept; a scalar of NumPy counts as one."""
    if isinstance(leaf, np.generic):
        return "scalar"
    return "host" if isinstance(leaf, np.ndarray) else "device"


def placed(array: np.ndarray, on: Literal["device", "host", "scalar"], name: str) -> Any:
    """An array where it is to be kept; the float64 tables of transforms stay on the host, a device might halve their precision.

    Raises:
        InputError: a device does not hold numbers of 64 bits as JAX is set up.
    """
    if on != "device":
        return array if on == "host" else array[()]
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        raise InputError(
            explain(
                expected=f"JAX with 64-bit numbers for tensor {name!r} of type {array.dtype}",
                got="JAX without them",
                do='load it after jax.config.update("jax_enable_x64", True)',
            )
        )
    return jnp.asarray(array)


def array_spec(tree: PyTree) -> dict[str, tuple[tuple[int, ...], str]]:
    """Name -> (shape, dtype) of the arrays of a tree; what a reader expects of a file before it allocates."""
    return {name: (array.shape, str(array.dtype)) for name, array in named_arrays(tree).items()}


def move_average(average: Tree, new: Tree, decay: Array | float) -> Tree:
    """One step of the moving average ``decay * average + (1 - decay) * new`` on every array leaf, in its precision."""
    return jtu.tree_map(lambda a, b: (decay * a + (1 - decay) * b).astype(a.dtype), average, new)


def copied(tree: Tree) -> Tree:
    """``tree`` with its arrays in buffers of their own, so that donating them leaves the original alive."""
    return jtu.tree_map(lambda leaf: jnp.array(leaf, copy=True) if eqx.is_array(leaf) else leaf, tree)


def all_finite(tree: PyTree) -> Array:
    """Whether every floating-point array of ``tree`` is finite."""
    leaves = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))]
    return jnp.all(jnp.stack(leaves)) if leaves else jnp.array(True)


def cast(tree: Tree, dtype: DTypeLike) -> Tree:
    """``tree`` with its floating-point arrays in ``dtype``."""
    return jtu.tree_map(lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, tree)


def rows_at(tree: Tree, rows: Array | np.ndarray) -> Tree:
    """The rows with these numbers of every array of a tree, as device arrays."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[rows]), tree)


def select(condition: Bool[Array, ""], yes: Tree, no: Tree) -> Tree:
    """Every array of ``yes`` where the condition holds, and of ``no`` where it does not."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
