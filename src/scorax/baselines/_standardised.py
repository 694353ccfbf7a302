"""Per-column standardisation inside a density baseline, and the interface all baselines share."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from scorax._deviations import deviations
from scorax._errors import InputError, explain


class DensityBaseline(Protocol):
    """A density fitted to rows; `log_density` is in nats per row, in the units of the rows it was fitted to."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def description(self) -> str:
        """The settings that the fit chose."""
        ...

    def fit(self, x: Float[np.ndarray, "n d"], *, seed: int) -> "DensityBaseline":
        """Fit to the rows; every choice is made on these rows alone."""
        ...

    def log_density(self, x: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        """Log density of each row."""
        ...


@dataclass(frozen=True)
class Scale:
    r"""Coordinates $z = (x - \text{shift}) / \text{size}$; $\log p(x) = \log p(z) - \sum_j \log \text{size}_j$."""

    shift: Float[np.ndarray, " d"]
    size: Float[np.ndarray, " d"]

    @classmethod
    def of(cls, x: Float[np.ndarray, "n d"]) -> "Scale":
        """Mean and standard deviation of each column; a column that is constant in these rows keeps its own unit."""
        if len(x) < 2 or not np.isfinite(x).all():
            raise InputError(
                explain(
                    expected="two or more finite rows",
                    got=f"{len(x)} rows, {int(np.sum(~np.isfinite(x)))} cells not finite",
                    do="drop or impute the missing cells first",
                )
            )
        size = deviations(x)
        return cls(shift=x.mean(axis=0), size=np.where(size > 0, size, 1.0))

    def encode(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        """Rows in standardised coordinates."""
        return (x - self.shift) / self.size

    @property
    def log_determinant(self) -> float:
        r"""$\sum_j \log \text{size}_j$, what the density loses when it goes back to the units of the file."""
        return float(np.log(self.size).sum())
