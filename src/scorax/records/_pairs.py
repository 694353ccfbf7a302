"""Dependence of columns: counts of pairs, and rank correlations."""

from dataclasses import dataclass

from scorax.records._shapes import Counts, Row, require, require_histogram, require_table


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
        require(1 < len(self.names) == len(self.edges) == len(self.marginals), "edges and counts for every name")
        for edges, marginal in zip(self.edges, self.marginals, strict=True):
            require_histogram(edges, "a column", marginal.data, marginal.samples)
        wanted = [(x, y) for y in range(len(self.names)) for x in range(y)]
        require([(pair.x, pair.y) for pair in self.pairs] == wanted, "every pair of columns once, in order")
        for pair in self.pairs:
            height, width = len(self.edges[pair.y]) - 1, len(self.edges[pair.x]) - 1
            for side in (pair.data, pair.samples):
                require_table(side, height, width, "counts of a pair")
                require(min(map(min, side)) >= 0, "counts of a pair")


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
            require_table(side, len(self.names), len(self.names), "correlations")
