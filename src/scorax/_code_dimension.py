"""How many coordinates a code has: what the size of a model follows from before JAX is imported."""

import math

SIMPLEX_UP_TO = 60
"""Categories up to which the points of a code are the corners of a simplex."""


def code_dimension(num_categories: int, *, ordered: bool = False) -> int:
    r"""Coordinates of a code: 1 on a line, $K - 1$ for a simplex, $2 \lceil \log_2 K \rceil$ for more than 60 categories."""
    if ordered:
        return 1
    return num_categories - 1 if num_categories <= SIMPLEX_UP_TO else 2 * math.ceil(math.log2(num_categories))
