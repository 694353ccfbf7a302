"""What the records say, in plain sentences, each with a grade and the rule that gave it."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from scorax._text import quote

Grade = Literal["good", "fair", "poor", "note"]
"""`note` carries no judgement: a limit of what the records can show."""
_ORDER: tuple[Grade, ...] = ("good", "fair", "poor")
_CLEAR = 2.0
"""Paired standard errors beyond which a difference of mean log density counts as one."""

_MATTERS = 0.1
"""Nats per row (a tenth of the probability of a row) from which on being behind a baseline is called poor."""


def verdict(records: Mapping[str, Any]) -> dict[str, Any]:
    """Grade, headline, key number and sentences from the records of `evaluate`; a record that is absent is not judged.

    The grade is that of the first held-out comparison; a poor grade of anything else takes a good one down to fair.
    """
    sentences: list[dict[str, str]] = []
    comparisons = records.get("held_out", {}).get("comparisons", [])
    key = None
    for comparison in comparisons:
        sentences += _density(comparison)
    if comparisons:
        key = _key_number(comparisons[0])
    if "marginals" in records:
        sentences.append(_marginals(records["marginals"]))
    if records.get("correlations", {}).get("root_mean_square") is not None:
        sentences.append(_correlations(records["correlations"]))
    if "two_sample" in records:
        sentences += _two_sample(records["two_sample"])
    if "nearest" in records:
        sentences += _copying(records["nearest"])
    grades = [s["grade"] for s in sentences if s["grade"] != "note"]
    main = sentences[0]["grade"] if comparisons else "fair"
    grade = "fair" if main == "good" and "poor" in grades else main
    headline = {
        "good": "This model describes the table better than the standard density estimates.",
        "fair": "This model is usable, with reservations: read the sentences below.",
        "poor": "Do not rely on this model yet: a simpler density estimate describes the table better.",
    }[grade]
    if not comparisons:
        headline = "No held-out rows were scored, so the density of this model is not judged."
    return {"grade": grade, "headline": headline, "key": key, "sentences": sentences}


def _sentence(topic: str, grade: Grade, text: str) -> dict[str, str]:
    return {"topic": topic, "grade": grade, "text": text}


def _key_number(held: Mapping[str, Any]) -> dict[str, Any]:
    best = _best(held)
    if best is None:
        return {"value": held["model"]["mean"], "error": held["model"]["error"], "label": "nats per held-out row"}
    label = f"nats per row against the best baseline ({best['name']}), {held['source']}"
    return {"value": best["difference"], "error": best["difference_error"], "label": label}


def _best(held: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((entry for entry in held["baselines"] if entry["name"] == held["best"]), None)


def _density(held: Mapping[str, Any]) -> list[dict[str, str]]:
    sentences = []
    best = _best(held)
    if best is None:
        sentences.append(_sentence("density", "note", "No baseline was fitted, so the density stands alone."))
    else:
        difference, error = best["difference"], best["difference_error"] or np.inf
        amount = f"{abs(difference):.2f} ± {error:.2f} nats per row ({held['source']}, {held['rows']} rows)"
        if difference >= _CLEAR * error:
            text = f"The log density beats every baseline; the best of them, the {best['name']}, is behind by {amount}."
            sentences.append(_sentence("density", "good", text))
        elif difference > -_CLEAR * error:
            text = (
                f"The log density is level with the best baseline, the {best['name']}: "
                f"the difference of {difference:+.2f} ± {error:.2f} nats per row is within its noise "
                f"({held['source']}, {held['rows']} rows)."
            )
            sentences.append(_sentence("density", "fair", text))
        else:
            text = f"The log density is worse than that of the {best['name']} by {amount}"
            if difference > -_MATTERS:
                sentences.append(_sentence("density", "fair", f"{text}: clear, but small."))
            else:
                sentences.append(_sentence("density", "poor", f"{text}; prefer it, or train longer."))
    if held["failed"]:
        share = held["failed"] / (held["failed"] + held["rows"])
        text = f"No finite log density for {held['failed']} rows ({100 * share:.1f} %): left out of the means."
        sentences.append(_sentence("solver", "poor" if share > 0.01 else "fair", text))
    return sentences


def _marginals(record: Mapping[str, Any]) -> dict[str, str]:
    columns = [c for c in record["columns"] if c["distance"] is not None and c["floor"] is not None]
    if not columns:
        return _sentence("columns", "note", "Too few rows to compare single columns.")
    ratios = np.array([c["distance"] / max(c["floor"], 1e-12) for c in columns])
    worst = columns[int(np.argmax([c["distance"] - c["floor"] for c in columns]))]
    beyond = int((ratios > 1).sum())
    # One column in twenty passes its 95 % floor by chance; a tenth of a deviation is hard to see in a histogram.
    if beyond <= max(1, 0.1 * len(columns)) and worst["distance"] < max(0.1, 2 * worst["floor"]):
        grade: Grade = "good"
    else:
        grade = "fair" if worst["distance"] < 0.25 else "poor"
    within = len(columns) - beyond
    return _sentence(
        "columns",
        grade,
        f"{within} of {len(columns)} columns of samples are as close to the data as another sample of it would be; "
        f"the farthest from that is {quote(worst['name'])}, {worst['distance']:.2f} standard deviations "
        f"(noise floor {worst['floor']:.2f}).",
    )


def _correlations(record: Mapping[str, Any]) -> dict[str, str]:
    error, floor = record["root_mean_square"], record["floor"]
    grade: Grade = "good" if error < max(1.5 * floor, 0.03) else "fair" if error < max(3 * floor, 0.1) else "poor"
    return _sentence(
        "dependence",
        grade,
        f"Rank correlations of the samples are off by {error:.3f} (root mean square over all pairs; "
        f"sampling noise alone gives at most about {floor:.3f}).",
    )


def _two_sample(record: Mapping[str, Any]) -> list[dict[str, str]]:
    if record["boosted"] is None:
        return []
    boosted, error = record["boosted"], record["accuracy_error"]
    grade: Grade = "good" if boosted < 0.5 + 3 * error else "fair" if boosted < 0.7 else "poor"
    text = (
        f"A boosted classifier tells samples from training rows with accuracy {boosted:.2f} "
        f"(0.50 is guessing, ± {error:.2f}; 1.00 is always)."
    )
    return [_sentence("samples", grade, text)]


def _copying(record: Mapping[str, Any]) -> list[dict[str, str]]:
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
        _sentence(
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
        sentences.append(_sentence("copying", "note", text))
    return sentences
