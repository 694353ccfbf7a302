"""What is no variable: identifiers and free text, told by their values."""

import re

import numpy as np

from scorax.tables.columns._cells import Cells

_PAIRS = 12.0
"""Distinct integers are identifiers where chance would have repeated so many pairs of them: none is as likely as e^-12."""

_FEWEST = 20
_DISTINCT = 0.95
"""Short texts are identifiers where at least 95 % of the rows, 20 or more, have one of their own."""

_LONG = 40
_WORDS = 6
_FREE = 0.5
"""Texts of 40 characters or 6 words in the mean are free text where more than half of the rows have one of their own."""

_PLAIN_NAMES = re.compile(r"^(id|index|uuid|guid|key|rownames?|row_?id|row_?number)$|[_ .-]id$", re.IGNORECASE)
_CAMEL = re.compile(r"[a-z]I[dD]$")


def identifier(cells: Cells) -> str | None:
    """Why a column is an identifier, or ``None``: integers or short texts of which every row has one of its own."""
    rows, distinct = len(cells.values), len(cells.distinct)
    if cells.given.kind == "text":
        if rows < _FEWEST or distinct < _DISTINCT * rows or _is_long(cells):
            return None
        return f"{distinct} different texts in {rows} rows"
    points = cells.points
    if cells.given.kind != "number" or points is None or points.decimals or distinct < rows:
        return None
    span = cells.high - cells.low + 1
    if rows * (rows - 1) / (2 * span) > _PAIRS:
        order = "running" if (np.diff(cells.values) > 0).all() else "all different"
        return f"{order} integers, {rows} of {span:.0f} possible ones"
    if rows >= _FEWEST and is_named_identifier(cells.name):
        return "integers that are all different, and its name"
    return None


def is_named_identifier(name: str) -> bool:
    """Whether a name says that a column identifies its rows."""
    return bool(_PLAIN_NAMES.search(name.strip()) or _CAMEL.search(name.strip()))


def is_free_text(cells: Cells) -> bool:
    """Whether a column is of texts that are written, not chosen."""
    return cells.given.kind == "text" and len(cells.distinct) > _FREE * len(cells.values) and _is_long(cells)


def _is_long(cells: Cells) -> bool:
    texts = cells.given.cells(cells.distinct).tolist()
    characters, words = np.mean([(len(text), len(text.split())) for text in texts], axis=0)
    return bool(characters >= _LONG or words >= _WORDS)
