"""Values that a column repeats far more often than those around them: zeros, and codes for what is missing."""

import numpy as np
from jaxtyping import Float

MOST_SPIKES = 10
"""Where more values stand out, besides the small ones of a long count, only those do that have 10 % of the rows."""

_ALONE = 0.1

_SHARE = 0.02
_FEWEST = 16
_TIMES = 8.0
"""A value stands out where it has at least 2 % of the rows, sixteen of them, and eight times the median of those around it."""

_AROUND = 10
_CODE_SHARE = 0.005
_CODE_ROWS = 3

MOST_LEVELS = 60
"""So many points between its ends a column of integers may have to be levels."""

_CROWDED = 0.4
_TOP = 5
_ROWS_OF_VALUE = 3
_HEAD = 0.9
"""A long count starts with levels where its first points have 90 % of the rows, the five most frequent values 40 %, and a value
three rows."""


def far_codes(values: Float[np.ndarray, " n"]) -> tuple[float, ...]:
    """Values written with the digit 9 only, such as -999, repeated and farther from all others than those from each other."""
    distinct, counts = np.unique(values, return_counts=True)
    found: list[float] = []
    low, high = 0, len(distinct)
    while high - low > 2:
        at_low, at_high = distinct[low + 1] - distinct[low], distinct[high - 1] - distinct[high - 2]
        lower = at_low > distinct[high - 1] - distinct[low + 1] and _is_code(distinct[low])
        upper = at_high > distinct[high - 2] - distinct[low] and _is_code(distinct[high - 1])
        place = low if lower else high - 1
        if not (lower or upper) or counts[place] < max(_CODE_ROWS, _CODE_SHARE * len(values)):
            break
        found.append(float(distinct[place]))
        low, high = (low + 1, high) if lower else (low, high - 1)
    return tuple(sorted(found))


def standing_out(values: Float[np.ndarray, " n"]) -> tuple[float, ...]:
    """Values with many more rows than the median of the twenty values around them."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < 3:
        return ()
    often = np.flatnonzero(counts >= max(_FEWEST, _SHARE * len(values)))
    often = often[np.argsort(-counts[often], kind="stable")]
    found = [float(distinct[j]) for j in often if counts[j] >= _TIMES * _around(counts, int(j))]
    if len(found) > MOST_SPIKES:  # that is how the column is rounded
        found = [float(distinct[j]) for j in often[:MOST_SPIKES] if counts[j] >= _ALONE * len(values)]
    return tuple(sorted(found)) if len(found) + 2 <= len(distinct) else ()


def count_head(values: Float[np.ndarray, " n"]) -> tuple[float, ...]:
    """The first points of a long count: integers of which most rows have few values and some are far beyond."""
    distinct, counts = np.unique(values, return_counts=True)
    low = float(distinct[0])
    first = distinct < low + MOST_LEVELS - 1
    if distinct[-1] < low + MOST_LEVELS or counts[first].sum() < _HEAD * len(values):
        return ()
    if np.sort(counts)[-_TOP:].sum() < _CROWDED * len(values) or len(values) < _ROWS_OF_VALUE * len(distinct):
        return ()
    return tuple(float(v) for v in np.arange(low, distinct[first][-1] + 1))


def _around(counts: np.ndarray, j: int) -> float:
    """Median rows of the values next to one."""
    return float(np.median([*counts[max(0, j - _AROUND) : j], *counts[j + 1 : j + 1 + _AROUND]]))


def _is_code(value: float) -> bool:
    return set(f"{abs(value):.12g}".replace(".", "")) == {"9"}
