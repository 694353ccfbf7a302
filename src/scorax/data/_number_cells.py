"""Cells of numbers: integers without rounding, and the decimals with which a column is written."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from scorax._decimals import EXACT
from scorax.data._arrow import as_numpy, flags
from scorax.data._blocks import Digits, NumberBlock
from scorax.data._integers import distances, too_large

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_DECIMALS = 12
_KINDS: tuple[Literal["zero", "integer", "fraction"], ...] = ("zero", "integer", "fraction")


def points(cells: "pa.Array") -> bool:
    """Whether some cell of numbers has a decimal point or an exponent."""
    import pyarrow.compute as pc

    ask: Any = pc
    return bool(ask.any(ask.match_substring_regex(cells, r"[.eE]")).as_py())


def read_numbers(
    cells: "pa.Array", values: np.ndarray, where: object, name: str, row_of: Callable[[int], int]
) -> NumberBlock:
    """A block of cells that are numbers with points, ``nan`` or ``inf``, and of their values as float64.

    Raises:
        InputError: an integer is too large; ``row_of`` is the row of a cell.
    """
    import pyarrow.compute as pc

    ask: Any = pc
    scientific = bool(ask.any(ask.match_substring_regex(cells, "[eE]")).as_py())
    places = as_numpy(ask.find_substring(cells, "."))
    fractions = bool((places >= 0).any())
    after = _decimals(cells, scientific, places)
    most = int(after.max())
    decimals = most if most <= _MOST_DECIMALS else None
    digits = frozenset[Digits]() if scientific else _digits_of(cells, values, after)
    if not scientific and not fractions:
        whole, origin = _exact(cells, values, where, name, row_of)
        return NumberBlock(whole, origin, decimals, digits=digits)
    for i in np.flatnonzero(np.abs(values) >= EXACT):
        if _digits(cells[int(i)].as_py()) > EXACT:
            raise too_large(where, name, row_of(int(i)))
    mark: Literal[".", ""] = "." if fractions else ""
    return NumberBlock(values, None, decimals, mark, digits)


def _digits_of(cells: "pa.Array", values: np.ndarray, after: np.ndarray) -> frozenset[Digits]:
    """How cells without an exponent are written that have so many decimals; what is not finite is left out of account."""
    import pyarrow.compute as pc

    ask: Any = pc
    padded = flags(ask.match_substring_regex(cells, r"\.[0-9]*0\s*$"))
    kind = np.where(values == 0, 0, np.where(np.rint(values) == values, 1, 2))
    found = np.unique(np.column_stack([kind, after, padded])[np.isfinite(values)].astype(np.int64), axis=0)
    return frozenset(Digits(_KINDS[of], decimals, bool(zero)) for of, decimals, zero in found.tolist())


def _exact(
    cells: "pa.Array", values: np.ndarray, where: object, name: str, row_of: Callable[[int], int]
) -> tuple[np.ndarray, int]:
    """Integers without rounding, from the origin that is returned with them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    if not (np.abs(values) >= EXACT).any():
        return values, 0
    present = np.isfinite(values)
    digits = ask.replace_substring_regex(cells, r"^\+", "")
    digits = ask.replace_substring_regex(digits, "^.*[a-zA-Z].*$", "0")  # missing and infinite ones
    for kind in (pa.int64(), pa.uint64()):
        try:
            whole = as_numpy(ask.cast(digits, kind))
        except pa.ArrowInvalid:
            continue
        return distances(whole, where, name, None if present.all() else ~present)
    # One may be beyond 64 bits, or two of them too far apart for one type of either kind.
    beyond = [i for i in range(len(cells)) if _digits(cells[i].as_py()) >= 2**63]
    raise too_large(where, name, row_of(beyond[0]))


def _decimals(cells: "pa.Array", scientific: bool, places: np.ndarray) -> np.ndarray:
    """The decimals of each cell: of ``1.25e-3`` five. A column with an exponent has one at least, as floats are written."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ask: Any = pc
    digits = ask.replace_substring_regex(cells, "[eE].*$", "") if scientific else cells
    length = as_numpy(ask.binary_length(digits))
    after = np.where(places >= 0, length - places - 1, 0)
    if not scientific:
        return after
    powers = ask.replace_substring_regex(cells, r"^[^eE]*([eE]\+?)?", "")
    powers = as_numpy(ask.cast(ask.replace_substring_regex(powers, "^$", "0"), pa.float64()))
    return np.clip(after - powers, 1, 99)


def _digits(text: str) -> int:
    """The size of an integer in a cell, 0 where it holds another number."""
    found = re.fullmatch(r"\s*[+-]?([0-9]+)\s*", text)
    return int(found[1].lstrip("0")[:400] or 0) if found else 0
