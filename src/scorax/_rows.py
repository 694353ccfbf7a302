"""A function of one row over many rows: inside a traced program, and from the host in blocks of a fixed size."""

import functools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh
from jaxtyping import Array, Int, PyTree, UInt32

from scorax._errors import explain
from scorax._progress import counted, rows_done
from scorax._shapes import Rest, taken_apart
from scorax._sharding import Sharding
from scorax._types import Key

MAX_ROWS = 16_384
"""Most rows of one batch of the library, in either precision: 128 KiB of float64.

jaxlib 0.10.2 computes a matrix product that a sum or a maximum follows in strips of 128 KiB on CPU, and from the second strip on
it adds the rows of the first. So ``jit(vmap(lambda x: sum((A @ x) ** 2)))`` is wrong from row 16,384 on in float64 and from row
32,768 on in float32, wherever the product has fewer than 2^17 numbers (https://github.com/jax-ml/jax/issues/39103).
"""

CALL = 16
"""Blocks of one call of a compiled program: entering it costs as much as a few steps of a small network."""

SHOWN_EVERY = 5.0
"""Seconds that a call takes, about, while progress is shown."""


def over_rows(function: Callable[..., Any], *rows: Any, most: int = MAX_ROWS) -> Any:
    """``jax.vmap(function)(*rows)`` in batches of at most ``most`` rows.

    Args:
        function: traceable function of one row of each tree.
        rows: PyTrees of arrays with the same number of rows.
        most: rows of one batch.
    """
    if len(jax.tree.leaves(rows)[0]) <= most:
        return jax.vmap(function)(*rows)
    return jax.lax.map(lambda own: function(*own), rows, batch_size=most)


class RowKeys(NamedTuple):
    """A key for each row: row ``k`` has ``fold_in(key, numbers[k])``, the number taken modulo 2^32."""

    key: Key
    numbers: range


def block_of(model: PyTree, shape: tuple[int, ...]) -> int:
    """Rows that are computed side by side: a function of the model's cost alone, so a row's bits are the same in any request.

    A product of matrices wants its weights multiplied with about 64 vectors at a time. A state ``(d,)`` is one, and a state with
    axes before the last has a vector at each position, as the pixels of an image have. Where the model holds fewer than 4,096
    numbers the steps between the products cost as much as they do, and the block is twice as large (``benchmarks/rows.py``).
    """
    size = sum(leaf.size for leaf in jax.tree.leaves(model) if _is_array(leaf))
    vectors = 64 if size >= 4096 else 128
    return 2 ** max(0, (vectors // math.prod(shape[:-1])).bit_length() - 1)


def one_or_each(tree: PyTree, count: int, *, what: str = "a condition") -> PyTree:
    """The tree with ``count`` rows: a leading axis of 1, the same for all rows, is widened without a copy.

    Raises:
        ValueError: an array has a leading axis of another length, or none.
    """

    def widened(leaf: Any) -> Any:
        shape = np.shape(leaf)
        if not shape or shape[0] not in (1, count):
            raise ValueError(
                explain(
                    expected=f"{what} with a leading axis of 1, the same for all rows, or of {count}, one for each",
                    got=f"shape {shape}",
                    do="add the axis, by x[None] for one that serves all rows",
                )
            )
        if isinstance(leaf, Tracer):
            return jnp.broadcast_to(leaf, (count, *shape[1:]))
        return np.broadcast_to(np.asarray(leaf), (count, *shape[1:]))

    return jax.tree.map(widened, tree)


def map_rows(
    fn: Callable[[Any, Any], PyTree],
    rows: PyTree,
    keys: RowKeys | None = None,
    *,
    shape: tuple[int, ...],
    mesh: Mesh | None = None,
) -> PyTree:
    """``fn(row, key)`` of every row, in compiled blocks of :func:`block_of` rows; a row's bits are the same in any request.

    One program serves any number of rows: it runs as many blocks as there are rows for. Inside a traced program it is
    :func:`over_rows`.

    Args:
        fn: traceable function of one row and its key, a PyTree such as ``eqx.Partial`` of a function that has a name: its arrays
            are arguments of the program, all else in it is compiled in.
        rows: PyTree of arrays with one row each; without arrays there are as many rows as ``keys`` has numbers.
        keys: of the rows; ``fn`` is given ``None`` where there are none.
        shape: of one state, which with the numbers in ``fn`` says the cost.
        mesh: devices to share the rows, each of which runs the same blocks; by default those of the context, or the first.
    """
    count = len(keys.numbers) if keys is not None else len(jax.tree.leaves(rows)[0])
    first = 0 if keys is None else keys.numbers.start
    numbers = ((first + np.arange(count)) % 2**32).astype(np.uint32)
    mapped = _Mapped(fn, None if keys is None else keys.key, block_of(fn, shape))
    inside = jnp.zeros(())  # of a program that is traced every array is a tracer, made of constants too
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((mapped, rows, inside))):
        return over_rows(mapped, rows, jnp.asarray(numbers))
    return in_calls(_in_blocks, mapped, (rows, numbers), mapped.block, mesh=mesh)


class _Mapped(eqx.Module):
    """The function of a row and its number."""

    fn: Callable[[Any, Any], PyTree]
    key: Key | None
    block: int

    def __call__(self, row: PyTree, number: UInt32[Array, ""]) -> PyTree:
        return self.fn(row, None if self.key is None else jax.random.fold_in(self.key, number))


def _in_blocks(mapped: _Mapped, rows: PyTree, count: Int[Array, ""]) -> PyTree:
    return in_blocks(mapped, rows, count, mapped.block)


def in_blocks(function: Callable[..., PyTree], rows: PyTree, count: Int[Array, ""], size: int) -> PyTree:
    """``function`` of the first ``count`` of the rows, ``size`` at a time; zeros after the last block."""
    shapes = jax.eval_shape(jax.vmap(function), *rows)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def block(k: Array, done: PyTree) -> PyTree:
        own = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, k * size, size), rows)
        found = jax.vmap(function)(*own)
        return jax.tree.map(lambda a, b: jax.lax.dynamic_update_slice_in_dim(a, b, k * size, 0), done, found)

    return jax.lax.fori_loop(0, -(-count // size), block, blank)


def in_calls(
    program: Callable[[Any, PyTree, Int[Array, ""]], PyTree],
    shared: PyTree,
    rows: PyTree,
    block: int,
    blocks: int = CALL,
    *,
    mesh: Mesh | None = None,
) -> PyTree:
    """``program(shared, rows, count)`` on blocks of rows, the first ``count`` of them asked for; joined on the host.

    The rows of a call are counted by ``_progress.RowProgress``, if one is around, when the answer of the call is there. A call
    then has as few rows as take ``SHOWN_EVERY`` seconds, but a block at least.

    The last rows are filled up with copies of the last one, on the host: on the device each number of rows would be a program.

    Args:
        program: traceable function with a name; its answers have a row for each of ``rows``.
        shared: PyTree that all rows share; its arrays are arguments of the compiled program, all else is compiled in.
        rows: tuple of PyTrees of arrays with one row each.
        block: rows that the program computes side by side.
        blocks: most blocks of a call, on each device.
        mesh: devices to share the rows; by default those of the context, or the first.
    """
    # Taken apart once and not by ``filter_jit``, which does it for every call and waits for the one before.
    arrays, rest = taken_apart(shared, _is_array)
    static = (program, rest)
    rows = jax.tree.map(np.asarray, rows)
    count, size = len(jax.tree.leaves(rows)[0]), block * blocks
    if count == 0:
        blank = jax.tree.map(lambda leaf: np.zeros((size, *leaf.shape[1:]), leaf.dtype), rows)
        shapes = jax.eval_shape(functools.partial(_call, static), arrays, blank, 0)
        return jax.tree.map(lambda leaf: jnp.zeros((0, *leaf.shape[1:]), leaf.dtype), shapes)
    sharding = Sharding.of(mesh)
    devices = (None,) if sharding is None else sharding.devices
    copies = [arrays] if sharding is None else sharding.copies(arrays)
    cut = []
    for firsts in _waves(count, block, blocks, len(devices)):
        parts = []
        for number, first in enumerate(firsts):
            place, wanted = number % len(devices), min(firsts.step, firsts.stop - first)
            own = jax.tree.map(lambda leaf: leaf[np.minimum(first + np.arange(size), first + wanted - 1)], rows)  # noqa: B023
            if devices[place] is not None:
                own = jax.device_put(own, devices[place])
            parts.append((_call(static, copies[place], own, wanted), wanted))
        for answer, wanted in parts:
            cut.append(jax.tree.map(lambda leaf: np.asarray(leaf)[:wanted], answer))  # noqa: B023
            rows_done(wanted)
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)), *cut)


def _waves(count: int, block: int, blocks: int, devices: int) -> Iterator[range]:
    """First rows of the calls that are begun together, a step of the range apart: all at once where nobody waits."""
    most = min(block * blocks, -(-count // devices))
    if not counted():
        yield range(0, count, most)
        return
    first, share = 0, min(block, most)
    while first < count:
        began, stop = time.monotonic(), min(count, first + share * devices)
        yield range(first, stop, share)
        spent = time.monotonic() - began
        if first:  # the first call compiles
            share = min(most, block * max(1, int(share * SHOWN_EVERY / (spent * block))))
        first = stop


@functools.partial(jax.jit, static_argnums=0)
def _call(
    static: tuple[Callable[..., PyTree], Rest],
    arrays: PyTree,
    rows: PyTree,
    count: Int[Array, ""],
) -> PyTree:
    program, rest = static
    return program(rest.with_arrays(arrays), rows, count)


def _is_array(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, np.ndarray)
