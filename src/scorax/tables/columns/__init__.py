"""Kinds of columns: each says how values become numbers and levels that a model sees, and how they come back."""

from scorax.tables.columns._base import Asinh, Base, Identity, Log, Logit, Softplus
from scorax.tables.columns._boolean import Boolean
from scorax.tables.columns._category import Category
from scorax.tables.columns._cells import Cells, Stated
from scorax.tables.columns._codes import Codes, Encoded
from scorax.tables.columns._column import AbstractColumn
from scorax.tables.columns._constant import Constant
from scorax.tables.columns._continuous import Continuous
from scorax.tables.columns._copy import Copy, found_line
from scorax.tables.columns._count import Count
from scorax.tables.columns._difference import Difference, excess_of
from scorax.tables.columns._grid import Grid
from scorax.tables.columns._groups import Groups
from scorax.tables.columns._integer import Integer
from scorax.tables.columns._knots import Knots
from scorax.tables.columns._levels import AbstractLevels, AbstractOpenLevels
from scorax.tables.columns._map import Map
from scorax.tables.columns._no_variable import identifier, is_free_text
from scorax.tables.columns._number import AbstractNumber
from scorax.tables.columns._ordered import Ordered
from scorax.tables.columns._parameter import Parameter
from scorax.tables.columns._prior import PRIORS, AbstractPrior, Prior
from scorax.tables.columns._repeated import Repeated
from scorax.tables.columns._rounded import Rounded
from scorax.tables.columns._span import Span
from scorax.tables.columns._time import Time

KINDS: dict[str, type[AbstractColumn]] = {
    "constant": Constant,
    "copy": Copy,
    "difference": Difference,
    "boolean": Boolean,
    "category": Category,
    "count": Count,
    "ordered": Ordered,
    "time": Time,
    "repeated": Repeated,
    "integer": Integer,
    "rounded": Rounded,
    "continuous": Continuous,
    "parameter": Parameter,
}
"""Every kind of column, by its name in ``schema.json``. A column is of the first that takes its cells."""

__all__ = [
    "KINDS",
    "PRIORS",
    "AbstractColumn",
    "AbstractLevels",
    "AbstractNumber",
    "AbstractOpenLevels",
    "AbstractPrior",
    "Asinh",
    "Base",
    "Boolean",
    "Category",
    "Cells",
    "Codes",
    "Constant",
    "Continuous",
    "Copy",
    "Count",
    "Difference",
    "Encoded",
    "Grid",
    "Groups",
    "Identity",
    "Integer",
    "Knots",
    "Log",
    "Logit",
    "Map",
    "Ordered",
    "Parameter",
    "Prior",
    "Repeated",
    "Rounded",
    "Softplus",
    "Span",
    "Stated",
    "Time",
    "excess_of",
    "found_line",
    "identifier",
    "is_free_text",
]
