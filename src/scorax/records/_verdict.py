"""What the records say in words."""

from dataclasses import dataclass
from typing import Literal

Grade = Literal["good", "fair", "poor"]


@dataclass(frozen=True)
class KeyNumber:
    """The number beside the headline."""

    value: float
    error: float | None
    label: str


@dataclass(frozen=True)
class Sentence:
    """One thing the records say, and how good it is; ``note`` is no judgement but a limit of what they can show."""

    topic: Literal["density", "solver", "columns", "samples", "dependence", "copying"]
    grade: Literal[Grade, "note"]
    text: str


@dataclass(frozen=True)
class Verdict:
    """What the records say in words."""

    grade: Grade
    headline: str
    key: KeyNumber | None
    sentences: tuple[Sentence, ...]
    columns: tuple[Grade, ...]
