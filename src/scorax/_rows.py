"""A function of one row over many rows, a bounded number at a time."""

from collections.abc import Callable
from typing import Any

import jax

MAX_ROWS = 16_384
"""Most rows of one batch of the library, in either precision: 128 KiB of float64.

jaxlib 0.10.2 computes a matrix product that a sum or a maximum follows in strips of 128 KiB on CPU, and from the second strip on
it adds the rows of the first. So ``jit(vmap(lambda x: sum((A @ x) ** 2)))`` is wrong from row 16,384 on in float64 and from row
32,768 on in float32, wherever the product has fewer than 2^17 numbers (https://github.com/jax-ml/jax/issues/39103).
"""


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
