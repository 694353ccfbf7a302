"""Single columns: data beside samples."""

from dataclasses import dataclass
from typing import Literal

from scorax.records._shapes import Counts, require, require_histogram


@dataclass(frozen=True)
class RangeShares:
    """Shares of the samples outside the range of the data."""

    below: float
    above: float
    expected: float
    p_value: float


@dataclass(frozen=True)
class Label:
    """What stands at a place of an axis: the name of a category, a date."""

    at: float
    text: str


@dataclass(frozen=True)
class ValueShares:
    """How often one exact value comes, and how it is written where it is no plain number."""

    value: float
    data: float
    samples: float
    p_value: float
    label: str | None = None


@dataclass(frozen=True)
class MarginalColumn:
    """Data and samples in one column; histograms only of the columns that are drawn.

    Categories and times have no mean and no deviation. The bins of categories are bars, each with a label; of times a few
    places of the axis have labels. ``distance`` is in standard deviations unless a ``measure`` is named. ``missing`` is the share
    of the rows of data without a value.
    """

    name: str
    kind: str
    mean: tuple[float | None, float | None]
    deviation: tuple[float | None, float | None]
    distance: float | None
    floor: float | None
    shape_p_value: float
    range: RangeShares
    values: tuple[ValueShares, ...]
    edges: tuple[float, ...] | None = None
    data: Counts | None = None
    samples: Counts | None = None
    outside: tuple[int, int] | None = None
    labels: tuple[Label, ...] | None = None
    bars: bool | None = None
    measure: Literal["total variation"] | None = None
    missing: float | None = None

    def __post_init__(self) -> None:
        drawn = [part for part in (self.edges, self.data, self.samples, self.outside) if part is not None]
        require(len(drawn) in (0, 4), "edges, data, samples and outside together")
        if self.edges is not None:
            require_histogram(self.edges, "the column", self.data or (), self.samples or ())
        if self.bars:
            require(len(self.labels or ()) == len(self.data or ()), "a label for every bar")


@dataclass(frozen=True)
class Marginals:
    """Every column of the table."""

    rows: int
    samples: int
    columns: tuple[MarginalColumn, ...]

    def __post_init__(self) -> None:
        require(self.rows > 0 < self.samples and len(self.columns) > 0, "rows, samples and columns")
