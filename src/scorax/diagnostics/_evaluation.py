"""Everything the report shows about a fitted model, computed once, as records without a row of the data."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from scorax._deviations import deviations
from scorax.baselines import BaselineValues, compare, compare_folds, unfinished_is_fine
from scorax.diagnostics._copies import nearest_records
from scorax.diagnostics._dynamics import field_records, path_records
from scorax.diagnostics._held_out import Source, held_out_records
from scorax.diagnostics._json import plain
from scorax.diagnostics._tables import (
    Column,
    correlation_records,
    marginal_records,
    pairwise_records,
    strongest_columns,
)
from scorax.diagnostics._verdict import verdict
from scorax.metrics import c2st, sliced_wasserstein

_SAMPLES = (500, 2000)
"""Fewest and most samples drawn for the records; between, as many as training rows."""
_GRID = 40
_CLASSIFIER_ROWS = 1000
_FEWEST_FOR_CLASSIFIER = 50
_STRIP_FRAMES = 7


@runtime_checkable
class Schema(Protocol):
    """The columns of the file, in its order."""

    @property
    def columns(self) -> Sequence[Column]:
        """One entry for each column of a row."""
        ...


@runtime_checkable
class Fitted(Protocol):
    """What `evaluate` needs of a fitted estimator; all rows are (n, d) in the units and the order of the file."""

    @property
    def schema_(self) -> Schema:
        """Columns: name, kind, grid."""
        ...

    @property
    def dequantised_(self) -> Float[np.ndarray, "n d"]:
        """The training rows as the model saw them: with noise inside each grid cell."""
        ...

    @property
    def out_of_fold_log_density_(self) -> Float[np.ndarray, " n"] | None:
        """Log density of each dequantised training row by members that did not see it, or None."""
        ...

    @property
    def fold_(self) -> Int[np.ndarray, " n"] | None:
        """Fold of each training row (negative: in no fold), or None."""
        ...

    def sample(self, n_samples: int, random_state: int) -> Float[np.ndarray, "m d"]:
        """Synthetic rows."""
        ...

    def score_samples(self, x: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        """Log density of (dequantised) rows."""
        ...

    def grad_log_density(self, x: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m d"]:
        """Gradient of the log density."""
        ...

    def sample_path(
        self, n_samples: int, num_frames: int, random_state: int
    ) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f m d"]]:
        """Noise levels, from noise to data, and the states of the same rows at each."""
        ...


def evaluate(
    fitted: Fitted,
    train: Float[np.ndarray, "n d"],
    *,
    held_out: Float[np.ndarray, "k d"] | None = None,
    held_out_source: Source = "test file",
    folds: Int[np.ndarray, " n"] | None = None,
    seed: int,
) -> dict[str, Any]:
    """Records by name: `held_out marginals correlations pairs two_sample nearest field path verdict`.

    `train` are the training rows as the file has them (finite; constant columns allowed). `held_out` are rows that
    took no part in the fit, *already dequantised* like `fitted.dequantised_`: model and baselines must score the same
    numbers. `folds` overrides `fitted.fold_`. A record that does not apply is absent: no pairs in one column, no field
    but in two.
    """
    varying = deviations(train) > 0
    folds = fitted.fold_ if folds is None else folds
    rows = fitted.dequantised_[:, varying]
    # One fold is what stopped the training: beside rows that took no part it says nothing new, and its baselines cost.
    several = folds is not None and len(np.unique(folds[folds >= 0])) > 1
    out_of_fold = fitted.out_of_fold_log_density_
    waiting = []

    # The baselines need the processor and none of the model, whose programs are compiled meanwhile.
    # Warnings and threads of linear algebra are the process's: both are set here, around the two.
    with unfinished_is_fine(), threadpool_limits(1), ThreadPoolExecutor(1) as background:
        if held_out is not None:
            results = background.submit(compare, rows, held_out[:, varying], seed=seed)
            waiting.append((lambda: fitted.score_samples(held_out), results, held_out_source))
        if folds is not None and out_of_fold is not None and (several or held_out is None):
            results = background.submit(compare_folds, rows, folds, seed=seed)
            waiting.append((lambda: out_of_fold, results, "out-of-fold"))
        records = _pictures(fitted, train, varying, seed)
        comparisons = [_held_out(values(), results.result(), rows, source) for values, results, source in waiting]
    if comparisons:
        records["held_out"] = {"comparisons": comparisons}
    records["verdict"] = verdict(records)
    return records


def _pictures(fitted: Fitted, train: np.ndarray, varying: np.ndarray, seed: int) -> dict[str, Any]:
    """Records of what the model draws, beside the training rows."""
    columns = list(fitted.schema_.columns)
    names = [column.name for column in columns]
    records: dict[str, Any] = {}
    drawn = fitted.sample(int(np.clip(len(train), *_SAMPLES)), seed)
    samples = drawn[np.isfinite(drawn).all(axis=1)]
    records["sampling"] = {"drawn": len(drawn), "failed": len(drawn) - len(samples)}
    if len(samples):
        records["marginals"] = marginal_records(columns, train, samples, seed=seed)
        # Not the held-out rows: they carry dequantisation noise, which samples and training rows of the file do not.
        records["nearest"] = nearest_records(train, samples, seed=seed)
        if varying.any():
            records["two_sample"] = two_sample_records(train[:, varying], samples[:, varying], seed=seed)
        if varying.sum() > 1:
            records["correlations"] = correlation_records(names, train, samples)
            records["pairs"] = pairwise_records(columns, train, samples)

    if train.shape[1] == 2 and varying.all():
        records["field"] = _field(fitted, train, names)
    levels, frames = fitted.sample_path(500, _STRIP_FRAMES, seed)
    shown = strongest_columns(train, 2)
    records["path"] = path_records(levels, frames, names=names, columns=shown)
    return records


def two_sample_records(
    data: Float[np.ndarray, "n d"], samples: Float[np.ndarray, "m d"], *, seed: int
) -> dict[str, Any]:
    """Sliced Wasserstein distance in standard deviations, its floor between halves of the data, classifier accuracy."""
    # In one unit for all of them: the classifiers square numbers.
    size = deviations(data)
    data, samples = data / size, samples / size
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(data)
    half = len(data) // 2
    record: dict[str, Any] = {
        "sliced_wasserstein": plain(sliced_wasserstein(data, samples, seed=seed)),
        "between_halves": plain(sliced_wasserstein(shuffled[:half], shuffled[half:], seed=seed)) if half else None,
        "boosted": None,
    }
    if min(len(data), len(samples)) >= _FEWEST_FOR_CLASSIFIER:
        test = c2st(data, samples, seed=seed, max_rows=_CLASSIFIER_ROWS)
        record |= {"boosted": plain(test.boosted), "logistic": plain(test.logistic)}
        record["accuracy_error"] = plain(test.standard_error)
    return record


def _held_out(
    model_values: np.ndarray, results: Mapping[str, BaselineValues], train: np.ndarray, source: Source
) -> dict[str, Any]:
    return held_out_records(
        model_values,
        {name: result.values for name, result in results.items()},
        source=source,
        descriptions={name: result.description for name, result in results.items()},
        log_scale=float(np.log(deviations(train)).sum()),
    )


def _field(fitted: Fitted, train: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    low, high = np.quantile(train, [0.001, 0.999], axis=0)
    room = 0.15 * (high - low)
    x, y = (np.linspace(low[j] - room[j], high[j] + room[j], _GRID) for j in (0, 1))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    log_density = fitted.score_samples(points).reshape(_GRID, _GRID)
    score = fitted.grad_log_density(points).reshape(_GRID, _GRID, 2)
    return field_records((x, y), score, log_density, names=names, scale=deviations(train))
