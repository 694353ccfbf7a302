"""The page of a run of pictures: records and metrics in, one self-contained HTML text out."""

import base64
import shlex
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from scorax.checkpoint import RunFacts
from scorax.records import MetricsLine, PictureRecord, Spectrum
from scorax.report._figure import DATA, INK, SAMPLES, log_values, picture
from scorax.report._template import numbers_text, template
from scorax.report._text import label, number, visible
from scorax.spec import to_json

_SHEETS = ("samples", "data", "nearest")
_NOT_RECORDED = "not recorded"


def render_pictures(
    record: PictureRecord | None, metrics: Sequence[MetricsLine], facts: RunFacts, words: str, path: Path
) -> str:
    """One HTML page without script, external address or event handler.

    Args:
        record: what was computed at the end of the fit, ``None`` where it was not.
        metrics: the lines of ``metrics.jsonl``.
        facts: what stands in ``run.json``.
        words: what the pictures are.
        path: the folder of the run.
    """
    numbers = {} if record is None else {k: v for k, v in to_json(record, sparse=True).items() if k not in _SHEETS}
    return template("pictures.html").render(
        title=label(path.resolve().name or path, 60),
        facts=_facts(facts, metrics, words),
        record=record,
        sheets={} if record is None else {name: _address(getattr(record, name)) for name in _SHEETS},
        classes=[] if record is None else [label(name) for name in record.classes],
        along=[(line.step, _address(line.sheet)) for line in metrics if line.sheet is not None],
        curve=_curve(metrics, facts.best_steps or ()),
        spectrum=None if record is None else _spectrum(record.spectrum),
        folder=shlex.quote(visible(path)),
        numbers=numbers_text({"pictures": numbers}),
    )


def _address(png: str) -> str:
    """``data:`` address of a PNG, whose base64 is decoded first: nothing else comes into the page."""
    return "data:image/png;base64," + base64.b64encode(base64.b64decode(png, validate=True)).decode()


def _facts(facts: RunFacts, metrics: Sequence[MetricsLine], words: str) -> list[tuple[str, str]]:
    steps = max((line.step for line in metrics), default=None)
    best = f", best at {facts.best_steps[0]:,}" if facts.best_steps else ""
    return [
        ("pictures", _NOT_RECORDED if facts.pictures is None else f"{facts.pictures.pictures:,} of {visible(words)}"),
        ("steps", _NOT_RECORDED if steps is None else f"{steps:,} trained{best}"),
        ("smallest noise level sigma_min", _NOT_RECORDED if facts.sigma_min is None else number(facts.sigma_min)),
        ("seed", f"{facts.seed}"),
        ("time", _NOT_RECORDED if facts.seconds is None else f"{facts.seconds / 60:.1f} min"),
        ("device", _NOT_RECORDED if facts.device is None else label(facts.device, 80)),
    ]


def _curve(metrics: Sequence[MetricsLine], best_steps: Sequence[int]) -> str | None:
    trained = [(line.step, line.train_loss) for line in metrics if line.train_loss is not None]
    if not metrics:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(*zip(*trained, strict=True), color=DATA, linewidth=1.0, label="trained")
        axes.plot(
            [line.step for line in metrics],
            [line.validation_loss for line in metrics],
            color=SAMPLES,
            linewidth=1.6,
            label="held out",
        )
        log_values(axes)
        axes.set_xlabel("step")
        axes.set_title("loss, half a sum over the numbers of a picture", loc="left")
        for step in best_steps:
            axes.axvline(step, color=INK, linewidth=0.8, alpha=0.7, linestyle=(0, (4, 3)))
        axes.legend()

    return picture(6.5, 2.8, draw) if trained else None


def _spectrum(spectrum: Spectrum) -> str:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(spectrum.frequency, spectrum.data, color=DATA, marker="o", markersize=3, label="held out")
        axes.plot(spectrum.frequency, spectrum.samples, color=SAMPLES, marker="o", markersize=3, label="drawn")
        log_values(axes)
        axes.set_xlabel("turns over the shorter side")
        axes.set_title("mean power", loc="left")
        axes.legend()

    return picture(5.0, 2.8, draw)
