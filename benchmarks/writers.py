"""Does one process write in a run folder? Pairs of fits that begin at once into one folder, and the kill of the one that has it.

Of each pair one has to write, and the other to end with exit code 5 and name process and host of the first. The first is then
killed by SIGKILL, and the next fit has to get the folder at once and end as one that nobody interrupted. What is found is kept
in ``--out``; another run goes on from there.
"""

import argparse
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from _machine import described, machine
from _small_fits import bytes_of, command, finished, fit_words, newest, write_rows

_PAIRS = 20


def pair(folder: Path, number: int) -> dict[str, object]:
    """Two fits at once, what the one that ends says, and the fit after the kill of the other."""
    table, straight, run = folder / "rows.csv", folder / "straight", folder / f"shared-{number}"
    if not straight.exists():
        finished(fit_words(table, straight, every=20))
    began = time.monotonic()
    both = [command(fit_words(table, run, every=20), errors=subprocess.PIPE) for _ in range(2)]
    held = None
    while all(process.poll() is None for process in both):
        held = time.monotonic() if held is None and (run / "lock.holder").exists() else held
        time.sleep(0.005)
    ended = time.monotonic()
    refused, holder = sorted(both, key=lambda process: process.poll() is None)
    _, said = refused.communicate()
    named = re.search(r"process (\d+) on (\S+);", said)
    good = (
        refused.returncode == 5
        and named is not None
        and (int(named[1]), named[2].strip("'\"")) == (holder.pid, socket.gethostname())
    )
    while newest(run) < 0 and holder.poll() is None:  # until it is at work
        time.sleep(0.01)
    alone = holder.poll() is None or holder.returncode == 0
    holder.kill()
    holder.wait()
    after = finished(fit_words(table, run, every=20))
    same = bytes_of(run) == bytes_of(straight)
    shutil.rmtree(run)
    return {
        "good": good,
        "code": refused.returncode,
        "said": said.strip().splitlines()[-1:],
        "one wrote": alone,
        "seconds from the start": ended - began,
        "seconds from the lock": ended - (held or ended),
        "next fit": after,
        "same": same,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("writers.json"))
    parser.add_argument("--seconds", type=float, default=1200, help="begin no further pair after so many (1200)")
    options = parser.parse_args()
    found = json.loads(options.out.read_text()) if options.out.exists() else {"machine": machine(), "pairs": []}
    pairs, began = found["pairs"], time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        write_rows(Path(name) / "rows.csv")
        while len(pairs) < _PAIRS and time.monotonic() - began < options.seconds:
            pairs.append(pair(Path(name), len(pairs)))
            options.out.write_text(json.dumps(found, indent=1))
            print(pairs[-1], flush=True)
    good = sum(one["good"] and one["one wrote"] for one in pairs)
    print(f"{len(pairs)} pairs: in {good} one wrote, and the other ended with code 5 and named it;")
    for what in ("start", "lock"):
        seconds = [one[f"seconds from the {what}"] for one in pairs]
        print(f"  it ended {min(seconds):.1f} to {max(seconds):.1f} s after the {what};")
    print(f"  {sum(one['same'] for one in pairs)} fits after the kill ended as if nobody had been killed.")
    print(described(found["machine"]))


if __name__ == "__main__":
    main()
