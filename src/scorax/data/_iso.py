"""Dates and times in text, as ISO 8601 writes them."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int64

from scorax.data._arrow import as_numpy
from scorax.data.formats import CODES, NANOSECONDS, TimeFormat, Unit

if TYPE_CHECKING:
    import pyarrow as pa

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ZONE = "Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9]"
_SECONDS = len("2024-01-31T12:00:00")
_WITHIN_NANOSECONDS = ("1678", "2262")
"""Years of times that 64 bits hold in nanoseconds are from the first to before the second."""


def read_times(cells: "pa.Array") -> "tuple[Int64[np.ndarray, ' n'], TimeFormat] | None":
    """Times in units of how they are written, and their format; ``None`` where the cells are not all of one form.

    A form is a date, or a date, ``T`` or a space, hours and minutes; all cells have seconds or none, which may have up to
    nine decimals, and all have no zone or the same: ``Z`` or an offset.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
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
    form = TimeFormat(written, written, "T" if mark is None else mark, zone or None)  # type: ignore[arg-type]
    return ticks - form.offset * NANOSECONDS["minute"] // NANOSECONDS[written], form
