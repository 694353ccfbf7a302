"""A column of truth values."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Shaped

from scorax.data.formats._format import AbstractFormat


@dataclass(frozen=True)
class BooleanFormat(AbstractFormat):
    """Truth values: a value is 0 or 1.

    Attributes:
        false: how 0 is written.
        true: how 1 is written.
        kind: ``boolean``.
    """

    false: str = "false"
    true: str = "true"
    origin: ClassVar[int] = 0
    kind: Literal["boolean"] = field(default="boolean", kw_only=True)

    def __post_init__(self) -> None:
        if self.false == self.true:
            raise ValueError(f"expected two texts, got {self.true!r} for both")

    def cells(self, values: Float[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
        """Truth values; as objects, with ``None`` for a missing cell, where there is one."""
        absent, found = np.isnan(values), values == 1
        if absent.any():
            found = found.astype(object)
            found[absent] = None
        return found

    def text(self, values: Float[np.ndarray, " n"]) -> Any:
        """The two texts."""
        import pyarrow as pa

        return pa.array(np.where(values == 1, self.true, self.false).tolist(), pa.string(), mask=np.isnan(values))

    def written_as(self, other: AbstractFormat) -> "BooleanFormat":
        """With the words of truth values, and with 0 and 1 beside numbers."""
        if other.kind == "number":
            return replace(self, false="0", true="1")
        return replace(self, false=other.false, true=other.true) if isinstance(other, BooleanFormat) else self

    def taken(self, values: Float[np.ndarray, " n"], other: AbstractFormat) -> Float[np.ndarray, " n"]:
        """Truth values, however they are written, also where a column has one of the words only; numbers as they are."""
        if other.kind == "text" and set(words := other.text(values).to_pylist()) <= {self.false, self.true, None}:
            return np.array([np.nan if word is None else float(word == self.true) for word in words])
        if not isinstance(other, BooleanFormat) and other.kind != "number":
            raise ValueError(f"of {other.kind}")
        return values
