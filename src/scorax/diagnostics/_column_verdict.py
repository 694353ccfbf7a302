"""Which columns of samples a person would see to be wrong: larger than chance allows, and large enough to matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scorax._text import percent, quote
from scorax.records import Grade, MarginalColumn, Marginals, NeverSeen

FALSE_ALARM = 0.01
"""Chance, at most, that a model that draws from the law of the table itself has a column called fair or poor."""

_SIZES = {"range": (0.01, 0.05), "values": (0.01, 0.1), "shape": (0.1, 0.25)}
"""Sizes from which on a finding is fair, and poor. A value outside the range may be an impossible one: one row in twenty is
poor. A frequent value may only be where people round: one row in ten. A tenth of a deviation is hard to see in a histogram."""


@dataclass(frozen=True)
class Finding:
    """A check of a column.

    Attributes:
        column: place of the column in the table.
        check: what was looked at.
        size: how far the samples are off: a share of the rows, or standard deviations.
        p_value: chance that another sample of the table's own law is as far off.
        text: the finding as a sentence.
    """

    column: int
    check: Literal["range", "values", "shape"]
    size: float
    p_value: float
    text: str

    def grade(self, level: float) -> Grade:
        """Good where chance makes it at ``level`` or where it is too small to matter."""
        fair, poor = _SIZES[self.check]
        if self.p_value >= level or self.size < fair:
            return "good"
        return "poor" if self.size >= poor else "fair"


@dataclass(frozen=True)
class ColumnVerdict:
    """What the records of the columns say.

    Attributes:
        grades: the worst grade of every column, in the order of the table.
        sentences: for every check that some column fails, its grade and the worst column in words.
    """

    grades: tuple[Grade, ...]
    sentences: tuple[tuple[Grade, str], ...]


def judge_columns(marginals: Marginals) -> ColumnVerdict:
    """The verdict on every column.

    Every check of every column is made at :data:`FALSE_ALARM` divided by their number (Bonferroni), so one of them fails a
    perfect model with at most that probability.
    """
    findings = [finding for place, column in enumerate(marginals.columns) for finding in _findings(place, column)]
    level = FALSE_ALARM / max(1, len(findings))
    grades: list[Grade] = ["good"] * len(marginals.columns)
    sentences: list[tuple[Grade, str]] = []
    for check in ("range", "values", "shape"):
        failed = [f for f in findings if f.check == check and f.grade(level) != "good"]
        for finding in failed:
            grades[finding.column] = worst([grades[finding.column], finding.grade(level)])
        if failed:
            others = len({f.column for f in failed}) - 1
            more = f" ({others} more column{'s' if others > 1 else ''} likewise)" if others else ""
            text = max(failed, key=lambda f: f.size).text
            sentences.append((worst([f.grade(level) for f in failed]), f"{text}{more}."))
    return ColumnVerdict(tuple(grades), tuple(sentences))


def never_grade(seen: NeverSeen) -> Grade:
    """The grade of rows with what no real row has: as that of values outside the range, each of two checks at its own level."""
    fair, poor = _SIZES["range"]
    if seen.p_value >= FALSE_ALARM or seen.share - seen.expected < fair:
        return "good"
    return "poor" if seen.share - seen.expected >= poor else "fair"


def worst(grades: Sequence[str]) -> Grade:
    """The worst of these grades, or good without any."""
    if "poor" in grades:
        return "poor"
    return "fair" if "fair" in grades else "good"


def _findings(place: int, column: MarginalColumn) -> list[Finding]:
    name = quote(column.name)
    below, above, expected = column.range.below, column.range.above, column.range.expected
    distance = column.distance
    amount = "infinitely many" if distance is None else f"{distance:.2f}"
    moved = f"they would have to move by {amount} standard deviations on average to match it"
    if column.measure is not None:
        moved = f"{percent(distance or 0.0)} of them would have to be in another category to match it"
    outside = [
        f"{percent(share)} are {words}"
        for share, words in ((below, "below the smallest value of the table"), (above, "above the largest"))
        if share
    ]
    findings = [
        Finding(
            place,
            "range",
            below + above - expected,
            column.range.p_value,
            f"Of the samples of {name} {' and '.join(outside)}, where chance alone puts about {percent(expected, 1)}",
        ),
        Finding(
            place,
            "shape",
            np.inf if distance is None else distance,
            column.shape_p_value,
            f"The samples of {name} have another distribution than the table: {moved}",
        ),
    ]
    for value in column.values:
        ours, theirs = value.data, value.samples
        exact = f"exactly {value.value:g}" if value.label is None else quote(value.label)
        text = f"In {name}, {percent(ours)} of the table is {exact}, but {percent(theirs)} of the samples"
        findings.append(Finding(place, "values", abs(ours - theirs), value.p_value, text))
    return findings
