"""How the columns of a table are shown: the axes of pictures, and rows as they stand at them."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from scorax.data import Format, NumberFormat, TimeFormat
from scorax.diagnostics import Axis
from scorax.tables._schema import Schema
from scorax.tables.columns import AbstractColumn, AbstractLevels, Count

_FEW_NUMBERS = 12
"""So many numbers in order are shown each by itself."""


def axis_of(column: AbstractColumn, label: str) -> Axis:
    """How a column is shown: categories and truth values by name, few numbers in order too, times as they are written."""
    form = column.format
    differentiable = not (column.codes or column.mapped)
    step = column.by if isinstance(column, Count) else column.step
    axis = Axis(label, column.kind, step, differentiable=differentiable, unit=_unit(form))
    if isinstance(column, AbstractLevels) and (
        not column.ordered or form.kind == "text" or len(column.points) <= _FEW_NUMBERS
    ):
        return replace(axis, categories=tuple(_texts(form, column.points)), ordered=column.ordered)
    if form.kind == "text" or form.kind == "boolean":
        places = np.arange(len(form.levels) if form.kind == "text" else 2, dtype=float)
        return replace(axis, categories=tuple(_texts(form, places)))
    if form.kind == "time":
        return replace(axis, name=column.name, written=partial(_texts, form))
    return axis


def _unit(form: Format) -> str | None:
    """What may be compared: times in one unit, and numbers with the same decimals, which count from zero."""
    if form.origin != 0:
        return None
    if isinstance(form, TimeFormat):
        return f"{form.unit}, {form.zone}"
    return f"{form.decimals} decimals" if isinstance(form, NumberFormat) else None


def _texts(form: Format, values: np.ndarray) -> list[str]:
    return [str(text) for text in form.text(np.asarray(values, np.float64)).to_pylist()]


def shown_rows(axes: Sequence[Axis], schema: Schema, values: np.ndarray) -> np.ndarray:
    """The rows of the file as samples are shown beside them."""
    encoded = schema.encode(values)
    # What differs in its last bits in a constant column is no variation of the data.
    rows = schema.invert(encoded)
    # The middle of a cell in the image of a map is not the image of its middle, which samples have.
    mapped = [not axis.differentiable for axis in axes]
    rows[:, mapped] = schema.decode(encoded)[:, mapped]
    return placed_rows(axes, schema, rows)


def placed_rows(axes: Sequence[Axis], schema: Schema, values: np.ndarray) -> np.ndarray:
    """Rows with the places of categories; what the axes of texts and truth values show otherwise are places by themselves."""
    placed = values.copy()
    for j, (axis, column) in enumerate(zip(axes, schema.columns, strict=True)):
        if axis.categories is not None and isinstance(column, AbstractLevels):
            levels = column.encode(values[:, j]).levels[:, 0]
            placed[:, j] = np.where(levels < 0, np.nan, levels)
    return placed
