"""How a column stands in a file: with how many decimals, from which origin, integers of which type."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from scorax._decimals import moved, whole


@dataclass(frozen=True)
class Format:
    """How a column is written.

    Attributes:
        decimals: with so many: those of the file's text or type (0 for integers), those of the shortest form of floats if at
            most six, otherwise ``None``: as many as read back.
        origin: the whole number that values in memory count from; 0 but for integers beyond 2^45 in size (see ``Table``).
        unsigned: whether integers need 64 bits without a sign.
    """

    decimals: int | None = None
    origin: int = 0
    unsigned: bool = False

    def __post_init__(self) -> None:
        if not (self.decimals is None or 0 <= self.decimals <= 12):
            raise ValueError(f"expected 0 to 12 decimals, got {self.decimals}")
        if (self.origin != 0 or self.unsigned) and self.decimals != 0:
            raise ValueError(f"only integers have an origin or no sign, and these have {self.decimals} decimals")

    @staticmethod
    def of(decimals: int | None, origin: int, high: float) -> "Format":
        """The format of a column whose largest value is ``high`` from its origin."""
        return Format(decimals, origin, decimals == 0 and origin + int(high) >= 2**63)

    def cells(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"] | Integer[np.ndarray, " n"]:
        """Values that count from the origin as the table has them: int64 where it is of integers.

        uint64 where 64 bits with a sign are too few; float64 where a value is not finite or beyond 64 bits.
        """
        integers = whole(values, self.origin) if self.decimals == 0 else None
        return moved(values, self.origin) if integers is None else integers
