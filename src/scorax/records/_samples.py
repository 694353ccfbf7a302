"""Samples as whole rows: how many there are, whether they can be told from the data, and whether they repeat them."""

from dataclasses import dataclass

from scorax.records._shapes import Counts, require, require_histogram


@dataclass(frozen=True)
class Sampling:
    """How many rows were drawn, and how many of them are not finite; of data with holes, how many rows have none."""

    drawn: int
    failed: int
    complete: int | None = None

    def __post_init__(self) -> None:
        require(0 <= self.failed <= self.drawn > 0, "counts of rows")


@dataclass(frozen=True)
class TwoSample:
    """Distances between all columns of data and samples at once, and a classifier's accuracy where there are rows enough."""

    sliced_wasserstein: float | None
    between_halves: float | None
    boosted: float | None
    logistic: float | None = None
    accuracy_error: float | None = None

    def __post_init__(self) -> None:
        given = {self.boosted is None, self.logistic is None, self.accuracy_error is None}
        require(len(given) == 1, "both accuracies and their error together")


@dataclass(frozen=True)
class Share:
    """The share of samples that are closer to a training row than a quantile of fresh rows."""

    quantile: float
    closer: float


@dataclass(frozen=True)
class Nearest:
    """Distances to the nearest training row, of samples and of fresh rows."""

    rows: int
    samples: int
    fresh: int
    reference: str
    small_table: bool
    edges: tuple[float, ...]
    sample_counts: Counts
    fresh_counts: Counts
    median: float
    median_fresh: float
    shares: tuple[Share, ...]
    exact: float
    exact_fresh: float

    def __post_init__(self) -> None:
        require(min(self.rows, self.samples, self.fresh) > 0, "counts of rows")
        require_histogram(self.edges, "distances", self.sample_counts, self.fresh_counts)
        require(any(share.quantile == 0.05 for share in self.shares), "the share closer than the nearest 5 %")
