"""A number as one of a few bins with a density: uniform inside, exponential beyond the ends."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class NumberBins:
    """Bins of a number, and one class below the first and one above the last.

    Attributes:
        edges: increasing, ends of the bins (m + 1,); the classes are 0 (below), 1 to m, m + 1 (above).
        tail: mean distance from the end in the two outer classes.
        width: width of the cells of a number that is rounded, of which every edge is an end; or 0.
    """

    edges: Float[np.ndarray, " k"]
    tail: float
    width: float

    @classmethod
    def of(cls, values: Float[np.ndarray, " n"], width: float, num_bins: int) -> "NumberBins":
        """Bins between quantiles of the values; a rounded value that fills a bin alone has one of its own.

        Edges of rounded numbers are ends of cells, so that no cell is divided.
        """
        ordered = np.sort(values)
        inner = ordered[(np.arange(1, num_bins) * len(ordered)) // num_bins]
        half = 0.5 * width
        if width > 0:
            common, counts = np.unique(ordered, return_counts=True)
            heavy = common[counts * num_bins >= len(ordered)]
            ends = np.concatenate([[ordered[0] - half], inner + half, heavy - half, heavy + half, [ordered[-1] + half]])
        else:
            ends = np.concatenate([ordered[:1], inner, ordered[-1:]])
        ends = np.sort(ends)
        least = half if width > 0 else np.ptp(ordered) * 1e-9  # rounding makes two floats of one end
        edges = ends[np.concatenate([[True], np.diff(ends) > least])]
        if len(edges) == 1:  # one value that is not rounded: all bins are that point
            edges = edges[0] + np.array([-0.5, 0.5]) * max(abs(edges[0]) * 1e-9, 1e-9)
        return cls(edges, float(np.std(values)) or float(np.diff(edges)[0]), width)

    @property
    def num_levels(self) -> int:
        """Number of classes."""
        return len(self.edges) + 1

    def levels(self, values: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """The class of each value; an end belongs to the bin inside."""
        level = np.searchsorted(self.edges, values, side="right")
        level[values == self.edges[-1]] = len(self.edges) - 1
        return level

    def log_density(self, values: Float[np.ndarray, " n"], levels: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Log-density of each value within its class; of a rounded value the mass of its cell over its width."""
        inside = -np.log(np.diff(self.edges))[np.clip(levels - 1, 0, len(self.edges) - 2)]
        beyond = np.where(levels == 0, self.edges[0] - values, values - self.edges[-1])
        # The mean over a cell of exp(-x / tail) / tail.
        ratio = 0.5 * self.width / self.tail
        over_cell = np.log(np.sinh(ratio) / ratio) if ratio > 0 else 0.0
        outside = over_cell - np.log(self.tail) - beyond / self.tail
        return np.where((levels == 0) | (levels == len(self.edges)), outside, inside)

    def draw(self, levels: Int[np.ndarray, " n"], generator: np.random.Generator) -> Float[np.ndarray, " n"]:
        """A value of each class."""
        uniform, far = generator.uniform(size=len(levels)), self.tail * generator.exponential(size=len(levels))
        place = np.clip(levels - 1, 0, len(self.edges) - 2)
        inside = self.edges[place] + uniform * np.diff(self.edges)[place]
        below, above = self.edges[0] - far, self.edges[-1] + far
        return np.select([levels == 0, levels == len(self.edges)], [below, above], inside)
