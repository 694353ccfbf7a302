"""What the values of a column mean, and how they are written: numbers, texts, truth values, times."""

from typing import TypeAlias

from scorax.data.formats._boolean import BooleanFormat
from scorax.data.formats._format import AbstractFormat
from scorax.data.formats._iso import ENDS_OF_UTC, read_times
from scorax.data.formats._layouts import ISO, LAYOUTS, Layout, layouts_of
from scorax.data.formats._number import NumberFormat
from scorax.data.formats._text import TextFormat
from scorax.data.formats._time import TimeFormat, dates_in
from scorax.data.formats._units import CODES, NANOSECONDS, UNITS, Unit

Format: TypeAlias = NumberFormat | TextFormat | BooleanFormat | TimeFormat
"""Any of the formats. A file names the one it has by its field ``kind``."""

__all__ = [
    "CODES",
    "ENDS_OF_UTC",
    "ISO",
    "LAYOUTS",
    "NANOSECONDS",
    "UNITS",
    "AbstractFormat",
    "BooleanFormat",
    "Format",
    "Layout",
    "NumberFormat",
    "TextFormat",
    "TimeFormat",
    "Unit",
    "dates_in",
    "layouts_of",
    "read_times",
]
