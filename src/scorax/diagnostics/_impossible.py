"""Samples with what no row of the table has: broken orders of columns, and levels that are never together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import nbinom

from scorax._text import percent, quote
from scorax.diagnostics._axis import Axis
from scorax.diagnostics._plain import plain
from scorax.metrics import keep_order
from scorax.records import Impossible, NeverSeen

_EXPECTED = 5.0
"""Rows that would have two levels together if columns had nothing to do with each other, from which on none is telling."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """A pair of columns.

    Attributes:
        columns: their places; the lower one first.
        rows: which generated rows do what no real row does.
        once: kinds of it that one real row does: as many, over the real rows, is the chance of a kind not seen yet.
        levels: the most frequent such pair of levels.
    """

    columns: tuple[int, int]
    rows: Bool[np.ndarray, " m"]
    once: int
    levels: tuple[int, int] | None = None


def impossible_records(
    axes: Sequence[Axis],
    real: Float[np.ndarray, "n columns"],
    generated: Float[np.ndarray, "m columns"],
    *,
    beside: Literal["rows of the fit", "held-out rows"] = "rows of the fit",
) -> Impossible:
    r"""What generated rows do that no real row does.

    Orders: columns of one unit of which one is at most the other in every real row, by no accident
    (:func:`~scorax.metrics.keep_order`). Levels: of two columns, pairs that no real row has where independent columns would have
    five or more. A law may have what n rows do not show: where s pairs are in one row each, another row has one that was not
    seen with a probability of about $s / n$ (Good 1953, The population frequencies of species). So k of m generated rows have
    the chance that a negative binomial count, of failures before $s + 1$ successes of probability $n / (n + m)$, is k or more:
    the posterior of a Poisson rate of which n rows show s. It is taken times the number of pairs of columns.

    Args:
        axes: of the columns.
        real: rows of the table, of categories without an order the places; NaN is a missing cell.
        generated: rows of the model, like these.
        beside: what the real rows are.
    """
    orders = [_broken(real, generated, pair) for pair in _ordered(axes, real)]
    places = [j for j, axis in enumerate(axes) if axis.unordered]
    pairs = [_together(real, generated, pair) for pair in combinations(places, 2)]
    names = [quote(axis.name) for axis in axes]

    def said_of_order(one: _Seen) -> str:
        return f"{names[one.columns[0]]} above {names[one.columns[1]]} in {percent(one.rows.mean())}"

    def said_of_levels(one: _Seen) -> str:
        levels = " with ".join(quote(level) for level in _levels(axes, one) or ())
        return f"{' and '.join(names[j] for j in one.columns)} in {percent(one.rows.mean())}, such as {levels}"

    found = [
        _record(
            axes, orders, len(real), "an order of two columns that all rows of the table keep is broken", said_of_order
        ),
        _record(axes, pairs, len(real), "two levels are together that no row of the table has", said_of_levels),
    ]
    return Impossible(beside, *found)


def _record(
    axes: Sequence[Axis], pairs: list[_Seen], rows: int, what: str, said: Callable[[_Seen], str]
) -> NeverSeen | None:
    if not pairs:
        return None
    generated = len(pairs[0].rows)
    together = np.any([one.rows for one in pairs], axis=0)
    expected = min(1.0, sum(one.once for one in pairs) / rows)
    chances = [float(nbinom.sf(one.rows.sum() - 1, one.once + 1, rows / (rows + generated))) for one in pairs]
    worst = pairs[int(np.argmin(chances))]
    share, own = together.mean(), worst.rows.mean()
    if not own:
        return NeverSeen(len(pairs), 0.0, plain(expected), 1.0, None, None, 0.0, f"In no sample {what}.")
    text = f"In {percent(share)} of the samples {what}: {said(worst)}. Other rows of the table would have {percent(expected, 1)}."
    names = axes[worst.columns[0]].name, axes[worst.columns[1]].name
    chance = min(1.0, len(pairs) * min(chances))
    return NeverSeen(
        len(pairs), plain(share), plain(expected), plain(chance), names, _levels(axes, worst), plain(own), text
    )


def _levels(axes: Sequence[Axis], one: _Seen) -> tuple[str, str] | None:
    if one.levels is None:
        return None
    first, second = ((axes[j].categories or ())[level] for j, level in zip(one.columns, one.levels, strict=True))
    return first, second


def _ordered(axes: Sequence[Axis], real: Float[np.ndarray, "n columns"]) -> list[tuple[int, int]]:
    """Columns of which the first is at most the second in every row that has both, by no accident."""
    units = [axis.unit if axis.categories is None else None for axis in axes]
    pairs = permutations((j for j, unit in enumerate(units) if unit is not None), 2)
    return [(a, b) for a, b in pairs if units[a] == units[b] and keep_order(real[:, a], real[:, b])]


def _broken(
    real: Float[np.ndarray, "n columns"], generated: Float[np.ndarray, "m columns"], pair: tuple[int, int]
) -> _Seen:
    lower, upper = pair
    return _Seen(pair, generated[:, upper] < generated[:, lower], 0)


def _together(
    real: Float[np.ndarray, "n columns"], generated: Float[np.ndarray, "m columns"], pair: tuple[int, int]
) -> _Seen:
    """Pairs of levels that no real row has and :data:`_EXPECTED` would by chance, in generated rows."""
    places = real[:, list(pair)]
    places = places[~np.isnan(places).any(axis=1)].astype(np.int64)
    none = _Seen(pair, np.zeros(len(generated), bool), 0)
    if not len(places):
        return none
    rows = [np.bincount(own) for own in places.T]
    # Only levels that are frequent enough with the most frequent one of the other column.
    kept = [np.flatnonzero(rows[k] * rows[1 - k].max() >= _EXPECTED * len(places)) for k in (0, 1)]
    if not (len(kept[0]) and len(kept[1])):
        return none
    telling = np.outer(rows[0][kept[0]], rows[1][kept[1]]) >= _EXPECTED * len(places)
    seen = _counts(places, kept)
    made = generated[:, list(pair)]
    there = ~np.isnan(made).any(axis=1)
    new = telling & (seen == 0)
    where = [_place(np.where(there, made[:, k], -1).astype(np.int64), kept[k]) for k in (0, 1)]
    known = (where[0] >= 0) & (where[1] >= 0)
    hit = known & new[np.maximum(where[0], 0), np.maximum(where[1], 0)]
    often = _counts(made[hit].astype(np.int64), kept)
    first, second = np.unravel_index(int(np.argmax(often)), often.shape)
    return _Seen(pair, hit, int((telling & (seen == 1)).sum()), (int(kept[0][first]), int(kept[1][second])))


def _place(values: Int[np.ndarray, " n"], levels: Int[np.ndarray, " k"]) -> Int[np.ndarray, " n"]:
    """Where values stand among levels, which ascend; -1 where they do not."""
    near = np.minimum(np.searchsorted(levels, values), len(levels) - 1)
    return np.where(levels[near] == values, near, -1)


def _counts(rows: Int[np.ndarray, "n 2"], levels: list[Int[np.ndarray, " k"]]) -> Int[np.ndarray, "k l"]:
    """How many rows have each pair of these levels."""
    first, second = (_place(rows[:, k], levels[k]) for k in (0, 1))
    both = (first >= 0) & (second >= 0)
    shape = len(levels[0]), len(levels[1])
    return np.bincount(first[both] * shape[1] + second[both], minlength=shape[0] * shape[1]).reshape(shape)
