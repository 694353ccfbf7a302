"""Uniform dequantisation of rounded and integer columns."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Key
from scorax.transforms._abstract import AbstractTransform, Encoded


class Dequantize(AbstractTransform):
    r"""$z_j = x_j + w_j u_j$ with $u_j \sim U(-\tfrac12, \tfrac12)$: rounding undone by noise of one bin.

    Without it a density model of rounded values may put unbounded density on the grid. The log-weight is zero: the density
    is that of the dequantised row. By Jensen's inequality $E_u \log p(x + w u) + \sum_j \log w_j \le \log P(x)$, so with
    :meth:`log_bin` added it bounds the probability of the rounded row from below (Theis et al. 2016, section 3.1).

    Args:
        widths: bin width of every column in the units of its input; 0 where the column is continuous.

    Raises:
        ValueError: a width is negative or NaN.
    """

    widths: Float[np.ndarray, " d"]

    def __check_init__(self) -> None:
        if not np.all(np.asarray(self.widths) >= 0):
            raise ValueError(
                explain(expected="bin widths of at least 0", got=f"{self.widths}", do="pass 0 where there are no bins")
            )

    def encode(self, row: Float[Array, " d"], *, key: Key) -> Encoded:
        u = jax.random.uniform(key, row.shape, row.dtype, minval=-0.5, maxval=0.5)
        return Encoded(row + jnp.asarray(self.widths, row.dtype) * u, jnp.zeros((), row.dtype))

    def decode(self, z: Float[Array, " d"]) -> Float[Array, " d"]:
        """The value itself: the schema rounds it to the column's grid, where the grid is known."""
        return z

    @property
    def log_bin(self) -> float:
        """Sum of the logarithms of the bin widths of the dequantised columns."""
        return float(np.sum(np.log(self.widths[self.widths > 0])))
