"""Standard deviations of columns, wherever the numbers stand."""

import numpy as np
from jaxtyping import Float


def deviations(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    """Standard deviation of each column: exactly 0 where it is constant, and without leaving float64 where it is huge.

    The sum of equal numbers over their count is not always that number, and squares of numbers beyond 1e154 overflow.
    """
    low = rows.min(axis=0)
    span = rows.max(axis=0) - low
    unit = np.where(span > 0, span, 1.0)
    return unit * ((rows - low) / unit).std(axis=0)
