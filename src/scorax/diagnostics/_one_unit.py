"""Whole rows in one unit, so that distances between them mean something: categories have no places."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from scorax._deviations import deviations
from scorax.diagnostics._axis import Axis

_MOST_INDICATORS = 30
"""Categories with an indicator of their own, the most frequent; all others have one together."""


def in_one_unit(
    axes: Sequence[Axis], data: Float[np.ndarray, "n d"], *others: Float[np.ndarray, "m d"]
) -> list[Float[np.ndarray, "k e"]]:
    """The data and other rows in standard deviations of the data; a column that does not vary stays as it is.

    A column of three or more categories without an order is one indicator for each, whose variances add to one. Without axes
    all columns are numbers.
    """
    size = deviations(data)
    size = np.where(size > 0, size, 1.0)
    tables = (data, *others)
    parts: list[list[np.ndarray]] = [[] for _ in tables]
    for j in range(data.shape[1]):
        if axes and not axes[j].ranked:
            places, counts = np.unique(data[:, j], return_counts=True)
            often = places[np.argsort(-counts, kind="stable")[:_MOST_INDICATORS]]
            shares = (data[:, j, None] == often).mean(axis=0)
            shares = np.append(shares, 1 - shares.sum())
            spread = np.sqrt((shares * (1 - shares)).sum()) or 1.0
            for part, rows in zip(parts, tables, strict=True):
                own = rows[:, j, None] == often
                part.append(np.column_stack([own, ~own.any(axis=1)]) / spread)
        else:
            for part, rows in zip(parts, tables, strict=True):
                part.append(rows[:, j, None] / size[j])
    return [np.concatenate(part, axis=1) for part in parts]
