"""Units of time."""

from typing import Literal, get_args

Unit = Literal["day", "minute", "second", "millisecond", "microsecond", "nanosecond"]
"""Units of time, from the coarsest to the finest."""

UNITS: tuple[Unit, ...] = get_args(Unit)
"""The same, in order."""

CODES: dict[Unit, str] = dict(zip(UNITS, ("D", "m", "s", "ms", "us", "ns"), strict=True))
"""NumPy's names of them."""

NANOSECONDS: dict[Unit, int] = {
    "day": 86_400 * 10**9,
    "minute": 60 * 10**9,
    "second": 10**9,
    "millisecond": 10**6,
    "microsecond": 10**3,
    "nanosecond": 1,
}
