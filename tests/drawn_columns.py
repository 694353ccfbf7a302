"""Tables of a few columns, drawn for the rules of what columns are taken for."""

from typing import Any

import numpy as np

from scorax.data import NumberFormat, Table, TextFormat
from scorax.tables import examine

ROWS = 400


def rng(seed=0):
    return np.random.default_rng(seed)


def texts(cells) -> tuple[np.ndarray, TextFormat]:
    levels = tuple(sorted({cell for cell in cells if cell is not None}))
    return np.array([np.nan if c is None else levels.index(c) for c in cells], dtype=float), TextFormat(levels)


def table(**columns) -> Table:
    """Of values, or of values and their format; a filler column makes rows that differ."""
    pairs = [c if isinstance(c, tuple) else (np.asarray(c, float), NumberFormat()) for c in columns.values()]
    return Table(tuple(columns), np.column_stack([v for v, _ in pairs]), tuple(f for _, f in pairs))


def only(column, choices=None, name="c") -> tuple[Any, list[str]]:
    found = examine(table(**{name: column}), choices)
    return found.schema.columns[0], [remark.text for remark in found.remarks]


def zeros_and(values, share=0.7, seed=9):
    return np.where(rng(seed).random(len(values)) < share, 0.0, values)


def integers(low, high, seed=0, rows=ROWS):
    return rng(seed).integers(low, high + 1, rows).astype(float), NumberFormat(0)
