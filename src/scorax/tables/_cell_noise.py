"""What is drawn anew at every visit of an encoded row: places inside cells, and numbers that do not apply."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._types import Key
from scorax.transforms import AbstractTransform
from scorax.transforms import Encoded as Drawn


class CellNoise(AbstractTransform):
    r"""From a row of numbers, widths and codes to a state of numbers and codes: $z + w u$ with $u \sim U(-\tfrac12, \tfrac12)$.

    The number is the middle of a cell and $w$ its width, 0 where a number is continuous. Where it is NaN, which is a number that
    does not apply, it is a draw $u \sim N(0, 1)$, and the log-weight is $-\log q(u)$ (:class:`~scorax.transforms.FillAuxiliary`).
    Other than by :class:`~scorax.transforms.Dequantize` the width is that of the row: a map of the column makes the cells of
    its values wide or narrow.

    Args:
        numbers: how many there are.
    """

    numbers: int

    def readable(self, rows: Float[np.ndarray, "n e"]) -> Bool[np.ndarray, "n e"]:
        """All that is finite, and NaN among the numbers."""
        number = np.arange(rows.shape[1]) < self.numbers
        return np.isfinite(rows) | (np.isnan(rows) & number)

    def encode(self, row: Float[Array, " e"], *, key: Key) -> Drawn:
        middle, width, codes = row[: self.numbers], row[self.numbers : 2 * self.numbers], row[2 * self.numbers :]
        inside, beside = jax.random.split(key)
        uniform = jax.random.uniform(inside, middle.shape, row.dtype, minval=-0.5, maxval=0.5)
        normal = jax.random.normal(beside, middle.shape, row.dtype)
        absent = jnp.isnan(middle)
        z = jnp.where(absent, normal, middle + width * uniform)
        minus_log_q = jnp.where(absent, 0.5 * (normal**2 + math.log(2 * math.pi)), 0)
        return Drawn(jnp.concatenate([z, codes]), jnp.sum(minus_log_q))

    def decode(self, z: Float[Array, " d"]) -> Float[Array, " d"]:
        """The state itself: which number applies, and the cell it lies in, is known to the schema."""
        return z
