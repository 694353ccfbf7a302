"""A column of numbers."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Integer

from scorax._decimals import EXACT, moved, round_to, whole
from scorax.data.formats._boolean import BooleanFormat
from scorax.data.formats._format import AbstractFormat

# Beyond, Arrow writes small decimals with an exponent, which hides the decimals from a reader.
_PLAIN_DECIMALS = 6


@dataclass(frozen=True)
class NumberFormat(AbstractFormat):
    """Numbers: a value is the number from the origin.

    Attributes:
        decimals: they are written with so many: those of the file's text or type (0 for integers), those of the shortest form of
            floats if at most six, otherwise ``None``: as many as read back.
        origin: the whole number that values in memory count from; 0 but for integers beyond 2^45 in size (see ``Table``).
        unsigned: whether integers need 64 bits without a sign.
        fewest: decimals that are written even where they are zeros at the end; ``None`` is all of them. Without ``decimals`` it
            says that cells have their shortest digits and no exponent.
        bare: which numbers are written without decimals where all others have all of them.
        single: whether numbers are of single precision and no short decimals of double: values are put on the nearest of it.
        kind: ``number``.
    """

    decimals: int | None = None
    origin: int = 0
    unsigned: bool = False
    fewest: int | None = None
    bare: Literal["zeros", "integers"] | None = None
    single: bool = False
    kind: Literal["number"] = field(default="number", kw_only=True)

    def __post_init__(self) -> None:
        if not (self.decimals is None or 0 <= self.decimals <= 12):
            raise ValueError(f"expected 0 to 12 decimals, got {self.decimals}")
        if self.fewest is not None and not 0 <= self.fewest < (13 if self.decimals is None else self.decimals):
            raise ValueError(f"expected fewer decimals than {self.decimals}, got {self.fewest}")
        if self.bare is not None and (not self.decimals or self.fewest is not None):
            raise ValueError("expected decimals of the numbers that are not bare, all of them")
        if (self.origin != 0 or self.unsigned) and self.decimals != 0:
            raise ValueError(f"only integers have an origin or no sign, and these have {self.decimals} decimals")

    @staticmethod
    def of(decimals: int | None, origin: int, high: float) -> "NumberFormat":
        """The format of a column whose largest value is ``high`` from its origin."""
        return NumberFormat(decimals, origin, decimals == 0 and origin + int(high) >= 2**63)

    def cells(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"] | Integer[np.ndarray, " n"]:
        """The numbers: int64 where the column is of integers.

        uint64 where 64 bits with a sign are too few; float64 where a value is not finite or beyond 64 bits.
        """
        integers = whole(values, self.origin) if self.decimals == 0 else None
        return moved(values, self.origin) if integers is None else integers

    def text(self, values: Float[np.ndarray, " n"]) -> Any:
        """The decimals of the column where known, otherwise the shortest digits that read back."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ask: Any = pc
        if self.bare is not None:
            padded = ask.cast(replace(self, bare=None).text(values), pa.string())
            return ask.replace_substring_regex(padded, r"^(-?0)\.0+$" if self.bare == "zeros" else r"^(.*)\.0+$", r"\1")
        if self.fewest is not None and self.decimals is None:
            texts = [np.format_float_positional(v, min_digits=self.fewest).removesuffix(".") for v in values.tolist()]
            return pa.array(texts, pa.string(), mask=np.isnan(values))
        if self.fewest is not None:
            padded = ask.cast(replace(self, fewest=None).text(values), pa.string())
            trimmed = ask.replace_substring_regex(padded, rf"(\.[0-9]{{{self.fewest}}}[0-9]*?)0*$", r"\1")
            return ask.replace_substring_regex(trimmed, r"\.$", "")
        decimals, absent = self.decimals, np.isnan(values)
        if decimals is None:
            return pa.array(values, mask=absent)
        # A number too large for its decimals has no digit behind them: the shortest text that reads back says it all.
        fine = np.abs(values) < EXACT / 10.0**decimals
        if not fine.all() or decimals > _PLAIN_DECIMALS:
            kept = np.where(fine, values, 0.0)
            exact = whole(kept, self.origin) if decimals == 0 else None
            texts = [f"{v:.{decimals}f}" for v in kept.tolist()] if exact is None else [str(n) for n in exact.tolist()]
            for i in np.flatnonzero(~fine):
                texts[i] = repr(float(values[i]) + self.origin)
            return pa.array(texts, pa.string(), mask=absent)
        if decimals == 0 and (exact := whole(values, self.origin)) is not None:
            return pa.array(exact)
        near = np.rint(values * 10.0**decimals).astype(np.int64)
        # A decimal number of 128 bits is its integer with the sign extended: exact, and no text is built here.
        words = np.empty((len(near), 2), dtype="<i8")
        words[:, 0], words[:, 1] = near, near >> 63
        return pa.Array.from_buffers(pa.decimal128(38, decimals), len(near), [None, pa.py_buffer(words.tobytes())])

    def holds(self, values: Float[np.ndarray, " n"]) -> bool:
        """Whether they have no more decimals."""
        if self.decimals is None:
            return True
        near = self._nearest(round_to(values, self.decimals))
        return bool(((near == values) | np.isnan(values)).all())

    def taken(self, values: Float[np.ndarray, " n"], other: AbstractFormat) -> Float[np.ndarray, " n"]:
        """Numbers, and truth values as 0 and 1, counted from this origin; of single precision the nearest."""
        if np.isnan(values).all():
            return values
        if not isinstance(other, NumberFormat | BooleanFormat):
            raise ValueError(f"of {other.kind}")
        return self._nearest(moved(values, other.origin - self.origin))

    def _nearest(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Values of single precision where that is what numbers are of; those beyond its range are what they are."""
        if not self.single:
            return values
        with np.errstate(over="ignore"):
            near = values.astype(np.float32).astype(np.float64)
        return np.where(np.isfinite(near), near, values)
