"""Does a column of samples look like the data? Range, most frequent values and shape, each with the chance of a false alarm."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.stats import betabinom, hypergeom, ks_2samp

from scorax.diagnostics._plain import plain
from scorax.records import RangeShares, ValueShares

FREQUENT = 0.05
"""Share of the rows (of the smaller table) from which on an exact value is counted as a frequent one."""
_MOST_VALUES = 5
FEWEST_ROWS = 5
"""A value of fewer rows is not named: it would say too much about each of them."""


def range_records(data: Float[np.ndarray, " n"], samples: Float[np.ndarray, " m"]) -> RangeShares:
    r"""Shares of the samples below the least and above the greatest value of the data, and the chance of as many.

    Of m rows drawn from the same continuous law as the n rows of data, the number outside the range of the data is
    beta-binomial with parameters (m, 2, n - 1), whatever the law is: of the n + 1 gaps that the data leave the two outer
    ones count, and m rows fall into gaps like balls into urns by Bose's and Einstein's counting. Its mean share is
    2 / (n + 1). Ties only make fewer, so `p_value` is an upper bound then (Wilks, 1941, on tolerance limits).
    """
    below, above = int(np.sum(samples < data.min())), int(np.sum(samples > data.max()))
    size = len(data), len(samples)
    chance = betabinom.sf(below + above - 1, size[1], 2, size[0] - 1) if below + above and size[0] > 1 else 1.0
    return RangeShares(
        below=plain(below / size[1]),
        above=plain(above / size[1]),
        expected=plain(2 / (size[0] + 1)),
        p_value=plain(chance),
    )


def value_records(
    data: Float[np.ndarray, " n"],
    samples: Float[np.ndarray, " m"],
    names: Callable[[Float[np.ndarray, " k"]], list[str]] | None = None,
) -> tuple[ValueShares, ...]:
    """Shares of the most frequent exact values in data and samples, and the chance of shares as far apart.

    `p_value` is Fisher's exact test of the two counts, two-sided. Values are chosen by their count in both tables together,
    on which the test is conditioned: choosing the most frequent ones does not bias it. `names` writes values that are no
    plain numbers.
    """
    values, counts = np.unique(np.concatenate([data, samples]), return_counts=True)
    if len(values) == 1:
        return ()
    order = np.argsort(-counts, kind="stable")[:_MOST_VALUES]
    records = []
    for value, count in zip(values[order], counts[order], strict=True):
        ours = int(np.sum(data == value))
        if count < FREQUENT * min(len(data), len(samples)) or ours < FEWEST_ROWS:
            continue
        law = len(data) + len(samples), count, len(data)
        records.append(
            ValueShares(
                value=plain(value, digits=17),
                data=plain(ours / len(data)),
                samples=plain((count - ours) / len(samples)),
                p_value=plain(min(1.0, 2 * min(hypergeom.cdf(ours, *law), hypergeom.sf(ours - 1, *law)))),
                label=None if names is None else names(np.array([value]))[0],
            )
        )
    return tuple(records)


def shape_p_value(data: Float[np.ndarray, " n"], samples: Float[np.ndarray, " m"]) -> float:
    """Chance of a Kolmogorov-Smirnov distance as large as the one seen; an upper bound where values repeat."""
    return plain(ks_2samp(data, samples, method="asymp")[1])
