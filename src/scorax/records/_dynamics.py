"""The way from noise to samples, and the learned field of two columns."""

from dataclasses import dataclass

from scorax.records._shapes import Row, require, require_table


@dataclass(frozen=True)
class DiffusionPath:
    """Frames of synthetic rows from noise to data, in one or two columns."""

    names: tuple[str, ...]
    levels: tuple[float, ...]
    frames: tuple[tuple[Row, ...], ...]

    def __post_init__(self) -> None:
        require(len(self.names) in (1, 2) and 0 < len(self.levels) == len(self.frames), "a level for each frame")
        for frame in self.frames:
            require_table(frame, len(self.frames[0]), len(self.names), "frames")


@dataclass(frozen=True)
class Field:
    """Log-density and score of two columns on a grid."""

    names: tuple[str, str]
    x: tuple[float, ...]
    y: tuple[float, ...]
    log_density: tuple[Row, ...]
    arrows: tuple[tuple[tuple[float | None, float | None], ...], ...]
    scale: tuple[float, float]

    def __post_init__(self) -> None:
        require(min(len(self.x), len(self.y)) > 1, "a grid")
        for table, name in ((self.log_density, "log-densities"), (self.arrows, "arrows")):
            require_table(table, len(self.y), len(self.x), name)
