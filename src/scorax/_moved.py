"""Former names: for one release they work where they stood, with a warning that names what takes their place."""

import warnings
from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple


class Former(NamedTuple):
    """What a former name stands for, and what to do about it."""

    value: object
    do: str


FORMER: dict[str, Former] = {
    "scorax.models.data_moments": Former(attrgetter("moments"), "write model.moments, which every score model has"),
    "scorax.samplers.BLOCK": Former(1024, "leave it out: rows of any number are split by what the model costs"),
    "scorax.simulation.BLOCK": Former(256, "leave it out: rows of any number are split by what the process costs"),
}
"""Former names. A room that one stands in takes :func:`former_names` as its ``__getattr__``; a release later both go."""


def former_names(room: str) -> Callable[[str], object]:
    """The ``__getattr__`` of a room: its former names, each with a ``DeprecationWarning`` at the line that asks for it."""

    def attribute(name: str) -> object:
        former = FORMER.get(f"{room}.{name}")
        if former is None:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        message = f"{room}.{name} goes with the next release; {former.do}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return former.value

    return attribute
