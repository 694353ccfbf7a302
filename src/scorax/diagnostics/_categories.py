"""Columns of categories: their bars, and how far samples are from the data."""

import numpy as np
from jaxtyping import Float
from scipy.stats import chi2_contingency

from scorax._mixed_rows import MixedRows
from scorax.diagnostics._columns import FEWEST_ROWS
from scorax.diagnostics._plain import plain
from scorax.metrics import column_differences
from scorax.records import Label, RangeShares

_MOST_BARS = 12
_LEAST_EXPECTED = 5


def total_variation(
    data: Float[np.ndarray, " n"], samples: Float[np.ndarray, " m"], count: int, seed: int
) -> tuple[float, float]:
    """Total variation of the shares of `count` categories, and what two samples of one law exceed one time in twenty."""
    ours, theirs = (MixedRows(np.empty((len(x), 0)), x[:, None].astype(int), (count,)) for x in (data, samples))
    (difference,) = column_differences(ours, theirs, seed=seed)
    return difference.distance, difference.expected


def shares_p_value(data: Float[np.ndarray, " n"], samples: Float[np.ndarray, " m"], count: int) -> float:
    """Chance of shares as far apart by the chi-squared test of homogeneity.

    Categories of which fewer than five rows are expected in one of the two tables are taken together (Cochran, 1954).
    """
    counts = _counts(data, samples, count)
    sizes = counts.sum(axis=1)
    rare = counts.sum(axis=0) * sizes.min() < _LEAST_EXPECTED * sizes.sum()
    counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return 1.0
    return plain(chi2_contingency(counts, correction=False)[1])


def unseen_records(data: Float[np.ndarray, " n"], samples: Float[np.ndarray, " m"]) -> RangeShares:
    """Share of samples in categories that no row of data has, in the place of those above its range; no test is made.

    Expected is the share of the rows that are alone in their category (Good, 1953).
    """
    _, counts = np.unique(data, return_counts=True)
    above, expected = np.mean(~np.isin(samples, data)), np.mean(counts == 1) * len(counts) / len(data)
    return RangeShares(below=0.0, above=plain(above), expected=plain(expected), p_value=1.0)


def bars(
    names: tuple[str, ...], data: Float[np.ndarray, " n"], samples: Float[np.ndarray, " m"]
) -> tuple[tuple[Label, ...], tuple[int, ...], tuple[int, ...]]:
    """Labels of the bars of the most frequent categories, in their order, and of one for all others; counts of both tables.

    A category of fewer than five rows is among the others: its name would say too much about each of them.
    """
    counts = _counts(data, samples, len(names))
    often = np.argsort(-counts[0], kind="stable")[:_MOST_BARS]
    often = np.sort(often[counts[0, often] >= FEWEST_ROWS])
    shown, texts = counts[:, often], [names[j] for j in often]
    if more := len(names) - len(often):
        shown = np.column_stack([shown, counts.sum(axis=1) - shown.sum(axis=1)])
        texts.append(f"{more} more" if len(often) else f"{more} categories")
    return tuple(Label(float(at), text) for at, text in enumerate(texts)), plain(shown[0]), plain(shown[1])


def _counts(data: np.ndarray, samples: np.ndarray, count: int) -> np.ndarray:
    return np.array([np.bincount(part.astype(int), minlength=count) for part in (data, samples)])
