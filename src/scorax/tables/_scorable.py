"""Rows of which a model has a density: cells are there where it has seen no holes, and what it never saw has a mass."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from scorax._errors import InputError, explain, refusal
from scorax._text import listing, quote, suggest
from scorax.data import Table
from scorax.tables._config import FitConfig, ResolvedConfig
from scorax.tables._schema import Schema
from scorax.tables.columns import AbstractLevels, AbstractNumber

_FAR = 1e6
"""Ranges of a column beyond what its fit saw, from which on a cell is refused: beside it the single precision of a network has
no digits left for other values."""


def require_scorable(
    values: Float[np.ndarray, "n columns"], schema: Schema, config: ResolvedConfig, *, where: str
) -> None:
    """Refuse rows that have no density under a model of the schema; ``where`` begins the message.

    Raises:
        InputError: a cell is missing that no row of the fit lacks, or a value is no level and has no mass.
    """
    require_cells(values, schema, config, where=where)
    for column, unseen in _unseen(values, schema):
        if not column.unseen_mass:
            raise _unseen_refusal(column, unseen, where)


def require_cells(
    values: Float[np.ndarray, "n columns"],
    schema: Schema,
    config: ResolvedConfig,
    *,
    where: str,
    asked: Collection[str] = (),
) -> None:
    """Refuse rows that lack a cell which no row of the fit lacks: the model has not learned the law of the others alone.

    A model that is trained under masks has learned it of any columns.

    Args:
        values: rows in all columns.
        schema: of the model.
        config: of the model.
        where: begins the message.
        asked: columns whose cells are what is asked for.

    Raises:
        InputError: there is one.
    """
    if config.training.masks:
        return
    learned = () if not config.network.masks else schema.names if schema.holed is None else schema.holed
    whole = [j for j in schema.free if schema.names[j] not in {*learned, *asked}]
    missing = np.isnan(values)[:, whole]
    holed = np.asarray(missing.any(axis=1))
    if holed.any():
        row = int(np.argmax(holed))
        name = quote(schema.names[whole[int(np.argmax(missing[row]))]])
        of_some = "" if config.training.given else ", or under masks (training.masks=0.5)"
        raise refusal(
            where,
            expected=f"a value in column {name}, which no row of the fit lacks",
            got=f"a missing cell in row {row + 1} {_share(holed)}",
            do=f"fill it, leave such rows out, or fit again to rows of which some lack it{of_some}",
        )


def require_masks(config: ResolvedConfig, given: Collection[str] = ()) -> None:
    """Refuse a model that was not trained under masks, nor with just these columns given at every visit.

    Raises:
        InputError: it was not.
    """
    if not config.training.masks and (not given or set(given) != set(config.training.given)):
        raise InputError(
            explain(
                expected="a model trained under masks, which answers for columns given others",
                got="one that was trained on whole rows",
                do="fit again with --masks (training.masks=0.5)",
            )
        )


def require_whole_rows(config: FitConfig) -> None:
    """Refuse a model of some columns given others, which knows nothing of those.

    Raises:
        InputError: it is one.
    """
    if config.training.given:
        raise InputError(
            explain(
                expected="a model of whole rows",
                got=f"training.given: the other columns given {listing(config.training.given)}",
                do="take scorax infer (--resume of a run), ScorePosterior or ScoreConditional for it, or leave the key out",
            )
        )


def given_cells(
    values: Float[np.ndarray, "n columns"], schema: Schema, config: ResolvedConfig
) -> Bool[np.ndarray, "n columns"] | None:
    """The cells that a fit is told at every visit; ``None`` where it is of whole rows.

    Raises:
        InputError: a column that is given is none of the table, or a row has nothing else.
    """
    given = config.training.given
    unknown = [name for name in given if name not in schema.names]
    if unknown:
        got = f"{quote(unknown[0])}{suggest(unknown[0], schema.names)}"
        raise refusal("training.given", expected="columns of the table", got=got, do=f"give {listing(schema.names)}")
    require_bounds(schema, given)
    known = np.isin(schema.names, given) & ~np.isnan(values)
    if not known[:, schema.free].any():
        return None
    require_targets(values, known, schema)
    return known


def require_bounds(schema: Schema, given: Collection[str]) -> None:
    """Refuse a column that is given without the one that it rests on: a model sees its excess alone.

    Raises:
        InputError: there is one.
    """
    for _, column, _ in schema.differences:
        if column.name in given and column.source not in given:
            raise InputError(
                explain(
                    expected=f"{quote(column.source)} given too where {quote(column.name)} is, which is modelled above it",
                    got=f"{listing(tuple(given))}",
                    do=f"give both, or fit again with {column.alone}",
                )
            )


def require_known(row: Float[np.ndarray, " columns"], schema: Schema, *, where: str) -> None:
    """Refuse cells that a model is told, NaN elsewhere, which have no density together or are told without their bound.

    Raises:
        InputError: there is one; ``where`` begins the message.
    """
    require_bounds(schema, [name for name, value in zip(schema.names, row, strict=True) if not np.isnan(value)])
    values = row[None]
    for column, own in zip(schema.columns, values.T, strict=True):
        column.require(own, where)
    for j, column, source in schema.differences:
        column.require_excess(values[:, j], values[:, source], where)


def require_targets(
    values: Float[np.ndarray, "n columns"], known: Bool[np.ndarray, "n columns"], schema: Schema
) -> None:
    """Refuse a row of which nothing is asked.

    Raises:
        InputError: of a row all cells of the model are known or missing.
    """
    nothing = np.asarray((known | np.isnan(values))[:, schema.free].all(axis=1))
    if nothing.any():
        got = f"none in row {int(np.argmax(nothing)) + 1} {_share(nothing)}"
        raise InputError(
            explain(
                expected="a cell that is asked for in every row",
                got=got,
                do="give fewer columns, or leave such rows out",
            )
        )


def require_told(values: Float[np.ndarray, "n columns"], schema: Schema, *, where: str) -> None:
    """Refuse known cells that no model of the schema can be told: of no level, or too far off for :func:`require_near`.

    Raises:
        InputError: there is one; ``where`` begins the message.
    """
    require_seen(values, schema, where=where)
    require_near(values, schema, where=where)


def require_near(values: Float[np.ndarray, "n columns"], schema: Schema, *, where: str) -> None:
    """Refuse numbers that are a million times farther off than those of the fit are from one another, as their map has them.

    Raises:
        InputError: there is one; ``where`` begins the message.
    """
    above = {j: source for j, _, source in schema.differences}
    for j, (column, cells) in enumerate(zip(schema.columns, values.T, strict=True)):
        if not isinstance(column, AbstractNumber):
            continue
        own = cells - values[:, above[j]] if j in above else cells
        with np.errstate(over="ignore"):
            (low, high), numbers = (
                column.encode(each).numbers[:, 0] for each in (np.array([column.seen.low, column.seen.high]), own)
            )
            # Beside spikes alone nothing is seen apart: then the middle of the cells is as far as their width.
            far = np.abs(numbers - (low + (high - low) / 2)) > _FAR * max(high - low, column.cell)
        if far.any():
            row = int(np.argmax(far))
            raise refusal(
                where,
                expected=f"values not a million times beyond those of the fit in column {quote(column.name)}",
                got=f"{cells[row]:.6g} in row {row + 1} {_share(far)}",
                do="correct the cells, or leave these rows out",
            )


def require_seen(values: Float[np.ndarray, "n columns"], schema: Schema, *, where: str) -> None:
    """Refuse rows to fit with a value that is no level of its column.

    Raises:
        InputError: there is one; ``where`` begins the message.
    """
    for column, unseen in _unseen(values, schema):
        raise _unseen_refusal(column, unseen, where)


@dataclass(frozen=True)
class Unseen:
    """What a table has that a fit never saw.

    Attributes:
        rows: how many of its rows have such a cell.
        cells: of each column that has some, its name and the distinct cells, as they are written.
    """

    rows: int
    cells: tuple[tuple[str, tuple[str, ...]], ...]

    @staticmethod
    def of(table: Table, values: Float[np.ndarray, "n columns"], schema: Schema) -> "Unseen":
        """What a table has beside the levels of a schema; ``values`` are its rows as the schema takes them."""
        place = {name: j for j, name in enumerate(table.columns)}
        rows, cells = np.zeros(len(values), bool), []
        for column, unseen in _unseen(values, schema):
            found = place[column.name]
            written = table.formats[found].text(np.unique(table.values[unseen, found]))
            cells.append((column.name, tuple(str(cell) for cell in written.to_pylist())))
            rows |= unseen
        return Unseen(int(rows.sum()), tuple(cells))

    def __add__(self, other: "Unseen") -> "Unseen":
        """What both have, of different rows."""
        cells = dict(self.cells)
        for name, more in other.cells:
            cells[name] = tuple(dict.fromkeys((*cells.get(name, ()), *more)))
        return Unseen(self.rows + other.rows, tuple(cells.items()))

    def __str__(self) -> str:
        columns = (f"{quote(name)} ({listing(cells, 3)})" for name, cells in self.cells)
        return f"a value that the fit never saw: {'; '.join(columns)}"


def without_unseen(values: Float[np.ndarray, "n columns"], schema: Schema) -> Float[np.ndarray, "n columns"]:
    """Rows in which cells with a value that the fit never saw are missing."""
    found, places = values.copy(), {name: j for j, name in enumerate(schema.names)}
    for column, unseen in _unseen(values, schema):
        found[unseen, places[column.name]] = np.nan
    return found


def _unseen(
    values: Float[np.ndarray, "n columns"], schema: Schema
) -> list[tuple[AbstractLevels, Bool[np.ndarray, " n"]]]:
    """The columns with values that are no level, and the rows that have them."""
    found = []
    for column, own in zip(schema.columns, values.T, strict=True):
        if isinstance(column, AbstractLevels):
            unseen = (column.encode(own).levels[:, 0] < 0) & ~np.isnan(own)
            if unseen.any():
                found.append((column, unseen))
    return found


def _unseen_refusal(column: AbstractLevels, unseen: Bool[np.ndarray, " n"], place: str) -> InputError:
    return refusal(
        place,
        expected=f"values of the fit in column {quote(column.name)} ({column.kind})",
        got=f"another one in row {int(np.argmax(unseen)) + 1} {_share(unseen)}",
        do="leave these rows out, or fit again to rows or a schema that have it",
    )


def _share(rows: Bool[np.ndarray, " n"]) -> str:
    return f"({int(rows.sum())} of {len(rows)} rows)"
