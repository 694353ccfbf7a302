"""What the records say, in plain sentences, each with a grade and the rule that gave it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from scorax.checkpoint import Grade, Sentence
from scorax.diagnostics._column_verdict import ColumnVerdict, judge_columns, worst

_CLEAR = 2.0
"""Paired standard errors beyond which a difference of mean log density counts as one."""

_MATTERS = 0.1
"""Nats per row (a tenth of the probability of a row) from which on being behind a baseline is called poor."""

_FAILED = 0.01
"""Share of rows without a finite answer from which on the solver, or the sampler, is called poor."""


def verdict(records: Mapping[str, Any]) -> dict[str, Any]:
    """Grade, headline, key number, sentences and a grade for each column from the records of `evaluate`.

    A record that is absent is not judged. The grade is never better than the worst of the first held-out comparison, the
    columns and the classifier; a poor grade of anything else takes a good one down to fair.
    """
    comparisons = records.get("held_out", {}).get("comparisons", [])
    sentences = [sentence for comparison in comparisons for sentence in _density(comparison)]
    columns = judge_columns(records["marginals"]["columns"]) if "marginals" in records else None
    if "sampling" in records:
        sentences += _sampling(records["sampling"])
    if columns is not None:
        sentences += _columns(columns)
    if records.get("correlations", {}).get("root_mean_square") is not None:
        sentences.append(_correlations(records["correlations"]))
    if "two_sample" in records:
        sentences += _two_sample(records["two_sample"])
    if "nearest" in records:
        sentences += _copying(records["nearest"])
    samples = worst([s.grade for s in sentences if s.topic in ("columns", "samples")])
    density: Grade = sentences[0].grade if comparisons else "fair"
    grade = worst([density, samples])
    if grade == "good" and "poor" in [s.grade for s in sentences]:
        grade = "fair"
    return {
        "grade": grade,
        "headline": _headline(grade, density if comparisons else None, samples),
        "key": _key_number(comparisons[0]) if comparisons else None,
        "sentences": [asdict(sentence) for sentence in sentences],
        "columns": [] if columns is None else list(columns.grades),
    }


def _headline(grade: Grade, density: Grade | None, samples: Grade) -> str:
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


def _key_number(held: Mapping[str, Any]) -> dict[str, Any]:
    best = _best(held)
    if best is None:
        return {"value": held["model"]["mean"], "error": held["model"]["error"], "label": "nats per held-out row"}
    label = f"nats per row against the best baseline ({best['name']}), {held['source']}"
    return {"value": best["difference"], "error": best["difference_error"], "label": label}


def _best(held: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((entry for entry in held["baselines"] if entry["name"] == held["best"]), None)


def _density(held: Mapping[str, Any]) -> list[Sentence]:
    sentences = []
    best = _best(held)
    if best is None:
        sentences.append(Sentence("density", "note", "No baseline was fitted, so the density stands alone."))
    else:
        difference, error = best["difference"], best["difference_error"] or np.inf
        amount = f"{abs(difference):.2f} ± {error:.2f} nats per row ({held['source']}, {held['rows']} rows)"
        if difference >= _CLEAR * error:
            text = f"The log density beats every baseline; the best of them, the {best['name']}, is behind by {amount}."
            sentences.append(Sentence("density", "good", text))
        elif difference > -_CLEAR * error:
            text = (
                f"The log density is level with the best baseline, the {best['name']}: "
                f"the difference of {difference:+.2f} ± {error:.2f} nats per row is within its noise "
                f"({held['source']}, {held['rows']} rows)."
            )
            sentences.append(Sentence("density", "fair", text))
        else:
            text = f"The log density is worse than that of the {best['name']} by {amount}"
            if difference > -_MATTERS:
                sentences.append(Sentence("density", "fair", f"{text}: clear, but small."))
            else:
                sentences.append(Sentence("density", "poor", f"{text}; prefer it, or train longer."))
    if held["failed"]:
        share = held["failed"] / (held["failed"] + held["rows"])
        text = f"No finite log density for {held['failed']} rows ({100 * share:.1f} %): left out of the means."
        sentences.append(Sentence("solver", "poor" if share > _FAILED else "fair", text))
    return sentences


def _sampling(record: Mapping[str, Any]) -> list[Sentence]:
    drawn, failed = record["drawn"], record["failed"]
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


def _correlations(record: Mapping[str, Any]) -> Sentence:
    error, floor = record["root_mean_square"], record["floor"]
    grade: Grade = "good" if error < max(1.5 * floor, 0.03) else "fair" if error < max(3 * floor, 0.1) else "poor"
    return Sentence(
        "dependence",
        grade,
        f"Rank correlations of the samples are off by {error:.3f} (root mean square over all pairs; "
        f"sampling noise alone gives about {floor:.3f}).",
    )


def _two_sample(record: Mapping[str, Any]) -> list[Sentence]:
    if record["boosted"] is None:
        return []
    boosted, error = record["boosted"], record["accuracy_error"]
    grade: Grade = "good" if boosted < 0.5 + 3 * error else "fair" if boosted < 0.7 else "poor"
    text = (
        f"A classifier (boosted trees) tells a sample from a row of the table in {100 * boosted:.0f} % of cases "
        f"(50 % is guessing, ± {100 * error:.0f} %; 100 % is always)."
    )
    return [Sentence("samples", grade, text)]


def _copying(record: Mapping[str, Any]) -> list[Sentence]:
    share = next(s for s in record["shares"] if s["quantile"] == 0.05)["closer"]
    noise = np.sqrt(0.05 * 0.95 * (1 / record["samples"] + 1 / record["fresh"]))
    exact = record["exact"] - record["exact_fresh"] > 0.01 + 3 * noise
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
            f"{record['reference']}: {meaning}.",
        )
    ]
    if record["small_table"]:
        text = (
            f"With {record['rows']} training rows a model can hold single rows by heart, and distances cannot rule "
            "it out: treat samples of a small table as no safer than the table itself."
        )
        sentences.append(Sentence("copying", "note", text))
    return sentences
