"""The map of a column of numbers, by the held-out probability of its cells under a normal law."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int64
from scipy.special import log_ndtr, ndtr, ndtri

from scorax._deviations import deviations
from scorax._errors import InputError, explain
from scorax._text import quote
from scorax.tables.columns._base import Asinh, Base, Identity, Log, Logit, Softplus
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._ends import found_ends
from scorax.tables.columns._knots import Knots
from scorax.tables.columns._map import Map
from scorax.tables.columns._span import Span

_FEWEST = 30
_FEWEST_DISTINCT = 5
_FEWEST_FOR_KNOTS = 1000
_COMPARED = 4000
"""Rows on which maps are compared, drawn once."""

BASE_GAIN = 0.02
KNOTS_GAIN = 0.05
"""Nats a cell by which a base, or knots, must be better than what is simpler; and by two standard errors."""

_MOST_NATS = 5.0
"""A cell counts for so many nats at most: outliers have a law of their own, and no error of a mean."""

_MOST_KNOTS = 40
_ROWS_A_KNOT = 15
_OUTSIDE = 5
"""Rows beyond the outermost knots on each side."""

_STEEPEST = 20.0
_TAIL = 8.0
"""Slopes differ from that of the standardised column at most by a factor of 20, those of tails from the next chord by 8."""

_MOST_CELLS = 500
_ROWS_A_CELL = 6
_ROUGH = 0.3
_AROUND = 5
"""Values are heaped where at most 500 cells lie between the ends, with six rows each, and 30 % of the rows stand out from the
median of the cells around: then every cell is a piece of the map."""

_SOFT = (4.0, 0.5)
"""Times the scale at which a softplus bends from a logarithm to a line: above most values, where a logarithm would put rows far
beyond the largest, or below them."""

_HEAVY = (4.0, 2.0, 1.0)
"""Times the scale from which on an asinh is logarithmic: the later, the nearer it is to a line where most values are."""

_EXACT = 1e-12


def chosen_map(cells: Cells, margin: float, *, points: bool = True) -> Map:
    """The map of what a column has beside its spikes.

    Two halves of the rows are mapped by what the other half says, and each cell of them has a probability under the normal law
    with the moments of the images of that other half (a density, where values lie on no ``points``). The simplest map is taken
    that no other beats by :data:`BASE_GAIN` or :data:`KNOTS_GAIN`. Ends that are stated or found are kept by every candidate.
    """
    if cells.plain:
        return Map()
    body = cells.body
    values, ends = body.values, _ends(cells, margin)
    step = margin if points else 0.0
    if len(values) >= _FEWEST and step:
        for base in _bases(values, *ends):
            found = _with_heaps(base, values, margin)
            if found is not None and _comes_back(found, body.distinct, margin):
                return found
    halves = _halves(values)
    if len(values) < _FEWEST or min(len(np.unique(half)) for half in halves) < _FEWEST_DISTINCT:
        base = next(_bases(values, *ends))
        return Map(base, bent=_bent(base, values, margin))
    best, best_nats = Map(), None
    for base, knots in _candidates(values, *ends):
        nats = np.concatenate(
            [_log_probability(_fitted(base, knots, a, margin), a, b, margin, step) for a, b in (halves, halves[::-1])]
        )
        if best_nats is not None:
            gain = np.clip(nats - best_nats, -_MOST_NATS, _MOST_NATS)
            error = 2 * gain.std() / np.sqrt(len(gain))
            if not gain.mean() > max(KNOTS_GAIN if knots else BASE_GAIN, error):
                continue
        found = _fitted(base, knots, values, margin)
        if _comes_back(found, body.distinct, margin):
            best, best_nats = found, nats
    if cells.stated and cells.stated.ends and best.base.ends != ends:
        got, do = f"ends {ends[0]:g} and {ends[1]:g} too far away for float64", "state no ends"
        raise InputError(explain(expected=f"values that come back in column {quote(cells.name)}", got=got, do=do))
    return best


def _ends(cells: Cells, margin: float) -> tuple[float, float]:
    """The ends that are stated, or those that spikes say, or those of the values."""
    body = cells.body
    if cells.stated and cells.stated.ends:
        return cells.stated.low, cells.stated.high
    if cells.head:
        return cells.head[-1] + 1, np.inf
    # Times, and numbers that count from an origin, have no zero and no round numbers.
    counted = cells.given.kind == "time" or cells.given.origin != 0
    low, high = (-np.inf, np.inf) if counted else found_ends(body.values, cells.name, margin)
    if cells.known.low < body.low:
        low = min(cells.known.low + margin, body.low)
    if cells.known.high > body.high:
        high = max(cells.known.high - margin, body.high)
    return low, high


def refitted(map: Map, values: Float[np.ndarray, " n"], margin: float) -> Map:
    """The map with the knots and the scale that other rows say; base and ends stay."""
    if len(values) < _FEWEST or values.min() == values.max():
        return map
    base = map.base
    for scale in _scales(values):
        if isinstance(base, Asinh):
            base = Asinh(float(np.median(values)), _nearest(_HEAVY, base.scale, scale))
        elif isinstance(base, Softplus):
            base = replace(base, scale=_nearest(_SOFT, base.scale, scale))
    if map.heaped:
        return _with_heaps(base, values, margin, sure=True) or map
    return _fitted(base, map.knots is not None, values, margin)


def _nearest(times: tuple[float, ...], before: float, unit: float) -> float:
    """That multiple of the unit which a scale is nearest to."""
    return unit * min(times, key=lambda one: abs(np.log(before / (one * unit))))


def _with_heaps(base: Base, values: Float[np.ndarray, " n"], margin: float, *, sure: bool = False) -> Map | None:
    """The map to normal scores by every cell, where values are heaped (or a person is ``sure`` of it)."""
    low = float(values.min())
    size = round((float(values.max()) - low) / margin) + 1
    if not 1 < size <= min(_MOST_CELLS, len(values) / _ROWS_A_CELL):
        return None
    rows = np.bincount(np.rint((values - low) / margin).astype(np.int64), minlength=size)
    if not (sure or heaped(rows)):
        return None
    at = base.forward(low + margin * (np.arange(size + 1) - 0.5), margin)
    if not (np.isfinite(at).all() and (np.diff(at) > 0).all()):
        return None
    return Map(base, Knots.of_scores(at, rows), heaped=True, bent=_bent(base, values, margin))


def heaped(rows: Int64[np.ndarray, " cells"]) -> bool:
    r"""Whether cells have other shares of the rows than a smooth density gives neighbours.

    Under a smooth one the distances to the median of the eleven cells around have a mean of about $\sqrt{2 K / (\pi n)}$ in all.
    """
    around = np.median(
        np.lib.stride_tricks.sliding_window_view(np.pad(rows, _AROUND, mode="edge"), 2 * _AROUND + 1), axis=1
    )
    apart = np.abs(rows - around).sum() / rows.sum()
    return bool(apart > max(_ROUGH, 2 * np.sqrt(2 * len(rows) / (np.pi * rows.sum()))))


def _halves(values: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " a"], Float[np.ndarray, " b"]]:
    """Two halves of the rows, equal values in the same: what is repeated is no news."""
    generator = np.random.default_rng(0)
    rows = values if len(values) <= _COMPARED else generator.permutation(values)[:_COMPARED]
    distinct, place = np.unique(rows, return_inverse=True)
    second = (generator.permutation(len(distinct)) % 2 == 1)[place]
    return rows[~second], rows[second]


def _bases(values: Float[np.ndarray, " n"], low: float, high: float) -> Iterator[Base]:
    """Bases that keep the ends, the simplest first."""
    if np.isfinite(low) and np.isfinite(high):
        yield Logit(low, high)
    elif np.isfinite(low) or np.isfinite(high):
        end, side = (low, "above") if np.isfinite(low) else (high, "below")
        yield Log(end, side)
        for scale in _scales(values):
            for times in _SOFT:
                yield Softplus(end, times * scale, side)
    else:
        yield Identity()
        if values.min() > 0:
            yield Log(0.0)
        for scale in _scales(values):
            for times in _HEAVY:
                yield Asinh(float(np.median(values)), times * scale)


def _scales(values: Float[np.ndarray, " n"]) -> Iterator[float]:
    """The standard deviation of a normal law with these quartiles, where they differ."""
    lower, upper = np.quantile(values, [0.25, 0.75]).tolist()
    if upper > lower:
        yield (upper - lower) / 1.349


def _candidates(values: Float[np.ndarray, " n"], low: float, high: float) -> Iterator[tuple[Base, bool]]:
    for knots in (False, True) if len(values) >= _FEWEST_FOR_KNOTS else (False,):
        for base in _bases(values, low, high):
            yield base, knots


def _fitted(base: Base, knots: bool, values: Float[np.ndarray, " n"], margin: float) -> Map:
    found = _knots(base.forward(values, margin)) if knots else None
    return Map(base, found, bent=_bent(base, values, margin))


def _bent(base: Base, values: Float[np.ndarray, " n"], margin: float) -> Span | None:
    """The outermost cells, where the inverse of a base is an exponential beyond them."""
    if not isinstance(base, Asinh | Log):
        return None
    return Span(float(values.min()) - margin / 2, float(values.max()) + margin / 2)


def _knots(images: Float[np.ndarray, " n"]) -> Knots | None:
    """Knots at quantiles that are evenly spaced under a normal law, which slopes and tails are bounded by."""
    rows = len(images)
    furthest = float(ndtri(1 - min(_OUTSIDE / rows, 0.25)))
    to = np.linspace(-furthest, furthest, int(np.clip(rows // _ROWS_A_KNOT, 4, _MOST_KNOTS)))
    at, first = np.unique(np.quantile(images, ndtr(to), method="hazen"), return_index=True)
    if len(at) < 2:
        return None
    # Where a value repeats, it has the middle of its images.
    last = np.append(first[1:] - 1, len(to) - 1)
    to = (to[first] + to[last]) / 2
    lower, upper = np.quantile(images, [0.16, 0.84])
    slope = 2 / (upper - lower) if upper > lower else (to[-1] - to[0]) / (at[-1] - at[0])
    rises = np.clip(np.diff(to), np.diff(at) * slope / _STEEPEST, np.diff(at) * slope * _STEEPEST)
    to = to[0] + np.concatenate([[0.0], np.cumsum(rises)])
    chords = np.diff(to) / np.diff(at)
    excess = float(np.exp(-(furthest**2) / 2) / np.sqrt(2 * np.pi) / ndtr(-furthest)) - furthest
    tails = [
        float(np.clip(excess / beyond.mean(), chord / _TAIL, chord * _TAIL)) if beyond.size else float(chord)
        for beyond, chord in (
            (at[0] - images[images < at[0]], chords[0]),
            (images[images > at[-1]] - at[-1], chords[-1]),
        )
    ]
    return Knots(tuple(at.tolist()), tuple(to.tolist()), *tails)


def _log_probability(
    map: Map, fit: Float[np.ndarray, " n"], held: Float[np.ndarray, " m"], margin: float, step: float
) -> Float[np.ndarray, " m"]:
    """Of the cells of held rows, under the normal law with the moments of the images of the others."""
    images = map.forward(fit, margin)
    mean, scale = images.mean(), deviations(images[:, None])[0]
    if not step:
        z = (map.forward(held, margin) - mean) / scale
        return -0.5 * z**2 - np.log(scale) + map.log_slope(held, margin)
    low, high = ((map.forward(held + side * step / 2, margin) - mean) / scale for side in (-1, 1))
    width = high - low
    low, high = np.where(low > 0, -high, low), np.where(low > 0, -low, high)
    narrow = width < 1e-6
    upper = log_ndtr(high)
    ratio = np.where(narrow, 0.0, np.exp(log_ndtr(low) - upper))
    density = -0.5 * ((low + high) / 2) ** 2 - 0.5 * np.log(2 * np.pi) + np.log(width)
    return np.where(narrow, density, upper + np.log1p(-ratio))


def _comes_back(map: Map, distinct: Float[np.ndarray, " n"], margin: float) -> bool:
    """Whether values come back from their images, to their points or to the last digits that their size and spread have."""
    back = map.inverse(map.forward(distinct, margin), margin)
    spread = np.ptp(np.quantile(distinct, [0.25, 0.75]))
    slack = np.maximum(_EXACT * np.maximum(np.abs(distinct), spread), margin / 4)
    return bool((np.abs(back - distinct) <= slack).all())
