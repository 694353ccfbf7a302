"""A column of a parameter of a simulator, which has a prior."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorax._errors import refusal
from scorax._text import quote
from scorax.data import NumberFormat
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._codes import Codes, Encoded
from scorax.tables.columns._column import AbstractColumn
from scorax.tables.columns._continuous import margin_of
from scorax.tables.columns._prior import Prior


@dataclass(frozen=True)
class Parameter(AbstractColumn):
    r"""A parameter $\theta$ with the prior's distribution function F; a model sees $u = \Phi^{-1}(F(\theta))$.

    Values are real: they have no points, and those that are drawn have all their digits. A value that is written stands for
    all within half a unit of its last decimal, so one at an end of the support is the middle of what of them lies inside.

    Attributes:
        name: of the column in the file.
        format: how the column is written.
        prior: the law that the values were drawn from.
        gap: distance of values that are written: one unit of the decimals, or of rounding where no decimals are known.
        share: the same as a share of the value, of laws whose values are small by orders: the larger of the two counts.
    """

    name: str
    format: NumberFormat
    prior: Prior
    gap: float
    share: float = 0.0

    def __post_init__(self) -> None:
        if not self.gap > 0:
            raise ValueError(f"expected a positive gap, got {self.gap!r}")
        if not self.share >= 0:
            raise ValueError(f"expected a share of at least 0, got {self.share!r}")

    @classmethod
    def infer(cls, cells: Cells) -> "Parameter | None":
        """No column is one by itself: a person says so."""
        return None

    @classmethod
    def of(cls, cells: Cells, prior: Prior) -> "Parameter":
        """The parameter with these cells and this prior."""
        form = cells.format
        assert isinstance(form, NumberFormat)
        decimals = margin_of(form)
        if decimals:
            return cls(cells.name, NumberFormat(), prior, decimals)
        gap, share = prior.rounding(float(np.finfo(np.float32 if form.single else np.float64).eps))
        return cls(cells.name, NumberFormat(), prior, max(gap, float(np.finfo(float).tiny)), share)

    @property
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""
        return "parameter"

    @property
    def widths(self) -> tuple[float, ...]:
        """One number without noise."""
        return (0.0,)

    @property
    def codes(self) -> tuple[Codes, ...]:
        """None."""
        return ()

    @property
    def step(self) -> float | None:
        """Values lie on no points."""
        return None

    @property
    def mapped(self) -> bool:
        """The number is the normal quantile of the prior's."""
        return True

    @property
    def summary(self) -> str:
        """The prior."""
        return f"prior {self.prior}"

    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Refuse values outside the support of the prior."""
        (low, high), known = self._cell(values), ~np.isnan(values)
        outside = np.asarray(known & (low > high))
        outside[known & ~outside] = ~np.isfinite(self.prior.forward(self._inside(values[known & ~outside])))
        if outside.any():
            row = int(np.argmax(outside))
            ends = ", ".join(f"{end:g}" for end in self.prior.support)
            raise refusal(
                where,
                expected=f"values of {quote(self.name)} in the support ({ends}) of its prior {self.prior}",
                got=f"{values[row]:.12g} in row {row + 1} ({int(outside.sum())} of {len(values)} rows)",
                do="state the prior that the parameters were drawn from",
            )

    def encode(self, values: Float[np.ndarray, " n"]) -> Encoded:
        """The normal quantiles of the prior's masses below the values."""
        numbers = self.prior.forward(self._inside(values))[:, None]
        return Encoded(numbers, np.zeros_like(numbers), np.empty((len(values), 0), np.int64))

    def invert(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """The prior's quantiles."""
        return self.prior.inverse(encoded.numbers[:, 0])

    def decode(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """The prior's quantiles, with all their digits."""
        return self.invert(encoded)

    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""$\log \pi(\theta) - \log \varphi(u)$; 0 where a cell is missing."""
        return np.where(np.isnan(values), 0.0, self.prior.log_slope(self._inside(values)))

    def _half(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Half of the distance of what is written beside values."""
        return np.maximum(self.gap, self.share * np.abs(values)) / 2

    def _cell(self, values: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """The part inside the support of what a value stands for."""
        (low, high), half = self.prior.support, self._half(values)
        return np.maximum(values - half, low), np.minimum(values + half, high)

    def _inside(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Values, and of what an end cuts off the middle of the rest."""
        (low, high), half = self.prior.support, self._half(values)
        cut = (values - half < low) | (values + half > high)
        if not cut.any():
            return values
        lower, upper = self._cell(values)
        return np.where(cut, lower + (upper - lower) / 2, values)
