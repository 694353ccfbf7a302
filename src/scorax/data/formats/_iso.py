"""Dates and times in text, as ISO 8601 writes them, but for the order of year, month and day."""

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from jaxtyping import Int64

from scorax.data._arrow import as_numpy
from scorax.data.formats._layouts import ISO, Layout, as_iso
from scorax.data.formats._units import CODES, NANOSECONDS, Unit

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
ENDS_OF_UTC = ("Z", "z", " UTC")
"""What a time in UTC may end in."""

_SHORT_HOUR = f"^({_DATE}[T ])([0-9]:)"
_ZONE = f"{'|'.join(ENDS_OF_UTC)}|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?"
_SECONDS = len("2024-01-31T12:00:00")
_WITHIN_NANOSECONDS = ("1678", "2262")
"""Years of times that 64 bits hold in nanoseconds are from the first to before the second."""


class WrittenTimes(NamedTuple):
    """Times, and how they are written.

    Attributes:
        ticks: units since 1970, in UTC where there is a zone.
        written: the unit.
        mark: what stands between date and time of day.
        zone: one of ``ENDS_OF_UTC`` or an offset, where there is one.
        hour: ``H`` where hours below ten have no leading zero.
    """

    ticks: "Int64[np.ndarray, ' n']"
    written: Unit
    mark: Literal["T", " "]
    zone: str | None
    hour: Literal["HH", "H"]


def read_times(cells: "pa.Array", date: Layout = ISO) -> WrittenTimes | None:
    """Times as they are written; ``None`` where the cells are not all of one form.

    A form is a date, or a date, ``T`` or a space, hours and minutes; all cells have seconds or none, which may have up to
    nine decimals, and all have no zone or the same: ``Z``, ``z``, `` UTC`` or an offset, ``+05:30``, ``+0530`` or of hours
    alone ``+05``. Hours below ten have a leading zero in all cells or in none, as spreadsheets write them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    if date != ISO:
        texts = as_iso(cells.to_pylist(), date)
        if texts is None:
            return None
        cells = pa.array(texts, pa.string())
    hour: Literal["HH", "H"] = "H" if ask.any(ask.match_substring_regex(cells, _SHORT_HOUR)).as_py() else "HH"
    if hour == "H":
        if ask.any(ask.match_substring_regex(cells, f"^{_DATE}[T ]0[0-9]:")).as_py():
            return None
        cells = ask.replace_substring_regex(cells, _SHORT_HOUR, r"\10\2")
    first = re.fullmatch(
        f"{_DATE}(?:([T ])[0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(?:[.][0-9]{{1,9}})?)?({_ZONE})?)?", cells[0].as_py()
    )
    if first is None:
        return None
    mark, seconds, zone = first[1], first[2], first[3] or ""
    clock = "" if mark is None else f"{mark}[0-9]{{2}}:[0-9]{{2}}" + (":[0-9]{2}([.][0-9]{1,9})?" if seconds else "")
    if not ask.all(ask.match_substring_regex(cells, f"^{_DATE}{clock}{re.escape(zone)}$")).as_py():
        return None
    if zone:
        cells = ask.replace_substring_regex(cells, f"{re.escape(zone)}$", "")
    written: Unit = "day" if mark is None else "second" if seconds else "minute"
    if seconds and (longest := int(ask.max(ask.binary_length(cells)).as_py())) > _SECONDS:
        fraction = longest - _SECONDS - 1
        written = "millisecond" if fraction <= 3 else "microsecond" if fraction <= 6 else "nanosecond"
    if written == "nanosecond":
        ends = ask.min_max(cells).as_py()
        if ends["min"] < _WITHIN_NANOSECONDS[0] or ends["max"] >= _WITHIN_NANOSECONDS[1]:
            return None
    stored: Any = pa.timestamp("s" if written in ("day", "minute") else CODES[written])
    try:
        times = ask.cast(cells, stored)
    except pa.ArrowInvalid:  # the thirtieth of February
        return None
    ticks = as_numpy(ask.cast(times, pa.int64()))
    if written in ("day", "minute"):
        ticks = ticks // (NANOSECONDS[written] // NANOSECONDS["second"])
    ticks = ticks - minutes_ahead(zone) * NANOSECONDS["minute"] // NANOSECONDS[written]
    return WrittenTimes(ticks, written, " " if mark == " " else "T", zone or None, hour)


def minutes_ahead(zone: str | None) -> int:
    """Minutes by which the written time is ahead of UTC."""
    if zone is None or zone[:1] not in ("+", "-"):
        return 0
    return int(zone[0] + "1") * (60 * int(zone[1:3]) + (int(zone[-2:]) if len(zone) > 3 else 0))
