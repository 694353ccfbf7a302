"""Shapes that the arrays of a record must have, so that they can be drawn."""

import itertools
from collections.abc import Sequence
from typing import Any

Row = tuple[float | None, ...]
Counts = tuple[int, ...]


def require(holds: bool, expected: str) -> None:
    """Refuse what does not hold."""
    if not holds:
        raise ValueError(f"expected {expected}, got other ones")


def require_table(rows: Sequence[Sequence[Any]], height: int, width: int, name: str) -> None:
    """Refuse rows of another number or another length."""
    require(len(rows) == height and all(len(row) == width for row in rows), f"{name} of {height} rows of {width}")


def require_histogram(edges: Sequence[float], name: str, *counts: Sequence[int]) -> None:
    """Refuse edges that do not rise, and counts that are not one for each bin."""
    rising = all(low < high for low, high in itertools.pairwise(edges))
    require(len(edges) > 1 and rising, f"rising edges of {name}")
    require(all(len(c) == len(edges) - 1 and min(c) >= 0 for c in counts), f"{len(edges) - 1} counts of {name}")
