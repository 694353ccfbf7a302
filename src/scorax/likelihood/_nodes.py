r"""Chebyshev's nodes on the way of a flow, as tables: places, weights of integrals, weights of the next state.

The share $(1 - \cos\theta) / 2$ of the way is gone in even steps of $\theta$. At $\theta_i = i \pi / N$ Fejér's second rule
integrates nearly as well as Gauss's; in $\theta$ the steps of the state are even, so that Adams' methods have constant
coefficients. The state is even in $\theta$ about the start and its slope odd: the past that a multistep method lacks there is
known, and both ends have weight zero.

Reference: Fejér (1933), *Mechanische Quadraturen mit positiven Cotesschen Zahlen*; Trefethen (2008), *Is Gauss quadrature better
than Clenshaw-Curtis?*; Hairer, Nørsett and Wanner (1993), section III.1 (Adams' methods).
"""

import numpy as np

COUNTS = tuple(round(4 * 2 ** (j / 3)) for j in range(19))
"""Steps from end to end, by level. Three levels up they are twice as many."""

PAST = 4
"""Newest slopes that are kept. The predictor takes these, the corrector the next one as well."""


def _angles(count: int) -> np.ndarray:
    return np.arange(count) * np.pi / count


def _fejer(count: int) -> np.ndarray:
    """Weights of Fejér's second rule on [0, 1], that of the start, zero, included."""
    odd = np.arange(1, count, 2)
    return 2 * np.sin(_angles(count)) / count * np.sum(np.sin(np.outer(_angles(count), odd)) / odd, axis=1)


def _highest(count: int) -> np.ndarray:
    r"""By how much the highest three modes count in an integral: with weights, sums over the rates at the nodes.

    Times $\sin(\theta) / 2$ a rate is a sum of $\sin m\theta$, $m < N$, each of which has the integral $2 / m$ or none.
    """
    modes = count - np.arange(1, 4)
    return np.sin(_angles(count))[:, None] / 2 * np.sin(np.outer(_angles(count), modes)) * (2 / count) * (2 / modes)


def _adams(step: int, newest: int, length: int) -> np.ndarray:
    """Weights of the integral of a slope from a node to the next, in steps of the angle.

    Exact for the polynomial through the slopes at ``newest`` and the ``length - 1`` nodes before it. Slopes before the start are
    those behind it with the other sign; where even those are not known yet, the derivative at the start stands in.

    Returns:
        The weights of the derivative at the start, and of the slopes from the newest on.
    """
    first = max(newest - length + 1, -newest)
    points = np.arange(first, newest + 1)
    powers = np.arange(min(len(points) + 1, length))
    conditions = np.array([points**power for power in powers], float)
    if len(powers) > len(points):
        conditions = np.column_stack([conditions, powers == 1])
    found = np.linalg.solve(conditions, ((step + 1.0) ** (powers + 1) - float(step) ** (powers + 1)) / (powers + 1))
    weights = np.zeros(1 + length)
    weights[0] = found[len(points) :].sum()
    for point, weight in zip(points, found, strict=False):
        weights[1 + newest - abs(point)] += weight if point >= 0 else -weight
    return weights


def _table(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of different lengths under one another, filled up with zeros."""
    table = np.zeros((len(rows), max(map(len, rows)), *rows[0].shape[1:]))
    for row, own in zip(table, rows, strict=True):
        row[: len(own)] = own
    return table


PLACES = _table([(1 - np.cos(_angles(count))) / 2 for count in COUNTS])
"""Share of the way at a node, by level."""

PACES = _table([np.sin(_angles(count)) / 2 * np.pi / count for count in COUNTS])
"""What one step of the angle is of the way, by the slope at a node."""

WEIGHTS = _table([_fejer(count) for count in COUNTS])
"""Weights of integrals over the way."""

HIGHEST = _table([_highest(count) for count in COUNTS])
"""Weights of the highest modes."""

PREDICT = np.stack([_adams(step, step, PAST) for step in range(PAST)])
"""Weights of the step that starts at a node; from the last of these on they are the same."""

CORRECT = np.stack([_adams(step, step + 1, PAST + 1) for step in range(PAST)])
"""Likewise where the slope at its end is known, too."""
