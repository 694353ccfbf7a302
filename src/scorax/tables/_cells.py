"""Rows of a table as metrics take them: every column that a model sees as one number or one level."""

import numpy as np
from jaxtyping import Float

from scorax._mixed_rows import MixedRows
from scorax.tables._schema import Schema
from scorax.tables.columns import AbstractLevels


def places_of_cells(schema: Schema) -> list[int]:
    """The columns that a model sees, by their places: those that are numbers first, then those that are levels.

    Texts, truth values and whatever has no order are levels. Counts and columns with spikes are numbers.
    """
    free = [int(place) for place in schema.free]
    return [j for j in free if not _leveled(schema, j)] + [j for j in free if _leveled(schema, j)]


def cells_of_rows(schema: Schema, values: Float[np.ndarray, "n columns"]) -> MixedRows:
    """The rows in these columns; a missing cell is NaN or -1, and a value that is none of the levels is one more level."""
    places = places_of_cells(schema)
    levels = [schema.columns[j] for j in places if _leveled(schema, j)]
    numbers = values[:, places[: len(places) - len(levels)]]
    found = np.empty((len(values), len(levels)), np.int64)
    for k, (j, column) in enumerate(zip(places[len(places) - len(levels) :], levels, strict=True)):
        own = column.encode(values[:, j]).levels[:, 0]
        found[:, k] = np.where(np.isnan(values[:, j]), -1, np.where(own < 0, column.codes[0].size, own))
    sizes = tuple(column.codes[0].size + 1 for column in levels)
    return MixedRows(numbers, found, sizes, None, tuple(column.codes[0].ordered for column in levels))


def _leveled(schema: Schema, place: int) -> bool:
    column = schema.columns[place]
    return isinstance(column, AbstractLevels) and (column.format.kind in ("text", "boolean") or not column.ordered)
