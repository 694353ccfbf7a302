"""Does a fit of a file larger than its memory lose anything? Under a limit on its address space, killed at random moments.

``python benchmarks/limited_memory.py`` writes a Parquet file of numbers and long texts that is at least 8 GiB in memory
(an Arrow table of it: 8 bytes a number, the letters of a text and an offset), fits it by ``fit --stream`` for 200 steps in
a process whose address space is limited to 4 GiB (``RLIMIT_AS``), and once more, killed by SIGKILL five times, each a
random while after its start, and resumed: within .6 of the time of the whole, and of a fit that has made its steps .2.
Both have to end with the same bytes: weights, averages, optimiser, progress, metrics, as SHA-256.
"""

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from _machine import described, machine
from _small_fits import bytes_of, newest, peak_memory, small_fit

NUMBERS, TEXTS, LEVELS, LETTERS = 8, 2, 5, 400
GROUP = 65_536
STEPS, EVERY = 200, 100
GIB = 2**30


def written(path: Path, gigabytes: float) -> int:
    """A file that takes so many GiB in memory, and the bytes that it takes there."""
    random = np.random.default_rng(0)
    levels = ["".join(random.choice(list("abcdefgh"), LETTERS)) for _ in range(LEVELS)]
    names = [*(f"x{j}" for j in range(NUMBERS)), *(f"t{j}" for j in range(TEXTS))]
    schema = pa.schema([(name, pa.float64() if name[0] == "x" else pa.string()) for name in names])
    decoded = 0
    with pq.ParquetWriter(path, schema) as file:
        while decoded < gigabytes * GIB:
            numbers = random.normal(size=(GROUP, NUMBERS)) @ (np.eye(NUMBERS) + 0.3)
            places = random.integers(LEVELS, size=(GROUP, TEXTS))
            texts = [pa.array(levels).take(pa.array(own)) for own in places.T]
            table = pa.table(dict(zip(names, [*map(pa.array, numbers.T), *texts], strict=True)), schema=schema)
            file.write_table(table)
            decoded += table.nbytes
    return decoded


def begun(table: Path, run: Path, limit: float) -> subprocess.Popen[bytes]:
    """The fit in a process of so many GiB, begun or gone on with."""
    words = [*small_fit(table, run, steps=STEPS, every=EVERY), "--stream", *(["--resume"] if run.exists() else [])]
    return subprocess.Popen(
        [sys.executable, "-m", "scorax", *words],
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (int(limit * GIB), int(limit * GIB))),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=float, default=8.0, help="GiB of the table in memory (8)")
    parser.add_argument("--limit", type=float, default=4.0, help="GiB of address space of a process (4)")
    parser.add_argument("--kills", type=int, default=5)
    asked = parser.parse_args()
    print(described(machine()), flush=True)
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        table, straight, killed = (Path(name) / own for own in ("table.parquet", "straight", "killed"))
        decoded = written(table, asked.size)
        rows = pq.read_metadata(table).num_rows
        print(
            f"{rows:,} rows, {decoded / GIB:.2f} GiB in memory, {table.stat().st_size / GIB:.2f} GiB on disk",
            flush=True,
        )
        began = time.monotonic()
        held = peak_memory(begun(table, straight, asked.limit))
        longest = time.monotonic() - began
        print(f"fit: {longest:.0f} s, {held:.0f} MiB at most", flush=True)
        for _ in range(asked.kills):
            most = 0.6 if newest(killed) < STEPS else 0.2
            process, moment = begun(table, killed, asked.limit), random.uniform(0.05, most) * longest
            try:
                process.wait(moment)
                raise SystemExit("expected a fit at work, got one that had ended")
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
            print(f"killed after {moment:.0f} s, newest step {newest(killed)}", flush=True)
        held = peak_memory(begun(table, killed, asked.limit))
        left = "the same" if bytes_of(killed) == bytes_of(straight) else "other"
        print(f"the last one held {held:.0f} MiB at most, and left {left} bytes")


if __name__ == "__main__":
    main()
