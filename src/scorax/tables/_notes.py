"""What is odd about a table and no error: a line each, for the person who brought it."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from scorax._text import listing, quote
from scorax.data import Format, Table, guard_name
from scorax.tables._copies import from_zero_to_one
from scorax.tables._repeats import distinct_rows
from scorax.tables._schema import Schema
from scorax.tables.columns import AbstractNumber, Constant

_Values: TypeAlias = Float[np.ndarray, " rows"]
"""The values of a column, NaN where missing."""

_ALONE = 1e6
"""A cell this many times farther off than all others are from each other leaves them one number in float32."""
_DIGITS = 9


def notes(table: Table, schema: Schema | None = None) -> tuple[str, ...]:
    """Lines on what a reader passed over, and on columns and rows that a density will not describe as a person may think.

    Of a table of numbers as they are, ``schema`` may be left out. The lines are about names that a spreadsheet runs as formulas,
    a cell that dwarfs its column, columns that are equal up to a change of units, and rows that were put in several times.
    """
    schema = Schema.infer(table) if schema is None else schema
    numbers = {c.name: c for c in schema.columns if isinstance(c, AbstractNumber | Constant)}
    values = {name: table.values[:, j] for j, name in enumerate(table.columns) if name in numbers}
    known = {name: cells[~np.isnan(cells)] for name, cells in values.items()}
    return (
        *table.remarks,
        *_formulas(table),
        *_lone_cells(values, known, numbers),
        *_same_columns(values, known),
        *_repeated_rows(table, schema),
    )


def _formulas(table: Table) -> Iterator[str]:
    found = [name for name in table.columns if guard_name(name) != name]
    if found:
        yield f"a spreadsheet runs {listing(found)} as a formula: CSV files get an apostrophe before the name"


def _lone_cells(
    cells: Mapping[str, _Values], known: Mapping[str, _Values], columns: Mapping[str, AbstractNumber | Constant]
) -> Iterator[str]:
    found = []
    for name, values in known.items():
        if len(values) < 3:
            continue
        low, below, above, high = np.partition(values, [0, 1, -2, -1])[[0, 1, -2, -1]]
        with np.errstate(over="ignore"):
            for lone, gap, rest in ((high, high - above, above - low), (low, below - low, high - below)):
                if rest > 0 and gap > _ALONE * rest:
                    row = int(np.argmax(cells[name] == lone)) + 1
                    found.append(f"{_shown(columns[name].format, lone)} in column {quote(name)}, row {row}")
    if found:
        yield (
            f"{_first(found, 2)} is a million times farther off than the other cells of the column are from each other (a "
            "slip?): the model tells these apart less well, or as one number"
        )


def _shown(form: Format, value: float) -> str:
    """A cell in few digits; a time, and what counts from an origin, as it is written."""
    if form.kind == "number" and not form.origin:
        return f"{value:g}"
    return str(form.cells(np.array([value]))[0])


def _same_columns(cells: Mapping[str, _Values], known: Mapping[str, _Values]) -> Iterator[str]:
    seen: dict[bytes, str] = {}
    found = []
    for name, values in cells.items():
        if len(known[name]) < 3 or np.ptp(known[name]) == 0:
            continue
        low, high = known[name].min(), known[name].max()
        unit = from_zero_to_one(values, float(low), float(high))
        key = hashlib.sha256((np.round(unit, _DIGITS) + 0.0).tobytes()).digest()
        if key in seen:
            found.append(f"{quote(seen[key])} and {quote(name)}")
        else:
            seen[key] = name
    if found:
        yield f"columns {_first(found, 3)} are equal or differ in units only: one of them says all"


def _first(found: list[str], most: int) -> str:
    more = f" (and {len(found) - most} more)" if len(found) > most else ""
    return "; ".join(found[:most]) + more


def _repeated_rows(table: Table, schema: Schema) -> Iterator[str]:
    places = [table.columns.index(column.name) for column in schema.columns]
    repeated = table.rows - 1 - int(distinct_rows(table.values[:, places], schema.columns).max(initial=-1))
    if repeated:
        yield f"{repeated} of {table.rows} rows repeat an earlier one: a row and its copies are held out together"
