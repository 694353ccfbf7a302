"""Kinds of columns: each says how values become coordinates of a model and come back."""

from scorax.tables.columns._cells import Cells
from scorax.tables.columns._column import AbstractColumn
from scorax.tables.columns._constant import Constant
from scorax.tables.columns._continuous import Continuous
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._integer import Integer
from scorax.tables.columns._rounded import Rounded
from scorax.tables.columns._span import Span

KINDS: dict[str, type[AbstractColumn]] = {
    "constant": Constant,
    "integer": Integer,
    "rounded": Rounded,
    "continuous": Continuous,
}
"""Every kind of column, by its name in ``schema.json``. A column is of the first that takes its cells."""

__all__ = [
    "KINDS",
    "AbstractColumn",
    "Cells",
    "Constant",
    "Continuous",
    "Grid",
    "Integer",
    "Rounded",
    "Span",
]
