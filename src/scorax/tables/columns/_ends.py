"""The ends of a column of numbers, found in its values by a stated rule."""

import re

import numpy as np
from jaxtyping import Float

from scorax._deviations import deviations

_ROWS = 30
_OFTEN_BELOW = 3.0
"""Numbers that are all of one sign end at zero where their mean is less than three standard deviations away."""

_NEAR = 0.02
_OUTER = 0.05
_OUTER_SHARE = 0.02
_OUTER_ROWS = 8
"""They end at a round number where they come within 2 % of its last digit, and 2 % of them and eight lie in the outer 5 % of
their range: a tail that thins out is no end."""

_NAMED = (
    (re.compile(r"percent|pct|%|humidity", re.IGNORECASE), 100.0),
    (re.compile(r"prob|proportion|fraction", re.IGNORECASE), 1.0),
)
"""Words in a name that say that its values end at 0 and at this number."""


def found_ends(values: Float[np.ndarray, " n"], name: str, margin: float) -> tuple[float, float]:
    """The lowest and the highest value that a column may have, infinite where there is no sign of an end.

    An end is kept only where all values can lie within it: where no decimals are known (``margin`` 0) none is at the end itself.
    """
    if len(values) < _ROWS or values.min() == values.max():
        return -np.inf, np.inf
    low, high = float(values.min()), float(values.max())
    for word, top in _NAMED:
        if word.search(name) and low >= 0 and high <= top and high > top / 2:
            return _reached(0.0, low, margin, -np.inf), _reached(top, high, margin, np.inf)
    round_low, round_high = _round_end(values, margin), -_round_end(-values, margin)
    mean, deviation = float(values.mean()), float(deviations(values[:, None])[0])
    near = abs(mean) < _OFTEN_BELOW * deviation
    lower = 0.0 if low >= 0 and near else round_low
    upper = 0.0 if high <= 0 and near else round_high
    return _reached(lower, low, margin, -np.inf), _reached(upper, high, margin, np.inf)


def _reached(end: float, extreme: float, margin: float, none: float) -> float:
    return none if margin == 0 and end == extreme else end


def _round_end(values: Float[np.ndarray, " n"], margin: float) -> float:
    """The round number at which values end below, or minus infinity. Their range is that of all but the uppermost hundredth."""
    low = float(values.min())
    span = float(np.quantile(values, 0.99)) - low
    if span <= 0 or np.sum(values <= low + _OUTER * span) < max(_OUTER_ROWS, _OUTER_SHARE * len(values)):
        return -np.inf
    digit = np.floor(np.log10(1.05 * span))
    for unit in (10.0**digit, 10.0 ** (digit - 1)):
        end = float(f"{np.floor(low / unit + 1e-9) * unit:.12g}")
        if margin <= _NEAR * unit and end <= low <= end + _NEAR * unit:
            return end
    return -np.inf
