"""Generated rows beside real ones: those of the fit, and rows that took no part in it."""

from dataclasses import dataclass
from typing import Literal

from scorax.records._held_out import Comparison
from scorax.records._impossible import Impossible
from scorax.records._shapes import require

RowKind = Literal["generated rows", "held-out rows", "rows of the fit"]


@dataclass(frozen=True)
class DetectionScore:
    """How well a classifier tells rows of two kinds apart: 1 is not at all, 0 always.

    Held-out rows beside rows of the fit give what a perfect generator would have.
    """

    classifier: str
    asked: RowKind
    beside: RowKind
    score: float
    error: float
    low: float
    high: float
    area: float
    rows: int

    def __post_init__(self) -> None:
        require(self.asked != self.beside, "rows of two kinds")
        require(0 <= self.low <= self.score <= self.high <= 1, "a score inside its interval")


@dataclass(frozen=True)
class Detections:
    """Every classifier on every pair of kinds of rows."""

    scores: tuple[DetectionScore, ...]
    sentence: str


@dataclass(frozen=True)
class SpikeShare:
    """How often one value comes, and how it is written where it is no plain number."""

    value: float
    real: float
    generated: float
    error: float
    label: str | None = None


@dataclass(frozen=True)
class ColumnDistance:
    """One column; two samples of one law exceed ``expected`` one time in twenty."""

    name: str
    kind: str
    measure: Literal["Kolmogorov-Smirnov", "total variation"]
    distance: float
    expected: float
    outside: float | None
    outside_low: float
    outside_high: float
    spikes: tuple[SpikeShare, ...]


@dataclass(frozen=True)
class ColumnDistances:
    """Every column that a model sees, in the cells that are there."""

    beside: RowKind
    columns: tuple[ColumnDistance, ...]
    sentence: str

    def __post_init__(self) -> None:
        require(len(self.columns) > 0, "a column")


@dataclass(frozen=True)
class Associations:
    """Strength of all pairs of columns: mean absolute difference, and the pair with the largest."""

    beside: RowKind
    mean: float
    expected: float
    limit: float
    worst: tuple[str, str]
    real: float
    generated: float
    sentence: str


@dataclass(frozen=True)
class Usefulness:
    """What trees that were trained on generated rows, and on as many real ones, reach on held-out rows."""

    target: str
    measure: Literal["accuracy", "R2"]
    real: float
    generated: float
    error: float
    rows: int
    sentence: str


@dataclass(frozen=True)
class Copies:
    """Generated rows nearer to a row of the fit than to any of as many held-out rows, and rows that are equal.

    ``equal`` counts generated rows that equal some row of the fit, ``held_equal`` held-out ones that do. ``near_fit`` and
    ``near_held`` are generated rows that equal one of the ``references`` rows of either kind.
    """

    nearer: float
    error: float
    rows: int
    references: int
    near_fit: int
    near_held: int
    equal: int
    equal_of: int
    held_equal: int
    held_of: int
    sentence: str


@dataclass(frozen=True)
class Generated:
    """Generated rows beside real ones; what needs rows of the fit, or more rows, is left out where there are none.

    ``complete`` counts generated, held-out and fitted rows without a missing cell, where others have one: whole rows are
    compared among those.
    """

    generated: int
    held: int
    fit: int | None
    columns: ColumnDistances
    detections: Detections | None = None
    associations: Associations | None = None
    usefulness: Usefulness | None = None
    copies: Copies | None = None
    complete: tuple[int, int, int] | None = None
    impossible: Impossible | None = None

    def __post_init__(self) -> None:
        require(min(self.generated, self.held) > 0, "counts of rows")


@dataclass(frozen=True)
class Evaluation:
    """A run on rows that took no part in its fit: their log-density beside baselines, and generated rows beside real ones."""

    seed: int
    draws: int
    held_out: Comparison
    generated: Generated
