"""Bins shared by the data and the samples of one column."""

import numpy as np
from jaxtyping import Float


def bin_edges(
    data: Float[np.ndarray, " n"], samples: Float[np.ndarray, " m"], *, step: float | None, bins: int
) -> Float[np.ndarray, " edges"]:
    """Edges of at most about `bins` equal bins over the range of the data, with room for stray samples.

    The range runs from the 0.1 % to the 99.9 % quantile of both together, but samples may widen the range of the data
    by a quarter at most on each side: one wild sample must not press the picture into one bin. What lies outside is for
    the caller to count. On a grid of width `step` a bin holds whole grid values, with its edges half-way between two, so
    that no bin is fuller only because it holds more of them.
    """
    low, high = float(data.min()), float(data.max())
    room = 0.25 * (high - low)
    inner = np.quantile(np.concatenate([data, samples]), [0.001, 0.999])
    first, last = max(float(inner[0]), low - room), min(float(inner[1]), high + room)
    if step:
        width = step * max(1, int(np.ceil(((last - first) / step + 1) / bins)))
        start = low + step * np.floor((first - low) / step + 1e-9) - step / 2
        return start + width * np.arange(int(np.ceil((last + step / 2 - start) / width - 1e-9)) + 1)
    if first == last:
        half = 0.5 * abs(first) or 0.5
        return np.array([first - half, first + half])
    # An edge must not be a value of the data: it would be lost to rounding, and it would name a cell of a row.
    pad = 1e-3 * (last - first)
    return np.linspace(first - pad, last + pad, bins + 1)


def outside(values: Float[np.ndarray, " n"], edges: Float[np.ndarray, " edges"]) -> int:
    """Number of values beyond the first or the last edge."""
    return int(np.sum((values < edges[0]) | (values > edges[-1])))
