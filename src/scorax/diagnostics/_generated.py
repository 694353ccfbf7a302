"""Generated rows beside real ones: what the report says of them, a sentence for every figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float

from scorax._events import Event, Phase
from scorax._mixed_rows import MixedRows
from scorax._text import percent, quote
from scorax.diagnostics._axis import Axis
from scorax.diagnostics._impossible import impossible_records
from scorax.diagnostics._plain import plain
from scorax.metrics import (
    ColumnDifference,
    Detection,
    Detector,
    association_difference,
    column_differences,
    copying,
    detection,
    duplicates,
    train_on_synthetic,
)
from scorax.records import (
    Associations,
    ColumnDistance,
    ColumnDistances,
    Copies,
    Detections,
    DetectionScore,
    Generated,
    Impossible,
    RowKind,
    SpikeShare,
    Usefulness,
)

_FEWEST = 20
"""Rows of each kind from which on whole rows are compared."""
_CLEAR = 2.0
"""Standard errors from which on a difference counts."""

_NAMES: dict[Detector, str] = {
    "xgboost": "boosted trees (XGBoost)",
    "boosted trees": "boosted trees (scikit-learn, histograms)",
    "random forest": "random forest (scikit-learn)",
}


def detectors() -> tuple[Detector, Detector]:
    """The classifiers of the report: boosted trees, those of published scores where xgboost is installed, and a forest."""
    return "boosted trees" if find_spec("xgboost") is None else "xgboost", "random forest"


@dataclass(frozen=True, eq=False)
class RowsBeside:
    """Generated rows and real ones, a column of the file each a number or a level.

    Attributes:
        axes: of the columns, the numbers first.
        generated: rows of the model.
        held: rows that took no part in the fit.
        fit: rows of the fit, or ``None`` where they are not at hand.
    """

    axes: Sequence[Axis]
    generated: MixedRows
    held: MixedRows
    fit: MixedRows | None

    @property
    def kinds(self) -> dict[RowKind, MixedRows]:
        """The rows of every kind that there is."""
        held: dict[RowKind, MixedRows] = {"generated rows": self.generated, "held-out rows": self.held}
        return held if self.fit is None else {**held, "rows of the fit": self.fit}


def generated_records(
    rows: RowsBeside,
    *,
    target: int,
    seed: int = 0,
    max_rows: int = 20_000,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Generated:
    """Single columns, pairs, classifiers, prediction and copies of generated rows beside real ones.

    Columns and pairs are compared in the cells that are there, whole rows where no cell is missing. Beside rows of the fit where
    they are at hand, else beside held-out ones.

    Args:
        rows: generated and real ones.
        target: place of the column that is predicted.
        seed: of rows that are taken where there are more than wanted, and of classifiers.
        max_rows: rows of a kind that whole rows are compared in, at most.
        on_event: hears what is done.
    """
    whole: dict[RowKind, MixedRows] = {kind: _complete(part) for kind, part in rows.kinds.items()}
    generated, held, fit = whole["generated rows"], whole["held-out rows"], whole.get("rows of the fit")
    enough = min(map(len, whole.values())) >= _FEWEST
    on_event(Phase("comparing columns and pairs"))
    columns, associations = _columns(rows, seed), _associations(rows, seed)
    if enough:
        on_event(Phase("telling generated rows from real ones"))
    detections = _detections(whole, seed, max_rows) if enough else None
    usefulness = copies = None
    if enough and fit is not None:
        on_event(Phase("training on generated rows, looking for copies"))
        usefulness = _usefulness(rows.axes, fit, generated, held, target, seed, max_rows)
        copies = _copies(fit, held, generated, seed, max_rows)
    counts = len(generated), len(held), 0 if fit is None else len(fit)
    given = len(rows.generated), len(rows.held), 0 if rows.fit is None else len(rows.fit)
    return Generated(
        generated=len(rows.generated),
        held=len(rows.held),
        fit=None if rows.fit is None else len(rows.fit),
        columns=columns,
        detections=detections,
        associations=associations,
        usefulness=usefulness,
        copies=copies,
        complete=None if counts == given else counts,
        impossible=_impossible(rows),
    )


def _complete(rows: MixedRows) -> MixedRows:
    """The rows without a missing cell."""
    there = np.isfinite(rows.numbers).all(axis=1) & (rows.levels >= 0).all(axis=1)
    return rows if there.all() else rows.take(np.flatnonzero(there))


def _real(rows: RowsBeside) -> tuple[RowKind, MixedRows]:
    return ("held-out rows", rows.held) if rows.fit is None else ("rows of the fit", rows.fit)


def _columns(rows: RowsBeside, seed: int) -> ColumnDistances:
    beside, real = _real(rows)
    found = column_differences(real, rows.generated, seed=seed)
    columns = tuple(_column(axis, one) for axis, one in zip(rows.axes, found, strict=True))
    far = [one for one in columns if one.distance > one.expected]
    outside = float(np.mean([one.outside or 0.0 for one in columns]))
    text = f"{len(far)} of {len(columns)} columns are farther from the {beside} than one time in twenty by chance"
    if far:
        worst = max(far, key=lambda one: one.distance - one.expected)
        text += f", most of all {quote(worst.name)} ({worst.distance:.3f}, by chance up to {worst.expected:.3f})"
    text += f"; {percent(outside)} of the generated values lie outside the real ranges or at values no real row has."
    return ColumnDistances(beside, columns, text)


def _column(axis: Axis, found: ColumnDifference) -> ColumnDistance:
    spikes = [one for one in found.spikes if np.isfinite(one.value)]  # rows that are generated have no missing cells
    outside = found.outside
    return ColumnDistance(
        name=axis.name,
        kind=axis.kind,
        measure=found.measure,
        distance=plain(found.distance),
        expected=plain(found.expected),
        outside=plain(outside.value),
        outside_low=plain(outside.low),
        outside_high=plain(outside.high),
        spikes=tuple(
            SpikeShare(
                value=plain(one.value, digits=17),
                real=plain(one.real),
                generated=plain(one.synthetic),
                error=plain(one.standard_error),
                label=None if axis.written is None else axis.written(np.array([one.value]))[0],
            )
            for one in spikes
        ),
    )


def _associations(rows: RowsBeside, seed: int) -> Associations | None:
    if len(rows.axes) < 2:
        return None
    beside, real = _real(rows)
    found = association_difference(real, rows.generated, seed=seed)
    names = [rows.axes[place].name for place in found.worst]
    theirs, ours = found.real[found.worst], found.synthetic[found.worst]
    verdict = "no more than" if found.mean <= found.limit else "more than"
    text = (
        f"The strengths of association of pairs of columns are off by {found.mean:.3f} in the mean, {verdict} chance allows "
        f"(up to {found.limit:.3f} nineteen times in twenty); most for {quote(names[0])} and {quote(names[1])}: {ours:.2f} where "
        f"the {beside} have {theirs:.2f}."
    )
    return Associations(
        beside=beside,
        mean=plain(found.mean),
        expected=plain(found.expected),
        limit=plain(found.limit),
        worst=(names[0], names[1]),
        real=plain(theirs),
        generated=plain(ours),
        sentence=text,
    )


def _impossible(rows: RowsBeside) -> Impossible:
    beside, real = _real(rows)
    assert beside != "generated rows"
    return impossible_records(rows.axes, _placed(real), _placed(rows.generated), beside=beside)


def _placed(rows: MixedRows) -> Float[np.ndarray, "n columns"]:
    """Rows as one array; of levels the places."""
    return np.column_stack([rows.numbers, np.where(rows.levels < 0, np.nan, rows.levels)])


def _detections(whole: dict[RowKind, MixedRows], seed: int, max_rows: int) -> Detections:
    """Generated rows beside each kind of real ones, and the real ones beside each other."""
    pairs: list[tuple[RowKind, RowKind]] = [("generated rows", kind) for kind in whole if kind != "generated rows"]
    if "rows of the fit" in whole:
        pairs = [*reversed(pairs), ("held-out rows", "rows of the fit")]
    found: dict[tuple[Detector, RowKind, RowKind], Detection] = {}
    for name in detectors():
        for asked, beside in pairs:
            one = detection(whole[beside], whole[asked], classifier=name, seed=seed, max_rows=max_rows)
            found[name, asked, beside] = one
    scores = tuple(_score(name, asked, beside, one) for (name, asked, beside), one in found.items())
    name = detectors()[0]
    ours = found[name, "generated rows", "held-out rows"]
    text = (
        f"{_NAMES[name].capitalize()} rank a generated row above a held-out one with probability {ours.area:.2f} where .50 is "
        f"guessing: a score of {ours.score:.2f} ({ours.interval[0]:.2f} to {ours.interval[1]:.2f}), where 1 is indistinguishable."
    )
    ceiling = found.get((name, "held-out rows", "rows of the fit"))
    if ceiling is not None:
        behind = ceiling.score - ours.score
        error = float(np.hypot(ceiling.standard_error, ours.standard_error))
        apart = f"{behind:.2f} below that" if behind > _CLEAR * error else "no worse than that within the error"
        text += f" Real rows among themselves have {ceiling.score:.2f}: generated ones are {apart}."
    return Detections(scores, text)


def _score(name: Detector, asked: RowKind, beside: RowKind, found: Detection) -> DetectionScore:
    low, high = found.interval
    return DetectionScore(
        classifier=_NAMES[name],
        asked=asked,
        beside=beside,
        score=plain(found.score),
        error=plain(found.standard_error),
        low=plain(min(low, found.score)),
        high=plain(max(high, found.score)),
        area=plain(found.area),
        rows=found.rows,
    )


def _usefulness(
    axes: Sequence[Axis],
    fit: MixedRows,
    generated: MixedRows,
    held: MixedRows,
    target: int,
    seed: int,
    max_rows: int,
) -> Usefulness:
    name = axes[target].name
    found = train_on_synthetic(fit, generated, held, target, seed=seed, max_rows=max_rows)
    return Usefulness(
        target=name,
        measure=found.measure,
        real=plain(found.real),
        generated=plain(found.synthetic),
        error=plain(found.standard_error),
        rows=found.rows,
        sentence=f"Predicting {quote(name)}: {found.sentence[0].lower()}{found.sentence[1:]}",
    )


def _copies(fit: MixedRows, held: MixedRows, generated: MixedRows, seed: int, max_rows: int) -> Copies:
    found = copying(fit, held, generated, seed=seed, max_rows=min(max_rows, 5000))
    equal, held_equal = duplicates(generated, fit), duplicates(held, fit)
    text = (
        f"{percent(found.nearer)} of {found.rows} generated rows are nearer to one of {found.references} rows of the fit than to "
        f"one of as many held-out rows, where 50 % ± {percent(found.standard_error, 2)} is chance: "
        f"{'copies are seen' if found.nearer > 0.5 + _CLEAR * found.standard_error else 'no copying is seen'}. {equal} of "
        f"{len(generated)} generated rows equal some row of the fit, and {held_equal} of {len(held)} held-out rows do."
    )
    return Copies(
        nearer=plain(found.nearer),
        error=plain(found.standard_error),
        rows=found.rows,
        references=found.references,
        near_fit=found.duplicates,
        near_held=found.held_duplicates,
        equal=equal,
        equal_of=len(generated),
        held_equal=held_equal,
        held_of=len(held),
        sentence=text,
    )
