"""What a person may want to know of a column that was found."""

from collections.abc import Iterator

import numpy as np

from scorax._text import quote
from scorax.data.formats import ISO
from scorax.tables.columns import AbstractColumn, AbstractNumber, Category, Cells, Copy, Count, Difference, Ordered

_MANY = 60
_FIRST_DATE, _LAST_DATE = 19_000_101, 20_991_231
_SHOWN = 5


def remarks_on(column: AbstractColumn, cells: Cells, absent: int) -> Iterator[str]:
    """A line for each thing that a person may take otherwise, with why."""
    if absent:
        yield f"{absent} of {absent + len(cells.values)} cells are missing"
    if isinstance(column, Copy):
        agree = "" if column.images is None else f", as all {len(cells.values)} rows have it"
        yield (
            f"copy, restored from {quote(column.source)} and not modelled: {column.summary}{agree}; "
            f"--column {column.name}=KIND models it"
        )
        return
    if cells.far:
        yield f"{_shown(column, cells.far)}: taken for a code for what is missing, far from all other values; it stays a value"
    if isinstance(column, Difference):
        yield (
            f"in no row below {quote(column.source)}, and near to it: modelled as what it is more; "
            f"{column.alone} models it by itself"
        )
    elif isinstance(column, AbstractNumber):
        yield from _on_number(column, cells)
    if isinstance(column, Count) and column.ordered and None in (column.below, column.above) and cells.stated is None:
        closed = [side for side, q in (("below", column.below), ("above", column.above)) if q is None]
        yield f"closed {' and '.join(closed)}: there is no value beyond unless you state other ends"
    if isinstance(column, Ordered) and cells.stated is None:
        yield f"{len(column.levels)} values that repeat: levels, with nothing between"
    if cells.given.kind == "time" and cells.given.date != ISO:
        yield f"dates are read and written as {cells.given.date}"
    if cells.given.kind == "text":
        yield from _on_text(column, cells)
    if cells.given.kind == "number" and _are_dates(cells):
        yield "integers that look like dates (YYYYMMDD), taken as numbers: write 2024-01-31 to have dates"


def _on_number(column: AbstractNumber, cells: Cells) -> Iterator[str]:
    spikes = [spike for spike in column.spikes if spike not in cells.far]
    if cells.head:
        yield f"a long count: {_shown(column, cells.head)} are levels, what is beyond is a number"
    elif spikes:
        share = np.isin(cells.values, spikes).mean()
        yield f"{_shown(column, spikes)} in {100 * share:.3g} % of the rows, far more often than what is near: levels"
    if column.ends and cells.stated is None and not cells.head:
        yield f"values {column.ends} only, as the data say: state other ends if there are others"


def _on_text(column: AbstractColumn, cells: Cells) -> Iterator[str]:
    texts = cells.given.cells(cells.distinct).tolist()
    if isinstance(column, Category) and len(texts) > _MANY:
        alone = int((cells.repeats == 1).sum())
        rare = f", {alone} of them in one row only: a level that is rare is learned from few rows" if alone else ""
        yield f"{len(texts)} levels{rare}"
    if any(text[:1] == "0" and len(text) > 1 and text.isdigit() for text in texts) and all(
        text.isdigit() for text in texts
    ):
        yield "digits with leading zeros: categories, not numbers"


def _are_dates(cells: Cells) -> bool:
    points = cells.points
    if points is None or points.decimals or not _FIRST_DATE <= cells.low <= cells.high <= _LAST_DATE:
        return False
    months, days = points.distinct // 100 % 100, points.distinct % 100
    return bool(((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all())


def _shown(column: AbstractColumn, values: tuple[float, ...] | list[float]) -> str:
    found = column.format.cells(np.array(values)).tolist()
    cells = [f"{cell:.12g}" if isinstance(cell, float) else str(cell) for cell in found]
    return ", ".join(cells) if len(cells) <= _SHOWN else f"{cells[0]} to {cells[-1]}"
