"""Everything the report shows about a fitted model, computed once, as records without a row of the data."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from scorax._deviations import deviations
from scorax._mixed_rows import MixedRows
from scorax.baselines import (
    BaselineValues,
    compare,
    compare_folds,
    compare_mixed,
    many_classes_are_fine,
    unfinished_is_fine,
)
from scorax.diagnostics._axis import Axis
from scorax.diagnostics._copies import nearest_records
from scorax.diagnostics._dynamics import field_records, path_records
from scorax.diagnostics._held_out import MIXED_LAW, held_out_records, mean_log_scale
from scorax.diagnostics._impossible import impossible_records
from scorax.diagnostics._plain import plain
from scorax.diagnostics._tables import correlation_records, marginal_records, pairwise_records, strongest_columns
from scorax.diagnostics._verdict import verdict
from scorax.metrics import c2st, sliced_wasserstein
from scorax.records import Comparison, Field, HeldOut, Records, Sampling, Source, TwoSample

_SAMPLES = (500, 2000)
"""Fewest and most samples drawn for the records; between, as many as training rows."""
_GRID = 40
_CLASSIFIER_ROWS = 1000
_FEWEST_FOR_CLASSIFIER = 50
_STRIP_FRAMES = 7
_FEWEST_WHOLE = 10
"""Rows without missing cells from which on whole rows are compared."""


@runtime_checkable
class Fitted(Protocol):
    """What `evaluate` needs of a fitted estimator; all rows are (n, d) in the units and the order of the file.

    Of categories a row has the places.
    """

    @property
    def axes_(self) -> Sequence[Axis]:
        """One for each column of a row."""
        ...

    @property
    def compared_(self) -> Float[np.ndarray, "n d"] | MixedRows:
        """The training rows as baselines see them: with noise inside each grid cell, or numbers beside categories."""
        ...

    @property
    def out_of_fold_log_density_(self) -> Float[np.ndarray, " n"] | None:
        """Log density of each training row by members that did not see it, or None."""
        ...

    @property
    def fold_(self) -> Int[np.ndarray, " n"] | None:
        """Fold of each training row (negative: in no fold), or None."""
        ...

    def sample(self, n_samples: int, random_state: int) -> Float[np.ndarray, "m d"]:
        """Synthetic rows."""
        ...

    def score_samples(self, x: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        """Log density at points of a plane."""
        ...

    def grad_log_density(self, x: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m d"]:
        """Gradient of the log density."""
        ...

    def sample_path(
        self, n_samples: int, num_frames: int, random_state: int
    ) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f m d"]]:
        """Noise levels, from noise to data, and the states of the same rows at each."""
        ...


@dataclass(frozen=True, eq=False)
class HeldOutRows:
    """Rows that took no part in a fit.

    Attributes:
        compared: as baselines see them, like those of the fit.
        log_density: of each under the model, when asked.
        source: where they come from.
        drawn_from: how many there were to draw them from, where these are not all.
    """

    compared: Float[np.ndarray, "k d"] | MixedRows
    log_density: Callable[[], Float[np.ndarray, " k"]]
    source: Source
    drawn_from: int | None = None


def evaluate(
    fitted: Fitted,
    train: Float[np.ndarray, "n d"],
    *,
    held_out: HeldOutRows | None = None,
    folds: Int[np.ndarray, " n"] | None = None,
    distinct: Int[np.ndarray, " n"] | None = None,
    seed: int,
) -> Records:
    """What the report of a fitted model shows.

    `train` are the training rows as the file has them; NaN is a missing cell, constant columns are allowed. Model and
    baselines score the same held-out rows. `folds` overrides `fitted.fold_`. `distinct`
    numbers the distinct row that each of `train` is, where rows were put in several times.
    A record that does not apply is `None`: no pairs in one column, no
    field but in two, nothing of whole rows where every one has a missing cell.
    """
    folds = fitted.fold_ if folds is None else folds
    rows = fitted.compared_
    # One fold is what stopped the training: beside rows that took no part it says nothing new, and its baselines cost.
    several = folds is not None and len(np.unique(folds[folds >= 0])) > 1
    out_of_fold = fitted.out_of_fold_log_density_
    waiting = []

    # The baselines need the processor and none of the model, whose programs are compiled meanwhile.
    # Warnings and threads of linear algebra are the process's: both are set here, around the two.
    with unfinished_is_fine(), many_classes_are_fine(), threadpool_limits(1), ThreadPoolExecutor(1) as background:
        if held_out is not None:
            results = background.submit(compared, rows, held_out.compared, seed)
            scale = mean_log_scale(rows, held_out.compared)
            waiting.append((held_out.log_density, results, held_out.source, scale, held_out.drawn_from))
        if folds is not None and out_of_fold is not None and (several or held_out is None):
            results = background.submit(compare_folds, rows, folds, seed=seed)
            waiting.append((lambda: out_of_fold, results, "out-of-fold", mean_log_scale(rows, rows), None))
        records = _pictures(fitted, train, distinct, seed)
        law = MIXED_LAW if isinstance(rows, MixedRows) else None
        comparisons = [
            replace(_held_out(values(), results.result(), source, scale, law), drawn_from=drawn_from)
            for values, results, source, scale, drawn_from in waiting
        ]
    if comparisons:
        records = replace(records, held_out=HeldOut(tuple(comparisons)))
    return replace(records, verdict=verdict(records))


def compared(
    train: Float[np.ndarray, "n d"] | MixedRows,
    test: Float[np.ndarray, "m d"] | MixedRows,
    seed: int,
    *,
    thorough: bool = False,
) -> Mapping[str, BaselineValues]:
    """Baselines of rows of this kind, fitted to the one and asked about the other.

    Of numbers the single Gaussian, the kernel density and the mixture of Gaussians, to which ``thorough`` adds those of mixed
    rows; those it fits to more of the rows.
    """
    if isinstance(train, MixedRows) and isinstance(test, MixedRows):
        return compare_mixed(train, test, seed=seed, quick=not thorough)
    rows, asked = np.asarray(train), np.asarray(test)
    found = compare(rows, asked, seed=seed)
    if thorough:
        found |= compare_mixed(*(MixedRows(x, np.empty((len(x), 0), int), ()) for x in (rows, asked)), seed=seed)
    return found


def _pictures(fitted: Fitted, train: np.ndarray, distinct: np.ndarray | None, seed: int) -> Records:
    """Records of what the model draws, beside the training rows: those without holes where whole rows are compared."""
    axes = fitted.axes_
    names = [axis.name for axis in axes]
    there = ~np.isnan(train).any(axis=1)
    complete, number = train[there], None if distinct is None else distinct[there]
    whole = len(complete) >= _FEWEST_WHOLE
    varying = deviations(complete) > 0 if whole else np.zeros(len(axes), bool)
    drawn = fitted.sample(int(np.clip(len(train), *_SAMPLES)), seed)
    samples = drawn[np.isfinite(drawn).all(axis=1)]
    holes = len(complete) < len(train)
    records = Records(sampling=Sampling(len(drawn), len(drawn) - len(samples), len(complete) if holes else None))
    if len(samples):
        records = replace(
            records,
            marginals=marginal_records(axes, train, samples, seed=seed),
            impossible=impossible_records(axes, train, samples),
        )
        if whole:
            # Not the held-out rows: they carry dequantisation noise, which samples and training rows of the file do not.
            records = replace(records, nearest=nearest_records(complete, samples, seed=seed))
        if varying.any():
            apart = two_sample_records(complete[:, varying], samples[:, varying], seed=seed, distinct=number)
            records = replace(records, two_sample=apart)
        ranked = [j for j, axis in enumerate(axes) if axis.ranked]
        if varying[ranked].sum() > 1:
            ours, theirs = complete[:, ranked], samples[:, ranked]
            records = replace(
                records,
                correlations=correlation_records([names[j] for j in ranked], ours, theirs),
                pairs=pairwise_records([axes[j] for j in ranked], ours, theirs),
            )

    plane = train.shape[1] == 2 and varying.all() and all(axis.differentiable for axis in axes)
    if plane and isinstance(fitted.compared_, np.ndarray):
        records = replace(records, field=_field(fitted, complete, names))
    # On its way a row is in no category.
    numbers = [j for j, axis in enumerate(axes) if axis.categories is None]
    if not numbers:
        return records
    levels, frames = fitted.sample_path(500, _STRIP_FRAMES, seed)
    shown = [numbers[j] for j in (strongest_columns(complete[:, numbers], 2) if whole else range(len(numbers))[:2])]
    return replace(records, path=path_records(levels, frames, names=names, columns=shown))


def two_sample_records(
    data: Float[np.ndarray, "n d"],
    samples: Float[np.ndarray, "m d"],
    *,
    seed: int,
    distinct: Int[np.ndarray, " n"] | None = None,
) -> TwoSample:
    """Sliced Wasserstein distance in standard deviations, its floor between halves of the data, classifier accuracy.

    ``distinct`` numbers the distinct row that each of the data is: :func:`~scorax.metrics.c2st`.
    """
    # In one unit for all of them: the classifiers square numbers.
    size = deviations(data)
    data, samples = data / size, samples / size
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(data)
    half = len(data) // 2
    record = TwoSample(
        sliced_wasserstein=plain(sliced_wasserstein(data, samples, seed=seed)),
        between_halves=plain(sliced_wasserstein(shuffled[:half], shuffled[half:], seed=seed)) if half else None,
        boosted=None,
    )
    if min(len(data), len(samples)) < _FEWEST_FOR_CLASSIFIER:
        return record
    test = c2st(data, samples, seed=seed, max_rows=_CLASSIFIER_ROWS, distinct=distinct)
    boosted, logistic, error = plain([test.boosted, test.logistic, test.standard_error])
    return replace(record, boosted=boosted, logistic=logistic, accuracy_error=error)


def _held_out(
    model_values: np.ndarray,
    results: Mapping[str, BaselineValues],
    source: Source,
    log_scale: float,
    law: str | None,
) -> Comparison:
    return held_out_records(
        model_values,
        {name: result.values for name, result in results.items()},
        source=source,
        descriptions={name: result.description for name, result in results.items()},
        log_scale=log_scale,
        law=law,
    )


def _field(fitted: Fitted, train: np.ndarray, names: Sequence[str]) -> Field:
    low, high = np.quantile(train, [0.001, 0.999], axis=0)
    room = 0.15 * (high - low)
    x, y = (np.linspace(low[j] - room[j], high[j] + room[j], _GRID) for j in (0, 1))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    log_density = fitted.score_samples(points).reshape(_GRID, _GRID)
    score = fitted.grad_log_density(points).reshape(_GRID, _GRID, 2)
    return field_records((x, y), score, log_density, names=names, scale=deviations(train))
