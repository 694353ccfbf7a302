"""Columns that are none: the names or numbers of the rows, as pandas and R write them, and what a last delimiter leaves."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scorax._text import quote
from scorax.data._bad_cells import BadCells
from scorax.data._table import Table

_UNNAMED = "Unnamed: 0"
_LEVEL = re.compile("__index_level_[0-9]+__")


def without_row_names(table: Table, bad: BadCells) -> Table:
    """The table without a first column that has no name and another cell in every row, or that pandas numbered the rows with.

    Columns without a name and without cells go too. Other columns without a name stay for ``check_names`` to refuse.
    """
    drop, remarks = [], list(table.remarks)
    for j, name in enumerate(table.columns):
        values = table.values[:, j]
        absent = np.isnan(values)
        if name.strip() and not (j == 0 and name == _UNNAMED):
            continue
        whole = table.formats[j].kind == "number" and not absent.any()
        running = whole and bool((values == values[0] + np.arange(len(values))).all())
        if not name.strip():
            if absent.all():
                drop.append(j)
                remarks.append(f"column {j + 1} has no name and no cells: left out")
            elif j == 0 and not absent.any() and len(np.unique(values)) == table.rows:
                drop.append(j)
                what = "numbers the rows" if running else "has another cell in every row (names of the rows)"
                remarks.append(f"the first column has no name and {what}: left out; name it in the header to keep it")
        elif running and table.rows > 1:
            drop.append(j)
            remarks.append(f"the first column, {quote(name)}, numbers the rows: left out; rename it to keep it")
    found = _without(table, drop, remarks)
    if found is not table:
        for j in drop:
            bad.forget(j)
    return found


def pandas_index(names: Sequence[str], metadata: Any) -> list[int]:
    """Places of the index of the data frame that a Parquet file was written from, where the index had no name.

    An index with a name is a column like others. One that is all there is stays.
    """
    described = metadata.get("index_columns", ()) if isinstance(metadata, dict) else ()
    labels = [label for label in described if isinstance(label, str)] if isinstance(described, list) else []
    found = [names.index(label) for label in labels if _LEVEL.fullmatch(label) and label in names]
    return found if len(found) < len(names) else []


def without_pandas_index(table: Table, index: list[int]) -> Table:
    """The table without the columns of :func:`pandas_index`."""
    said = [f"the file says that {quote(table.columns[j])} is the index of its rows: left out" for j in index]
    return _without(table, index, [*table.remarks, *said])


def _without(table: Table, drop: list[int], remarks: list[str]) -> Table:
    kept = [j for j in range(len(table.columns)) if j not in drop]
    if not drop or not kept:
        return table
    return replace(
        table,
        columns=tuple(table.columns[j] for j in kept),
        values=np.ascontiguousarray(table.values[:, kept]),
        formats=tuple(table.formats[j] for j in kept),
        remarks=tuple(remarks),
    )
