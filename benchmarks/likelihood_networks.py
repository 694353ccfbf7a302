"""Does the printed error of a network's log-density bound what the solve got wrong?

``python likelihood_networks.py --out FILE.json`` computes float64 log-densities of 512 rows under the two networks in the plane
of ``likelihood.py``, one with random weights and one that has learned a mixture, at tolerances from 1e-1 to 1e-8: half of the
rows from the law, half three times as wide as the data. The truth is a solve at 1e-10, so the solver's error alone is judged.
``--table FILE.json`` prints the record.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from _machine import machine
from likelihood import Case, field_of, rows
from scorax.likelihood import log_prob

FIELDS = (Case("network", 2, exact=True), Case("fitted network", 2, exact=True))
TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
REFERENCE = 1e-10
HALF, WIDTH = 256, 3.0


def measure(case: Case) -> list[dict[str, Any]]:
    """Errors and bounds of one network, a record for each tolerance."""
    wide = WIDTH * np.random.default_rng(5).standard_normal((HALF, case.dimension))
    x = np.concatenate([rows(case)[:HALF], wide]).astype(np.float64)
    found = []
    with jax.enable_x64(True):
        model = field_of(case)
        truth = log_prob(model, x, rtol=REFERENCE, atol=REFERENCE, estimate_error=False).value
        for tolerance in TOLERANCES:
            answer = log_prob(model, x, rtol=tolerance, atol=tolerance)
            error = np.abs(answer.value - truth)
            found.append(
                {
                    "field": case.field,
                    "tolerance": tolerance,
                    "evaluations": float(np.mean(answer.evaluations)),
                    "near": [float(np.mean(error[:HALF])), float(np.max(error[:HALF]))],
                    "far": [float(np.mean(error[HALF:])), float(np.max(error[HALF:]))],
                    "covered": float(np.mean(error <= answer.solver_error)),
                    "ratio": float(np.median(answer.solver_error / error)),
                }
            )
    return found


def table(found: list[dict[str, Any]]) -> str:
    """The record as markdown."""
    lines = [
        "| network | tolerance | evaluations | error, law: mean | largest | wide: mean | largest | covered | bound / error |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        near, far = (" | ".join(f"{number:.1e}" for number in one[key]) for key in ("near", "far"))
        lines.append(
            f"| {one['field']} | {one['tolerance']:g} | {one['evaluations']:.0f} | {near} | {far} | {one['covered']:.3f} |"
            f" {one['ratio']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and write the record, or print one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("likelihood_networks.json"))
    parser.add_argument("--table", type=Path, help="print a record instead of measuring")
    options = parser.parse_args()
    if options.table is None:
        found = [one for case in FIELDS for one in measure(case)]
        options.out.write_text(json.dumps({"machine": machine(), "results": found}, indent=1) + "\n")
    else:
        found = json.loads(options.table.read_text())["results"]
    print(table(found))


if __name__ == "__main__":
    main()
