"""Decimal and whole numbers in float64: how many decimals values have, the nearest decimal, integers beyond 2^53."""

import numpy as np

EXACT = 2**53
"""Up to this size float64 holds every integer."""

_EXACT = float(EXACT)
_WIDEST = 0.05
_MOST_SHORT = 6


def single_precision(values: np.ndarray) -> bool:
    """Whether all values may have come through float32: near their decimals only to its precision."""
    return bool(np.abs(values).max() <= _EXACT and (values == values.astype(np.float32)).all())


def shortest_decimals(values: np.ndarray, *, single: bool = False) -> int | None:
    """The fewest decimals, from one to six, with which floats can be written and read back; ``None`` if six are too few.

    One at least, as floats are written: ``2.0``. ``single``: they are to read back in single precision only.
    """
    if (np.rint(values) == values).all():
        return 1
    largest = np.abs(values).max()
    for decimals in range(1, _MOST_SHORT + 1):
        if largest > _EXACT / 10.0**decimals:
            return None
        back = np.rint(values * 10.0**decimals) / 10.0**decimals
        if ((back.astype(np.float32) if single else back) == values).all():
            return decimals
    return None


def on_decimals(values: np.ndarray, decimals: int, tolerance: float) -> np.ndarray | None:
    """The values times ``10**decimals`` as int64 where all are integral within the tolerance, otherwise ``None``."""
    scale = 10.0**decimals
    if not np.abs(values).max() <= _EXACT / scale:
        return None
    scaled = values * scale
    nearest = np.rint(scaled)
    # A decimal number of a file is the float64 nearest to it, and dividing integers within 2^53 rounds to that.
    if (nearest / scale == values).all():
        return nearest.astype(np.int64)
    if decimals == 0:
        return None
    slack = tolerance * np.maximum(np.abs(scaled), 1.0)
    # A tolerance as wide as the grid itself would call every number a decimal one: far from zero only the rounding
    # of the number itself is forgiven.
    slack = np.where(slack > _WIDEST, 2.0**-50 * np.abs(scaled), slack)
    if np.max(slack) > _WIDEST or (np.abs(scaled - nearest) > slack).any():
        return None
    return nearest.astype(np.int64)


def round_to(values: np.ndarray, decimals: int, offset: float = 0.0, step: float | None = None) -> np.ndarray:
    """The nearest points ``offset + k step``, each the float64 nearest to its decimal; NaN and infinities stay.

    So do numbers so large that float64 has no digit left to round. ``step`` is one unit of the decimals by default.
    """
    scale = 10.0**decimals
    fine = np.abs(values) < _EXACT / scale
    first, stride = np.rint(offset * scale), 1.0 if step is None else np.rint(step * scale)
    found = (first + np.rint((np.where(fine, values, 0.0) * scale - first) / stride) * stride) / scale
    return np.where(fine, found + 0.0, values)  # + 0.0: no negative zero


def moved(values: np.ndarray, shift: int) -> np.ndarray:
    """``values + shift`` for a whole number of any size: exact where the sum is an integer within 2^53."""
    if not shift:
        return values
    coarse = float(shift)
    return values + coarse + float(shift - int(coarse))


def whole(values: np.ndarray, origin: int) -> np.ndarray | None:
    """``origin + values`` rounded, as int64 or where that is too small uint64; ``None`` where 64 bits do not hold all."""
    if not (np.abs(values) <= EXACT).all():
        return None
    near = np.rint(values).astype(np.int64)
    least, largest = (origin + int(near.min()), origin + int(near.max())) if near.size else (origin, origin)
    if least >= -(2**63) and largest < 2**63:
        # The origin itself may lie just outside: its bits wrap round, and so does the sum, back to where it belongs.
        return near + np.array(origin % 2**64, np.uint64).view(np.int64)
    if least >= 0 and largest < 2**64:
        return near.view(np.uint64) + np.uint64(origin % 2**64)
    return None
