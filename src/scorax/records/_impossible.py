"""Samples with what no row of the table has: an order of two columns that is broken, two levels that are never together."""

from dataclasses import dataclass
from typing import Literal

from scorax.records._shapes import require


@dataclass(frozen=True)
class NeverSeen:
    """What no real row does, and how many generated rows do it.

    Attributes:
        looked: orders of columns that all real rows keep, or pairs of columns of levels.
        share: of the generated rows.
        expected: the share of other rows of the table's own law.
        p_value: chance that the worst pair of columns is as bad in those, times the number of pairs.
        worst: this pair of columns: the lower and the upper one; or two of levels.
        levels: one level of each, the most frequent such pair; ``None`` of an order.
        worst_share: of the generated rows, for these columns alone.
        sentence: all of it in words.
    """

    looked: int
    share: float
    expected: float
    p_value: float
    worst: tuple[str, str] | None
    levels: tuple[str, str] | None
    worst_share: float
    sentence: str

    def __post_init__(self) -> None:
        require(self.looked > 0, "a pair of columns")
        require(0 <= self.worst_share <= self.share <= 1, "shares that contain each other")
        require((self.worst is None) == (self.share == 0), "the worst pair where there is one")


@dataclass(frozen=True)
class Impossible:
    """Generated rows with what no row of the table has; ``None`` where no columns say so.

    Attributes:
        beside: the real rows.
        orders: pairs of columns of which one is at most the other in every real row, by no accident.
        levels: pairs of levels that no real row has together, and more than five would by chance.
    """

    beside: Literal["rows of the fit", "held-out rows"]
    orders: NeverSeen | None
    levels: NeverSeen | None
