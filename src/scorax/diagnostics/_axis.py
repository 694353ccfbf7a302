"""What the records need to know of a column."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Axis:
    """The axis of a column in a picture.

    Attributes:
        name: what stands at it, in the words of the file: untrusted text.
        kind: ``continuous``, ``integer``, ``constant`` ...: shown, and not interpreted.
        step: distance of the points on which values lie, where they do.
        categories: the names of the categories, where there are such: values are then their places.
        ordered: whether neighbouring categories are alike.
        written: how values are written, where they are no plain numbers: dates and times.
        differentiable: whether the density has a gradient by the values.
        unit: what values count; those of two columns are compared where it is the same, and no others.
    """

    name: str
    kind: str
    step: float | None = None
    categories: tuple[str, ...] | None = None
    ordered: bool = False
    written: Callable[[Float[np.ndarray, " n"]], list[str]] | None = None
    differentiable: bool = True
    unit: str | None = None

    @property
    def unordered(self) -> bool:
        """Whether values are places without a meaning."""
        return self.categories is not None and not self.ordered

    @property
    def ranked(self) -> bool:
        """Whether a rank correlation means something: two categories have only one order, up to its sign."""
        return not self.unordered or len(self.categories or ()) <= 2
