"""A column that another one determines, value by value."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy.special import gammaln

from scorax._decimals import round_to
from scorax._errors import refusal
from scorax._text import quote
from scorax.data import Format
from scorax.spec import Range
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._codes import Encoded
from scorax.tables.columns._outside import AbstractOutside

_FIRST = 64
"""Rows on which a line is tried before all of them are."""

_DIGITS = 13
"""Scales and shifts are decimals of fewer digits, or the inverse of such, or what two rows say."""

_MERGED = 4
"""Where a line puts several values in one, it has four at least: steps of fewer are where two parameters put them. A flag above
a threshold is no line, which would go on to 2 and 3 beyond the rows."""

FEWEST_BITS = 20.0
"""Columns agree by chance in one of 2^20 tables at most: two that have a one in the same row only are no copies."""


@dataclass(frozen=True)
class Copy(AbstractOutside):
    r"""The image of another column, restored from it: $scale \, v + shift$ with its own decimals, or a value for each level.

    Attributes:
        source: the name of the other column.
        scale: what its values are multiplied with.
        shift: what is added.
        decimals: to which the image is rounded; ``None`` for none.
        images: of a column of levels, the image of each; then scale and shift say nothing.
        at: the values of these levels, ascending; ``None`` for 0, 1 and so on, the places of texts.
    """

    name: str
    format: Format
    source: str
    scale: float = 1.0
    shift: float = 0.0
    decimals: Annotated[int, Range(0, 12)] | None = None
    images: tuple[float, ...] | None = None
    at: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.source == self.name:
            raise ValueError("a column is no copy of itself")
        if self.scale == 0 and self.images is None:
            raise ValueError("expected a scale other than 0")
        if self.at is not None and len(self.at) != len(self.images or ()):
            raise ValueError(f"expected as many levels as images, got {len(self.at)} and {len(self.images or ())}")
        if self.images is not None and not (self.images and (np.diff(self._levels) > 0).all()):
            raise ValueError("expected an image at least, and levels that ascend")

    @classmethod
    def infer(cls, cells: Cells) -> "Copy | None":
        """No column is a copy by itself; see :func:`found_line` and :meth:`Groups.determined`."""
        return None

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "copy"

    @property
    def step(self) -> float | None:
        """That of the other column says it all."""
        return None

    @property
    def summary(self) -> str:
        """Of which column it is a copy."""
        if self.images is not None:
            values, levels = len(set(self.images)), len(self.images)
            if values == levels:
                return f"one value for each of the {levels} levels of {quote(self.source)}"
            return f"one of {values} values for each of the {levels} levels of {quote(self.source)}"
        if (self.scale, self.shift) == (1, 0):
            return f"equal to {quote(self.source)}"
        times = "" if self.scale == 1 else "-" if self.scale == -1 else f"{self.scale:.12g} * "
        more = "" if self.shift == 0 else f" {'+' if self.shift > 0 else '-'} {abs(self.shift):.12g}"
        return f"{times}{quote(self.source)}{more}"

    def image(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """What this column is where the other has these values; NaN where that is missing or unseen."""
        if self.images is not None:
            levels, images = self._levels, np.array(self.images)
            near = np.minimum(np.searchsorted(levels, values), len(levels) - 1)
            return np.where(levels[near] == values, images[near], np.nan)
        found = self.scale * values + self.shift
        return found if self.decimals is None else round_to(found, self.decimals)

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Nothing is refused without the other column; see :meth:`require_image`."""

    def require_image(self, values: Float[np.ndarray, " n"], source: Float[np.ndarray, " n"], where: str) -> None:
        """Refuse values that are not the image of the other column, or that stand where that is missing.

        A missing value follows from the other column. Of a level that no row of the fit has nothing is known: whatever stands
        beside it has a part in the mass of what was never seen.

        Raises:
            InputError: there is one; ``where`` begins the message.
        """
        alone = np.isnan(source) & ~np.isnan(values)
        image = self.image(source)
        other = ~np.isnan(values) & (values != image) & ~(np.isnan(image) if self.images is not None else alone)
        for wrong, got in ((alone, f"a value where {quote(self.source)} is missing"), (other, "another value")):
            if wrong.any():
                row = int(np.argmax(wrong))
                raise refusal(
                    where,
                    expected=f"column {quote(self.name)} as in the fit: {self.summary}",
                    got=f"{got} in row {row + 1} ({int(wrong.sum())} of {len(values)} rows)",
                    do="remove these rows, or fit again and state its kind: --column NAME=KIND",
                )

    def invert(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """NaN: a schema puts the image in."""
        return np.full(len(encoded.numbers), np.nan)

    @property
    def _levels(self) -> Float[np.ndarray, " levels"]:
        return np.arange(len(self.images or ()), dtype=float) if self.at is None else np.array(self.at)


def differs(values: Float[np.ndarray, " n"], others: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Where two columns differ; missing is as missing."""
    return ~((values == others) | (np.isnan(values) & np.isnan(others)))


def log_ways(counts: Int64[np.ndarray, " values"]) -> float:
    """Binary logarithm of the number of ways to put values in order, each as often as its count says."""
    return float(gammaln(counts.sum() + 1) - gammaln(counts + 1).sum()) / np.log(2)


def found_line(
    cells: Cells, values: Float[np.ndarray, " n"], source: Cells, others: Float[np.ndarray, " n"]
) -> Copy | None:
    """The column as another one in other units, or ``None``.

    Args:
        cells: of the column.
        values: its values in all rows, NaN where missing.
        source: the cells of the other column.
        others: its values.
    """
    if (np.isnan(values) != np.isnan(others)).any() or log_ways(cells.repeats) < FEWEST_BITS:
        return None
    if len(cells.distinct) < min(_MERGED, len(source.distinct)):
        return None
    kinds = {cells.given.kind, source.given.kind}
    if kinds - {"number", "time", "boolean"} or ("time" in kinds and len(kinds) > 1):
        return None
    lower, upper = int(np.nanargmin(others)), int(np.nanargmax(others))
    span = others[upper] - others[lower]
    scale = (values[upper] - values[lower]) / span if span > 0 else 0.0
    if not (np.isfinite(scale) and scale):
        return None
    decimals = cells.format.decimals if cells.format.kind == "number" else 0
    for slope in _near(scale):
        for shift in (0.0, *_near(float(np.nanmedian(values[:_FIRST] - slope * others[:_FIRST])))):
            found = Copy(cells.name, cells.format, source.name, slope, shift, decimals)
            first = differs(values[:_FIRST], found.image(others[:_FIRST])).any()
            if not (first or differs(values, found.image(others)).any()):
                return found
    return None


def _near(value: float) -> list[float]:
    """Short decimals near a number and those of which it is the inverse, the shortest first; and the number itself."""
    if value == 0 or not np.isfinite(1 / value):
        return []
    every = range(1, _DIGITS)
    short = [float(f"{value:.{digits}g}") for digits in every]
    inverse = [1 / float(f"{1 / value:.{digits}g}") for digits in every]
    return list(dict.fromkeys([*short, *inverse, float(value)]))
