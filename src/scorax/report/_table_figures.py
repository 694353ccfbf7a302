"""Figures of data against samples: histograms, pairs, correlations, nearest rows."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from scorax.records import Correlations, Label, Marginals, Nearest, Pairs
from scorax.report._figure import CORRELATION_SCALE, DATA, DATA_SCALE, FAINT, SAMPLE_SCALE, SAMPLES, picture, quiet
from scorax.report._text import label

_LETTERS = 12
"""Of the name of a category."""


def marginals(record: Marginals) -> str | None:
    """A grid of shared histograms: filled grey-blue the data, orange outline the samples."""
    shown = [(c, c.edges, c.data, c.samples) for c in record.columns if c.edges and c.data and c.samples]
    if not shown:
        return None
    across = min(len(shown), 3 if len(shown) <= 3 else 4 if len(shown) <= 12 else 5)
    down = -(-len(shown) // across)

    def draw(figure: Figure) -> None:
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for axes, (column, edges, data, samples) in zip(grid, shown, strict=False):
            if column.bars:
                _bars(axes, data, samples)
            else:
                _histogram(axes, edges, data, samples)
            axes.set_title(label(column.name, 24 if across > 3 else 40), loc="left")
            if column.labels is None:
                axes.locator_params(axis="x", nbins=4)
            else:
                _name(axes, column.labels)
        for axes in grid[len(shown) :]:
            axes.set_axis_off()

    upright = any(_is_long(column.labels or ()) for column, *_ in shown)
    return picture(min(10.4, 3.6 * across), (2.0 if upright else 1.45 if down > 1 else 2.3) * down + 0.1, draw)


def pairs(record: Pairs) -> str | None:
    """Two columns: data beside samples. More: data below the diagonal, samples above, single columns on it."""
    if not record.pairs:
        return None
    return _two_panels(record) if len(record.names) == 2 else _matrix(record)


def correlations(record: Correlations) -> str | None:
    """Rank correlations of data, samples and their difference from -1 to 1; no picture for the one number of a pair."""
    if len(record.names) < 3:
        return None
    data, samples = (np.array(side, dtype=float) for side in (record.data, record.samples))
    named = len(record.names) <= 32

    def draw(figure: Figure) -> None:
        grid = figure.subplots(1, 3)
        panels = (("data", data), ("samples", samples), ("samples − data", samples - data))
        images = []
        for axes, (title, values) in zip(grid, panels, strict=True):
            images.append(axes.imshow(values, vmin=-1, vmax=1, cmap=CORRELATION_SCALE, interpolation="nearest"))
            axes.set_title(title, loc="left")
            quiet(axes)
            for spine in axes.spines.values():
                spine.set_visible(False)
        if named:
            size = 7.5 if len(data) <= 15 else 5.5
            grid[0].set_yticks(range(len(data)), [label(n, 18) for n in record.names], fontsize=size)
            grid[0].tick_params(length=0)
        figure.colorbar(images[0], ax=grid, shrink=0.7, pad=0.01, ticks=[-1, 0, 1])

    return picture(10.4, 3.7, draw)


def nearest(record: Nearest) -> str:
    """Distances to the nearest training row: of fresh rows, filled; of samples, outlined."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _histogram(axes, record.edges, record.fresh_counts, record.sample_counts)
        axes.set_xlabel("distance to the nearest training row (standard deviations)")

    return picture(6.4, 2.4, draw)


def _is_long(labels: Sequence[Label]) -> bool:
    """Whether names do not stand side by side below a small picture."""
    return sum(min(len(one.text), _LETTERS) + 1 for one in labels) > 36


def _name(axes: Axes, labels: Sequence[Label]) -> None:
    turned = _is_long(labels)
    texts = [label(one.text, _LETTERS) for one in labels]
    axes.set_xticks([one.at for one in labels], texts, rotation=90 if turned else 0, fontsize=6 if turned else 7)


def _bars(axes: Axes, data: Sequence[int], samples: Sequence[int]) -> None:
    """Shares of both in every bar."""
    ours, theirs = (np.array(counts, dtype=float) / max(sum(counts), 1) for counts in (data, samples))
    places = np.arange(len(ours))
    axes.bar(places, ours, width=0.72, color=DATA, alpha=0.45, linewidth=0)
    axes.bar(places, theirs, width=0.72, facecolor="none", edgecolor=SAMPLES, linewidth=1.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlim(-0.6, len(ours) - 0.4)


def _histogram(axes: Axes, edges: Sequence[float], data: Sequence[int], samples: Sequence[int]) -> None:
    """Both as densities over the shown bins: the sizes of the two tables differ."""
    at = np.array(edges, dtype=float)
    heights = [np.array(c, dtype=float) / max(sum(c), 1) / np.diff(at) for c in (data, samples)]
    axes.stairs(heights[0], at, fill=True, color=DATA, alpha=0.45, linewidth=0)
    axes.stairs(heights[1], at, color=SAMPLES, linewidth=1.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlim(at[0], at[-1])
    axes.set_ylim(bottom=0)


def _counts(
    axes: Axes, x: Sequence[float], y: Sequence[float], counts: np.ndarray, scale: LinearSegmentedColormap
) -> None:
    # The square root lets single rows be seen beside full bins.
    axes.pcolormesh(np.array(x, dtype=float), np.array(y, dtype=float), np.sqrt(counts), cmap=scale, rasterized=True)


def _two_panels(record: Pairs) -> str:
    (pair,) = record.pairs

    def draw(figure: Figure) -> None:
        grid = figure.subplots(1, 2, sharex=True, sharey=True)
        panels = (("data", pair.data, DATA_SCALE), ("samples", pair.samples, SAMPLE_SCALE))
        for axes, (title, counts, scale) in zip(grid, panels, strict=True):
            _counts(axes, record.edges[pair.x], record.edges[pair.y], np.array(counts), scale)
            axes.set_title(title, loc="left")
            axes.set_xlabel(label(record.names[pair.x], 40))
        grid[0].set_ylabel(label(record.names[pair.y], 32))

    return picture(9.4, 3.9, draw)


def _matrix(record: Pairs) -> str:
    names, edges = record.names, record.edges
    size = len(names)

    def draw(figure: Figure) -> None:
        grid = figure.subplots(size, size)
        for pair in record.pairs:
            low, high = pair.x, pair.y
            _counts(grid[high, low], edges[low], edges[high], np.array(pair.data), DATA_SCALE)
            # Above the diagonal the axes are swapped, so that a column keeps its place in both triangles.
            _counts(grid[low, high], edges[high], edges[low], np.array(pair.samples).T, SAMPLE_SCALE)
        for j, marginal in enumerate(record.marginals):
            _histogram(grid[j, j], edges[j], marginal.data, marginal.samples)
            grid[j, j].set_title(label(names[j], 19), loc="left", fontsize=7.5)
        for axes in grid.ravel():
            quiet(axes)
            for spine in axes.spines.values():
                spine.set_visible(True)
                spine.set_color("#dfe4e8")
        figure.supylabel("below the diagonal: data", fontsize=8, color=DATA)
        figure.suptitle("above the diagonal: samples", fontsize=8, color=SAMPLES, ha="right", x=0.99)
        figure.supxlabel(f"{size} of {record.total} columns, the most correlated ones", fontsize=8, color=FAINT)

    return picture(1.45 * size + 0.4, 1.3 * size + 0.5, draw)
