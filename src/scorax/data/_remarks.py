"""What a reader decided about cells that can be read in two ways, and what a person can do about it."""

import re
from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np

from scorax._text import listing, quote
from scorax.data._table import Table
from scorax.data._words import CODE, MISSING, NUMBER
from scorax.data.formats import ISO, Format, NumberFormat, TextFormat, layouts_of, read_times

_NAMED = 3
_UNITS_OF_NUMBERS = (
    "%|‰|[$€£¥₹]|USD|EUR|GBP|CHF|kg|m?g|lbs?|oz|[cmk]?m|ft|in|mi|m?s|min|hrs?|h|mph|km/h|kWh|[kM]?W|°?[CF]|K"
)
_WITH_SIGNS = re.compile(
    r"[+\-\u2212]?\s?(?:[$€£¥₹]|USD|EUR|GBP)?\s?[0-9]{1,3}(?:[,.' \u00a0\u202f]?[0-9]{3})*(?:[.,][0-9]+)?"
    rf"\s?(?:{_UNITS_OF_NUMBERS})?"
)
_PLAIN = "write plain numbers, such as -1200.50, to have it as numbers"
_DATE = re.compile(
    r"[0-9]{1,4}([-/. ])[0-9]{1,2}\1[0-9]{1,4}(?:[T ,]+[0-9]{1,2}:.*)?|"
    r"[A-Z][a-z]{2,8}\.? [0-9]{1,2},? [0-9]{4}.*|[0-9]{1,2}[- ][A-Z][a-z]{2,8}\.?[- ][0-9]{2,4}.*|"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].*"
)
_CLOCK = re.compile(r"[0-9]{1,3}:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?(?: ?[AaPp]\.?[Mm]\.?)?")
_SECONDS = (10**9, 2.2 * 10**9)
"""Seconds since 1970 from the years 2001 to 2039."""
_UNITS = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}


def missing_remarks(words: Mapping[str, Counter[str]]) -> tuple[str, ...]:
    """A line for each word that was read as missing in some columns."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, counts in words.items():
        for word, count in counts.items():
            if word:
                found.setdefault(word, []).append((name, count))
    lines = []
    for word, places in found.items():
        shown = [f"{count} {'cell' if count == 1 else 'cells'} of column {quote(name)}" for name, count in places]
        more = [f"{len(shown) - _NAMED} more columns"] if len(shown) > _NAMED else []
        lines.append(f"{quote(word)} is read as missing: {', '.join(shown[:_NAMED] + more)}")
    return tuple(lines)


def remarks_on_zeros(name: str, form: Format, decimals: frozenset[int]) -> tuple[str, ...]:
    """A line on numbers whose zeros at the end do not follow from their values: they are not written as they were."""
    if not isinstance(form, NumberFormat) or len(decimals) < 2 or form.fewest is not None or form.bare is not None:
        return ()
    written = "their shortest digits" if form.decimals is None else f"{form.decimals}"
    return (
        f"column {quote(name)} has {min(decimals)} to {max(decimals)} decimals, zeros at the end in some cells only: all are "
        f"written with {written}",
    )


def remarks_on_kinds(table: Table, known: Collection[str] = ()) -> tuple[str, ...]:
    """Lines on columns that a person may have meant to be of another kind, but for those of which that is known."""
    lines: list[str] = []
    for j, name in enumerate(table.columns):
        form, values = table.formats[j], table.values[:, j]
        if name in known:
            continue
        if isinstance(form, TextFormat):
            lines += _of_texts(name, form, values, table.dialect.decimal)
        elif isinstance(form, NumberFormat) and form.decimals == 0:
            lines += _of_integers(name, form, values)
    return tuple(lines)


def _of_texts(name: str, form: TextFormat, values: np.ndarray, mark: str) -> list[str]:
    places = values[~np.isnan(values)].astype(np.int64)
    if not places.size:
        return []
    counts = np.bincount(places, minlength=len(form.levels))

    def share(pattern: re.Pattern[str]) -> float:
        return float(counts[[bool(pattern.fullmatch(level.strip())) for level in form.levels]].sum() / counts.sum())

    column, example = f"column {quote(name)}", quote(form.levels[int(places[0])], 30)
    numbers = [bool(re.match(NUMBER, level.strip())) for level in form.levels]
    rest = int(counts[~np.array(numbers)].sum())
    points = mark == "," and any("." in level for level in form.levels)
    if rest == 0 and points:
        return [
            f"{column} has points in its numbers ({example}) where others have commas: read as text; write one of them"
        ]
    if rest == 0 and any(re.match(CODE, level) for level in form.levels):
        return []  # said of the column that they make
    if rest == 0:
        return [f"{column} holds numbers as texts ({example}): read as text"]
    if rest <= len(places) // 2 and not points:
        odd = next(int(k) for k in places if not numbers[int(k)])
        signs = _WITH_SIGNS.fullmatch(form.levels[odd].strip())
        row = int(np.argmax(values == odd)) + 1
        return [
            f"{column} is read as text because of {quote(form.levels[odd], 30)} in row {row} ({rest} of {len(places)} "
            f"cells are no numbers): {_PLAIN if signs else 'empty them if they mean missing'}"
        ]
    if share(_DATE) > 0.9:
        import pyarrow as pa

        levels = [level for level in form.levels if not re.match(MISSING, level)]
        every = (ISO, *layouts_of(levels))
        layouts = [one for one in every if read_times(pa.array(levels, pa.string()), one) is not None]
        options = " or ".join(f"--column {name}={layout}" for layout in layouts)
        if len(layouts) == 1:  # of Parquet and of data frames, whose texts are no dates by themselves
            return [f"{column} has dates ({example}) that are texts: they stay texts, unless you say {options}"]
        if layouts:
            return [
                f"{column} has dates ({example}) of which no value above 12 says which is the day: texts, unless you say "
                f"{options}"
            ]
        return [
            f"{column} looks like dates ({example}) and is read as text; dates are read where all cells are written in "
            "one way, 2024-01-31, 2024/01/31, 31.01.2024 or 31/01/2024, T12:00:00 behind it or not (no AM or PM), with Z, "
            "UTC, one offset or without, or have the type of dates"
        ]
    if share(_CLOCK) > 0.9:
        return [
            f"{column} looks like times of day or durations ({example}) and is read as text; write minutes or seconds as a "
            "number to have it as numbers"
        ]
    if len(form.levels) > 2 and share(_WITH_SIGNS) > 0.9:
        return [f"{column} holds numbers with signs, units or separators ({example}): read as text; {_PLAIN}"]
    odd_words = [level for level in form.levels if re.match(MISSING, level.strip())]
    if odd_words and len(form.levels) > 1:
        cells = int(counts[[level in odd_words for level in form.levels]].sum())
        many = "cell" if cells == 1 else "cells"
        return [f"{listing(odd_words)} in {cells} {many} of {column} is read as text: empty them if they mean missing"]
    return []


def _of_integers(name: str, form: NumberFormat, values: np.ndarray) -> list[str]:
    present = values[~np.isnan(values)]
    if len(present) < 2:
        return []
    low, high = form.origin + int(present.min()), form.origin + int(present.max())
    if low == high:
        return []
    column = f"column {quote(name)}"
    for ticks, unit in _UNITS.items():
        if _SECONDS[0] * ticks <= low and high <= _SECONDS[1] * ticks:
            day = np.datetime_as_string(np.datetime64(low // ticks, "s"), unit="D")
            return [
                f"{column} may be {unit} since 1970 ({low} is on {day}) and is read as integers; write {day}T12:00:00 "
                "to have it as times"
            ]
    return []
