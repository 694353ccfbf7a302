"""The smallest and the largest value of a column."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """The values seen lie between these two. Never used to clip.

    Attributes:
        low: the smallest.
        high: the largest.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low, {self.low!r}, is above high, {self.high!r}")
