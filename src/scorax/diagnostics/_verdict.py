"""What the records say, in plain sentences, each with a grade and the rule that gave it."""

import numpy as np

from scorax.diagnostics._column_verdict import ColumnVerdict, judge_columns, never_grade, worst
from scorax.records import (
    Baseline,
    Comparison,
    Correlations,
    Grade,
    Impossible,
    KeyNumber,
    Nearest,
    Records,
    Sampling,
    Sentence,
    TwoSample,
    Verdict,
)

_CLEAR = 2.0
"""Paired standard errors beyond which a difference of mean log density counts as one."""

_MATTERS = 0.1
"""Nats per row (a tenth of the probability of a row) from which on being behind a baseline is called poor."""

_FAILED = 0.01
"""Share of rows without a finite answer from which on the solver, or the sampler, is called poor."""


def verdict(records: Records) -> Verdict:
    """Grade, headline, key number, sentences and a grade for each column from the records of `evaluate`.

    A record that is absent is not judged. The grade is never better than the worst of the first held-out comparison, the
    columns and the classifier; a poor grade of anything else takes a good one down to fair.
    """
    comparisons = () if records.held_out is None else records.held_out.comparisons
    sentences = [sentence for comparison in comparisons for sentence in _density(comparison)]
    columns = None if records.marginals is None else judge_columns(records.marginals)
    if records.sampling is not None:
        sentences += _sampling(records.sampling)
    if columns is not None:
        sentences += _columns(columns)
    if records.impossible is not None:
        sentences += _impossible(records.impossible)
    if records.correlations is not None:
        sentences += _correlations(records.correlations)
    if records.two_sample is not None:
        sentences += _two_sample(records.two_sample)
    if records.nearest is not None:
        sentences += _copying(records.nearest)
    samples = worst([s.grade for s in sentences if s.topic in ("columns", "samples")])
    density = sentences[0].grade if comparisons else None
    grade = worst([density or "fair", samples])
    if grade == "good" and "poor" in [s.grade for s in sentences]:
        grade = "fair"
    return Verdict(
        grade=grade,
        headline=_headline(grade, density, samples),
        key=_key_number(comparisons[0]) if comparisons else None,
        sentences=tuple(sentences),
        columns=() if columns is None else columns.grades,
    )


def _headline(grade: Grade, density: str | None, samples: Grade) -> str:
    if samples == "poor":
        text = "Do not use the samples of this model as they are: they differ visibly from the table."
        return f"{text} A simpler density estimate describes the table better, too." if density == "poor" else text
    if density is None:
        return "No held-out rows were scored, so the density of this model is not judged."
    if density == "poor":
        return "Do not rely on this model yet: a simpler density estimate describes the table better."
    if grade == "fair":
        return "This model is usable, with reservations: read the sentences below."
    return "This model describes the table better than the standard density estimates, and its samples look like the table."


def _key_number(held: Comparison) -> KeyNumber:
    best = _best(held)
    if best is None:
        return KeyNumber(held.model.mean, held.model.error, "nats per held-out row")
    label = f"nats per row against the best baseline ({best.name}), {held.source}"
    return KeyNumber(best.difference, best.difference_error, label)


def _best(held: Comparison) -> Baseline | None:
    return next((baseline for baseline in held.baselines if baseline.name == held.best), None)


def _density(held: Comparison) -> list[Sentence]:
    sentences = []
    best = _best(held)
    if best is None:
        sentences.append(Sentence("density", "note", "No baseline was fitted, so the density stands alone."))
    else:
        difference, error = best.difference, best.difference_error or np.inf
        amount = f"{abs(difference):.2f} ± {error:.2f} nats per row ({held.source}, {held.rows} rows)"
        if difference >= _CLEAR * error:
            text = f"The log density beats every baseline; the best of them, the {best.name}, is behind by {amount}."
            sentences.append(Sentence("density", "good", text))
        elif difference > -_CLEAR * error:
            text = (
                f"The log density is level with the best baseline, the {best.name}: "
                f"the difference of {difference:+.2f} ± {error:.2f} nats per row is within its noise "
                f"({held.source}, {held.rows} rows)."
            )
            sentences.append(Sentence("density", "fair", text))
        else:
            text = f"The log density is worse than that of the {best.name} by {amount}"
            if difference > -_MATTERS:
                sentences.append(Sentence("density", "fair", f"{text}: clear, but small."))
            else:
                sentences.append(Sentence("density", "poor", f"{text}; prefer it, or train longer."))
    if held.failed:
        share = held.failed / (held.failed + held.rows)
        text = f"No finite log density for {held.failed} rows ({100 * share:.1f} %): left out of the means."
        sentences.append(Sentence("solver", "poor" if share > _FAILED else "fair", text))
    return sentences


def _sampling(sampling: Sampling) -> list[Sentence]:
    drawn, failed = sampling.drawn, sampling.failed
    if not failed:
        return []
    text = f"{failed} of {drawn} rows drawn from the model hold a value that is not a finite number: they are left out below."
    return [Sentence("samples", "poor" if failed > _FAILED * drawn else "fair", text)]


def _columns(verdict: ColumnVerdict) -> list[Sentence]:
    if verdict.sentences:
        return [Sentence("columns", grade, text) for grade, text in verdict.sentences]
    count = len(verdict.grades)
    which = f"all {count} columns" if count > 1 else "the column"
    text = (
        f"The samples of {which} look like the table: the same distribution, no more values outside its range than chance "
        "puts there, and its most frequent values as often."
    )
    return [Sentence("columns", "good", text)]


def _impossible(impossible: Impossible) -> list[Sentence]:
    found = [one for one in (impossible.orders, impossible.levels) if one is not None]
    return [Sentence("samples", never_grade(one), one.sentence) for one in found]


def _correlations(correlations: Correlations) -> list[Sentence]:
    error, floor = correlations.root_mean_square, correlations.floor
    if error is None:
        return []
    grade: Grade = "good" if error < max(1.5 * floor, 0.03) else "fair" if error < max(3 * floor, 0.1) else "poor"
    text = (
        f"Rank correlations of the samples are off by {error:.3f} (root mean square over all pairs; "
        f"sampling noise alone gives about {floor:.3f})."
    )
    return [Sentence("dependence", grade, text)]


def _two_sample(apart: TwoSample) -> list[Sentence]:
    boosted, error = apart.boosted, apart.accuracy_error
    if boosted is None or error is None:
        return []
    grade: Grade = "good" if boosted < 0.5 + 3 * error else "fair" if boosted < 0.7 else "poor"
    text = (
        f"A classifier (boosted trees) tells a sample from a row of the table in {100 * boosted:.0f} % of cases "
        f"(50 % is guessing, ± {100 * error:.0f} %; 100 % is always)."
    )
    return [Sentence("samples", grade, text)]


def _copying(nearest: Nearest) -> list[Sentence]:
    share = next(s.closer for s in nearest.shares if s.quantile == 0.05)
    noise = np.sqrt(0.05 * 0.95 * (1 / nearest.samples + 1 / nearest.fresh))
    exact = nearest.exact - nearest.exact_fresh > 0.01 + 3 * noise
    grade: Grade = "poor" if exact or share > 0.25 else "good" if share < 0.05 + 3 * noise else "fair"
    meaning = {
        "good": "no sign that training rows are repeated",
        "fair": "samples sit somewhat closer to training rows than fresh rows do",
        "poor": "the model repeats training rows: do not pass its samples on as anonymous data",
    }[grade]
    sentences = [
        Sentence(
            "copying",
            grade,
            f"{100 * share:.1f} % of the samples are nearer to a training row than the nearest 5 % of "
            f"{nearest.reference}: {meaning}.",
        )
    ]
    if nearest.small_table:
        text = (
            f"With {nearest.rows} training rows a model can hold single rows by heart, and distances cannot rule "
            "it out: treat samples of a small table as no safer than the table itself."
        )
        sentences.append(Sentence("copying", "note", text))
    return sentences
