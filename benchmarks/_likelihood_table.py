"""Tables of the record of ``likelihood.py``: time and error at every tolerance, and time at equal error."""

import itertools
from typing import Any

import numpy as np

BASE = "scorax"
"""The method in the denominator of every ratio."""

TARGETS = (1e-2, 1e-3, 1e-4)
"""Mean absolute errors in nats at which times are compared."""

Ladder = dict[str, dict[str, Any]]


def time_at(ladder: Ladder, error: float) -> np.ndarray | None:
    """Seconds of every turn at a mean error: log time is linear in log error between two tolerances.

    Where the loosest tolerance is better than asked its time stands, no extrapolation; ``None`` where no tolerance is good
    enough or none ended. A tolerance that takes longer than another and errs more has no say.
    """
    front: list[tuple[float, np.ndarray]] = []
    for step in sorted(ladder.values(), key=lambda own: float(np.median(own["seconds"]))):
        if not front or step["mean_error"] < front[-1][0]:
            front.append((step["mean_error"], np.array(step["seconds"])))
    if not front:
        return None
    if front[0][0] <= error:
        return front[0][1]
    for (loose, fast), (tight, slow) in itertools.pairwise(front):
        if tight <= error:
            share = np.log(loose / error) / np.log(loose / tight)
            return np.exp((1 - share) * np.log(fast) + share * np.log(slow))
    return None


def _ladders(case: dict[str, Any], tolerances: list[str]) -> list[str]:
    lines = [
        "| method | first call, s | " + " | ".join(f"tolerance {float(t):g}" for t in tolerances) + " |",
        "|---" * (2 + len(tolerances)) + "|",
    ]
    for name, found in case["methods"].items():
        cells = []
        for tolerance in tolerances:
            step = found["ladder"].get(tolerance)
            if step is None:
                cells.append(f"failed: {found['failed'][tolerance]}" if tolerance in found.get("failed", {}) else "")
                continue
            errors = f"{step['mean_error']:.1e}, at most {step['max_error']:.1e}"
            cells.append(f"{np.median(step['seconds']):.3g} s; {errors}; {step['evaluations']:.0f}")
        first = f"{found['first_call']:.2f}" if "first_call" in found else ""
        lines.append(f"| {name} | {first} | " + " | ".join(cells) + " |")
    return lines


def at_equal_error(case: dict[str, Any], targets: tuple[float, ...] = TARGETS) -> list[str]:
    """Lines of a table: seconds of every method at these mean errors, and their ratio to those of scorax."""
    lines = [
        "| method | " + " | ".join(f"{error:g} nats: s | ratio (middle half)" for error in targets) + " |",
        "|---" * (1 + 2 * len(targets)) + "|",
    ]
    for name, found in case["methods"].items():
        cells = []
        for error in targets:
            own, base = (time_at(ladder["ladder"], error) for ladder in (found, case["methods"][BASE]))
            if own is None:
                cells.append("not reached | ")
                continue
            ratio = ""
            if base is not None and name != BASE:
                turns = min(len(own), len(base))  # a slow method takes fewer turns, the first ones
                low, middle, high = np.quantile(own[:turns] / base[:turns], [0.25, 0.5, 0.75])
                ratio = f"{middle:.2f} ({low:.2f} to {high:.2f})"
            cells.append(f"{np.median(own):.3g} | {ratio}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def markdown(record: dict[str, Any]) -> str:
    """All cases: the ladders, then the times at equal mean error and their ratio to those of scorax."""
    lines = []
    for name, case in record["results"].items():
        own = (tolerance for found in case["methods"].values() for tolerance in found["ladder"])
        tolerances = sorted(set(own), key=float, reverse=True)
        lines += [f"**{name}**", "", "Seconds; mean and largest error in nats; evaluations:", ""]
        lines += [*_ladders(case, tolerances), ""]
        if BASE in case["methods"]:
            lines += [
                "Seconds at equal mean error, and how many times those of scorax:",
                "",
                *at_equal_error(case),
                "",
            ]
    return "\n".join(lines)
