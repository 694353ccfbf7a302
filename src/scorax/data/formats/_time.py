"""A column of dates or times."""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Shaped

from scorax._decimals import EXACT, whole
from scorax.data._integers import FINE
from scorax.data._words import MISSING
from scorax.data.formats._format import AbstractFormat
from scorax.data.formats._iso import ENDS_OF_UTC, minutes_ahead, read_times
from scorax.data.formats._layouts import ISO, Layout, laid_out, with_and_without_zeros
from scorax.data.formats._text import TextFormat
from scorax.data.formats._units import CODES, NANOSECONDS, Unit


@dataclass(frozen=True)
class TimeFormat(AbstractFormat):
    """Dates or times: a value is a whole number of units since 1970 began, from the origin; in UTC where there is a zone.

    Attributes:
        unit: the coarsest in which all cells of the table are whole numbers.
        written: the finest unit that is written, or that the type of the column has; ``day`` for dates.
        mark: what stands between date and time of day.
        zone: ``None`` where times have none; ``Z``, ``z``, `` UTC`` or an offset such as ``+02:00``, ``+0200`` or ``+02``,
            which is written; or the name of a zone that the type of a column has, whose times are written in UTC with ``Z``.
        origin: the whole number of units that values in memory count from.
        date: in what order year, month and day are written.
        hour: ``H`` where hours below ten have no leading zero.
        kind: ``time``.
    """

    unit: Unit
    written: Unit
    mark: Literal["T", " "] = "T"
    zone: str | None = None
    origin: int = 0
    date: Layout = ISO
    hour: Literal["HH", "H"] = "HH"
    kind: Literal["time"] = field(default="time", kw_only=True)

    def __post_init__(self) -> None:
        if NANOSECONDS[self.written] > NANOSECONDS[self.unit]:
            raise ValueError(f"times in units of a {self.unit} cannot be written to the {self.written}")
        if self.zone is not None and self.written == "day":
            raise ValueError("dates have no zone")

    @property
    def offset(self) -> int:
        """Minutes by which the written time is ahead of UTC."""
        return minutes_ahead(self.zone)

    def cells(self, values: Float[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
        """NumPy's ``datetime64`` of the unit that is written, in UTC; NaT where a cell is missing.

        Raises:
            ValueError: a time does not fit into it.
        """
        return self._times(values, self.written)

    def text(self, values: Float[np.ndarray, " n"]) -> Any:
        """ISO 8601, but for the date: ``2024-02-29``, ``29/02/2024 12:30``, ``2024-02-29T12:30:00.500+02:00``."""
        import pyarrow as pa

        times = self.cells(values)
        times = times + np.timedelta64(self.offset, "m") if self.offset else times
        texts = np.datetime_as_string(times, unit=CODES[self.written])  # type: ignore[call-overload]
        if self.hour == "H":
            texts = np.char.replace(texts, "T0", "T")
        if self.date != ISO:
            there = ~np.isnan(values)
            texts[there] = [laid_out(text, self.date) for text in texts[there].tolist()]
        if self.mark != "T":
            texts = np.char.replace(texts, "T", self.mark)
        return pa.array([text + self._ending for text in texts.tolist()], pa.string(), mask=np.isnan(values))

    def holds(self, values: Float[np.ndarray, " n"]) -> bool:
        """Whether they are whole numbers of the unit."""
        return bool(((np.rint(values) == values) | np.isnan(values)).all())

    def written_as(self, other: AbstractFormat) -> "TimeFormat":
        """With the date, hours, mark and zone of other times, and to their unit where that is fine enough for the values."""
        if not isinstance(other, TimeFormat) or (self.zone is None) != (other.zone is None):
            return self
        written = other.written if NANOSECONDS[other.written] <= NANOSECONDS[self.unit] else self.written
        zone = None if written == "day" else other.zone
        return replace(self, written=written, mark=other.mark, zone=zone, date=other.date, hour=other.hour)

    def taken(self, values: Float[np.ndarray, " n"], other: AbstractFormat) -> Float[np.ndarray, " n"]:
        """The same times in this unit; a fraction where one lies between. Texts are dates in the layout of this format.

        Few of them may not say which part is the day: it is the one of this format, with leading zeros or without.
        """
        if np.isnan(values).all():
            return values
        if isinstance(other, TextFormat):
            values, other = dates_in(values, other, *with_and_without_zeros(self.date))
        if not isinstance(other, TimeFormat):
            raise ValueError(f"of {other.kind}")
        if (self.zone is None) != (other.zone is None):
            raise ValueError("of times " + ("with a time zone" if self.zone is None else "without a time zone"))
        if (self.unit, self.origin) == (other.unit, other.origin):
            return values
        from_unit, to_unit = NANOSECONDS[other.unit], NANOSECONDS[self.unit]
        found = np.full(len(values), np.nan)
        for i in np.flatnonzero(~np.isnan(values)):
            ticks = (other.origin + int(values[i])) * from_unit - self.origin * to_unit
            found[i] = ticks // to_unit + ticks % to_unit / to_unit
        return found

    @property
    def _ending(self) -> str:
        if self.zone is None:
            return ""
        return self.zone if self.zone in ENDS_OF_UTC or self.zone[:1] in ("+", "-") else "Z"

    def _times(self, values: Float[np.ndarray, " n"], unit: Unit) -> np.ndarray:
        absent = np.isnan(values)
        counts = whole(np.where(absent, 0.0, values), self.origin)
        ratio = NANOSECONDS[self.unit] // NANOSECONDS[unit]
        if counts is None or (counts.size and max(abs(int(counts.min())), abs(int(counts.max()))) * ratio >= 2**63):
            raise ValueError(f"expected times that fit into 64 bits of a {unit}, got one too far away")
        times = (counts.astype(np.int64) * ratio).view(f"datetime64[{CODES[unit]}]")
        times[absent] = np.datetime64("NaT", CODES[unit])
        return times


def dates_in(
    values: Float[np.ndarray, " n"], texts: AbstractFormat, *layouts: Layout
) -> tuple[Float[np.ndarray, " n"], TimeFormat]:
    """Texts as times whose dates are all in the first of the layouts that they can be, words for a missing cell as missing.

    Raises:
        ValueError: they are no texts, or some are no such dates; the message says what they are.
    """
    import pyarrow as pa

    levels = np.array(texts.levels if isinstance(texts, TextFormat) else (), dtype=object)
    present = np.array([not re.match(MISSING, level) for level in levels], dtype=bool)
    dates = pa.array(levels[present], pa.string())
    found, date = None, layouts[0]
    for date in layouts if present.any() else ():
        if (found := read_times(dates, date)) is not None:
            break
    if found is None:
        raise ValueError(f"of {texts.kind}")
    least, most = int(found.ticks.min()), int(found.ticks.max())
    if most - least > EXACT:
        raise ValueError(f"that range over more than 2^53 of a {found.written}")
    origin = least if max(abs(least), abs(most)) > FINE else 0
    times = np.full(len(levels) + 1, np.nan)
    times[:-1][present] = found.ticks - origin
    form = TimeFormat(found.written, found.written, found.mark, found.zone, origin, date, found.hour)
    return times[np.where(np.isnan(values), -1, values).astype(np.int64)], form
