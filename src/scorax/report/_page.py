"""The page: records in, one self-contained HTML text out. Nothing here trains, samples or draws a random number."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from scorax._text import percent
from scorax.report import _density_figures, _dynamics_figures, _table_figures
from scorax.report._facts import facts, find
from scorax.report._text import label, number, signed, visible

_PICTURE_DATA = {
    "path": ("frames",),
    "field": ("log_density", "arrows", "x", "y"),
    "pairs": ("pairs", "edges", "marginals"),
}
"""What the embedded numbers leave out: arrays that exist to be drawn."""


def render(records: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]], info: Mapping[str, Any]) -> str:
    """One HTML page without script, external address or event handler.

    `records` come from `scorax.diagnostics.evaluate`, by name; an absent one is called "not computed". `metrics` are the
    lines of `metrics.jsonl` (`step train_loss held_out_nats held_out_nats_members`, all optional). `info` holds the
    parsed `run`, `config` and `schema` files under those names, and the folder as `path`.
    """
    environment = Environment(
        loader=PackageLoader("scorax.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"label": label, "number": number, "signed": signed, "visible": visible, "percent": percent}
    comparisons = records.get("held_out", {}).get("comparisons", [])
    folder = shlex.quote(visible(info.get("path", "RUN")))
    return environment.get_template("report.html").render(
        title=label(info.get("title") or info.get("path", "scorax"), 60),
        verdict=records.get("verdict"),
        facts=facts(records, metrics, info),
        comparisons=[{"gains": _density_figures.gains(c), **c} for c in comparisons],
        curves=_density_figures.learning_curves(metrics, _best_steps(info)),
        sampling=records.get("sampling"),
        marginals=records.get("marginals"),
        worst=_worst(records.get("marginals"), records.get("verdict")),
        pairs=records.get("pairs"),
        correlations=records.get("correlations"),
        two_sample=records.get("two_sample"),
        path=records.get("path"),
        field=records.get("field"),
        nearest=records.get("nearest"),
        figures={
            "marginals": _drawn(_table_figures.marginals, records.get("marginals")),
            "pairs": _drawn(_table_figures.pairs, records.get("pairs")),
            "correlations": _drawn(_table_figures.correlations, records.get("correlations")),
            "nearest": _drawn(_table_figures.nearest, records.get("nearest")),
            "strip": _drawn(_dynamics_figures.strip, records.get("path")),
            "field": _drawn(_dynamics_figures.field, records.get("field")),
        },
        folder=folder,
        command=_command(find(info, "run.command")),
        numbers=json.dumps(_numbers(records), indent=1, ensure_ascii=True),
    )


def _drawn(draw: Any, record: Mapping[str, Any] | None) -> str | None:
    return None if record is None else draw(record)


def _best_steps(info: Mapping[str, Any]) -> list[int]:
    """Steps whose weights each member kept."""
    steps = find(info, "run.best_steps", "run.best_step")
    return sorted({step for step in (steps if isinstance(steps, list) else [steps]) if isinstance(step, int)})


def _command(command: Any) -> str | None:
    if isinstance(command, list):
        return shlex.join(visible(part) for part in command)
    return None if command is None else visible(command)


def _worst(
    record: Mapping[str, Any] | None, verdict: Mapping[str, Any] | None, count: int = 12
) -> list[Mapping[str, Any]]:
    """The columns with the worst grades, and among equals those whose distance exceeds its noise floor by most."""
    columns = (record or {}).get("columns", [])
    grades = (verdict or {}).get("columns", [])
    graded: list[Mapping[str, Any]] = [
        {**column, "grade": grade} for column, grade in zip(columns, grades, strict=True)
    ]
    order = ("poor", "fair", "good")
    return sorted(graded, key=lambda c: (order.index(c["grade"]), (c["floor"] or 0.0) - (c["distance"] or np.inf)))[
        :count
    ]


def _numbers(records: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in record.items() if key not in _PICTURE_DATA.get(name, ())}
        for name, record in records.items()
    }
