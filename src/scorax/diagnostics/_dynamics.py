"""The learned field of a two-column table, and the way from noise to samples."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from scorax.diagnostics._plain import plain
from scorax.records import DiffusionPath, Field

MAX_PATH_POINTS = 500
"""Points in each frame of the strip."""


def field_records(
    grid: tuple[Float[np.ndarray, " gx"], Float[np.ndarray, " gy"]],
    score: Float[np.ndarray, "gy gx 2"],
    log_density: Float[np.ndarray, "gy gx"],
    *,
    names: Sequence[str],
    scale: Float[np.ndarray, " 2"] | None = None,
) -> Field:
    r"""Log density and score on a grid in the units of the file.

    Arrows are stored as $s_j^2 \, \partial_j \log p$ with the column scales $s$: the direction of ascent in
    standardised coordinates, drawn on axes in the units of the file.
    """
    scale = np.ones(2) if scale is None else scale
    arrows = score * np.square(scale)
    first, second = names
    return Field(
        names=(first, second),
        x=plain(grid[0], digits=12),
        y=plain(grid[1], digits=12),
        log_density=plain(log_density, digits=5),
        arrows=plain(arrows, digits=4),
        scale=plain(scale),
    )


def path_records(
    levels: Float[np.ndarray, " f"], frames: Float[np.ndarray, "f n d"], *, names: Sequence[str], columns: Sequence[int]
) -> DiffusionPath:
    """Frames of the reverse diffusion: noise level and one or two columns of at most 500 synthetic rows each."""
    shown = frames[:, :MAX_PATH_POINTS][:, :, list(columns)]
    return DiffusionPath(
        names=tuple(names[j] for j in columns), levels=plain(levels, digits=3), frames=plain(shown, digits=4)
    )
