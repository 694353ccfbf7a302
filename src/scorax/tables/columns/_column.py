"""What every kind of column says of itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float

from scorax.data import Format
from scorax.tables.columns._cells import Cells


@dataclass(frozen=True)
class AbstractColumn(ABC):
    r"""A column of a file, and the coordinates in which a model sees it: none, one, or several.

    Values $v$ are float64 and count from the origin of :attr:`format`. Coordinates $c$ are real numbers, one row of
    them for each value. A density of the values is one of the coordinates times $|dc / dv|$; where values lie on points,
    uniform noise of the :attr:`widths` makes the coordinates continuous, and the density is that of value and noise.

    A kind is a frozen dataclass in a file of its own and a line in :data:`~scorax.tables.columns.KINDS`. Its fields are what
    ``schema.json`` holds of it.

    Attributes:
        name: of the column in the file.
        format: how the column is written.
    """

    name: str
    format: Format

    @classmethod
    @abstractmethod
    def infer(cls, cells: Cells) -> Self | None:
        """The column of these cells, or ``None`` where they are not of this kind."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """The name of the kind in ``schema.json``."""

    @property
    @abstractmethod
    def widths(self) -> tuple[float, ...]:
        """Width of the noise of each coordinate, 0 where it is continuous; there are as many coordinates."""

    @property
    @abstractmethod
    def step(self) -> float | None:
        """Distance of the points on which values lie, where they do."""

    @abstractmethod
    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Refuse values at which the column has no density; NaN is none.

        Raises:
            InputError: there is one; ``where`` begins the message.
        """

    @abstractmethod
    def encode(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
        """Coordinates of values, without noise."""

    @abstractmethod
    def invert(self, coordinates: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
        """Values of coordinates, the noise left in them."""

    @abstractmethod
    def decode(self, coordinates: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
        """Values of coordinates as the file has them: on its points, with its decimals. Never clipped."""

    @abstractmethod
    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""The logarithm of $|dc / dv|$ at each value."""
