"""The rows on which a run is evaluated: those of the fit and those held out, looked at before JAX is imported."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax._errors import InputError, explain
from scorax._text import listing, quote, shown_path, suggest
from scorax.data import Table, fingerprint
from scorax.tables._cells import places_of_cells
from scorax.tables._rows import held_apart
from scorax.tables._saved import SavedRun
from scorax.tables._scorable import require_scorable


@dataclass(frozen=True, eq=False)
class EvaluationRows:
    """A finished run, and rows in all columns of its schema.

    Attributes:
        saved: the run.
        held: rows that took no part in the fit.
        fit: those of the fit, or ``None`` where they are not at hand.
        target: the column that is predicted, by its place among the cells of a row.
    """

    saved: SavedRun
    held: Float[np.ndarray, "m columns"]
    fit: Float[np.ndarray, "n columns"] | None
    target: int

    @staticmethod
    def of(
        saved: SavedRun,
        test: Table,
        data: Table | None = None,
        *,
        target: str | None = None,
        test_name: str = "the test file",
        data_name: str = "the table of the fit",
    ) -> "EvaluationRows":
        """The rows of a test file, and of the table of the fit where that is given.

        Args:
            saved: the run.
            test: rows that took no part in its fit.
            data: the table it was fitted to; of a run with a hold-out the rows of the fit are taken.
            target: name of the column that is predicted; the last one that the model sees where it is ``None``.
            test_name: begins messages about the test file.
            data_name: the same of the other.

        Raises:
            InputError: other columns, a row without a density, another table than that of the fit, or no such column.
        """
        held = saved.schema.match(test, test_name)
        require_scorable(held, saved.schema, holes=saved.config.network.masks, where=test_name)
        fit = None if data is None else _rows_of_fit(saved, data, data_name)
        return EvaluationRows(saved, held, fit, _target(saved, target))


def _rows_of_fit(saved: SavedRun, table: Table, name: str) -> Float[np.ndarray, "n columns"]:
    facts, place = saved.facts, shown_path(name)
    if facts.data is None:
        expected, do = "a run of scorax fit, which knows its table", "leave the table of the fit out"
        raise InputError(f"{place}: {explain(expected=expected, got='one that an estimator saved', do=do)}")
    if fingerprint(table) != facts.data:
        expected = f"the table of the fit ({facts.data.rows} rows), unchanged"
        got = f"another one ({table.rows} rows)"
        raise InputError(f"{place}: {explain(expected=expected, got=got, do='pass the file given to scorax fit')}")
    values = saved.schema.match(table, name)
    return values if facts.holdout is None else held_apart(values, facts.holdout, facts.seed)[0]


def _target(saved: SavedRun, name: str | None) -> int:
    schema, places = saved.schema, places_of_cells(saved.schema)
    if name is None:
        return places.index(max(places))
    known = [schema.names[j] for j in sorted(places)]
    if name not in known:
        got, do = f"{quote(name)}{suggest(name, known)}", f"name one of {listing(known)}"
        raise InputError(explain(expected="a column that the model describes as the target", got=got, do=do))
    return places.index(schema.names.index(name))
