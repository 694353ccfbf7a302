"""A column of texts."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Shaped

from scorax.data.formats._format import AbstractFormat

UNKNOWN = -1
"""The value of a text that is not among the levels of its column."""


@dataclass(frozen=True)
class TextFormat(AbstractFormat):
    """Texts: a value is the place of the text among the levels.

    Attributes:
        levels: the distinct texts, in the order of their code points.
        kind: ``text``.
    """

    levels: tuple[str, ...]
    origin: ClassVar[int] = 0
    kind: Literal["text"] = field(default="text", kw_only=True)

    def __post_init__(self) -> None:
        if list(self.levels) != sorted(set(self.levels)):
            raise ValueError("expected levels that differ, in the order of their code points")

    def cells(self, values: Float[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
        """The texts, as objects; ``None`` where a cell is missing."""
        places, absent = self._places(values)
        found = np.array([*self.levels, None], dtype=object)[np.where(absent, -1, places)]
        return found

    def text(self, values: Float[np.ndarray, " n"]) -> Any:
        """The texts."""
        import pyarrow as pa

        places, absent = self._places(values)
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=absent), pa.array(self.levels, pa.string())).cast(
            pa.string()
        )

    def taken(self, values: Float[np.ndarray, " n"], other: AbstractFormat) -> Float[np.ndarray, " n"]:
        """Places among these levels of the same texts, or of what a number, a truth value or a time is written as.

        A text that is not among them is :data:`UNKNOWN`.
        """
        if self == other:
            return values
        place = {level: float(k) for k, level in enumerate(self.levels)}
        if isinstance(other, TextFormat):
            known = np.array([*(place.get(level, UNKNOWN) for level in other.levels), np.nan])
            places, absent = other._places(values)
            return known[np.where(absent, -1, places)]
        texts = other.text(values)
        return np.array([np.nan if text is None else place.get(str(text), UNKNOWN) for text in texts.to_pylist()])

    def _places(self, values: Float[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
        absent = np.isnan(values)
        places = np.where(absent, 0.0, values).astype(np.int64)
        if places.size and not 0 <= places.min() <= places.max() < max(len(self.levels), 1):
            raise ValueError(f"expected places among {len(self.levels)} texts, got others")
        return places, absent
