"""What a fit says while it works."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """What is done from now on, in words."""

    text: str


@dataclass(frozen=True)
class Note:
    """A line that a person may want to read."""

    text: str


@dataclass(frozen=True)
class Saved:
    """The state after a step is on disk."""

    step: int


class AbstractAdvance(ABC):
    """How far training is."""

    @property
    @abstractmethod
    def step(self) -> int:
        """Optimiser steps taken."""

    @property
    @abstractmethod
    def max_steps(self) -> int:
        """Optimiser steps at most."""

    @property
    @abstractmethod
    def loss(self) -> float:
        """Training loss, mean over members; NaN before the first step."""

    @property
    @abstractmethod
    def held_out_nats(self) -> float | None:
        """Evidence bound on held-out rows, per row, where it is known."""

    @property
    @abstractmethod
    def active(self) -> int:
        """Members that still train."""

    @property
    @abstractmethod
    def members(self) -> int:
        """All members."""

    @property
    def stops_early(self) -> bool:
        """Whether training ends before the last step where held-out rows stop improving."""
        return True


Event = Phase | Note | Saved | AbstractAdvance
