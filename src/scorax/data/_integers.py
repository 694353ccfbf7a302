"""Whole numbers that float64 cannot hold: a column of them is kept as its distance from one of them, its origin."""

from collections.abc import Sequence

import numpy as np

from scorax._decimals import EXACT
from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.data.formats import NumberFormat

_FINE = 2**45
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
        raise InputError(
            f"{shown_path(where)}: "
            + explain(
                expected="integers that range over at most 2^53",
                got=f"{least} to {largest} in column {quote(name)}",
                do="remove the column (an identifier?) or write it as decimal numbers",
            )
        )


def joined(
    blocks: Sequence[tuple[np.ndarray, Sequence[int | None]]],
    names: Sequence[str],
    decimals: Sequence[int | None],
    where: object,
) -> tuple[np.ndarray, tuple[NumberFormat, ...]]:
    """Blocks of rows one below the other, and how their columns are written.

    Args:
        blocks: of each, the values and the origin of every column; ``None`` where its cells are not all integers. The
            values are moved in place.
        names: of the columns.
        decimals: with which they are written, where known.
        where: the file, for messages.
    """
    formats: list[NumberFormat] = []
    for j, name in enumerate(names):
        formats.append(NumberFormat(decimals[j]))
        spans = [_span(values[:, j], of[j] or 0) for values, of in blocks if of[j] is not None]
        spans = [span for span in spans if span is not None]
        if not spans:
            continue
        least, largest = min(low for low, _ in spans), max(high for _, high in spans)
        size = max(abs(least), abs(largest))
        integral = all(of[j] is not None for _, of in blocks)
        if integral:
            check_range(least, largest, where, name)
        elif size > EXACT:
            raise too_large(where, name)
        to = least if integral and size > _FINE else 0
        for values, of in blocks:
            values[:, j] += (of[j] or 0) - to
        if integral:
            formats[j] = NumberFormat.of(decimals[j], to, largest - to)
    parts = [values for values, _ in blocks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts), tuple(formats)


def _span(values: np.ndarray, origin: int) -> tuple[int, int] | None:
    present = values[~np.isnan(values)]
    return (origin + int(present.min()), origin + int(present.max())) if present.size else None


def too_large(where: object, name: str, row: int | None = None) -> InputError:
    """The refusal of an integer beyond 2^53 in a column that also holds decimals, or beyond 64 bits in any."""
    place = f"column {quote(name)}" + ("" if row is None else f", row {row}")
    return InputError(
        f"{shown_path(where)}: "
        + explain(
            expected="integers of 64 bits, and below 2^53 in size beside decimal numbers",
            got=f"a larger one in {place}",
            do="remove the column (an identifier?) or write it as decimal numbers",
        )
    )
