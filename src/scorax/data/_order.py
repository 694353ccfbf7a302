"""The order of training rows: a pure function of (seed, stream, step), so a resumed run needs no generator state."""

import numpy as np


class RowOrder:
    """Batches of row indices from consecutive random permutations of the rows.

    A batch may span two epochs or more, so every batch has ``batch_size`` rows, also on a table with fewer. Each
    epoch visits every row exactly once.

    Args:
        rows: indices of the training rows.
        batch_size: rows of one step.
        seed: the seed of the run.
        stream: which of several independent orders of that seed (one for each ensemble member).
    """

    def __init__(self, rows: np.ndarray, batch_size: int, seed: int, stream: int = 0) -> None:
        rows = np.asarray(rows)
        if rows.ndim != 1 or len(rows) == 0 or rows.dtype.kind not in "iu":
            raise ValueError(f"expected a non-empty 1-D array of row indices, got {rows.dtype} of shape {rows.shape}")
        if batch_size < 1 or seed < 0 or stream < 0:
            raise ValueError(f"expected batch_size >= 1, seed >= 0, stream >= 0, got {batch_size}, {seed}, {stream}")
        self.rows = rows.astype(np.int32)
        self.batch_size, self.seed, self.stream = batch_size, seed, stream
        self._cached: dict[int, np.ndarray] = {}

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self._cached:
            if len(self._cached) > 1:
                self._cached.pop(min(self._cached))
            self._cached[epoch] = np.random.default_rng([self.seed, self.stream, epoch]).permutation(self.rows)
        return self._cached[epoch]

    def batch(self, step: int) -> np.ndarray:
        """The rows of a step, int32 of shape (batch_size,)."""
        return self.batches(step, 1)[0]

    def batches(self, step: int, count: int) -> np.ndarray:
        """The rows of ``count`` steps from ``step`` on, int32 of shape (count, batch_size)."""
        size = len(self.rows)
        at, end = step * self.batch_size, (step + count) * self.batch_size
        parts = [self.rows[:0]]
        while at < end:
            epoch, place = divmod(at, size)
            take = min(size - place, end - at)
            parts.append(self._epoch(epoch)[place : place + take])
            at += take
        return np.concatenate(parts).reshape(count, self.batch_size)
