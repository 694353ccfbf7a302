"""The rows on which a run is evaluated: those of the fit and those held out, looked at before JAX is imported."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax._errors import InputError, explain, refusal
from scorax._text import listing, quote, suggest
from scorax.data import Table, TableSource, fingerprint
from scorax.tables._cells import places_of_cells
from scorax.tables._matched import MatchedRows
from scorax.tables._rows import held_apart
from scorax.tables._saved import SavedRun
from scorax.tables._scorable import Unseen, require_scorable, require_whole_rows
from scorax.tables._streamed import SAMPLED_ROWS, Streamed


@dataclass(frozen=True, eq=False)
class EvaluationRows:
    """A finished run, and rows in all columns of its schema.

    Of a file with more than 200,000 rows so many are in memory, drawn by the seed of the run; all are looked at.

    Attributes:
        saved: the run.
        test: rows of the test file, with all its columns.
        held: the same in the columns of the run: they took no part in the fit.
        count: rows of the test file.
        unseen: what its rows have that the fit never saw.
        fit: those of the fit, or ``None`` where they are not at hand; of a fit from files the sample that it had in memory.
        target: the column that is predicted, by its place among the cells of a row.
        partial: whether ``fit`` is such a sample, and not all rows of the fit.
    """

    saved: SavedRun
    test: Table
    held: Float[np.ndarray, "m columns"]
    count: int
    unseen: Unseen
    fit: Float[np.ndarray, "n columns"] | None
    target: int
    partial: bool = False

    @staticmethod
    def of(
        saved: SavedRun,
        test: TableSource,
        data: TableSource | None = None,
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
            InputError: a run of some columns given others, other columns, a row without a density, another table than that of
                the fit, or no such column.
        """
        require_whole_rows(saved.config)
        schema, unseen = saved.schema, Unseen(0, ())
        for piece in MatchedRows(test, schema, test_name).pieces():
            require_scorable(piece.values, schema, saved.config, where=piece.where)
            unseen += Unseen.of(piece.table, piece.values, schema)
        table = _some(test, saved.facts.seed)
        held, place = schema.match(table, test_name), _target(saved, target)
        whole = None if data is None else _table_of_fit(saved, data, data_name)
        fit = None if whole is None else _rows_of_fit(saved, whole, data_name)
        partial = data is not None and whole is not None and whole.rows < data.rows
        return EvaluationRows(saved, table, held, test.rows, unseen, fit, place, partial)


def _some(source: TableSource, seed: int) -> Table:
    """The rows of a table, or as many of them as are held in memory, drawn by the seed."""
    numbers = np.arange(source.rows)
    if source.rows > SAMPLED_ROWS:
        numbers = np.sort(np.random.default_rng([seed, 5]).choice(source.rows, SAMPLED_ROWS, replace=False))
    return source.take(numbers)


def _table_of_fit(saved: SavedRun, source: TableSource, name: str) -> Table:
    """What the fit called the table: all of it, or the sample of it that was in memory."""
    facts = saved.facts
    if facts.data is None:
        expected, do = "a run of scorax fit, which knows its table", "leave the table of the fit out"
        raise refusal(name, expected=expected, got="one that an estimator saved", do=do)
    whole = None if source.larger_than_memory else source.take(np.arange(source.rows))
    if whole is None or fingerprint(whole) != facts.data:
        # A table that was fitted from its files is known by their bytes, and what the fit had in memory stands for it.
        if source.facts() != facts.data:
            expected = f"the table of the fit ({facts.data.rows} rows), unchanged"
            got = f"another one ({source.rows} rows)"
            raise refusal(name, expected=expected, got=got, do="pass the file given to scorax fit")
        whole = Streamed.of(source, saved.folder.path, seed=facts.seed, name=name)[1]
    return whole


def _rows_of_fit(saved: SavedRun, whole: Table, name: str) -> Float[np.ndarray, "n columns"]:
    facts, values = saved.facts, saved.schema.match(whole, name)
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
