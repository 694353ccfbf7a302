"""Rows of which a model has a density: cells are there where it has seen no holes, and categories are those of the fit."""

import numpy as np
from jaxtyping import Bool, Float

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.tables._schema import Schema


def require_scorable(values: Float[np.ndarray, "n columns"], schema: Schema, *, holes: bool, where: str) -> None:
    """Refuse rows that have no density under a model of the schema.

    Args:
        values: rows in all columns.
        schema: of the model.
        holes: whether the model sees which cells are missing.
        where: begins the message.

    Raises:
        InputError: a cell is missing and the model was fitted to whole rows, or a category was not there in the fit.
    """
    place, free = shown_path(where), schema.free
    missing = np.isnan(values)[:, free]
    holed = np.asarray(missing.any(axis=1))
    if holed.any() and not holes:
        row = int(np.argmax(holed))
        name = schema.columns[free[np.argmax(missing[row])]].name
        raise _refusal(
            place,
            expected="a value in every cell, as in the rows of the fit",
            got=f"a missing cell in column {quote(name)}, row {row + 1} {_share(holed)}",
            do="fill the cells, leave these rows out, or fit again to rows of which some have holes",
        )
    owners = [j for j, column in enumerate(schema.columns) for _ in column.codes]
    for j, levels in zip(owners, schema.encode(values).levels.T, strict=True):
        unseen = (levels < 0) & ~np.isnan(values[:, j])
        if unseen.any():
            column, row = schema.columns[j], int(np.argmax(unseen))
            raise _refusal(
                place,
                expected=f"values of the fit in column {quote(column.name)} ({column.kind})",
                got=f"another one in row {row + 1} {_share(unseen)}",
                do="leave these rows out, or fit again to rows or a schema that have it",
            )


def _share(rows: Bool[np.ndarray, " n"]) -> str:
    return f"({int(rows.sum())} of {len(rows)} rows)"


def _refusal(place: str, *, expected: str, got: str, do: str) -> InputError:
    return InputError(f"{place}: {explain(expected=expected, got=got, do=do)}")
