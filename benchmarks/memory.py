"""Memory of commands on many rows: the peak of a process that samples, scores or fits a table of 8 columns.

``python benchmarks/memory.py sample 1000000 3000000`` (or ``logp``, or ``fit``) prints a row for each number.
The model is the smallest that does the work: one network of width 8 and depth 1, four evaluations a draw.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from _machine import described, machine
from _small_fits import peak_memory
from scorax import FitConfig, ScoreDensity
from scorax.tables import EnsembleConfig, NetworkConfig, NoiseConfig, SamplingConfig, TrainingConfig

COLUMNS = 8
SMALL = FitConfig(
    network=NetworkConfig(width=8, depth=1, waves=0),
    training=TrainingConfig(max_steps=100, batch_size=256),
    ensemble=EnsembleConfig(folds=1, starts=("gaussian",)),
    noise=NoiseConfig(candidates=(0.1,)),
    sampling=SamplingConfig(evaluations=4, tolerance=1e-2),
)
SETS = [
    "network.width=8", "network.depth=1", "network.waves=0", "training.max_steps=100", "training.batch_size=256",
    "ensemble.folds=1", 'ensemble.starts=["gaussian"]', "noise.candidates=[0.1]",
]  # fmt: skip


def written(path: Path, rows: int) -> Path:
    """A Parquet file of numbers that depend on each other, written in row groups of 65,536 rows."""
    random = np.random.default_rng(0)
    mix = random.normal(size=(COLUMNS, COLUMNS)) / 3
    names = [f"x{j}" for j in range(COLUMNS)]
    schema = pa.schema([(name, pa.float64()) for name in names])
    with pq.ParquetWriter(path, schema) as file:
        for start in range(0, rows, 65_536):
            values = random.normal(size=(min(65_536, rows - start), COLUMNS)) @ mix
            file.write_table(pa.table(dict(zip(names, values.T, strict=True)), schema=schema))
    return path


def command(job: str, folder: Path, run: Path, rows: int) -> list[str]:
    """The command line of a job on so many rows."""
    if job == "sample":
        return ["sample", str(run), "-n", str(rows), "-o", str(folder / "new.parquet")]
    table = written(folder / f"{rows}.parquet", rows)
    if job == "logp":
        return ["logp", str(run), str(table), "-o", str(folder / "logp.parquet")]
    sets = [word for one in SETS for word in ("--set", one)]
    return ["fit", str(table), "-o", str(folder / f"run-{rows}"), "--stream", "--no-report", *sets]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=("sample", "logp", "fit"))
    parser.add_argument("rows", nargs="+", type=int)
    asked = parser.parse_args()
    print(described(machine()), flush=True)
    print("| rows | peak, MiB | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = np.asarray(pq.read_table(written(folder / "few.parquet", 3000)).to_pandas())
        ScoreDensity(SMALL, random_state=0).fit(table).save(folder / "run")
        for rows in asked.rows:
            line = [sys.executable, "-m", "scorax", *command(asked.job, folder, folder / "run", rows)]
            began = time.monotonic()
            held = peak_memory(subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            print(f"| {rows:,} | {held:.0f} | {time.monotonic() - began:.0f} |", flush=True)


if __name__ == "__main__":
    main()
