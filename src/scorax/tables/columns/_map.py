"""The map of a number: a base that knows the ends, and knots."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from scorax.tables.columns._base import Base, Identity
from scorax.tables.columns._knots import Knots
from scorax.tables.columns._span import Span


@dataclass(frozen=True)
class Map:
    """An increasing map of the values of a column to numbers.

    Attributes:
        base: the map of what lies between the ends of the column to the line.
        knots: what makes the images nearly normal, where there is something.
        heaped: whether the knots are the edges of all cells.
        bent: the base goes on as a straight line beyond these values, on each side where it has no end: the inverse of a
            logarithm would make an exponential error of what is a small one in the numbers. None is nowhere.
    """

    base: Base = field(default_factory=Identity)
    knots: Knots | None = None
    heaped: bool = False
    bent: Span | None = None

    @property
    def trivial(self) -> bool:
        """Whether the number is the value."""
        return self.knots is None and isinstance(self.base, Identity)

    @property
    def summary(self) -> str:
        """What the map is, in words."""
        at = "the edges of all cells" if self.heaped else f"{len(self.knots.at)} knots" if self.knots else ""
        knots = "" if self.knots is None else f", quantiles at {at}"
        return ("as it is" if isinstance(self.base, Identity) else self.base.kind) + knots

    def beyond(self, values: Float[np.ndarray, " n"], margin: float) -> Bool[np.ndarray, " n"]:
        """Which values lie beyond an end."""
        low, high = self.base.ends
        if margin:
            return (values < low - margin / 2) | (values > high + margin / 2)
        return (np.isfinite(low) & (values <= low)) | (np.isfinite(high) & (values >= high))

    def inside(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """Values that rounding has carried beyond an end, at it."""
        low, high = self.base.ends
        if not margin:  # the ends themselves are not reached
            low = np.nextafter(low, np.inf) if np.isfinite(low) else low
            high = np.nextafter(high, -np.inf) if np.isfinite(high) else high
        return values if self.trivial else np.minimum(np.maximum(values, low), high)

    def forward(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The numbers of values."""
        images = self._images(values, margin)
        return images if self.knots is None else self.knots.forward(images)

    def inverse(self, numbers: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The values of numbers."""
        images = numbers if self.knots is None else self.knots.inverse(numbers)
        if self.bent is None:
            return self.base.inverse(images, margin)
        low, high = (
            float(self.base.forward(np.array([at]), margin)[0]) if np.isfinite(at) else at for at in self._bends
        )
        inside = np.clip(images, low, high)
        values, beyond = self.base.inverse(inside, margin), images != inside
        slopes = np.exp(self.base.log_slope(values[beyond], margin))
        values[beyond] += (images - inside)[beyond] / slopes
        return values

    def log_slope(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The logarithm of the slope at values."""
        found = self.base.log_slope(self._inside(values), margin)
        return found if self.knots is None else found + self.knots.log_slope(self._images(values, margin))

    @property
    def _bends(self) -> tuple[float, float]:
        """Beyond which values the base goes on as a line."""
        low, high = (-np.inf, np.inf) if self.bent is None else (self.bent.low, self.bent.high)
        return (-np.inf if np.isfinite(self.base.ends[0]) else low), (
            np.inf if np.isfinite(self.base.ends[1]) else high
        )

    def _inside(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Values beyond a bend, at it."""
        low, high = self._bends
        return np.clip(values, low, high)

    def _images(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The images of values under the base and its lines, before the knots."""
        if self.bent is None:
            return self.base.forward(values, margin)
        inside = self._inside(values)
        return self.base.forward(inside, margin) + np.exp(self.base.log_slope(inside, margin)) * (values - inside)
