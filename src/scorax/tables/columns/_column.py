"""What every kind of column says of itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float

from scorax.data import Format
from scorax.tables.columns._cells import Cells
from scorax.tables.columns._codes import Codes, Encoded


@dataclass(frozen=True)
class AbstractColumn(ABC):
    r"""A column of a file, and what a model sees of it: numbers, levels, both or nothing.

    Values $v$ are float64 and count from the origin of :attr:`format`; NaN is a missing cell. Numbers $c$ are real, one row of
    them for each value, and levels are the places of discrete values. A density of the values is one of the numbers times
    $|dc / dv|$, and a probability of the levels. Where values lie on points, each is a cell of numbers, and uniform noise over
    the cell makes the numbers continuous: $|dc / dv|$ is then the width of the cell over the distance of the points.

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
        """Width of the noise of each number: 0 where it is continuous, NaN where it differs from value to value.

        There are as many numbers.
        """

    @property
    @abstractmethod
    def codes(self) -> tuple[Codes, ...]:
        """The discrete quantities; there are as many levels."""

    @property
    @abstractmethod
    def step(self) -> float | None:
        """Distance of the points on which values lie, where they do."""

    @property
    def mapped(self) -> bool:
        """Whether a number of it is the image of the value under a map, and not the value."""
        return False

    @property
    @abstractmethod
    def summary(self) -> str:
        """What a person wants to know of it: ends, levels, spikes, and how a model sees them."""

    @abstractmethod
    def require(self, values: Float[np.ndarray, " n"], where: str) -> None:
        """Refuse values at which the column has no density; NaN is none.

        Raises:
            InputError: there is one; ``where`` begins the message.
        """

    @abstractmethod
    def encode(self, values: Float[np.ndarray, " n"]) -> Encoded:
        """Numbers and levels of values, without noise."""

    @abstractmethod
    def invert(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """Values of numbers and levels, the noise left in them."""

    @abstractmethod
    def decode(self, encoded: Encoded) -> Float[np.ndarray, " n"]:
        """Values of numbers and levels as the file has them: on its points, with its decimals. Never clipped."""

    @abstractmethod
    def log_weight(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        r"""What a log-density of numbers and levels lacks to be one of values, at each of them.

        It is $\log |dc / dv|$, and of a value beyond the levels the logarithm of its share of their mass. 0 where a cell is
        missing.
        """

    def refitted(self, values: Float[np.ndarray, " n"]) -> Self:
        """The column with what its map takes from rows taken from these; NaN is none. Here nothing is."""
        return self
