"""How fast is a fit in two processes of a core each beside one process of one core, and one from a file beside memory?

``python benchmarks/processes.py`` fits 100,000 rows of 8 numbers by one network of width 512 and depth 4 in batches of
4,096: by one process on one core, by two on a core each (``fit --distributed``, started by hand), and by one whose rows
stay in their file (``fit --stream``). Speed is that between two looks at the held-out rows, which ``log.jsonl`` has the
times of; the first stretch, with the compiling, is left out. The three take turns, and ratios are those of one turn.

Needs two idle cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from _machine import described, machine
from _small_fits import joined

ROWS, COLUMNS, STEPS, EVERY = 100_000, 8, 60, 20
KEYS = {
    "network.width": 512,
    "network.depth": 4,
    "training.batch_size": 4096,
    "training.max_steps": STEPS,
    "training.validate_every": EVERY,
    "training.save_every": 10 * STEPS,
    "ensemble.folds": 1,
    "ensemble.starts": '["gaussian"]',
    "noise.candidates": "[0.1]",
}


def written(path: Path) -> Path:
    """A Parquet file of numbers that depend on each other."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(ROWS, COLUMNS)) @ random.normal(size=(COLUMNS, COLUMNS))
    pq.write_table(pa.table({f"x{j}": own for j, own in enumerate(rows.T)}), path)
    return path


def speed(table: Path, run: Path, words: list[str], cores: list[int]) -> float:
    """Steps a second of a fit with a process on each of the cores."""
    sets = [word for key, value in KEYS.items() for word in ("--set", f"{key}={value}")]
    line = [sys.executable, "-m", "scorax", "fit", str(table), "-o", str(run), "--no-report", *sets, *words]
    told: list[dict[str, str]] = [{}]
    if len(cores) > 1:
        line, told = [*line, "--distributed"], joined(len(cores))
    processes = [
        subprocess.Popen(
            line,
            env=os.environ | {"NPROC": "1", "OMP_NUM_THREADS": "1"} | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}),
        )
        for core, own in zip(cores, told, strict=True)
    ]
    if any([process.wait() for process in processes]):
        raise SystemExit("expected a fit to end well; run its command to see what it says")
    looks = [json.loads(one) for one in (run / "log.jsonl").read_text().splitlines()]
    first, last = (next(one for one in looks if one["step"] == step) for step in (EVERY, STEPS))
    return (STEPS - EVERY) / (last["time"] - first["time"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    turns = parser.parse_args().turns
    print(described(machine()))
    print("| turn | one process, steps/s | two processes | ratio | from the file | ratio |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        table = written(Path(name) / "table.parquet")
        for turn in range(turns):
            runs = (("one", [], [0]), ("two", [], [0, 1]), ("file", ["--stream"], [0]))
            one, two, file = (speed(table, Path(name) / f"{kind}-{turn}", *how) for kind, *how in runs)
            print(f"| {turn} | {one:.2f} | {two:.2f} | {two / one:.2f} | {file:.2f} | {file / one:.2f} |", flush=True)


if __name__ == "__main__":
    main()
