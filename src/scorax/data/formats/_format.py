"""What every format says of itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Shaped

Own = TypeVar("Own", bound="AbstractFormat")


@dataclass(frozen=True)
class AbstractFormat(ABC):
    """What the values of a column mean, and how a table has them.

    Values are float64 and NaN where a cell is missing. A format is a frozen dataclass; its fields are what ``schema.json`` holds
    of it. Values count from ``origin``, a whole number, which is 0 but for some numbers and times.

    Attributes:
        kind: its name in ``schema.json``.
    """

    kind: str = field(kw_only=True)

    @abstractmethod
    def cells(self, values: Float[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
        """Values as a frame has them: an array of the type that the column is of."""

    @abstractmethod
    def text(self, values: Float[np.ndarray, " n"]) -> Any:
        """Values as a CSV file has them: an Arrow array that Arrow writes so, null where a value is NaN."""

    def holds(self, values: Float[np.ndarray, " n"]) -> bool:
        """Whether no value is changed where it is written so, beside those that are missing."""
        return True

    def keeps(self, values: Float[np.ndarray, " n"], other: "AbstractFormat") -> bool:
        """Whether cells of another format are what they were where they are written in this one, as far as both are numbers or
        times: what has more decimals, a finer unit or double precision is not."""
        if self.kind != other.kind or self.kind not in ("number", "time"):
            return True
        own = self.taken(values, other)
        return self.holds(own) and np.array_equal(other.taken(own, self), values, equal_nan=True)

    def written_as(self: Own, other: "AbstractFormat") -> Own:
        """This format with the words or the layout of another one; values mean what they did."""
        return self

    @abstractmethod
    def taken(self, values: Float[np.ndarray, " n"], other: "AbstractFormat") -> Float[np.ndarray, " n"]:
        """What values of another format are in this one; NaN stays.

        Raises:
            ValueError: they mean another thing; the message says what they are.
        """
