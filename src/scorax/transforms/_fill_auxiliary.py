"""Auxiliary numbers: noise in the place of a number that does not apply."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._types import Key
from scorax.transforms._abstract import AbstractTransform, Encoded


class FillAuxiliary(AbstractTransform):
    r"""A draw $u \sim N(0, 1)$ in the place of every NaN of the columns that may have one: a number that does not apply.

    A column with a spike, wages with many zeros say, is a category (at the spike or beside it) and a number that applies beside
    it only. At the spike the number is an *auxiliary* variable: independent noise that the model learns to draw as it learns all
    else. It is a target and never told to be absent, for absence would tell the network the category.

    As ``visit`` of :class:`~scorax.training.Rows` it is drawn anew whenever a row is visited. The density of a row is the
    integral over its auxiliary numbers, $p(x) = \int p(x, u)\, du$, so with $q = N(0, 1)$ the log-weight is
    $-\sum \log q(u)$: $e^{\log p(x, u) - \log q(u)}$ has the mean $p(x)$, and the logarithm is a lower bound in the mean.

    A NaN in another column stays NaN, and rows with one are refused where they enter.

    Args:
        auxiliary: which columns may have NaN.
    """

    auxiliary: Bool[np.ndarray, " d"]

    def readable(self, rows: Float[np.ndarray, "n d"]) -> Bool[np.ndarray, "n d"]:
        """Finite numbers, and NaN in the auxiliary columns."""
        return np.isfinite(rows) | (np.isnan(rows) & self.auxiliary)

    def encode(self, row: Float[Array, " d"], *, key: Key) -> Encoded:
        filled = jnp.isnan(row) & jnp.asarray(self.auxiliary)
        u = jax.random.normal(key, row.shape, row.dtype)
        minus_log_q = 0.5 * (u**2 + math.log(2 * math.pi))
        return Encoded(jnp.where(filled, u, row), jnp.sum(jnp.where(filled, minus_log_q, 0)))

    def decode(self, z: Float[Array, " d"]) -> Float[Array, " d"]:
        """The value itself: whether a number applies is known from the category beside it."""
        return z
