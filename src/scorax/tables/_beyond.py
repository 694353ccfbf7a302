"""Numbers outside of all that a fit has seen: what a model says given such, or draws given such, is a guess."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from scorax._text import quote
from scorax.tables._schema import Schema
from scorax.tables.columns import AbstractNumber

FAR = 3
"""Ranges of what was seen beyond which a drawn number is far out. Where n rows were seen one draw in 64 n is, of a law whose
tails fall as x^-3; of an exponential law one in n^4."""


def seen_ends(schema: Schema) -> Float[np.ndarray, "2 columns"]:
    """The smallest and the largest number seen, as each column takes values; NaN of columns of levels."""
    found = np.full((2, len(schema.columns)), np.nan)
    for j, column in enumerate(schema.columns):
        if isinstance(column, AbstractNumber):
            known = [column.seen.low, column.seen.high, *column.spikes]
            found[:, j] = min(known), max(known)
    return found


def outside(
    schema: Schema, values: Float[np.ndarray, "rows columns"], *, ranges: float = 0.0
) -> Bool[np.ndarray, "rows columns"]:
    """Which cells are finite numbers that lie more than so many ranges of what was seen outside of it."""
    low, high = seen_ends(schema)
    with np.errstate(invalid="ignore"):  # an infinite draw over an infinite other one
        own, reach = schema.own(values), ranges * (high - low)
    return np.isfinite(own) & ((own < low - reach) | (own > high + reach))


def outside_lines(schema: Schema, values: Float[np.ndarray, "rows columns"]) -> Iterator[str]:
    """A line on each column in which an observation lies outside of all simulations that a schema is of."""
    found, own, ends = outside(schema, values), schema.own(values), seen_ends(schema)
    for j in np.flatnonzero(found.any(axis=0)).tolist():
        row = int(np.argmax(found[:, j]))
        # Of a difference the value of the other column, where the ends of its excess begin; 0 elsewhere.
        base = values[row, j] - own[row, j]
        shown = [values[row, j], base + ends[0, j], base + ends[1, j]]
        value, low, high = schema.columns[j].format.text(np.array(shown)).to_pylist()
        yield (
            f"column {quote(schema.names[j])} of the observations has {value} in row {row + 1}, where simulations go from "
            f"{low} to {high}: what the model says of it is a guess"
        )


class FarOut:
    """Counts drawn numbers that lie far outside of what the fit has seen, :data:`FAR` times its range. None is changed."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._counts = np.zeros(len(schema.columns), np.int64)
        self._first: dict[int, int] = {}

    def add(
        self,
        values: Float[np.ndarray, "rows columns"],
        drawn: Bool[np.ndarray, "#rows columns"],
        *,
        start: int = 0,
    ) -> None:
        """Takes rows, the first of which has the number ``start``, and which of their cells are drawn."""
        found = drawn & outside(self._schema, values, ranges=FAR)
        self._counts += found.sum(axis=0)
        for j in np.flatnonzero(found.any(axis=0)).tolist():
            self._first.setdefault(j, start + int(np.argmax(found[:, j])))

    def lines(self, where: str) -> Iterator[str]:
        """A line on each column that has some; ``where`` names the rows."""
        for j, row in sorted(self._first.items()):
            column, count = self._schema.columns[j], int(self._counts[j])
            yield (
                f"column {quote(column.name)} ({column.summary}): {count:,} drawn {'cell lies' if count == 1 else 'cells lie'} "
                f"more than {FAR} times its range outside of it, the first in row {row + 1} of {where}: what is known of such a "
                "row is unlike the fit, and its draws are not to be relied on"
            )
