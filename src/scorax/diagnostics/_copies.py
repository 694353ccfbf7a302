"""Is a sample nearer to a training row than a fresh row would be?"""

import numpy as np
from jaxtyping import Float

from scorax._deviations import deviations
from scorax.diagnostics._plain import plain
from scorax.metrics import leave_one_out_distances, nearest_distances
from scorax.records import Nearest, Share

MAX_QUERIES = 2000
"""Rows asked about on each side; the reference is always every training row."""
SMALL_TABLE = 1000
"""Below this many rows a model can hold the table by heart, and the report says so whatever the distances are."""
_QUANTILES = (0.01, 0.05, 0.5)
_ENOUGH_HELD_OUT = 50


def nearest_records(
    train: Float[np.ndarray, "n d"],
    samples: Float[np.ndarray, "m d"],
    held_out: Float[np.ndarray, "k d"] | None = None,
    *,
    seed: int = 0,
) -> Nearest:
    """Distances to the nearest training row, of samples and of fresh rows, in standardised coordinates.

    Fresh rows are the held-out ones where there are 50 or more, otherwise each training row against all others.
    `shares` compares with the quantiles q of the fresh distances: of samples that are as good as fresh a share q lies
    closer; clearly more means that the model repeats training rows. `exact` is the share at distance zero (tables on a
    coarse grid have honest repetitions: compare with `exact_fresh`).
    """
    generator = np.random.default_rng(seed)
    size = deviations(train)
    size = np.where(size > 0, size, 1.0)
    rows = train / size
    of_samples = nearest_distances(_some(samples / size, generator), rows)
    if held_out is not None and len(held_out) >= _ENOUGH_HELD_OUT:
        fresh, reference = nearest_distances(_some(held_out / size, generator), rows), "held-out rows"
    else:
        asked = _some(np.arange(len(rows)), generator)
        fresh, reference = leave_one_out_distances(rows, asked), "other training rows"
    end = float(np.quantile(np.concatenate([of_samples, fresh]), 0.995)) or 1.0
    edges = np.linspace(0.0, end, 31)
    return Nearest(
        rows=len(train),
        samples=len(of_samples),
        fresh=len(fresh),
        reference=reference,
        small_table=len(train) < SMALL_TABLE,
        edges=plain(edges),
        sample_counts=plain(np.histogram(of_samples, edges)[0]),
        fresh_counts=plain(np.histogram(fresh, edges)[0]),
        median=plain(np.median(of_samples)),
        median_fresh=plain(np.median(fresh)),
        shares=tuple(Share(q, plain(np.mean(of_samples < np.quantile(fresh, q)))) for q in _QUANTILES),
        exact=plain(np.mean(of_samples == 0)),
        exact_fresh=plain(np.mean(fresh == 0)),
    )


def _some(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return generator.permutation(values)[:MAX_QUERIES]
