"""Missing cells filled: draws of them given the cells of their row, one value for each, and how far the draws spread."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from scorax.data import Format
from scorax.tables._fitted import FittedTable
from scorax.tables._model import member_models
from scorax.tables._schema import Schema
from scorax.tables.columns import AbstractColumn

Method = Literal["draw", "mean", "median"]
"""What a missing cell is filled with: a draw, or what many draws have in the middle."""

QUANTILES = (0.05, 0.5, 0.95)
AT_ONCE = 8192
"""Draws of rows held in memory at a time."""


@dataclass(frozen=True, eq=False)
class Spread:
    """How far the draws of missing cells spread, one row of each array for each cell, those of a row of the table together.

    Attributes:
        row: of the table, from 0.
        column: place among the columns of the model.
        mean: of the draws, in the units of the column, of times since 1970; NaN where values have no order, as texts.
        deviation: their standard deviation.
        quantiles: of the draws, by :attr:`levels`.
        share: part of the draws with their most frequent level, where there are levels or spikes; NaN elsewhere.
        levels: of the quantiles.
    """

    row: Int[np.ndarray, " cells"]
    column: Int[np.ndarray, " cells"]
    mean: Float[np.ndarray, " cells"]
    deviation: Float[np.ndarray, " cells"]
    quantiles: Float[np.ndarray, "cells levels"]
    share: Float[np.ndarray, " cells"]
    levels: tuple[float, ...]

    @staticmethod
    def joined(parts: Sequence["Spread"], levels: tuple[float, ...]) -> "Spread":
        """The cells of all, in order."""

        def column(name: str, kind: type = float) -> np.ndarray:
            return np.concatenate([np.empty(0, kind), *(getattr(one, name) for one in parts)])

        quantiles = np.concatenate([np.empty((0, len(levels))), *(one.quantiles for one in parts)])
        row, place = column("row", np.int64), column("column", np.int64)
        return Spread(row, place, column("mean"), column("deviation"), quantiles, column("share"), levels)

    @staticmethod
    def of(
        drawn: Float[np.ndarray, "rows draws columns"],
        missing: Bool[np.ndarray, "rows columns"],
        schema: Schema,
        rows: Int[np.ndarray, " rows"],
        levels: tuple[float, ...] = QUANTILES,
    ) -> "Spread":
        """The spread of the missing cells of rows of which these are draws."""
        row, place = np.nonzero(missing)
        count, own_draws = len(row), _own(drawn, schema)
        mean, deviation, share = (np.full(count, np.nan) for _ in range(3))
        quantiles = np.full((count, len(levels)), np.nan)
        for j in np.unique(place).tolist():
            column, own = schema.columns[j], place == j
            cells = drawn[row[own], :, j]
            if column.codes:
                levels_drawn = _levels(column, own_draws[row[own], :, j])
                share[own] = _frequent(levels_drawn, column.codes[0].size)[1]
            if _has_order(column):
                cells = cells + column.format.origin
                mean[own], deviation[own] = cells.mean(axis=1), cells.std(axis=1, ddof=min(1, cells.shape[1] - 1))
                quantiles[own] = np.quantile(cells, levels, axis=1).T
        return Spread(rows[row], place, mean, deviation, quantiles, share, levels)


@dataclass(frozen=True, eq=False)
class Filled:
    """A table with its missing cells filled, once or several times.

    Attributes:
        values: rows as they were, NaN where a cell is missing.
        cells: for each completed table what those cells hold, one row after the other.
        spread: of the draws behind them; ``None`` where the cells are draws.
    """

    values: Float[np.ndarray, "rows columns"]
    cells: Float[np.ndarray, "tables cells"]
    spread: Spread | None

    @property
    def missing(self) -> Bool[np.ndarray, "rows columns"]:
        """Which cells are filled."""
        return np.isnan(self.values)

    def table(self, k: int = 0) -> Float[np.ndarray, "rows columns"]:
        """The rows of a completed table."""
        whole = self.values.copy()
        whole[self.missing] = self.cells[k]
        return whole


def fill(
    fitted: FittedTable,
    values: Float[np.ndarray, "rows columns"],
    *,
    method: Method = "draw",
    draws: int = 1,
    seed: int = 0,
    at_once: int = AT_ONCE,
    levels: tuple[float, ...] = QUANTILES,
    before: int = 0,
) -> Filled:
    """Fill the missing cells of rows given the cells that are there, which stay as they are.

    ``draw`` makes as many completed tables as there are draws, each cell with its own. ``mean`` and ``median`` make one of them.
    Numbers: the mean of the draws or their median, put on the points of the column. Where the draws have a spike more often than
    anything else it is that; otherwise the draws beside a number count. Levels: the most frequent one, or in order the median.
    Columns that follow from others follow from what these are filled with.

    Draws are those of the mean field of the members; where these were fitted to bootstrapped rows, draw k is one of member k
    modulo their number.

    Args:
        fitted: a model trained under masks.
        values: rows in all columns of the schema, NaN where a cell is missing.
        method: see above.
        draws: of each row with a missing cell. A draw depends on the cells of its row, the number of such rows before it, the
            seed and ``draws`` only.
        seed: of the draws.
        at_once: draws of rows held in memory at a time; does not change them.
        levels: of the quantiles of the spread.
        before: rows with a missing cell that stand before these, of a table that is filled piece by piece.

    Raises:
        InputError: the model was not trained under masks, or has not seen a value of a row.
    """
    schema, missing = fitted.coordinates.schema, np.isnan(values)
    holed = np.flatnonzero(missing.any(axis=1))
    cells, spreads = [np.empty((draws if method == "draw" else 1, 0))], []
    step = max(1, at_once // draws)
    for start in range(0, len(holed), step):
        rows = holed[start : start + step]
        drawn = _draws_of(fitted, values[rows], draws, seed, before + start)
        if method == "draw":
            cells.append(drawn.swapaxes(0, 1)[:, missing[rows]])
        else:
            cells.append(_point_of(drawn, values[rows], schema, method)[None, missing[rows]])
            spreads.append(Spread.of(drawn, missing[rows], schema, rows, levels))
    return Filled(values, np.concatenate(cells, axis=1), Spread.joined(spreads, levels) if method != "draw" else None)


def _draws_of(
    fitted: FittedTable, values: Float[np.ndarray, "rows columns"], draws: int, seed: int, start: int
) -> Float[np.ndarray, "rows draws columns"]:
    """Rows completed several times; ``start`` is the number of the first."""
    members = _members(fitted)
    made = np.empty((len(values), draws, values.shape[1]))
    for k, member in enumerate(members[:draws]):
        own = made[:, k :: len(members)]
        count = own.shape[1]
        numbers = range(start * count, (start + len(values)) * count)
        # Noise of their own: what members share would hide how they differ.
        key = seed if len(members) == 1 else int(np.random.SeedSequence([seed, k]).generate_state(1)[0])
        own[:] = member.completed(np.repeat(values, count, axis=0), key, numbers=numbers).reshape(own.shape)
    return made


def _members(fitted: FittedTable) -> list[FittedTable]:
    """The models that draws are of, in turn."""
    if not fitted.config.ensemble.bootstrap:
        return [fitted]
    return [replace(fitted, model=own) for own in member_models(fitted.model)]


def _point_of(
    drawn: Float[np.ndarray, "rows draws columns"],
    values: Float[np.ndarray, "rows columns"],
    schema: Schema,
    method: Method,
) -> Float[np.ndarray, "rows columns"]:
    """Rows with one value for each missing cell, made of its draws."""
    filled, own = schema.own(values).copy(), _own(drawn, schema)
    for j in schema.free.tolist():
        missing = np.isnan(values[:, j])
        if missing.any():
            filled[missing, j] = _middle(schema.columns[j], own[missing, :, j], method)
    return _followed(np.where(np.isnan(values), schema.whole(filled), values), schema)


def _own(drawn: Float[np.ndarray, "rows draws columns"], schema: Schema) -> Float[np.ndarray, "rows draws columns"]:
    """Draws as each column takes them."""
    return schema.own(drawn.reshape(-1, drawn.shape[2])).reshape(drawn.shape)


def _followed(values: Float[np.ndarray, "rows columns"], schema: Schema) -> Float[np.ndarray, "rows columns"]:
    """Rows whose modelled cells are all there with their missing constants and copies."""
    return np.where(np.isnan(values), schema.decode(schema.encode(values)), values)


def _middle(column: AbstractColumn, cells: Float[np.ndarray, "n draws"], method: Method) -> Float[np.ndarray, " n"]:
    average = np.nanmean if method == "mean" else np.nanmedian
    if not column.codes:
        return _on_points(column, average(cells, axis=1))
    levels, rows = _levels(column, cells), np.arange(len(cells))
    if not column.widths and column.codes[0].ordered:
        order = np.argsort(levels, axis=1, kind="stable")
        return cells[rows, order[:, (cells.shape[1] - 1) // 2]]
    level, _ = _frequent(levels, column.codes[0].size)
    own = levels == level[:, None]
    found = cells[rows, np.argmax(own, axis=1)]
    if column.widths:
        number = ~np.isnan(column.encode(found).numbers[:, 0])
        found[number] = _on_points(column, average(np.where(own, cells, np.nan)[number], axis=1))
    return found


def _on_points(column: AbstractColumn, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return column.decode(column.encode(values))


def _levels(column: AbstractColumn, cells: Float[np.ndarray, "n draws"]) -> Int[np.ndarray, "n draws"]:
    return column.encode(cells.ravel()).levels[:, 0].reshape(cells.shape)


def _frequent(levels: Int[np.ndarray, "n draws"], size: int) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The most frequent level of each row, and its share."""
    places = np.arange(len(levels))[:, None] * size + levels
    counts = np.bincount(places.ravel(), minlength=len(levels) * size).reshape(len(levels), size)
    return counts.argmax(axis=1), counts.max(axis=1) / levels.shape[1]


def _has_order(column: AbstractColumn) -> bool:
    """Whether its values are numbers or times, and not names of levels."""
    form: Format = column.format
    return form.kind in ("number", "time") and (bool(column.widths) or not column.codes or column.codes[0].ordered)
