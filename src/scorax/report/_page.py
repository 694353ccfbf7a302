"""The page: records in, one self-contained HTML text out. Nothing here trains, samples or draws a random number."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from scorax.checkpoint import RunFacts
from scorax.records import Grade, MarginalColumn, MetricsLine, Records
from scorax.report import _density_figures, _dynamics_figures, _table_figures
from scorax.report._facts import fitted
from scorax.report._template import WORST_COLUMNS, far_columns, numbers_text, template
from scorax.report._text import label, visible
from scorax.spec import to_json

T = TypeVar("T")


def render(
    records: Records, metrics: Sequence[MetricsLine], facts: RunFacts, kinds: Mapping[str, str], path: Path
) -> str:
    """One HTML page without script, external address or event handler.

    Args:
        records: what ``scorax.diagnostics.evaluate`` computed; a record that is ``None`` is called "not computed".
        metrics: the lines of ``metrics.jsonl``.
        facts: what stands in ``run.json``.
        kinds: name of a column -> its kind, in the order of the table.
        path: the folder of the run.
    """
    comparisons = () if records.held_out is None else records.held_out.comparisons
    columns = () if records.marginals is None else records.marginals.columns
    return template("report.html").render(
        title=label(path.resolve().name or path, 60),
        verdict=records.verdict,
        facts=fitted(facts, kinds, metrics, records.marginals),
        comparisons=[(comparison, _density_figures.gains(comparison)) for comparison in comparisons],
        curves=_density_figures.learning_curves(metrics, sorted(set(facts.best_steps or ()))),
        sampling=records.sampling,
        marginals=records.marginals,
        worst=_worst(records),
        correlations=records.correlations,
        two_sample=records.two_sample,
        unranked=[c.name for c in columns if c.measure and len(c.data or ()) > 2],
        whole=_whole(records),
        path=records.path,
        nearest=records.nearest,
        figures={
            "marginals": _drawn(_table_figures.marginals, records.marginals),
            "pairs": _drawn(_table_figures.pairs, records.pairs),
            "correlations": _drawn(_table_figures.correlations, records.correlations),
            "nearest": _drawn(_table_figures.nearest, records.nearest),
            "strip": _drawn(_dynamics_figures.strip, records.path),
            "field": _drawn(_dynamics_figures.field, records.field),
        },
        folder=shlex.quote(visible(path)),
        generated=records.generated,
        far_columns=far_columns(records.generated),
        numbers=numbers_text(to_json(records, sparse=True)),
    )


def _drawn(draw: Callable[[T], str | None], record: T | None) -> str | None:
    return None if record is None else draw(record)


def _whole(records: Records) -> str | None:
    """Which rows are compared as wholes, where some have missing cells."""
    if records.sampling is None or records.marginals is None or records.sampling.complete is None:
        return None
    complete, rows = records.sampling.complete, records.marginals.rows
    return f"Whole rows are compared among the {complete} of {rows} rows of data that have no missing cell."


def _worst(records: Records) -> list[tuple[MarginalColumn, Grade]]:
    """The columns with the worst grades, and among equals those whose distance exceeds its noise floor by most."""
    if records.marginals is None or records.verdict is None:
        return []
    order = ("poor", "fair", "good")
    return sorted(
        zip(records.marginals.columns, records.verdict.columns, strict=True),
        key=lambda graded: (
            order.index(graded[1]),
            (graded[0].floor or 0.0) - (np.inf if graded[0].distance is None else graded[0].distance),
        ),
    )[:WORST_COLUMNS]
