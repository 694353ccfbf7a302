"""A share with its interval."""

from dataclasses import dataclass

import numpy as np

_QUANTILE = 1.959963984540054


@dataclass(frozen=True)
class ShareInterval:
    """A share and the ends of its 95 % interval (Wilson 1927), which stays inside [0, 1]."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, count: int, total: int) -> "ShareInterval":
        """The share of `count` in `total` independent rows; of none, anything from 0 to 1."""
        if not total:
            return cls(float("nan"), 0.0, 1.0)
        share, square = count / total, _QUANTILE**2 / total
        centre = (share + 0.5 * square) / (1 + square)
        half = np.sqrt(share * (1 - share) * square + 0.25 * square**2) / (1 + square)
        return cls(share, max(float(centre - half), 0.0), min(float(centre + half), 1.0))

    def __str__(self) -> str:
        return f"{100 * self.value:.2g} % ({100 * self.low:.2g} to {100 * self.high:.2g} %)"
