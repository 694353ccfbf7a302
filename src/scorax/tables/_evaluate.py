"""Records of a fitted table for its report: the fitted model seen through the protocol of ``diagnostics``."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from scorax._events import Event, Phase
from scorax._write import write_bytes
from scorax.checkpoint import RunFacts, RunFolder, read_records, record_files, replace_files
from scorax.diagnostics import HeldOutRows, evaluate, verdict
from scorax.records import HeldOut, Records
from scorax.tables._axes import axis_of, placed_rows, shown_rows
from scorax.tables._beside import beside, row_values, some_rows, test_comparison
from scorax.tables._cells import places_of_cells
from scorax.tables._evaluation_rows import EvaluationRows
from scorax.tables._files import load_fitted
from scorax.tables._recipe import Fit
from scorax.tables._repeats import distinct_rows

_BESIDE = 2000
"""Rows of each kind that are compared as wholes in the report of a fit: seconds on one core."""
_SCORED, _SCORED_WITH_CODES = 2000, 300
"""Held-out rows that are scored in the report of a fit; with categories a row takes a tenth of a second."""


class DiagnosedFit:
    """A fit and the rows it was made of, as ``diagnostics.evaluate`` wants to see them."""

    def __init__(self, fit: Fit, values: np.ndarray, seed: int) -> None:
        self._fitted = fit.fitted
        schema = fit.fitted.coordinates.schema
        self.axes_ = [axis_of(column, label) for column, label in zip(schema.columns, schema.labels, strict=True)]
        self.compared_ = fit.fitted.compared(values, seed)
        self.fold_ = fit.fold
        self.out_of_fold_log_density_ = fit.out_of_fold

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        """Rows ``0`` to ``n_samples`` of the seed, with the places of categories."""
        return placed_rows(
            self.axes_, self._fitted.coordinates.schema, self._fitted.sample_rows(0, n_samples, random_state)
        )

    def score_samples(self, x: np.ndarray) -> np.ndarray:
        """Log-density at points of a plane, which no noise moves."""
        return row_values(self._fitted, x, None)

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
    on_event: Callable[[Event], None] = lambda event: None,
) -> None:
    """Evaluate a finished fit and write its records; rows of the data stay out of the folder."""
    rows, fitted = None, fit.fitted
    schema = fitted.coordinates.schema
    if held_out is not None:
        scored = some_rows(held_out, _SCORED_WITH_CODES if fitted.coded else _SCORED, seed)
        compared = fitted.compared(scored, seed)
        rows = HeldOutRows(
            compared,
            lambda: row_values(fitted, scored, seed),
            source,
            len(held_out) if len(scored) < len(held_out) else None,
        )
    on_event(Phase("comparing with baselines, drawing samples, writing records"))
    diagnosed = DiagnosedFit(fit, values, seed)
    train = shown_rows(diagnosed.axes_, schema, values)
    records = evaluate(diagnosed, train, held_out=rows, distinct=distinct_rows(values, schema.columns), seed=seed)
    if held_out is not None:
        drawn = fitted.sample_rows(0, min(len(values), _BESIDE), seed)
        places = places_of_cells(schema)
        generated = beside(
            fitted,
            drawn,
            held_out,
            values,
            target=places.index(max(places)),
            seed=seed,
            max_rows=_BESIDE,
            on_event=on_event,
        )
        records = replace(records, generated=generated)
    for name, content in record_files(records).items():
        write_bytes(run.path / name, content)


def evaluate_test(rows: EvaluationRows) -> None:
    """Score the rows of a test file by a finished run, and record them and the new verdict for its report.

    Baselines are fitted anew, so they need the rows of the fit. Without them the record holds the model's own values only.
    """
    saved = rows.saved
    seed, fitted = saved.facts.seed, load_fitted(saved)
    values = row_values(fitted, rows.held, seed)
    comparison = test_comparison(fitted, rows.held, values, rows.fit, seed=seed, drawn_from=rows.count, thorough=False)
    run = saved.folder

    def changed(_: RunFacts) -> dict[str, bytes]:
        records = read_records(run)
        earlier = () if records.held_out is None else records.held_out.comparisons
        held_out = HeldOut((comparison, *(c for c in earlier if c.source != "test file")))
        return record_files(Records(held_out=held_out, verdict=verdict(replace(records, held_out=held_out))))

    replace_files(run, ("records/held_out.json", "records/verdict.json"), changed)
