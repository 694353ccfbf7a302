"""Figures of a posterior: a corner of its draws, and the ranks of parameters beside the bands of uniform ones."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from scorax.metrics import Calibration
from scorax.report._figure import DATA, FAINT, SAMPLE_SCALE, SAMPLES, picture, quiet
from scorax.report._text import label

_MOST = 8
"""Parameters in a corner."""

_ACROSS = 4
_BINS = 40


def corner(names: tuple[str, ...], draws: Float[np.ndarray, "n p"]) -> str:
    """Histograms of the parameters on the diagonal, of pairs below it."""
    size = min(len(names), _MOST)
    edges = [np.histogram_bin_edges(own, _BINS) for own in draws.T[:size]]

    def draw(figure: Figure) -> None:
        grid = figure.subplots(size, size, squeeze=False)
        for j in range(size):
            grid[j, j].hist(draws[:, j], edges[j], color=SAMPLES, alpha=0.75)
            grid[j, j].set_title(label(names[j], 19), loc="left")
            grid[j, j].set_yticks([])
            for i in range(size):
                if i > j:
                    counts = np.histogram2d(draws[:, j], draws[:, i], [edges[j], edges[i]])[0]
                    # The square root lets single draws be seen beside full bins.
                    grid[i, j].pcolormesh(edges[j], edges[i], np.sqrt(counts.T), cmap=SAMPLE_SCALE, rasterized=True)
                elif i < j:
                    grid[i, j].set_axis_off()
                if i != size - 1 and i >= j:
                    grid[i, j].set_xticklabels([])
                if j and i > j:
                    grid[i, j].set_yticklabels([])
        if len(names) > size:
            figure.supxlabel(f"the first {size} of {len(names)} parameters", fontsize=8, color=FAINT)

    return picture(min(10.4, 2.0 * size + 1.2), min(9.6, 1.8 * size + 1.0), draw)


def ranks(found: Calibration) -> str:
    """Of every parameter the share of ranks up to each, less what uniform ranks have in the mean, and the bands."""
    at = (np.arange(found.draws) + 1) / (found.draws + 1)
    count = len(found.names)
    across = min(count, _ACROSS)
    down = -(-count // across)

    def draw(figure: Figure) -> None:
        grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
        for axes, name, verdict, own in zip(grid, found.names, found.verdicts, found.shares.T, strict=False):
            axes.fill_between(at, found.bands.low - at, found.bands.high - at, color=DATA, alpha=0.25, linewidth=0)
            axes.plot(at, own - at, color=SAMPLES, linewidth=1.4)
            axes.set_title(f"{label(name, 24)}: {verdict}", loc="left")
        for axes in grid[count:]:
            quiet(axes)
            axes.set_axis_off()
        figure.supxlabel("rank of the parameter among its draws, as a share", fontsize=8)
        figure.supylabel("share of ranks below, less its own", fontsize=8)

    return picture(min(10.4, 2.6 * across + 0.6), 1.9 * down + 0.5, draw)
