"""Scores of split-conformal intervals and sets, which cover as often as they say where rows are exchangeable."""

import numpy as np
from jaxtyping import Float

from scorax._errors import InputError, explain


def interval_scores(
    low: Float[np.ndarray, " n"], high: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """How far numbers lie outside of intervals; negative inside (Romano, Patterson and Candes 2019)."""
    return np.maximum(low - y, y - high)


def set_scores(
    probabilities: Float[np.ndarray, "n classes"], u: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n classes"]:
    """Of every class the mass of those that are more probable, and the share u of its own: uniform for the right law.

    Reference: Romano, Sesia and Candes (2020), *Classification with valid and adaptive coverage*.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    above = np.cumsum(ranked, axis=1) - ranked
    scores = np.empty_like(probabilities)
    np.put_along_axis(scores, order, above + u[:, None] * ranked, axis=1)
    return scores


def require_between(name: str, value: float) -> None:
    """Refuse what is not between 0 and 1.

    Raises:
        InputError: it is not.
    """
    if not 0 < value < 1:
        raise InputError(explain(expected=f"{name} between 0 and 1", got=repr(value), do="say .9, for example"))
