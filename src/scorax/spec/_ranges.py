"""The range of a number, as a part of its type: ``Annotated[int, Range(1, 64)]``."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``; an end that is ``above`` or ``below`` is not one of them."""

    low: int | float
    high: int | float
    above: bool = False
    below: bool = False

    def __contains__(self, value: int | float) -> bool:
        low = self.low < value if self.above else self.low <= value
        high = value < self.high if self.below else value <= self.high
        return not math.isnan(value) and low and high

    def __str__(self) -> str:
        return f"{'(' if self.above else '['}{self.low:.10g}, {self.high:.10g}{')' if self.below else ']'}"
