"""Whole numbers that float64 cannot hold: a column of them is kept as its distance from one of them, its origin."""

import numpy as np

from scorax._decimals import EXACT
from scorax._errors import InputError, refusal
from scorax._text import quote

FINE = 2**45
"""Up to this size eight bits remain below the point, for the noise of dequantisation; larger columns get an origin."""


def distances(cells: np.ndarray, where: object, name: str, absent: np.ndarray | None = None) -> tuple[np.ndarray, int]:
    """Integers as float64 distances from the least of them, and that one; NaN where ``absent``.

    Raises:
        InputError: they range over more than 2^53.
    """
    present = cells if absent is None else cells[~absent]
    if not present.size:
        return np.full(cells.shape, np.nan), 0
    least, largest = int(present.min()), int(present.max())
    check_range(least, largest, where, name)
    # Within the range the difference fits both 64-bit types; what an absent cell holds does not count.
    found = (np.where(absent, present[0], cells) if absent is not None else cells) - present.dtype.type(least)
    values = found.astype(np.float64)
    if absent is not None:
        values[absent] = np.nan
    return values, least


def check_range(least: int, largest: int, where: object, name: str) -> None:
    """Refuses a column of integers whose range float64 cannot hold."""
    if largest - least > EXACT:
        raise refusal(
            where,
            expected="integers that range over at most 2^53",
            got=f"{least} to {largest} in column {quote(name)}",
            do="remove the column (an identifier?) or write it as decimal numbers",
        )


def span(values: np.ndarray, origin: int) -> tuple[int, int] | None:
    """The least and the largest integer of values from an origin; ``None`` where all are missing."""
    present = values[~np.isnan(values)]
    return (origin + int(present.min()), origin + int(present.max())) if present.size else None


def too_large(where: object, name: str, row: int | None = None) -> InputError:
    """The refusal of an integer beyond 2^53 in a column that also holds decimals, or beyond 64 bits in any."""
    place = f"column {quote(name)}" + ("" if row is None else f", row {row}")
    return refusal(
        where,
        expected="integers of 64 bits, and below 2^53 in size beside decimal numbers",
        got=f"a larger one in {place}",
        do="remove the column (an identifier?) or write it as decimal numbers",
    )
