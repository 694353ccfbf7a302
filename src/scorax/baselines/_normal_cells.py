"""Masses of cells under a normal law, in logarithms, so that neither a narrow cell nor a far one loses its digits."""

import numpy as np
from jaxtyping import Float
from scipy.special import log_ndtr, ndtri_exp


def log_mass(low: Float[np.ndarray, "..."], high: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """log(Phi(high) - Phi(low)); cells above zero are turned to the lower tail, where the difference keeps its digits."""
    low, high = _turned(low, high)
    top = log_ndtr(high)
    return top + _log1mexp(log_ndtr(low) - top)


def truncated_normal(
    low: Float[np.ndarray, "..."], high: Float[np.ndarray, "..."], uniform: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """The quantile `uniform` of a standard normal law that is cut to the cell."""
    above = low > -high
    turned_low, turned_high = _turned(low, high)
    share = np.where(above, 1 - uniform, uniform)
    with np.errstate(divide="ignore"):
        depth = np.logaddexp(log_ndtr(turned_low), np.log(share) + log_mass(turned_low, turned_high))
    value = np.clip(ndtri_exp(np.minimum(depth, 0.0)), turned_low, turned_high)  # rounding alone could leave the cell
    return np.where(above, -value, value)


def _turned(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    above = low > -high
    return np.where(above, -high, low), np.where(above, -low, high)


def _log1mexp(x: np.ndarray) -> np.ndarray:
    """log(1 - exp(x)) of x <= 0."""
    with np.errstate(divide="ignore"):
        return np.where(x > -0.7, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))
