"""Distance from each row to the nearest row of a reference table."""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from scorax.metrics._shapes import check_pair

_TREE_DIMENSIONS = 15
"""Above this many columns a k-d tree visits nearly every leaf, and plain blocks of distances are faster."""
_CHUNK_ELEMENTS = 4_000_000
"""Distances held at once in the block route (32 MB)."""


def nearest_distances(
    queries: Float[np.ndarray, "n d"], reference: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, " n"]:
    """Euclidean distance from each query to its nearest reference row, in the units of the rows (scale them first)."""
    check_pair(queries, reference)
    return _kth_nearest(queries, reference, rank=1)


def leave_one_out_distances(
    rows: Float[np.ndarray, "n d"], at: Int[np.ndarray, " k"] | None = None
) -> Float[np.ndarray, " k"]:
    """Distance from each row to the nearest *other* row of the same table; a row that occurs twice gives zero.

    `at` picks the rows that are asked about (default: all); the reference is always the whole table.
    """
    check_pair(rows, rows)
    asked = rows if at is None else rows[at]
    if len(rows) == 1:
        return np.full(len(asked), np.inf)
    return _kth_nearest(asked, rows, rank=2)


def _kth_nearest(queries: np.ndarray, reference: np.ndarray, *, rank: int) -> np.ndarray:
    if queries.shape[1] <= _TREE_DIMENSIONS:
        distances, _ = KDTree(reference).query(queries, k=rank)
        return np.asarray(distances).reshape(len(queries), rank)[:, -1]
    step = max(1, _CHUNK_ELEMENTS // len(reference))
    parts = [
        np.partition(cdist(queries[i : i + step], reference), rank - 1, axis=1)[:, rank - 1]
        for i in range(0, len(queries), step)
    ]
    return np.concatenate(parts)
