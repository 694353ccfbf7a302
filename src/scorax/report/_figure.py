"""One style for all figures, and their way into the page: SVG inside a `data:` address."""

import base64
import io
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

DATA = "#4a6b8a"
"""Grey-blue: rows of the data."""
SAMPLES = "#e0762f"
"""Orange: rows drawn from the model."""
INK = "#2b333b"
FAINT = "#8a949e"
DATA_SCALE = LinearSegmentedColormap.from_list("data", ["#ffffff", "#a9bccd", DATA, "#1d3247"])
SAMPLE_SCALE = LinearSegmentedColormap.from_list("samples", ["#ffffff", "#f6c9a4", SAMPLES, "#7a3205"])
FIELD_SCALE = LinearSegmentedColormap.from_list("field", ["#ffffff", "#fbe3cf", "#f2b07e", SAMPLES, "#8c3a08"])
CORRELATION_SCALE = LinearSegmentedColormap.from_list("correlation", [SAMPLES, "#f7f7f5", DATA])
RASTER_MARKS = 1000
"""More marks than this are drawn as pixels: an SVG of 5,000 points is eight times its picture."""

_STYLE: Any = {
    # Column names are untrusted: `$` is a dollar, never mathematics.
    "text.parse_math": False,
    "text.usetex": False,
    "axes.formatter.use_mathtext": False,
    # Text stays text: smaller files, and the browser has glyphs for scripts that matplotlib's font lacks.
    "svg.fonttype": "none",
    "svg.hashsalt": "scorax",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 8.5,
    "axes.edgecolor": "#c3cad1",
    "axes.linewidth": 0.8,
    "axes.labelcolor": INK,
    "axes.titlesize": 8.5,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "axes.formatter.limits": (-3, 4),
}


def log_values(axes: Axes) -> None:
    """A logarithmic axis of values with plain numbers: powers would be mathematics, which the style does not read."""
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    for set_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        set_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


_DATED = {
    "svg": ("Creator", "Date", "Format", "Type"),
    "png": ("Software",),
    "pdf": ("Creator", "Producer", "CreationDate"),
}
"""What a writer would say about itself and the hour, by kind: left out, so that equal numbers are equal bytes."""


def picture(width: float, height: float, draw: Callable[[Figure], None]) -> str:
    """`data:` address of a figure of that size in inches; `draw` fills it."""
    text = drawn(width, height, draw, "svg", transparent=True).decode()
    # The prologue names an external DTD; an inline picture needs none of it.
    return "data:image/svg+xml;base64," + base64.b64encode(text[text.index("<svg") :].encode()).decode()


def drawn(
    width: float, height: float, draw: Callable[[Figure], None], kind: str, *, transparent: bool = False
) -> bytes:
    """File of a figure of that size in inches, without dates; `kind` is ``svg``, ``png`` or ``pdf``.

    No global state of matplotlib changes.
    """
    with matplotlib.rc_context(rc=_STYLE), warnings.catch_warnings():
        # Only the measured width of such a glyph is off; the browser draws it from its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        target = io.BytesIO()
        figure.savefig(target, format=kind, dpi=150, metadata=dict.fromkeys(_DATED[kind]), transparent=transparent)
    return target.getvalue()


def quiet(axes: Axes) -> None:
    """Axes without ticks."""
    axes.set_xticks([])
    axes.set_yticks([])
