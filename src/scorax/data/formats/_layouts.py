"""Orders in which the year, month and day of a date are written."""

import re
from collections.abc import Sequence
from typing import Literal, get_args

Layout = Literal[
    "YYYY-MM-DD",
    "YYYY/MM/DD",
    "DD/MM/YYYY",
    "MM/DD/YYYY",
    "DD.MM.YYYY",
    "YYYY/M/D",
    "D/M/YYYY",
    "M/D/YYYY",
    "D.M.YYYY",
]
"""``M`` and ``D`` have no leading zeros."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)

ISO: Layout = "YYYY-MM-DD"

_PIECES = {
    "YYYY": "(?P<year>[0-9]{4})",
    "MM": "(?P<month>0[1-9]|1[0-2])",
    "DD": "(?P<day>0[1-9]|[12][0-9]|3[01])",
    "M": "(?P<month>1[0-2]|[1-9])",
    "D": "(?P<day>[12][0-9]|3[01]|[1-9])",
}


def layouts_of(texts: Sequence[str]) -> tuple[Layout, ...]:
    """Every layout but that of ISO 8601 in which all texts are dates, with a time of day or without.

    Those with leading zeros go before those without. Where both will do no part is below ten, and they write the same. Two others
    are left where no value above 12 says which is the day.
    """
    found: list[Layout] = [one for one in LAYOUTS if one != ISO and texts and as_iso(texts, one) is not None]
    return tuple(one for one in found if _padded(one) == one or _padded(one) not in found)


def with_and_without_zeros(layout: Layout) -> tuple[Layout, ...]:
    """A layout, and the one that differs from it by leading zeros alone, where there is one."""
    return (layout, *(one for one in LAYOUTS if one != layout and _padded(one) == _padded(layout)))


def as_iso(texts: Sequence[str], layout: Layout) -> list[str] | None:
    """Texts with their dates as ISO 8601 writes them; ``None`` where one is of another layout."""
    date = re.compile(re.sub("[YMD]+", lambda piece: _PIECES[piece[0]], re.escape(layout).replace(r"\-", "-")))
    found = []
    for text in texts:
        match = date.match(text)
        if match is None:
            return None
        found.append(f"{match['year']}-{match['month']:0>2}-{match['day']:0>2}{text[match.end() :]}")
    return found


def laid_out(text: str, layout: Layout) -> str:
    """A time that ISO 8601 writes, its date in a layout."""
    date, mark, clock = text.partition("T")
    year, month, day = date.rsplit("-", 2)
    written = {"YYYY": year, "MM": month, "DD": day, "M": month.lstrip("0"), "D": day.lstrip("0")}
    return re.sub("[YMD]+", lambda piece: written[piece[0]], layout) + mark + clock


def _padded(layout: str) -> str:
    return re.sub(r"\bM\b", "MM", re.sub(r"\bD\b", "DD", layout))
