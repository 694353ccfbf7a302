"""Per-column standardisation."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import InputError, explain
from scorax._types import Key
from scorax.transforms._abstract import AbstractTransform, Encoded


class Standardize(AbstractTransform):
    r"""$z_j = (x_j - shift_j) / scale_j$ with log-weight $-\sum_j \log scale_j$; fitted and kept in float64.

    Per column and not by principal components: whitening mixes columns of different character, and on tables it lost up to
    three nats a row.
    """

    shift: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]

    @staticmethod
    def fit(rows: Float[np.ndarray, "n d"], *, widths: Float[np.ndarray, " d"] | None = None) -> "Standardize":
        """Mean and standard deviation of every column.

        Args:
            rows: the training rows; at least two different values in every column.
            widths: bin width of columns that will be dequantised (0 elsewhere); its variance ``width^2 / 12`` is added.

        Raises:
            InputError: a column is constant or not finite.
        """
        rows = np.asarray(rows, dtype=np.float64)
        shift = rows.mean(axis=0)
        # A column of huge offset: the second pass on centred values keeps the digits that the first mean lost.
        shift = shift + (rows - shift).mean(axis=0)
        centred = rows - shift
        # Squares are of numbers near one: those of tiny or huge columns would leave the range of float64.
        size = np.max(np.abs(centred), axis=0, initial=0.0)
        unit = np.where(size > 0, size, 1.0)
        scale = unit * np.sqrt(np.square(centred / unit).mean(axis=0))
        if widths is not None:
            scale = np.hypot(scale, widths / np.sqrt(12))
        bad = np.flatnonzero(~np.isfinite(scale) | ~(scale > 0))
        if bad.size:
            raise InputError(
                explain(
                    expected="columns of finite, different values",
                    got=f"column number {bad[0]} with standard deviation {scale[bad[0]]}",
                    do="drop constant columns or let the schema restore them",
                )
            )
        return Standardize(shift, scale)

    def encode(self, row: Float[Array, " d"], *, key: Key) -> Encoded:
        scale = jnp.asarray(self.scale, row.dtype)
        return Encoded((row - jnp.asarray(self.shift, row.dtype)) / scale, -jnp.sum(jnp.log(scale)))

    def decode(self, z: Float[Array, " d"]) -> Float[Array, " d"]:
        return jnp.asarray(self.shift, z.dtype) + jnp.asarray(self.scale, z.dtype) * z
