"""Arrow's arrays as blocks of a column: what its types mean."""

from typing import TYPE_CHECKING, Any

import numpy as np

from scorax.data._arrow import as_numpy, flags
from scorax.data._blocks import Block, BooleanBlock, NumberBlock, TextBlock, TimeBlock
from scorax.data._integers import distances, too_large
from scorax.data.formats import CODES, TimeFormat, Unit

if TYPE_CHECKING:
    import pyarrow as pa

_UNITS: dict[str, Unit] = {code: unit for unit, code in CODES.items()}

READABLE = "columns of numbers, texts, truth values, dates or times"


def readable(kind: "pa.DataType") -> bool:
    """Whether an array of this type is a column: of numbers, texts, truth values, dates or times, or of nothing."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return readable(kind.value_type)
    asked = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_string, types.is_null)
    more = (types.is_large_string, types.is_string_view, types.is_date, types.is_timestamp)
    return any(ask(kind) for ask in (*asked, *more))


def block_of(cells: Any, where: object, name: str) -> Block:
    """The cells of an array of a readable type.

    Raises:
        InputError: integers or times range too far for float64.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    types, kind = pa.types, cells.type
    if types.is_dictionary(kind) and not (types.is_string(kind.value_type) or types.is_large_string(kind.value_type)):
        return block_of(cells.dictionary_decode(), where, name)
    absent = flags(cells.is_null())
    if types.is_null(kind):
        return NumberBlock(np.full(len(cells), np.nan), 0, 0)
    if types.is_boolean(kind):
        values = as_numpy(ask.fill_null(ask.cast(cells, pa.uint8()), 0)).astype(np.float64)
        values[absent] = np.nan
        return BooleanBlock(values)
    if types.is_date(kind) or types.is_timestamp(kind):
        return _times(cells, absent, where, name)
    if types.is_dictionary(kind) or types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _texts(cells, absent)
    return _numbers(cells, absent, where, name)


def _numbers(cells: Any, absent: np.ndarray, where: object, name: str) -> NumberBlock:
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    kind, decimals = cells.type, None
    if pa.types.is_decimal(kind):
        decimals = kind.scale if 0 <= kind.scale <= 12 else None
        if kind.scale == 0:
            try:
                cells = ask.cast(cells, pa.int64())
            except pa.ArrowInvalid:
                raise too_large(where, name) from None
    if pa.types.is_integer(cells.type):
        whole = as_numpy(ask.fill_null(cells, 0) if cells.null_count else cells)
        return NumberBlock(*distances(whole, where, name, absent if absent.any() else None), 0)
    numbers = ask.cast(cells, pa.float64())
    values = as_numpy(ask.fill_null(numbers, float("nan")) if cells.null_count else numbers)
    return NumberBlock(values, None, decimals)


def _times(cells: Any, absent: np.ndarray, where: object, name: str) -> TimeBlock:
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    kind = cells.type
    if pa.types.is_date(kind):
        whole, form = ask.cast(ask.cast(cells, pa.date32()), pa.int32()), TimeFormat("day", "day")
    else:
        unit = _UNITS[kind.unit]
        whole, form = ask.cast(cells, pa.int64()), TimeFormat(unit, unit, " ", kind.tz)
    ticks = as_numpy(ask.fill_null(whole, 0)).astype(np.int64)
    return TimeBlock.of(ticks, absent, form, where, name)


def _texts(cells: Any, absent: np.ndarray) -> TextBlock:
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    if not pa.types.is_dictionary(cells.type):
        cells = ask.cast(cells, pa.large_string()).dictionary_encode()
    places = as_numpy(ask.fill_null(ask.cast(cells.indices, pa.int64()), 0)).astype(np.int64)
    texts = cells.dictionary.to_pylist()
    # A dictionary may hold a null, and texts of which no cell is, or twice the same.
    gone = absent.copy()
    if texts:
        gone |= np.array([text is None for text in texts], dtype=bool)[places]
    used = np.unique(places[~gone])
    place = np.full(len(texts) + 1, -1)
    place[used] = np.arange(len(used))
    places = np.where(gone, -1, place[places])
    return TextBlock(places, [texts[k] for k in used.tolist()])
