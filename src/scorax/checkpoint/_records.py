"""The records of a report, each a closed type that holds its shapes to what can be drawn."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Grade = Literal["good", "fair", "poor", "note"]
"""`note` carries no judgement: a limit of what the records can show."""

Row = tuple[float | None, ...]
Counts = tuple[int, ...]


def _require(holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(f"expected {expected}, got other ones")


def _require_table(rows: Sequence[Sequence[Any]], height: int, width: int, name: str) -> None:
    _require(len(rows) == height and all(len(row) == width for row in rows), f"{name} of {height} rows of {width}")


def _require_histogram(edges: Sequence[float], name: str, *counts: Sequence[int]) -> None:
    rising = all(low < high for low, high in itertools.pairwise(edges))
    _require(len(edges) > 1 and rising, f"rising edges of {name}")
    _require(all(len(c) == len(edges) - 1 and min(c) >= 0 for c in counts), f"{len(edges) - 1} counts of {name}")


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
    """The model beside the baselines on the same rows."""

    source: Literal["out-of-fold", "hold-out", "test file"]
    rows: int
    failed: int
    model: ModelValues
    baselines: tuple[Baseline, ...]
    reference: str | None
    best: str | None

    def __post_init__(self) -> None:
        names = [baseline.name for baseline in self.baselines]
        known = self.best in names and self.reference in names and self.model.gain is not None
        _require(
            known if names else self.best is self.reference is None, "the best and the reference among the baselines"
        )
        _require(self.rows > 0 <= self.failed, "counts of rows")


@dataclass(frozen=True)
class HeldOut:
    """Every comparison on rows that took no part in the training they are scored by."""

    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class Sampling:
    """How many rows were drawn, and how many of them are not finite."""

    drawn: int
    failed: int

    def __post_init__(self) -> None:
        _require(0 <= self.failed <= self.drawn > 0, "counts of rows")


@dataclass(frozen=True)
class RangeShares:
    """Shares of the samples outside the range of the data."""

    below: float
    above: float
    expected: float
    p_value: float


@dataclass(frozen=True)
class ValueShares:
    """How often one exact value comes."""

    value: float
    data: float
    samples: float
    p_value: float


@dataclass(frozen=True)
class MarginalColumn:
    """Data and samples in one column; histograms only of the columns that are drawn."""

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

    def __post_init__(self) -> None:
        drawn = [part for part in (self.edges, self.data, self.samples, self.outside) if part is not None]
        _require(len(drawn) in (0, 4), "edges, data, samples and outside together")
        if self.edges is not None:
            _require_histogram(self.edges, "the column", self.data or (), self.samples or ())


@dataclass(frozen=True)
class Marginals:
    """Every column of the table."""

    rows: int
    samples: int
    columns: tuple[MarginalColumn, ...]

    def __post_init__(self) -> None:
        _require(self.rows > 0 < self.samples and len(self.columns) > 0, "rows, samples and columns")


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
        _require(min(self.rows, self.samples, self.fresh) > 0, "counts of rows")
        _require_histogram(self.edges, "distances", self.sample_counts, self.fresh_counts)
        _require(any(share.quantile == 0.05 for share in self.shares), "the share closer than the nearest 5 %")


@dataclass(frozen=True)
class DiffusionPath:
    """Frames of synthetic rows from noise to data, in one or two columns."""

    names: tuple[str, ...]
    levels: tuple[float, ...]
    frames: tuple[tuple[Row, ...], ...]

    def __post_init__(self) -> None:
        _require(len(self.names) in (1, 2) and 0 < len(self.levels) == len(self.frames), "a level for each frame")
        for frame in self.frames:
            _require_table(frame, len(self.frames[0]), len(self.names), "frames")


@dataclass(frozen=True)
class Pair:
    """Counts in the cells of two columns, by their places among the names."""

    x: int
    y: int
    data: tuple[Counts, ...]
    samples: tuple[Counts, ...]


@dataclass(frozen=True)
class PairMarginal:
    """Counts in the bins of one of the columns."""

    data: Counts
    samples: Counts


@dataclass(frozen=True)
class Pairs:
    """All pairs of a few columns."""

    rows: int
    samples: int
    names: tuple[str, ...]
    total: int
    edges: tuple[tuple[float, ...], ...]
    marginals: tuple[PairMarginal, ...]
    pairs: tuple[Pair, ...]

    def __post_init__(self) -> None:
        _require(1 < len(self.names) == len(self.edges) == len(self.marginals), "edges and counts for every name")
        for edges, marginal in zip(self.edges, self.marginals, strict=True):
            _require_histogram(edges, "a column", marginal.data, marginal.samples)
        wanted = [(x, y) for y in range(len(self.names)) for x in range(y)]
        _require([(pair.x, pair.y) for pair in self.pairs] == wanted, "every pair of columns once, in order")
        for pair in self.pairs:
            height, width = len(self.edges[pair.y]) - 1, len(self.edges[pair.x]) - 1
            for side in (pair.data, pair.samples):
                _require_table(side, height, width, "counts of a pair")
                _require(min(map(min, side)) >= 0, "counts of a pair")


@dataclass(frozen=True)
class Correlations:
    """Rank correlations of data and samples."""

    names: tuple[str, ...]
    total: int
    data: tuple[Row, ...]
    samples: tuple[Row, ...]
    root_mean_square: float | None
    largest: float | None
    largest_pair: tuple[str, str] | None
    floor: float

    def __post_init__(self) -> None:
        for side in (self.data, self.samples):
            _require_table(side, len(self.names), len(self.names), "correlations")


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
        _require(len(given) == 1, "both accuracies and their error together")


@dataclass(frozen=True)
class Field:
    """Log-density and score of two columns on a grid."""

    names: tuple[str, str]
    x: tuple[float, ...]
    y: tuple[float, ...]
    log_density: tuple[Row, ...]
    arrows: tuple[tuple[tuple[float | None, float | None], ...], ...]
    scale: tuple[float, float]

    def __post_init__(self) -> None:
        _require(min(len(self.x), len(self.y)) > 1, "a grid")
        for table, name in ((self.log_density, "log-densities"), (self.arrows, "arrows")):
            _require_table(table, len(self.y), len(self.x), name)


@dataclass(frozen=True)
class KeyNumber:
    """The number beside the headline."""

    value: float
    error: float | None
    label: str


@dataclass(frozen=True)
class Sentence:
    """One thing the records say, and how good it is."""

    topic: Literal["density", "solver", "columns", "samples", "dependence", "copying"]
    grade: Grade
    text: str


@dataclass(frozen=True)
class Verdict:
    """What the records say in words."""

    grade: Literal["good", "fair", "poor"]
    headline: str
    key: KeyNumber | None
    sentences: tuple[Sentence, ...]
    columns: tuple[Literal["good", "fair", "poor"], ...]


@dataclass(frozen=True)
class MetricsLine:
    """One validation: a line of ``metrics.jsonl``; of a run that an estimator saved it holds the loss only."""

    step: int
    validation_loss: float
    train_loss: float | None = None
    held_out_nats: float | None = None
    held_out_nats_members: tuple[float | None, ...] | None = None
    active: int | None = None


RECORDS: dict[str, type] = {
    "held_out": HeldOut,
    "sampling": Sampling,
    "marginals": Marginals,
    "nearest": Nearest,
    "path": DiffusionPath,
    "pairs": Pairs,
    "correlations": Correlations,
    "two_sample": TwoSample,
    "field": Field,
    "verdict": Verdict,
}
"""Name of a record -> its type."""
