"""Figures of simulated paths: paths under their exact band, histograms under their exact density, an image in noise."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from scorax.report._figure import DATA, FAINT, INK, SAMPLES, drawn, quiet
from scorax.simulation import ImageStudy, Marginal, PathStudy

_PART_TITLES = ("drift and noise", "noise alone, drift 0", "drift alone, noise 0")
_ROW = 4
"""Panels in one row, at most."""


def paths_figure(study: PathStudy, title: str, kind: str = "png") -> bytes:
    """Paths with their exact mean and band above, histograms with their exact densities below."""
    rows = -(-len(study.marginals) // _ROW)

    def draw(figure: Figure) -> None:
        figure.suptitle(title, color=INK, fontsize=10)
        top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.9, 2.2 * rows))[:, 0]
        panels = top.subplots(1, 1 + len(study.parts), squeeze=False, sharey=True)[0]
        for axes, paths in zip(panels, (study.shown, *study.parts), strict=True):
            axes.plot(study.times, paths.T, color=SAMPLES, linewidth=0.7, alpha=0.55)
            axes.set_xlabel("time t")
            axes.set_xlim(0.0, study.times[-1])
        if study.parts:
            for axes, name in zip(panels, _PART_TITLES, strict=True):
                axes.set_title(name, loc="left")
        panels[0].set_ylabel("state X(t)")
        _band(panels[0], study)
        _histograms(bottom, study.marginals, "state X(t)", f"{study.num_paths:,} paths")

    return drawn(8.4, 3.3 + 2.3 * rows, draw, kind)


def image_figure(study: ImageStudy, title: str, kind: str = "png") -> bytes:
    """The image at its times, and below the pixels, standardised by their exact law, under the standard normal."""
    count = len(study.times)
    rows = -(-len(study.marginals) // _ROW)
    height, width = study.frames.shape[1:]
    # Pictures much wider or taller than a square must not blow the figure up.
    frame_height = float(np.clip(8.4 / count * height / width, 0.4, 3.0)) + 0.5

    def draw(figure: Figure) -> None:
        figure.suptitle(title, color=INK, fontsize=10)
        top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(frame_height, 2.2 * rows))[:, 0]
        for axes, t, frame in zip(top.subplots(1, count, squeeze=False)[0], study.times, study.frames, strict=True):
            # Noise is many times brighter than the image: black and white are the ends of the central 98%.
            low, high = np.quantile(frame, [0.01, 0.99])
            low, high = min(low, -1.0), max(high, 1.0)
            axes.imshow(frame, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axes.set_title(f"t = {t:.3g}", fontsize=8)
            axes.set_xlabel(f"grey: {low:.2g} to {high:.2g}", fontsize=7, color=FAINT)
            quiet(axes)
        _histograms(bottom, study.marginals, "standardised X(t)", f"{height * width:,} pixels")

    return drawn(8.4, 0.4 + frame_height + 2.3 * rows, draw, kind)


def _band(axes: Axes, study: PathStudy) -> None:
    axes.fill_between(study.times, study.low, study.high, color=DATA, alpha=0.16, linewidth=0, zorder=0)
    axes.plot(study.times, study.mean, color=DATA, linewidth=1.6)
    for marginal in study.marginals:
        axes.axvline(marginal.t, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_title(
        f"{len(study.shown)} paths; exact mean (line) and central 95.4% (band)"
        if not study.parts
        else f"{_PART_TITLES[0]}; exact mean, 95.4% band",
        loc="left",
    )


def _histograms(figure: SubFigure, marginals: Sequence[Marginal], variable: str, number: str) -> None:
    rows = -(-len(marginals) // _ROW)
    columns = min(len(marginals), _ROW)
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.ravel()):
        if place >= len(marginals):
            axes.set_visible(False)
            continue
        marginal = marginals[place]
        axes.stairs(marginal.heights, marginal.edges, fill=True, color=SAMPLES, alpha=0.45)
        axes.plot(marginal.points, marginal.density, color=DATA, linewidth=1.5)
        axes.set_title(
            f"t = {marginal.t:.3g}: {number}\nKS D = {marginal.distance:.3g}, p = {marginal.p_value:.2g}",
            loc="left",
            fontsize=8,
        )
        axes.set_xlabel(variable)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.ticklabel_format(scilimits=(-4, 5))
    for line in grid:
        line[0].set_ylabel("density")
