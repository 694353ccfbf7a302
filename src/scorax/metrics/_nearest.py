"""Distance from each row to the nearest row of a reference table, of numbers or of mixed rows."""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from scorax._mixed_rows import MixedRows
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


def nearest_mixed_rows(
    queries: MixedRows, reference: MixedRows, scale: MixedRows
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Distance from each query to its nearest reference row, like Gower's (1971), and the place of that row.

    The sum over columns: of numbers $|x - y|$ over the range of the middle nine tenths of the rows of `scale`, of levels 1
    where they differ, of ordered levels $|k - l| / (K - 1)$. A cell beside a missing one counts 1, and a number its distance
    from the median too.
    """
    queries.require_same_columns(reference)
    queries.require_same_columns(scale)
    coordinates, marks = zip(*(_apart(rows, scale) for rows in (queries, reference)), strict=True)
    step = max(1, _CHUNK_ELEMENTS // len(reference))
    distances, places = np.empty(len(queries)), np.empty(len(queries), int)
    for i in range(0, len(queries), step):
        block = slice(i, i + step)
        apart = np.zeros((len(coordinates[0][block]), len(reference)))
        if coordinates[0].shape[1]:
            apart += cdist(coordinates[0][block], coordinates[1], "cityblock")
        if marks[0].shape[1]:
            apart += marks[0].shape[1] * cdist(marks[0][block], marks[1], "hamming")
        places[block] = apart.argmin(axis=1)
        distances[block] = apart[np.arange(len(apart)), places[block]]
    return distances, places


def _apart(rows: MixedRows, scale: MixedRows) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates whose differences count, and marks that only agree or not."""
    there = np.isfinite(scale.numbers)
    columns = [x[known] if known.any() else np.zeros(1) for x, known in zip(scale.numbers.T, there.T, strict=True)]
    ends = np.array([np.quantile(x, (0.05, 0.5, 0.95)) for x in columns]).reshape(-1, 3)
    wide = np.where(ends[:, 2] > ends[:, 0], ends[:, 2] - ends[:, 0], [np.ptp(x) or 1.0 for x in columns])
    ordered = np.array(rows.orders, bool)
    steps = np.maximum(np.array(rows.num_levels, float)[ordered] - 1, 1.0)
    ranks = rows.levels[:, ordered]
    no_number, no_rank = np.isnan(rows.numbers), ranks < 0
    numbers = np.where(no_number, 0.0, (rows.numbers - ends[:, 1]) / wide)
    marks = np.concatenate([rows.levels[:, ~ordered], no_number, no_rank], axis=1).astype(float)
    return np.concatenate([numbers, np.maximum(ranks, 0) / steps], axis=1), marks
