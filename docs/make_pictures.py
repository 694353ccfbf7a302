"""Draw the pictures of the README and of processes.md: ``python docs/make_pictures.py`` (about a minute)."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from scorax import ScoreDensity
from scorax.cli import main as scorax
from scorax.data import embedded

BLUE, ORANGE = "#4c6a8c", "#e07b2e"


def dots(axes: Axes, rows: np.ndarray, colour: str, title: str) -> None:
    """Scatter of two columns without ticks."""
    axes.scatter(*rows.T, s=2, color=colour, linewidths=0, rasterized=True)
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def field(axes: Axes, density: ScoreDensity, low: np.ndarray, high: np.ndarray) -> None:
    """Log-density as colour and its gradient, the score, as arrows."""
    x, y = (np.linspace(low[j], high[j], 70) for j in (0, 1))
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    values = density.score_samples(grid.reshape(-1, 2)).reshape(70, 70)
    axes.imshow(np.maximum(values, -9), origin="lower", extent=(x[0], x[-1], y[0], y[-1]), cmap="Blues", aspect="auto")
    few = grid[4::8, 4::8].reshape(-1, 2)
    arrows = density.grad_log_density(few)
    arrows /= 1 + np.linalg.norm(arrows, axis=1, keepdims=True) / 4  # long arrows far from the data would hide the rest
    axes.quiver(*few.T, *arrows.T, color=ORANGE, width=0.005)
    axes.set_title("log-density and score", fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def processes(folder: Path) -> None:
    """``brownian.png`` and ``digit.png``, by the commands that processes.md shows."""
    for name, line in (("brownian", "simulate brownian --drift 1 --sigma 0.5"), ("digit", "noise vp digit")):
        path = folder / f"{name}.png"
        scorax([*line.split(), "-o", str(path)])
        Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)  # a third of the bytes


def main() -> None:
    """Fit, draw, write ``docs/images/moons.png``; then the processes."""
    processes(Path(__file__).parent / "images")
    rows = embedded("moons", n=2500, seed=0).values
    density = ScoreDensity(random_state=0).fit(rows)
    low, high = rows.min(axis=0) - 0.3, rows.max(axis=0) + 0.3
    figure = Figure(figsize=(9, 5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(3, 2))
    first, second, third = top.subplots(1, 3)
    dots(first, rows, BLUE, "2,500 rows of data")
    dots(second, density.sample(2500, random_state=0), ORANGE, "2,500 samples")
    field(third, density, low, high)
    for axes in (first, second, third):
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
    levels, frames = density.fitted_.sample_path(1000, 7, 0)
    for axes, level, frame in zip(bottom.subplots(1, len(levels)), levels, frames, strict=True):
        dots(axes, frame, ORANGE, f"noise {level:.2g}")
    target = Path(__file__).parent / "images" / "moons.png"
    figure.savefig(target, dpi=110)
    print(target)


if __name__ == "__main__":
    main()
