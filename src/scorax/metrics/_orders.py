"""Whether one column is at most another one in every row, and that it is no accident."""

import numpy as np
from jaxtyping import Float
from scipy.special import log_ndtr

_BITS = 20.0
_FIRST = 64
"""Rows on which two columns are compared before all of them are."""


def keep_order(lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"]) -> bool:
    """Whether one column is at most the other in every row that has both, by no accident: one of $2^{20}$ tables at most.

    Args:
        lower: values, NaN where missing.
        upper: values of the other column.
    """
    if (upper[:_FIRST] < lower[:_FIRST]).any():
        return False
    both = ~(np.isnan(lower) | np.isnan(upper))
    return order_bits(lower[both], upper[both]) >= _BITS


def order_bits(lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"]) -> float:
    r"""Bits of evidence that two columns, one of them at most the other in all rows, keep this order; 0 where a row breaks it.

    It may be an accident in two ways. Values of independent columns may be paired so by chance: with $c_i$ values of the lower
    column at or below the i-th value of the upper one, ascending, $\prod_i (c_i - i + 1) / (n - i + 1)$ of all pairings keep the
    order. Or the columns are related, and their difference has merely not been below zero yet: under a normal law with its mean
    m and deviation s that has the probability $\Phi(m / s)^n$. The evidence is the smaller of the two, in bits: b bits or more
    are an accident in one of $2^b$ tables.

    Args:
        lower: values in rows where both columns have one.
        upper: values of the other column there.
    """
    count, apart = len(lower), upper - lower
    if not count or apart.min() < 0 or apart.max() == 0:
        return 0.0
    below = np.searchsorted(np.sort(lower), np.sort(upper), side="right") - np.arange(count)
    paired = -np.sum(np.log2(below / (count - np.arange(count))))
    spread = apart.std()
    smooth = -count * float(log_ndtr(apart.mean() / spread)) / np.log(2) if spread > 0 else 0.0
    return float(min(paired, smooth))
