"""What the columns of a table are, by stated rules, and why."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from scorax._errors import refusal
from scorax._text import quote
from scorax.data import Table, TimeFormat
from scorax.data.formats import dates_in
from scorax.tables._choices import Choices
from scorax.tables._copies import Source, copy_of
from scorax.tables._differences import with_differences
from scorax.tables._remarks import remarks_on
from scorax.tables._schema import Schema
from scorax.tables._schema_json import LeftOut
from scorax.tables.columns import (
    KINDS,
    AbstractColumn,
    Cells,
    Constant,
    identifier,
    is_free_text,
)

_PLAIN = ("continuous", "integer", "rounded")
"""Kinds that a column of numbers as they are may have."""

_SPREADS = (1e-305, 1e305)
"""Of the values of a column that varies: the standard deviation and its inverse are normal numbers then."""


@dataclass(frozen=True)
class Remark:
    """Something a person may want to know of a column.

    Attributes:
        column: its name.
        text: what was found and what is done.
    """

    column: str
    text: str


class Found(NamedTuple):
    """The schema of a table, and remarks on how it came about."""

    schema: Schema
    remarks: tuple[Remark, ...]


def examine(table: Table, choices: Choices | None = None, *, plain: bool = False) -> Found:
    """What the columns of a table are.

    What a person states comes first. A column without a value, an identifier and what is ignored are left out. A column that
    another one determines is a copy of it. What is left is of the first of :data:`~scorax.tables.columns.KINDS` that takes it; a
    number that another one bounds from below, and that is near to it, is that one and a difference.

    Args:
        table: with missing cells as NaN.
        choices: what a person says of columns.
        plain: numbers as they are: no levels, no spikes, no maps, and no column is a copy or left out unless a person says so.

    Raises:
        InputError: a column is free text, has no kind, or is not what a person says.
    """
    choices = Choices() if choices is None else choices
    choices.require_known(table.columns)
    table = _dated(table, choices)
    every = {name: _cells(table, j, choices, plain) for j, name in enumerate(table.columns)}
    left = {name: why for name, cells in every.items() if (why := _left_out(name, cells, choices, plain)) is not None}
    kept = {name: cells for name, cells in every.items() if name not in left and cells is not None}
    found = _columns(table, kept, choices, plain)
    columns = tuple(found[name] for name in kept)
    schema = Schema(columns, tuple(LeftOut(name, why) for name, why in left.items()), table.dialect)
    remarks = [Remark(name, f"left out: {why}") for name, why in left.items()]
    remarks += [
        Remark(column.name, f"one value is constant, also where {choices.kinds[column.name].kind} is stated")
        for column in columns
        if isinstance(column, Constant) and column.name in choices.kinds
    ]
    if not plain:
        absent = dict(zip(table.columns, np.isnan(table.values).sum(axis=0).tolist(), strict=True))
        for column in columns:
            remarks += [
                Remark(column.name, text) for text in remarks_on(column, kept[column.name], absent[column.name])
            ]
    return Found(schema, tuple(remarks))


def _dated(table: Table, choices: Choices) -> Table:
    """The table with the dates that a person says are in texts."""
    values, formats = table.values.copy() if choices.dates else table.values, list(table.formats)
    for name, layout in choices.dates.items():
        j = table.columns.index(name)
        form = formats[j]
        if isinstance(form, TimeFormat) and form.date == layout:
            continue
        try:
            values[:, j], formats[j] = dates_in(values[:, j], form, layout)
        except ValueError as error:
            raise refusal(
                f"column {quote(name)}",
                expected=f"dates {layout} in all cells",
                got=f"cells {error}",
                do="state what they are, or nothing",
            ) from None
    return replace(table, values=values, formats=tuple(formats))


def _cells(table: Table, j: int, choices: Choices, plain: bool) -> Cells | None:
    """The cells of a column, ``None`` where there are none."""
    name, values, form = table.columns[j], table.values[:, j], table.formats[j]
    values = values[~np.isnan(values)]
    if not len(values) or name in choices.ignored:
        return None
    stated = choices.kinds.get(name)
    if stated is not None:
        plain = plain and stated.kind in _PLAIN and not stated.ends
        if stated.ends:
            stated = stated._replace(low=stated.low - form.origin, high=stated.high - form.origin)
    return Cells(name, values, form, plain, stated)


def _left_out(name: str, cells: Cells | None, choices: Choices, plain: bool) -> str | None:
    """Why a column is no part of the model, ``None`` where it is."""
    if name in choices.ignored:
        return "ignored"
    if cells is None:
        if plain:
            expected, do = "at least one number", "leave the column out"
            raise refusal(f"column {quote(name)}", expected=expected, got="none", do=do)
        return "no value in any row"
    if plain or cells.stated is not None or cells.low == cells.high:
        return None
    why = identifier(cells)
    if why is None and is_free_text(cells):
        raise refusal(
            f"column {quote(name)}",
            expected="categories, numbers or times",
            got=f"free text ({len(cells.distinct)} different texts in {len(cells.values)} rows)",
            do=f"leave it out with --ignore {name}, or take every text as a category with --category {name}",
        )
    return None if why is None else f"identifier ({why})"


def _columns(table: Table, kept: dict[str, Cells], choices: Choices, plain: bool) -> dict[str, AbstractColumn]:
    """Every column. One that others determine has no more values than they, so those with the most go first, then texts."""
    place = {name: j for j, name in enumerate(table.columns)}
    found: dict[str, AbstractColumn] = {}
    sources: list[Source] = []
    for name in sorted(kept, key=lambda name: (-len(kept[name].distinct), kept[name].given.kind != "text")):
        cells = kept[name]
        if plain or cells.low == cells.high:
            found[name] = _found(cells)
            continue
        values = table.values[:, place[name]]
        column = None if name in choices.kinds else copy_of(cells, values, sources)
        if column is None:
            column = _found(cells)
            sources.append(Source.of(column, cells, values))
        found[name] = column
    if plain:
        return found
    return with_differences(
        found,
        {name: table.values[:, place[name]] for name in found},
        frozenset(choices.kinds) | frozenset(choices.dates),
    )


def _found(cells: Cells) -> AbstractColumn:
    """The column of the kind that a person states, or of the first kind that takes its cells."""
    _require_spread(cells)
    stated = cells.stated
    one = cells.low == cells.high
    if stated is not None and stated.ends and not (one and cells.given.kind != "number"):
        _require_inside(cells)
    if stated is None or one:
        return _column_of(cells)
    tried = ("count", "integer") if stated.kind == "integer" else (stated.kind,)
    for kind in tried:
        found = KINDS[kind].infer(cells)
        if found is not None:
            return found
    got = f"{cells.given.kind} cells" if cells.given.kind != "number" else "numbers that are not"
    raise refusal(
        f"column {quote(cells.name)}",
        expected=f"cells of the stated kind {stated.kind}",
        got=got,
        do="state another kind, or none",
    )


def _require_inside(cells: Cells) -> None:
    stated, body = cells.stated, cells.known
    if stated is not None and not stated.low <= body.low <= body.high <= stated.high:
        outside = body.low if body.low < stated.low else body.high
        shown = cells.format.cells(np.array([outside])).tolist()[0]
        raise refusal(
            f"column {quote(cells.name)}",
            expected="values between the stated ends",
            got=f"{shown}",
            do="state other ends, or mend the cell",
        )


def _require_spread(cells: Cells) -> None:
    """Refuse a column whose values are too near or too far apart for float64.

    Raises:
        InputError: they are.
    """
    low, high = cells.low, cells.high
    if not (low == high or _SPREADS[0] <= high - low <= _SPREADS[1]):
        raise refusal(
            f"column {quote(cells.name)}",
            expected=f"numbers that spread over {_SPREADS[0]:g} to {_SPREADS[1]:g}",
            got=f"{low!r} to {high!r}",
            do="multiply the column by a power of ten",
        )


def _column_of(cells: Cells) -> AbstractColumn:
    """The column of the first kind that takes its cells.

    Raises:
        InputError: none does.
    """
    found = next((found for kind in KINDS.values() if (found := kind.infer(cells)) is not None), None)
    if found is None:
        raise refusal(
            f"column {quote(cells.name)}",
            expected="numbers",
            got=f"cells of {cells.given.kind}",
            do="remove the column or encode it as numbers",
        )
    return found
