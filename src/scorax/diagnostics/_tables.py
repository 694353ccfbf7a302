"""Data against samples: each column, pairs, correlations. Counts and numbers only, never a row of the data."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from scorax._deviations import deviations
from scorax.diagnostics._axis import Axis
from scorax.diagnostics._bins import bin_edges, outside
from scorax.diagnostics._categories import bars, shares_p_value, total_variation, unseen_records
from scorax.diagnostics._columns import range_records, shape_p_value, value_records
from scorax.diagnostics._plain import plain
from scorax.metrics import column_wasserstein
from scorax.records import Correlations, Label, MarginalColumn, Marginals, Pair, PairMarginal, Pairs

MAX_HISTOGRAMS = 48
"""Columns with a histogram; beyond, the columns that differ most get one, and all keep their numbers."""
MAX_CORRELATIONS = 60
"""Columns of a correlation matrix; beyond, those with the strongest correlations."""
_FLOOR_SPLITS = 40
_FLOOR_ROWS = 4000


def marginal_records(
    axes: Sequence[Axis],
    data: Float[np.ndarray, "n d"],
    samples: Float[np.ndarray, "m d"],
    *,
    seed: int = 0,
) -> Marginals:
    r"""Shared histograms, means, deviations, distances, ranges and frequent values of each column.

    `distance` is $W_1 / s$, the Wasserstein distance in standard deviations of the data; `floor` is the 95 % quantile
    of what two samples of one law at these sizes show: the distance between random halves of the data, rescaled by
    $\sqrt{(1/n + 1/m) / (4/n)}$. `shape_p_value` is that of the Kolmogorov-Smirnov test, `range` says how many samples lie
    outside the values of the data, `values` how often the most frequent values come in both. Of categories without an order
    the distance is the total variation of their shares, and the test that of chi-squared.
    """
    known = [column[~np.isnan(column)] for column in data.T]
    apart = [_distance_and_floor(*column, seed) for column in zip(axes, known, samples.T, strict=True)]
    excess = np.array([distance / np.maximum(floor, 1e-12) for distance, floor in apart])
    drawn = set(np.argsort(-excess)[:MAX_HISTOGRAMS].tolist())
    bins = int(np.clip(round(2.2 * len(data) ** (1 / 3)), 8, 40))
    columns = []
    for j, axis in enumerate(axes):
        own, drawn_values = known[j], samples[:, j]
        counted = axis.categories is None and axis.written is None
        column = MarginalColumn(
            name=axis.name,
            kind=axis.kind,
            mean=plain([own.mean(), drawn_values.mean()]) if counted else (None, None),
            deviation=plain([deviations(part[:, None])[0] for part in (own, drawn_values)])
            if counted
            else (None, None),
            distance=plain(apart[j][0]),
            floor=plain(apart[j][1]),
            shape_p_value=(
                shares_p_value(own, drawn_values, len(axis.categories or ()))
                if axis.unordered
                else shape_p_value(own, drawn_values)
            ),
            range=unseen_records(own, drawn_values) if axis.unordered else range_records(own, drawn_values),
            values=value_records(own, drawn_values, _names(axis)),
            measure="total variation" if axis.unordered else None,
            missing=plain(1 - len(own) / len(data)) if len(own) < len(data) else None,
        )
        if j in drawn:
            column = _drawn(column, axis, own, drawn_values, bins)
        columns.append(column)
    return Marginals(len(data), len(samples), tuple(columns))


def _names(axis: Axis) -> Callable[[np.ndarray], list[str]] | None:
    """How values of an axis are written, where they are no plain numbers."""
    names = axis.categories
    return axis.written if names is None else lambda places: [names[int(place)] for place in places]


def _distance_and_floor(axis: Axis, data: np.ndarray, samples: np.ndarray, seed: int) -> tuple[float, float]:
    """Total variation of categories without an order; Wasserstein distance in standard deviations of everything else."""
    if axis.unordered:
        return total_variation(data, samples, len(axis.categories or ()), seed)
    size = _deviation(data[:, None])[0]
    distance = column_wasserstein(data[:, None], samples[:, None])[0] / size
    return distance, two_sample_floor(data[:, None] / size, len(samples), seed)[0]


def _drawn(column: MarginalColumn, axis: Axis, data: np.ndarray, samples: np.ndarray, bins: int) -> MarginalColumn:
    """The column with its histogram: bars of categories, bins of numbers, and of times with a few of them written out."""
    if axis.categories is not None:
        labels, ours, theirs = bars(axis.categories, data, samples)
        edges = plain(np.arange(len(labels) + 1) - 0.5)
        return replace(column, edges=edges, data=ours, samples=theirs, outside=(0, 0), labels=labels, bars=True)
    edges = bin_edges(data, samples, step=axis.step, bins=bins)
    if axis.written is not None:
        places = np.unique(np.round(edges[0] + (edges[-1] - edges[0]) * np.array([0.15, 0.5, 0.85])))
        column = replace(column, labels=tuple(map(Label, plain(places, digits=17), axis.written(places))))
    return replace(
        column,
        edges=plain(edges, digits=17),
        data=plain(np.histogram(data, edges)[0]),
        samples=plain(np.histogram(samples, edges)[0]),
        outside=(outside(data, edges), outside(samples, edges)),
    )


def two_sample_floor(data: Float[np.ndarray, "n d"], samples: int, seed: int) -> Float[np.ndarray, " d"]:
    """95 % quantile of W_1 between two samples of one law, of the size of the data and `samples`, per column."""
    generator = np.random.default_rng(seed)
    if len(data) < 4:
        return np.full(data.shape[1], np.inf)
    splits = []
    for _ in range(_FLOOR_SPLITS):
        rows = generator.permutation(len(data))[:_FLOOR_ROWS]
        half = len(rows) // 2
        splits.append(column_wasserstein(data[rows[:half]], data[rows[half : 2 * half]]) * np.sqrt(half / 2))
    return np.quantile(splits, 0.95, axis=0) * np.sqrt(1 / len(data) + 1 / samples)


def pairwise_records(
    axes: Sequence[Axis],
    data: Float[np.ndarray, "n d"],
    samples: Float[np.ndarray, "m d"],
    *,
    max_columns: int = 6,
) -> Pairs:
    """Counts of data and of samples in shared 2-D bins for all pairs of at most `max_columns` columns.

    The choice starts with the strongest rank correlation in the data and adds the column most correlated with one
    already chosen. Bins widen as rows get fewer (about n^0.4 a side), so that a count is seldom a single row.
    `data[b][a]` of a pair counts column `y` in bin b and column `x` in bin a.
    """
    chosen = strongest_columns(data, max_columns)
    per_side = 1.6 if len(chosen) == 2 else 1.2
    bins = int(np.clip(round(per_side * len(data) ** 0.4), 10, 64))
    steps = [axis.step if axis.categories is None else 1.0 for axis in axes]
    edges = {j: bin_edges(data[:, j], samples[:, j], step=steps[j], bins=bins) for j in chosen}
    pairs = []
    for place, y in enumerate(chosen):
        for x in chosen[:place]:
            counts = [np.histogram2d(t[:, y], t[:, x], [edges[y], edges[x]])[0].astype(int) for t in (data, samples)]
            pairs.append(Pair(chosen.index(x), place, data=plain(counts[0]), samples=plain(counts[1])))
    return Pairs(
        rows=len(data),
        samples=len(samples),
        names=tuple(axes[j].name for j in chosen),
        total=data.shape[1],
        edges=tuple(plain(edges[j], digits=17) for j in chosen),
        marginals=tuple(
            PairMarginal(*(plain(np.histogram(part[:, j], edges[j])[0]) for part in (data, samples))) for j in chosen
        ),
        pairs=tuple(pairs),
    )


def strongest_columns(data: Float[np.ndarray, "n d"], count: int) -> list[int]:
    """At most `count` columns, in the order of the table, grown from the strongest rank correlation."""
    strength = np.nan_to_num(np.abs(rank_correlation(data)))
    np.fill_diagonal(strength, 0.0)
    chosen = [int(np.argmax(strength.max(axis=0)))]
    varying = deviations(data) > 0
    while len(chosen) < min(count, int(varying.sum())):
        gain = np.where(varying, strength[chosen].max(axis=0), -1.0)
        gain[chosen] = -2.0
        chosen.append(int(np.argmax(gain)))
    return sorted(chosen)


def rank_correlation(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "d d"]:
    """Spearman's correlation matrix; NaN where a column is constant."""
    ranks = rankdata(rows, axis=0)
    ranks -= ranks.mean(axis=0)
    norms = np.linalg.norm(ranks, axis=0)
    norms[norms == 0] = np.nan
    return (ranks / norms).T @ (ranks / norms)


def correlation_records(
    names: Sequence[str], data: Float[np.ndarray, "n d"], samples: Float[np.ndarray, "m d"]
) -> Correlations:
    """Rank correlations of data and samples, and the largest and the root mean square difference over all pairs."""
    ours, theirs = rank_correlation(data), rank_correlation(samples)
    upper = _upper_pairs(ours, theirs)
    gaps = np.abs(ours - theirs)[upper]
    worst = [names[int(j)] for j in np.argwhere(upper)[int(np.argmax(gaps))]] if len(gaps) else None
    shown = strongest_columns(data, MAX_CORRELATIONS)
    return Correlations(
        names=tuple(names[j] for j in shown),
        total=data.shape[1],
        data=plain(ours[np.ix_(shown, shown)], digits=3),
        samples=plain(theirs[np.ix_(shown, shown)], digits=3),
        root_mean_square=plain(np.sqrt(np.mean(gaps**2))) if len(gaps) else None,
        largest=plain(gaps.max()) if len(gaps) else None,
        largest_pair=(worst[0], worst[1]) if worst is not None else None,
        floor=plain(np.sqrt(1 / len(data) + 1 / len(samples))),
    )


def _upper_pairs(ours: np.ndarray, theirs: np.ndarray) -> Bool[np.ndarray, "d d"]:
    return np.triu(np.isfinite(ours) & np.isfinite(theirs), k=1)


def _deviation(rows: np.ndarray) -> np.ndarray:
    size = deviations(rows)
    return np.where(size > 0, size, 1.0)
