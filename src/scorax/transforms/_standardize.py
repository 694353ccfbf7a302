"""Per-column standardisation."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import InputError, explain
from scorax._text import quote
from scorax._types import Key
from scorax.transforms._abstract import AbstractTransform, Encoded


class Standardize(AbstractTransform):
    r"""$z_j = (x_j - shift_j) / scale_j$ with log-weight $-\sum_j \log scale_j$; fitted and kept in float64.

    Per column and not by principal components: whitening mixes columns of different character, and on tables it lost up to
    three nats a row.

    Raises:
        ValueError: asked to encode a row of another shape.
    """

    shift: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]

    @staticmethod
    def fit(
        rows: Float[np.ndarray, "n d"],
        *,
        widths: Float[np.ndarray, " d"] | None = None,
        names: Sequence[str] | None = None,
    ) -> "Standardize":
        """Mean and standard deviation of every column.

        Args:
            rows: the training rows; at least two different values in every column.
            widths: bin width of columns that will be dequantised (0 elsewhere); its variance ``width^2 / 12`` is added.
            names: of the columns, for messages; ``rows[:, 0]`` and so on where there are none.

        Raises:
            InputError: a column is constant or not finite.
        """
        rows = np.asarray(rows, dtype=np.float64)
        with np.errstate(all="ignore"):  # what leaves the finite numbers is refused below
            # Sums are of numbers up to one: those of huge columns would leave the range of float64, squares of tiny ones too.
            unit = _unit(rows)
            shift = unit * (rows / unit).mean(axis=0)
            # A column of huge offset: the second pass on centred values keeps the digits that the first mean lost.
            centred = rows - shift
            unit = _unit(centred)
            shift = shift + unit * (centred / unit).mean(axis=0)
            centred = rows - shift
            scale = unit * np.sqrt(np.square(centred / unit).mean(axis=0))
        if widths is not None:
            scale = np.hypot(scale, widths / np.sqrt(12))
        bad = np.flatnonzero(~np.isfinite(scale) | ~(scale > 0))
        if bad.size:
            column = f"rows[:, {bad[0]}]" if names is None else quote(names[int(bad[0])])
            raise InputError(
                explain(
                    expected="columns of finite, different values",
                    got=f"the column {column} with standard deviation {scale[bad[0]]}",
                    do="leave out constant columns and rows that are not finite",
                )
            )
        return Standardize(shift, scale)

    def encode(self, row: Float[Array, " d"], *, key: Key) -> Encoded:
        scale = jnp.asarray(self.scale, row.dtype)
        if scale.shape != row.shape:
            raise ValueError(
                explain(
                    expected=f"a row of shape {scale.shape}, as those of the fit",
                    got=f"{row.shape}",
                    do="fit a Standardize to rows of this shape",
                )
            )
        return Encoded((row - jnp.asarray(self.shift, row.dtype)) / scale, -jnp.sum(jnp.log(scale)))

    def decode(self, z: Float[Array, " d"]) -> Float[Array, " d"]:
        return jnp.asarray(self.shift, z.dtype) + jnp.asarray(self.scale, z.dtype) * z


def _unit(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    """The largest size in every column; one where all are zero or one is not finite."""
    size = np.max(np.abs(rows), axis=0, initial=0.0)
    return np.where((size > 0) & np.isfinite(size), size, 1.0)
