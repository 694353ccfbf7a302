"""Maps of an interval to the line: what keeps generated values between the ends of a column."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float
from scipy.special import expit


@dataclass(frozen=True)
class AbstractBase(ABC):
    r"""A smooth increasing map $u(v)$ of the values between two ends to the whole line.

    The ends are values a column may have. Values lie ``margin`` apart there, and the map goes on so far beyond an end; where no
    distance is known the margin is 0, and an end itself is not reached.

    Attributes:
        kind: its name in ``schema.json``.
    """

    kind: str = field(kw_only=True)

    @property
    @abstractmethod
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value, infinite where there is none."""

    @abstractmethod
    def forward(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The images of values."""

    @abstractmethod
    def inverse(self, images: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The values of images."""

    @abstractmethod
    def log_slope(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        r"""$\log du/dv$ at values."""


@dataclass(frozen=True)
class Identity(AbstractBase):
    """The value itself: the whole line."""

    kind: Literal["identity"] = field(default="identity", kw_only=True)

    @property
    def ends(self) -> tuple[float, float]:
        """None."""
        return -np.inf, np.inf

    def forward(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The values."""
        return values

    def inverse(self, images: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The images."""
        return images

    def log_slope(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """Zero."""
        return np.zeros(len(values))


@dataclass(frozen=True)
class Asinh(AbstractBase):
    r"""$\sinh^{-1}((v - c) / s)$: linear near the centre, logarithmic far from it on both sides.

    Attributes:
        center: $c$.
        scale: $s$, from where on it bends.
    """

    center: float
    scale: float
    kind: Literal["asinh"] = field(default="asinh", kw_only=True)

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"expected a positive scale, got {self.scale!r}")

    @property
    def ends(self) -> tuple[float, float]:
        """None."""
        return -np.inf, np.inf

    def forward(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The images of values."""
        return np.arcsinh((values - self.center) / self.scale)

    def inverse(self, images: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The values of images."""
        with np.errstate(over="ignore"):
            values = self.center + self.scale * np.sinh(images)
        return _without_rounding(values, self.center)

    def log_slope(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        r"""$-\log(s \sqrt{1 + ((v - c)/s)^2})$."""
        return -np.log(np.hypot(self.scale, values - self.center))


@dataclass(frozen=True)
class Log(AbstractBase):
    r"""The logarithm of the distance from one end: $\log(v - a)$ above it, $-\log(b - v)$ below it.

    Attributes:
        end: the end.
        side: where the values lie.
    """

    end: float
    side: Literal["above", "below"] = "above"
    kind: Literal["log"] = field(default="log", kw_only=True)

    @property
    def ends(self) -> tuple[float, float]:
        """The end, and infinity on the other side."""
        return (self.end, np.inf) if self.side == "above" else (-np.inf, self.end)

    def forward(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The images of values."""
        return self._sign * np.log(self._distance(values, margin))

    def inverse(self, images: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The values of images."""
        with np.errstate(over="ignore"):
            return _without_rounding(self.end + self._sign * (np.exp(self._sign * images) - margin), self.end)

    def log_slope(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """Minus the logarithm of the distance."""
        return -np.log(self._distance(values, margin))

    @property
    def _sign(self) -> float:
        return 1.0 if self.side == "above" else -1.0

    def _distance(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        return self._sign * (values - self.end) + margin


@dataclass(frozen=True)
class Softplus(AbstractBase):
    r"""$\log(e^{d/s} - 1)$ of the distance $d$ from one end: logarithmic near it, linear far from it; minus it below the end.

    Attributes:
        end: the end.
        scale: $s$, up to where it is logarithmic.
        side: where the values lie.
    """

    end: float
    scale: float
    side: Literal["above", "below"] = "above"
    kind: Literal["softplus"] = field(default="softplus", kw_only=True)

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"expected a positive scale, got {self.scale!r}")

    @property
    def ends(self) -> tuple[float, float]:
        """The end, and infinity on the other side."""
        return (self.end, np.inf) if self.side == "above" else (-np.inf, self.end)

    def forward(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The images of values."""
        distance = self._distance(values, margin) / self.scale
        return self._sign * (distance + np.log(-np.expm1(-distance)))

    def inverse(self, images: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The values of images."""
        size = self._sign * images
        distance = self.scale * (np.maximum(size, 0) + np.log1p(np.exp(-np.abs(size)))) - margin
        return _without_rounding(self.end + self._sign * distance, self.end)

    def log_slope(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """Minus the logarithm of the scale, and of what is left to one near the end."""
        return -np.log(-self.scale * np.expm1(-self._distance(values, margin) / self.scale))

    @property
    def _sign(self) -> float:
        return 1.0 if self.side == "above" else -1.0

    def _distance(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        return self._sign * (values - self.end) + margin


@dataclass(frozen=True)
class Logit(AbstractBase):
    r"""$\log(v - a) - \log(b - v)$: between two ends.

    Attributes:
        low: $a$.
        high: $b$.
    """

    low: float
    high: float
    kind: Literal["logit"] = field(default="logit", kw_only=True)

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low, {self.low!r}, is not below high, {self.high!r}")

    @property
    def ends(self) -> tuple[float, float]:
        """Both."""
        return self.low, self.high

    def forward(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The images of values."""
        return np.log(values - self.low + margin) - np.log(self.high - values + margin)

    def inverse(self, images: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The values of images, each from the nearer end."""
        span = self.high - self.low + 2 * margin
        from_low = _without_rounding(self.low + (span * expit(images) - margin), self.low)
        from_high = _without_rounding(self.high - (span * expit(-images) - margin), self.high)
        return np.where(images <= 0, from_low, from_high)

    def log_slope(self, values: Float[np.ndarray, " n"], margin: float) -> Float[np.ndarray, " n"]:
        """The slope of the difference of two logarithms."""
        above, below = values - self.low + margin, self.high - values + margin
        return np.log(above + below) - np.log(above) - np.log(below)


def _without_rounding(values: Float[np.ndarray, " n"], origin: float) -> Float[np.ndarray, " n"]:
    """Values that are counted from elsewhere: what is less than the rounding error there is zero."""
    return np.where(np.abs(values) <= 4 * np.finfo(float).eps * abs(origin), 0.0, values)


Base: TypeAlias = Identity | Log | Softplus | Logit | Asinh
"""Any of the maps. A file names the one it has by its field ``kind``."""
