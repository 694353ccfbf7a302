"""Figures of likelihood and training: gains over the single Gaussian, and the learning curves."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from scorax.records import Comparison, MetricsLine
from scorax.report._figure import DATA, FAINT, INK, SAMPLES, picture


def gains(comparison: Comparison) -> str | None:
    """Nats per row gained over the first baseline (the Gaussian), with paired standard errors."""
    model = comparison.model
    if model.gain is None or not comparison.baselines:
        return None
    entries = [(baseline.name, baseline.gain, baseline.gain_error, DATA) for baseline in comparison.baselines]
    entries.append(("this model", model.gain, model.gain_error, SAMPLES))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        values = [entry[1] for entry in entries]
        places = np.arange(len(entries))[::-1]
        axes.barh(places, values, color=[entry[3] for entry in entries], height=0.62)
        axes.errorbar(
            values, places, xerr=[entry[2] or 0.0 for entry in entries], fmt="none", ecolor=INK, elinewidth=1, capsize=3
        )
        span = max(max(values), 0.0) - min(min(values), 0.0) or 1.0
        for place, (_, value, error, _) in zip(places, entries, strict=True):
            beyond = value + (1 if value >= 0 else -1) * ((error or 0.0) + 0.015 * span)
            axes.text(beyond, place, f"{value:+.2f}", va="center", ha="left" if value >= 0 else "right", color=INK)
        axes.axvline(0.0, color=FAINT, linewidth=0.8)
        axes.margins(x=0.14)
        axes.set_yticks(places, [entry[0] for entry in entries], fontsize=8.5, color=INK)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"nats per row gained over the {comparison.reference} baseline (bars: paired standard error)")

    return picture(7.2, 0.6 + 0.42 * len(entries), draw)


def learning_curves(metrics: Sequence[MetricsLine], best_steps: Sequence[int]) -> str | None:
    """Training loss, and held-out log density in nats per row; members are thin lines, `best_steps` what they kept."""
    loss = _series([(line.step, line.train_loss) for line in metrics])
    held_out = _series([(line.step, line.held_out_nats) for line in metrics])
    members = _members(metrics)
    panels = [name for name, present in (("loss", len(loss)), ("held", len(held_out) or len(members))) if present]
    if not panels:
        return None

    def draw(figure: Figure) -> None:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, name in zip(grid, panels, strict=True):
            axes.set_xlabel("step")
            if name == "loss":
                axes.plot(loss[:, 0], loss[:, 1], color=DATA, linewidth=1.3)
                axes.set_title("training loss", loc="left")
                axes.set_ylim(*_inner_range(loss[:, 1], 0.0, 0.97))
                continue
            for series in members:
                axes.plot(series[:, 0], series[:, 1], color=FAINT, linewidth=0.7, alpha=0.7)
            if len(held_out):
                axes.plot(held_out[:, 0], held_out[:, 1], color=SAMPLES, linewidth=1.6)
            title = "held-out nats per row, higher is better" + (f" (thin: {len(members)} members)" if members else "")
            axes.set_title(title, loc="left")
            axes.set_ylim(*_inner_range(np.concatenate([s[:, 1] for s in [held_out, *members] if len(s)]), 0.03, 1.0))
            for step in best_steps:
                axes.axvline(step, color=INK, linewidth=0.8, alpha=0.7, linestyle=(0, (4, 3)))
            if best_steps:
                axes.annotate(
                    "kept" if len(best_steps) == 1 else "kept, by member",
                    (max(best_steps), 0.97),
                    xycoords=("data", "axes fraction"),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="top",
                    fontsize=7.5,
                )

    return picture(4.7 * len(panels), 2.5, draw)


def _series(points: Sequence[tuple[int, float | None]]) -> np.ndarray:
    return np.array([(step, value) for step, value in points if value is not None], dtype=float).reshape(-1, 2)


def _members(metrics: Sequence[MetricsLine]) -> list[np.ndarray]:
    rows: dict[int, list[tuple[float, float]]] = {}
    for line in metrics:
        for member, value in enumerate(line.held_out_nats_members or ()):
            if value is not None:
                rows.setdefault(member, []).append((line.step, value))
    return [np.array(pairs, dtype=float) for _, pairs in sorted(rows.items())]


def _inner_range(values: np.ndarray, first: float, last: float) -> tuple[float, float]:
    """Axis limits from two quantiles, so that the first wild steps of a run do not dictate them."""
    low, high = np.quantile(values, [first, last]) if len(values) > 20 else (values.min(), values.max())
    room = 0.08 * (high - low) or 0.1
    return float(low - room), float(high + room)
