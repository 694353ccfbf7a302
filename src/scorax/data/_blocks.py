"""Blocks of cells of one column, by what they mean, and the whole column that they make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float, Int64

from scorax._decimals import EXACT, moved
from scorax._errors import refusal
from scorax._text import quote
from scorax.data._integers import FINE, check_range, distances, span, too_large
from scorax.data.formats import NANOSECONDS, UNITS, BooleanFormat, Format, NumberFormat, TextFormat, TimeFormat, Unit

_FEWEST = 12
"""Decimals that the format of a column may ask for in all of its cells."""


class Digits(NamedTuple):
    """How a cell of a number is written.

    Attributes:
        of: ``zero``, another ``integer``, or what has a ``fraction``.
        decimals: how many there are.
        padded: whether they end with a zero.
    """

    of: Literal["zero", "integer", "fraction"]
    decimals: int
    padded: bool


@dataclass(frozen=True, eq=False)
class NumberBlock:
    """Numbers.

    Attributes:
        values: from the origin; NaN where missing.
        origin: of integers; ``None`` where the cells are not all integers.
        decimals: they are written with at most so many, where known.
        mark: of their decimals, where there are some.
        digits: how its cells are written, where that is known.
    """

    values: Float[np.ndarray, " n"]
    origin: int | None
    decimals: int | None
    mark: Literal[".", ",", ""] = ""
    digits: frozenset[Digits] = frozenset()


@dataclass(frozen=True, eq=False)
class BooleanBlock:
    """Truth values.

    Attributes:
        values: 0, 1 or NaN.
        words: for false and for true, where they were seen.
    """

    values: Float[np.ndarray, " n"]
    words: tuple[str | None, str | None] = ("false", "true")


@dataclass(frozen=True, eq=False)
class TimeBlock:
    """Dates or times.

    Attributes:
        values: from the origin, in units; NaN where missing.
        origin: in units.
        unit: the coarsest in which all are whole numbers.
        written: the finest that is written.
        mark: between date and time of day.
        zone: see ``TimeFormat``.
        hour: see ``TimeFormat``.
    """

    values: Float[np.ndarray, " n"]
    origin: int
    unit: Unit
    written: Unit
    mark: Literal["T", " "] = "T"
    zone: str | None = None
    hour: Literal["HH", "H"] = "HH"

    @staticmethod
    def of(
        ticks: Int64[np.ndarray, " n"], absent: np.ndarray, form: TimeFormat, where: object, name: str
    ) -> "TimeBlock":
        """The block of times in units of ``form.written``, written in that format.

        Raises:
            InputError: they range over more than 2^53 of the coarsest unit in which they are whole numbers.
        """
        present = ticks[~absent]
        finest = NANOSECONDS[form.written]
        unit: Unit = next(
            u for u in UNITS if NANOSECONDS[u] <= finest or not (present % (NANOSECONDS[u] // finest)).any()
        )
        ratio = NANOSECONDS[unit] // finest
        counts = ticks // ratio if ratio > 1 else ticks
        if present.size and int(present.max()) // ratio - int(present.min()) // ratio > EXACT:
            raise refusal(
                where,
                expected=f"times that range over at most 2^53 of a {unit}",
                got=f"a wider range in column {quote(name)}",
                do="round them to a coarser unit",
            )
        values, origin = distances(counts, where, name, absent)
        return TimeBlock(values, origin, unit, form.written, form.mark, form.zone, form.hour)


@dataclass(frozen=True, eq=False)
class TextBlock:
    """Texts.

    Attributes:
        places: of each cell among the texts, -1 where it is missing.
        texts: distinct ones.
    """

    places: Int64[np.ndarray, " n"]
    texts: Sequence[str]


Block: TypeAlias = NumberBlock | BooleanBlock | TimeBlock | TextBlock


def joined(blocks: Sequence[Block], name: str, where: object) -> tuple[Float[np.ndarray, " n"], Format]:
    """The values of a column whose blocks are of one kind, and its format.

    Raises:
        InputError: integers range over more than 2^53, or are larger beside decimal numbers; times range too far.
    """
    first = blocks[0]
    if isinstance(first, NumberBlock):
        return _numbers([b for b in blocks if isinstance(b, NumberBlock)], name, where)
    if isinstance(first, BooleanBlock):
        truths = [b for b in blocks if isinstance(b, BooleanBlock)]
        false, true = truths[0].words
        if false is None or true is None:
            raise ValueError("expected the words for false and true, got one of them")
        return _one([b.values for b in truths]), BooleanFormat(false, true)
    if isinstance(first, TimeBlock):
        return _times([b for b in blocks if isinstance(b, TimeBlock)], name, where)
    texts = [b for b in blocks if isinstance(b, TextBlock)]
    levels = tuple(sorted({text for b in texts for text in b.texts}))
    place = {text: float(k) for k, text in enumerate(levels)}
    return _one([np.array([*map(place.get, b.texts), np.nan], float)[b.places] for b in texts]), TextFormat(levels)


def ends(block: Block) -> Block:
    """A block with the smallest and the largest of its cells alone: as much as decides what format a column has.

    Of texts none is left: they are written as they are.
    """
    if isinstance(block, TextBlock):
        return TextBlock(np.zeros(0, np.int64), ())
    there = block.values[~np.isnan(block.values)]
    return replace(block, values=there[[there.argmin(), there.argmax()]] if len(there) else block.values[:1])


def _one(parts: Sequence[Float[np.ndarray, " n"]]) -> Float[np.ndarray, " n"]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _numbers(blocks: Sequence[NumberBlock], name: str, where: object) -> tuple[Float[np.ndarray, " n"], NumberFormat]:
    decimals = None if any(b.decimals is None for b in blocks) else max(b.decimals or 0 for b in blocks)
    spans = [found for b in blocks if b.origin is not None and (found := span(b.values, b.origin)) is not None]
    integral = all(b.origin is not None for b in blocks)
    to, form = 0, _written(decimals, frozenset[Digits]().union(*(b.digits for b in blocks)))
    if spans:
        least, largest = min(low for low, _ in spans), max(high for _, high in spans)
        size = max(abs(least), abs(largest))
        if integral:
            check_range(least, largest, where, name)
            to = least if size > FINE else 0
            form = NumberFormat.of(decimals, to, largest - to)
        elif size > EXACT:
            raise too_large(where, name)
    return _one([moved(b.values, (b.origin or 0) - to) for b in blocks]), form


def _written(decimals: int | None, digits: frozenset[Digits]) -> NumberFormat:
    """The format in which cells of at most so many decimals are written so, where their values decide on zeros at the end."""
    fewest = min((cell.decimals for cell in digits), default=decimals)
    if fewest != decimals and not any(cell.padded and cell.decimals > (fewest or 0) for cell in digits):
        return NumberFormat(decimals, fewest=fewest if fewest is None else min(fewest, _FEWEST))
    if decimals and {cell.decimals for cell in digits} == {0, decimals}:
        bare = {cell.of for cell in digits if not cell.decimals}
        if bare.isdisjoint(cell.of for cell in digits if cell.decimals):
            return NumberFormat(decimals, bare="zeros" if bare == {"zero"} else "integers")
    return NumberFormat(decimals)


def _times(blocks: Sequence[TimeBlock], name: str, where: object) -> tuple[Float[np.ndarray, " n"], TimeFormat]:
    unit, written = (max((of(b) for b in blocks), key=UNITS.index) for of in (lambda b: b.unit, lambda b: b.written))
    ratios = [NANOSECONDS[b.unit] // NANOSECONDS[unit] for b in blocks]
    spans = [span(b.values * ratio, b.origin * ratio) for b, ratio in zip(blocks, ratios, strict=True)]
    known = [found for found in spans if found is not None]
    least, largest = (min(low for low, _ in known), max(high for _, high in known)) if known else (0, 0)
    check_range(least, largest, where, name)
    to = least if max(abs(least), abs(largest)) > FINE else 0
    values = [moved(b.values * ratio, b.origin * ratio - to) for b, ratio in zip(blocks, ratios, strict=True)]
    shown = next((b for b in blocks if not np.isnan(b.values).all()), blocks[0])
    return _one(values), TimeFormat(unit, written, shown.mark, shown.zone, to, hour=shown.hour)
