"""Log-densities of rows that took no part in the training they are scored by."""

from dataclasses import dataclass
from typing import Literal

from scorax.records._shapes import require

Source = Literal["out-of-fold", "hold-out", "test file"]
"""Where the scored rows come from: cross-validation folds, rows set aside from the file, or a second file."""


@dataclass(frozen=True)
class Baseline:
    """Log-density of held-out rows under a baseline, and the model's beside it."""

    name: str
    description: str
    mean: float
    error: float | None
    difference: float
    difference_error: float | None
    rows_better: float
    gain: float
    gain_error: float | None


@dataclass(frozen=True)
class ModelValues:
    """Log-density of held-out rows under the model."""

    mean: float
    error: float | None
    standardised: float
    quantiles: tuple[float, float, float, float, float]
    gain: float | None = None
    gain_error: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The model beside the baselines on the same rows; ``law`` says what is compared where it is no plain density.

    The rows are drawn from ``drawn_from`` where there are more than are scored.
    """

    source: Source
    rows: int
    failed: int
    model: ModelValues
    baselines: tuple[Baseline, ...]
    reference: str | None
    best: str | None
    law: str | None = None
    drawn_from: int | None = None

    def __post_init__(self) -> None:
        names = [baseline.name for baseline in self.baselines]
        known = self.best in names and self.reference in names and self.model.gain is not None
        require(
            known if names else self.best is self.reference is None, "the best and the reference among the baselines"
        )
        require(self.rows > 0 <= self.failed, "counts of rows")


@dataclass(frozen=True)
class HeldOut:
    """Every comparison on rows that took no part in the training they are scored by."""

    comparisons: tuple[Comparison, ...]
