"""What the records need to know of a column."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """The axis of a column in a picture.

    Attributes:
        name: what stands at it, in the words of the file: untrusted text.
        kind: ``continuous``, ``integer``, ``constant`` ...: shown, and not interpreted.
        step: distance of the points on which values lie, where they do.
    """

    name: str
    kind: str
    step: float | None = None
