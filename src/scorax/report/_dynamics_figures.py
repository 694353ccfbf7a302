"""Figures of the diffusion itself: from noise to samples, and the learned field in two dimensions."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scorax.records import DiffusionPath, Field
from scorax.report._figure import FIELD_SCALE, INK, RASTER_MARKS, SAMPLES, picture, quiet
from scorax.report._text import label

_ARROWS = 18
"""Arrows along each side of the field."""


def strip(path: DiffusionPath) -> str | None:
    """Frames from noise (left) to samples (right); every frame has its own scale, because noise is many times wider."""
    frames = np.array(path.frames, dtype=float)
    if not frames.size:
        return None

    def draw(figure: Figure) -> None:
        grid = figure.subplots(1, len(frames), squeeze=False)[0]
        for axes, points, level in zip(grid, frames, path.levels, strict=True):
            finite = points[np.isfinite(points).all(axis=1)]
            if points.shape[1] == 1:
                axes.hist(finite[:, 0], bins=24, color=SAMPLES)
            else:
                axes.scatter(
                    finite[:, 0], finite[:, 1], s=4, color=SAMPLES, alpha=0.55, linewidths=0,
                    rasterized=frames[..., 0].size > RASTER_MARKS,
                )  # fmt: skip
            axes.set_title(f"noise {level:.2g}", fontsize=7.5)
            quiet(axes)
            for spine in axes.spines.values():
                spine.set_visible(True)
                spine.set_color("#dfe4e8")
        grid[0].set_xlabel(label(path.names[0], 22), fontsize=7.5)
        if len(path.names) > 1:
            grid[0].set_ylabel(label(path.names[1], 18), fontsize=7.5)

    return picture(10.4, 1.9, draw)


def field(plane: Field) -> str:
    """Log density in colour, the score as arrows whose length is compressed (tanh) so that far arrows stay readable."""
    x, y = np.array(plane.x), np.array(plane.y)
    values = np.array(plane.log_density, dtype=float)
    arrows = np.array(plane.arrows, dtype=float)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        top = np.nanmax(values)
        # Below e^-9 of the peak the page would only show how the tails extrapolate.
        # Filled contours: a tenth of the bytes of a smooth picture.
        image = axes.contourf(
            x, y, np.clip(values, top - 9, top), levels=np.linspace(top - 9, top, 28), cmap=FIELD_SCALE
        )
        step = max(1, len(x) // _ARROWS)
        part = arrows[::step, ::step]
        scale = np.array(plane.scale, dtype=float)
        length = np.linalg.norm(part / scale, axis=-1, keepdims=True)
        typical = np.nanmedian(length) or 1.0
        cell = 0.9 * step * np.array([x[1] - x[0], y[1] - y[0]])
        unit = part / scale / np.maximum(length, 1e-12) * np.tanh(length / typical)
        axes.quiver(
            x[::step], y[::step], unit[..., 0] * cell[0], unit[..., 1] * cell[1],
            angles="xy", scale_units="xy", scale=1, color=INK, alpha=0.75, width=0.0022,
        )  # fmt: skip
        axes.set_xlabel(label(plane.names[0], 40))
        axes.set_ylabel(label(plane.names[1], 32))
        bar = figure.colorbar(image, ax=axes, pad=0.015, aspect=30, ticks=MaxNLocator(6))
        bar.set_label("log density (nats, units of the file)")
        bar.outline.set_visible(False)  # type: ignore[operator]

    return picture(8.2, 4.6, draw)
