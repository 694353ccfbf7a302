"""Checks of the JAX that is installed: does it compute what it is asked to?"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scorax._rows import MAX_ROWS, over_rows
from scorax.checks._record import Answer

_ROWS = 5 * MAX_ROWS // 2
"""More than two batches, and a part of one; as many as a defective JAX gets wrong in either precision."""


def _square(x: jax.Array) -> jax.Array:
    """Squared length of a row turned by a permutation: it is that of the row."""
    return jnp.sum((jnp.eye(3, dtype=x.dtype)[::-1] @ x) ** 2)


def _wrong(batched: Callable[[jax.Array], jax.Array], dtype: Any) -> int:
    """Rows whose squared length is not their own. Lengths grow evenly from 1 to 2, so that of another strip is far off."""
    lengths = np.linspace(1, 2, _ROWS)
    rows = jnp.asarray(np.sqrt(lengths / 3)[:, None] * np.ones(3), dtype)
    got = np.asarray(jax.jit(batched)(rows), np.float64)
    return int(np.sum(~(np.abs(got - lengths) < 0.01)))  # an accelerator may round a product to a thousandth


def many_rows(dtype: Any) -> Answer:
    """Rows that are wrong as scorax batches them; and a note where they are wrong in one batch."""
    alone = _wrong(jax.vmap(_square), dtype)
    note = (
        f"jaxlib {version('jaxlib')} on {jax.default_backend()} gets {alone} of {_ROWS} rows wrong in "
        f"jit(vmap(lambda x: sum((A @ x) ** 2))) in {jnp.dtype(dtype).name}. scorax is right: it takes at most {MAX_ROWS} rows "
        "at a time. In programs of your own do the same, or use another jaxlib (docs/correctness.md)"
    )
    return Answer(0, _wrong(lambda x: over_rows(_square, x), dtype), 0, note=note if alone else "")


CHECKS = {
    f"JAX: a product and a sum over {_ROWS:,} rows, {jnp.dtype(dtype).name}": lambda dtype=dtype: many_rows(dtype)
    for dtype in (jnp.float64, jnp.float32)
}
