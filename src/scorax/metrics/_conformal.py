"""The quantile of calibration scores that a further one stays below with a stated probability."""

import math

import numpy as np
from jaxtyping import Float

from scorax._errors import explain


def conformal_quantile(scores: Float[np.ndarray, " n"], level: float) -> float:
    r"""The $\lceil (n + 1)\,level \rceil$-th smallest of n scores; infinite where there are too few.

    A further score that is exchangeable with them is at most this with probability ``level`` or more, and with probability
    $\lceil (n + 1)\,level \rceil / (n + 1)$ exactly where no two are equal.

    Args:
        scores: of calibration rows.
        level: the probability.

    Raises:
        ValueError: no probability, or a score that is NaN.

    Reference: Vovk, Gammerman and Shafer (2005), *Algorithmic learning in a random world*, section 2.2.
    """
    scores = np.asarray(scores, np.float64)
    if not 0 < level < 1:
        raise ValueError(explain(expected="a level between 0 and 1", got=f"{level!r}", do="try 0.9"))
    if np.isnan(scores).any():
        raise ValueError(explain(expected="scores that are numbers", got="NaN", do="leave such rows out"))
    rank = max(1, math.ceil((len(scores) + 1) * level - 1e-9))  # 0.9 * 10 is a little more than 9 in binary
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf
