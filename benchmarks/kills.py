"""Does a killed command lose anything? SIGKILL at random moments, and the bytes of what comes after.

Four kinds of moments: while a fit computes, while it saves (one that saves at every step), while it starts, compiles or
resumes, and while `sample` or `logp` write. A fit is killed again and again, each time a random while after its start, resumed,
and at its end compared with one that nobody interrupted: weights, averages, optimiser, progress, metrics, as SHA-256. An output
is absent, or that of a command that nobody interrupted. What is found is kept in ``--out``; another run goes on from there.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from _machine import described, machine
from _small_fits import bytes_of, command, finished, fit_words, newest, write_rows

KINDS = {"computing": 120, "saving": 100, "starting": 40, "writing": 40}
"""Kills of each kind."""

_KILLS = 10
"""Kills of one fit, before it is let to its end."""


def killed_after(words: list[str], seconds: float) -> bool:
    """Whether the command was still at work."""
    process = command(words)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def fits(folder: Path, kind: str, number: int, random: np.random.Generator) -> dict[str, int]:
    """Kills of one fit, and whether it ended as the one that nobody interrupted."""
    every = 1 if kind == "saving" else 20
    table, straight, run = folder / "rows.csv", folder / f"straight-{every}", folder / f"killed-{kind}-{number}"
    if not straight.exists():
        finished(fit_words(table, straight, every=every))
        (folder / f"seconds-{every}").write_text(
            str(finished(fit_words(table, folder / f"again-{every}", every=every)))
        )
    longest = float((folder / f"seconds-{every}").read_text())
    kills = losses = 0
    for _ in range(_KILLS):
        before, words = newest(run), fit_words(table, run, every=every)
        kills += killed_after(words, random.uniform(0, 0.4 * longest if kind == "starting" else 1.1 * longest))
        losses += newest(run) < before
    finished(fit_words(table, run, every=every))
    same = bytes_of(run) == bytes_of(straight)
    left = len(list(run.rglob(".tmp-*")))
    shutil.rmtree(run)
    return {"kills": kills, "same": kills * same, "steps lost": losses, "temporary files": left}


def outputs(folder: Path, number: int, random: np.random.Generator) -> dict[str, int]:
    """Kills of commands that write, each followed by a look at what is there."""
    run, table = folder / "straight-20", folder / "rows.csv"
    if not run.exists():
        finished(fit_words(table, run, every=20))
    what = ("sample", "logp")[number % 2]
    out, whole = folder / f"out-{number}.csv", folder / f"whole-{what}.csv"
    words = ["sample", str(run), "-n", "20000"] if what == "sample" else ["logp", str(run), str(table)]
    if not whole.exists():
        (folder / f"seconds-{what}").write_text(str(finished([*words, "-o", str(whole)])))
    longest, kills, same = float((folder / f"seconds-{what}").read_text()), 0, 0
    for _ in range(_KILLS):
        kill = killed_after([*words, "-o", str(out)], random.uniform(0, 1.05 * longest))
        kills += kill
        same += kill and (not out.exists() or out.read_bytes() == whole.read_bytes())
        out.unlink(missing_ok=True)
    finished([*words, "-o", str(out)])
    left = len(list(folder.glob(".tmp-*")))
    return {"kills": kills, "same": same, "steps lost": 0, "temporary files": left}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("kills.json"))
    parser.add_argument("--seconds", type=float, default=600, help="begin no further fit after so many (600)")
    options = parser.parse_args()
    found = json.loads(options.out.read_text()) if options.out.exists() else {"machine": machine(), "fits": {}}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.csv")
        for place, (kind, wanted) in enumerate(KINDS.items()):
            number = 0
            while sum(one["kills"] for key, one in found["fits"].items() if key.startswith(kind)) < wanted:
                key, number = f"{kind}-{number}", number + 1
                if key in found["fits"]:
                    continue
                if time.monotonic() - began > options.seconds:
                    break
                random = np.random.default_rng([place, number])
                one = outputs(folder, number, random) if kind == "writing" else fits(folder, kind, number, random)
                found["fits"][key] = one
                options.out.write_text(json.dumps(found, indent=1))
                print(key, one, flush=True)
    for kind, wanted in KINDS.items():
        own = [one for key, one in found["fits"].items() if key.startswith(kind)]
        total = {name: sum(one[name] for one in own) for name in ("kills", "same", "steps lost", "temporary files")}
        print(f"{kind:10} {total['kills']:4d} kills of {wanted}: {total['same']} as if nobody had killed, {total}")
    print(described(found["machine"]))


if __name__ == "__main__":
    main()
