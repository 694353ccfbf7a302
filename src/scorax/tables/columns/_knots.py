"""A monotone map through knots, which makes the law of a column nearly normal."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int64
from scipy.special import ndtri

_MOST = 1000
_STEEP = 2.0
"""A slope at a knot is at most this multiple of that of either chord: that between is then half that of the chord at least."""


@dataclass(frozen=True)
class Knots:
    r"""A monotone piecewise cubic $z(u)$, and straight lines beyond its ends.

    Between knots it is the Hermite cubic whose slopes at the knots are the weighted harmonic means of those of the chords
    (Fritsch and Butland 1984, SIAM J. Sci. Stat. Comput. 5, 300-304), at most twice either: so its slope is nowhere below half
    that of a chord. The map has one continuous derivative: a density through it is continuous, and has a kink at every knot.

    Attributes:
        at: the knots, ascending.
        to: their images, ascending.
        lower: slope below the first knot.
        upper: slope above the last.
    """

    at: tuple[float, ...]
    to: tuple[float, ...]
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not 2 <= len(self.at) == len(self.to) <= _MOST:
            raise ValueError(f"expected 2 to {_MOST} knots and as many images, got {len(self.at)} and {len(self.to)}")
        if not (min(np.diff(self.at)) > 0 and min(np.diff(self.to)) > 0 and self.lower > 0 and self.upper > 0):
            raise ValueError("expected knots and images that ascend, and positive slopes")

    @staticmethod
    def of_scores(at: Float[np.ndarray, " k"], rows: Int64[np.ndarray, " cells"]) -> "Knots":
        """The ends of cells at the normal quantiles of the shares that the cells have of the rows, each with half a row more."""
        share = np.cumsum((rows + 0.5) / (rows.sum() + 0.5 * len(rows)))[:-1]
        inner = ndtri(share)
        # Noise is uniform inside a cell: the outermost have the mean that a normal law has beyond their inner end.
        density = np.exp(-0.5 * inner[[0, -1]] ** 2) / np.sqrt(2 * np.pi)
        first, last = -density[0] / share[0], density[1] / (1 - share[-1])
        to = np.concatenate([[2 * first - inner[0]], inner, [2 * last - inner[-1]]])
        chords = np.diff(to) / np.diff(at)
        return Knots(tuple(at.tolist()), tuple(to.tolist()), float(chords[0]), float(chords[-1]))

    def forward(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The images of values."""
        return self._piecewise(values)[0]

    def log_slope(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The logarithm of the slope at values."""
        return np.log(self._piecewise(values)[1])

    def inverse(self, images: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The values of images: Newton's method, kept between the two knots by bisection."""
        at, to, _ = self._tables
        values = np.where(
            images <= to[0], at[0] + (images - to[0]) / self.lower, at[-1] + (images - to[-1]) / self.upper
        )
        rows = np.flatnonzero((images > to[0]) & (images < to[-1]))
        if rows.size:
            values[rows] = self._solved(images[rows])
        return values

    def _solved(self, images: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        at, to, _ = self._tables
        piece = np.clip(np.searchsorted(to, images, side="right") - 1, 0, len(at) - 2)
        low, high = at[piece], at[piece + 1]
        found = low + (images - to[piece]) / (to[piece + 1] - to[piece]) * (high - low)
        for _ in range(60):
            reached, slope = self._piecewise(found)
            over = reached - images
            low, high = np.where(over <= 0, found, low), np.where(over >= 0, found, high)
            step = found - over / slope
            following = np.where((step >= low) & (step <= high), step, low + (high - low) / 2)
            if (np.abs(following - found) <= 2 * np.spacing(np.abs(found))).all():
                return following
            found = following
        return found

    @cached_property
    def _tables(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Knots, images, and the slopes there."""
        at, to = np.array(self.at), np.array(self.to)
        lengths, chords = np.diff(at), np.diff(to) / np.diff(at)
        first, second = 2 * lengths[1:] + lengths[:-1], lengths[1:] + 2 * lengths[:-1]
        inner = (first + second) / (first / chords[:-1] + second / chords[1:])
        slopes = np.concatenate([[self.lower], inner, [self.upper]])
        smaller = np.minimum(np.append(chords, np.inf), np.insert(chords, 0, np.inf))
        return at, to, np.minimum(slopes, _STEEP * smaller)

    def _piecewise(self, values: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Images of values, and the slopes there."""
        at, to, slopes = self._tables
        piece = np.clip(np.searchsorted(at, values, side="right") - 1, 0, len(at) - 2)
        length, rise = at[piece + 1] - at[piece], to[piece + 1] - to[piece]
        s = (values - at[piece]) / length
        left, right = slopes[piece] * length, slopes[piece + 1] * length
        # In powers of s: the images are to + left s + square s^2 + cube s^3.
        square, cube = 3 * rise - 2 * left - right, left + right - 2 * rise
        images = to[piece] + s * (left + s * (square + s * cube))
        gradient = (left + s * (2 * square + 3 * cube * s)) / length
        below, above = values < at[0], values > at[-1]
        images = np.where(below, to[0] + (values - at[0]) * self.lower, images)
        images = np.where(above, to[-1] + (values - at[-1]) * self.upper, images)
        return images, np.where(below, self.lower, np.where(above, self.upper, gradient))
