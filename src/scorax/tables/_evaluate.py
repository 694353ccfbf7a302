"""Records of a fitted table for its report: the fitted model seen through the protocol of ``diagnostics``."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from scorax._errors import InputError, explain
from scorax._write import write_bytes
from scorax.checkpoint import RunFacts, RunFolder, read_records, record_files, replace_files
from scorax.data import Format, Table, fingerprint
from scorax.diagnostics import MIXED_LAW, Axis, HeldOutRows, compared, evaluate, held_out_records, verdict
from scorax.records import HeldOut, Records
from scorax.tables._divergences import divergence_of_means
from scorax.tables._files import load_fitted
from scorax.tables._fitted import FittedTable
from scorax.tables._recipe import Fit
from scorax.tables._saved import SavedRun
from scorax.tables._schema import Schema
from scorax.tables.columns import AbstractColumn, AbstractLevels, AbstractNumber, Count

REPORT_TOLERANCE = 1e-4
"""Wanted error, in nats, of log-densities that are averaged for the report."""

_FEW_NUMBERS = 12
"""So many numbers in order are shown each by itself."""


class DiagnosedFit:
    """A fit and the rows it was made of, as ``diagnostics.evaluate`` wants to see them."""

    def __init__(self, fit: Fit, values: np.ndarray, seed: int) -> None:
        self._fitted = fit.fitted
        schema = fit.fitted.coordinates.schema
        self.axes_ = [_axis(column, label) for column, label in zip(schema.columns, schema.labels, strict=True)]
        self.compared_ = fit.fitted.compared(values, seed)
        self.fold_ = fit.fold
        self.out_of_fold_log_density_ = fit.out_of_fold

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        """Rows ``0`` to ``n_samples`` of the seed, with the places of categories."""
        return _placed(
            self.axes_, self._fitted.coordinates.schema, self._fitted.sample_rows(0, n_samples, random_state)
        )

    def score_samples(self, x: np.ndarray) -> np.ndarray:
        """Log-density at points of a plane, which no noise moves."""
        return _values(self._fitted, x, None)

    def grad_log_density(self, x: np.ndarray) -> np.ndarray:
        """Gradient of the log-density."""
        return self._fitted.grad_log_density(x)

    def sample_path(self, n_samples: int, num_frames: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
        """Levels and frames of the reverse diffusion."""
        return self._fitted.sample_path(n_samples, num_frames, random_state)


def write_records(
    run: RunFolder,
    fit: Fit,
    values: np.ndarray,
    held_out: np.ndarray | None,
    source: Literal["hold-out", "test file"],
    *,
    seed: int,
) -> None:
    """Evaluate a finished fit and write its records; rows of the data stay out of the folder."""
    rows = None
    if held_out is not None:
        scored, compared = held_out, fit.fitted.compared(held_out, seed)
        rows = HeldOutRows(compared, lambda: _values(fit.fitted, scored, seed), source)
    diagnosed = DiagnosedFit(fit, values, seed)
    train = _shown(diagnosed.axes_, fit.fitted.coordinates.schema, values)
    records = evaluate(diagnosed, train, held_out=rows, seed=seed)
    for name, content in record_files(records).items():
        write_bytes(run.path / name, content)


def evaluate_test(saved: SavedRun, test: Table, train: Table | None) -> None:
    """Score the rows of a test file by a finished run, and record them and the new verdict for its report.

    Baselines are fitted anew, so they need the rows of the fit: ``train`` must be the table of the run. Without it the
    record holds the model's own values only.

    Raises:
        InputError: ``train`` is not the table the run was fitted to, or the columns do not match.
    """
    facts, schema = saved.facts, saved.schema
    test_values = schema.match(test, "the test file")
    if train is not None and fingerprint(train) != facts.data:
        raise InputError(
            explain(
                expected="the table of the fit for --data", got="another one", do="pass the file given to scorax fit"
            )
        )
    if facts.holdout is not None and train is not None:
        raise InputError(
            explain(
                expected="a run that was fitted to all rows of --data",
                got=f"one with a hold-out of {facts.holdout}",
                do="leave --data out, or fit again without --holdout",
            )
        )
    seed, fitted = facts.seed, load_fitted(saved)
    model_values = _values(fitted, test_values, seed)
    baselines = {}
    if train is not None:
        fit_rows = fitted.compared(schema.match(train, "the table of the fit"), seed)
        baselines = compared(fit_rows, fitted.compared(test_values, seed), seed)
    comparison = held_out_records(
        model_values,
        {name: result.values for name, result in baselines.items()},
        source="test file",
        descriptions={name: result.description for name, result in baselines.items()},
        log_scale=fitted.coordinates.log_scale,
        law=MIXED_LAW if fitted.mixed else None,
    )
    run = saved.folder

    def changed(_: RunFacts) -> dict[str, bytes]:
        records = read_records(run)
        earlier = () if records.held_out is None else records.held_out.comparisons
        held_out = HeldOut((comparison, *(c for c in earlier if c.source != "test file")))
        return record_files(Records(held_out=held_out, verdict=verdict(replace(records, held_out=held_out))))

    replace_files(run, ("records/held_out.json", "records/verdict.json"), changed)


def _axis(column: AbstractColumn, label: str) -> Axis:
    """How a column is shown: categories and truth values by name, few numbers in order too, times as they are written."""
    form = column.format
    differentiable = not (column.codes or (isinstance(column, AbstractNumber) and not column.map.trivial))
    step = column.by if isinstance(column, Count) else column.step
    axis = Axis(label, column.kind, step, differentiable=differentiable)
    if isinstance(column, AbstractLevels) and (
        not column.ordered or form.kind == "text" or len(column.points) <= _FEW_NUMBERS
    ):
        return replace(axis, categories=tuple(_texts(form, column.points)), ordered=column.ordered)
    if form.kind == "text" or form.kind == "boolean":
        places = np.arange(len(form.levels) if form.kind == "text" else 2, dtype=float)
        return replace(axis, categories=tuple(_texts(form, places)))
    if form.kind == "time":
        return replace(axis, name=column.name, written=partial(_texts, form))
    return axis


def _texts(form: Format, values: np.ndarray) -> list[str]:
    return [str(text) for text in form.text(np.asarray(values, np.float64)).to_pylist()]


def _shown(axes: Sequence[Axis], schema: Schema, values: np.ndarray) -> np.ndarray:
    """The rows of the file as samples are shown beside them."""
    encoded = schema.encode(values)
    # What differs in its last bits in a constant column is no variation of the data.
    rows = schema.invert(encoded)
    # The middle of a cell in the image of a map is not the image of its middle, which samples have.
    mapped = [not axis.differentiable for axis in axes]
    rows[:, mapped] = schema.decode(encoded)[:, mapped]
    return _placed(axes, schema, rows)


def _placed(axes: Sequence[Axis], schema: Schema, values: np.ndarray) -> np.ndarray:
    """Rows with the places of categories; what the axes of texts and truth values show otherwise are places by themselves."""
    placed = values.copy()
    for j, (axis, column) in enumerate(zip(axes, schema.columns, strict=True)):
        if axis.categories is not None and isinstance(column, AbstractLevels):
            levels = column.encode(values[:, j]).levels[:, 0]
            placed[:, j] = np.where(levels < 0, np.nan, levels)
    return placed


def _values(fitted: FittedTable, values: np.ndarray, seed: int | None) -> np.ndarray:
    answer = fitted.log_prob(
        values,
        seed=seed,
        tolerance=REPORT_TOLERANCE,
        precision="float32",
        divergence=divergence_of_means(fitted.dimension),
        estimate_error=False,
    )
    return np.asarray(answer.value)
