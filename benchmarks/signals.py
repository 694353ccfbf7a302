"""Does a fit that is asked to end do so soon, saved? SIGTERM at random moments, and the bytes of the fit that goes on.

A fit is sent SIGTERM a random while after its start: in its imports, compiles, steps and saves, in the choice after the training.
It has to end with exit code 143, which a shell also shows where the kernel ended the process before its own handlers were there,
within ten seconds; what is resumed, to the end or to the next SIGTERM, has to end with the bytes of a fit that nobody
interrupted. What is found is kept in ``--out``; another run goes on from there.
"""

import argparse
import json
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from _machine import described, machine
from _small_fits import bytes_of, command, finished, fit_words, newest, write_rows

_MOMENTS = 40
_A_FIT = 4
"""Signals to one fit, before it is let to its end."""

_WITHIN = 10.0
"""Seconds in which a fit has to end."""


def terminated_after(words: list[str], seconds: float) -> tuple[int, float, str] | None:
    """Exit code, seconds from the signal to the end and last line of the command; none where it ended before."""
    process = command(words, errors=subprocess.PIPE)
    try:
        process.wait(seconds)
        return None
    except subprocess.TimeoutExpired:
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
        return process.returncode, time.monotonic() - began, (said.strip().splitlines() or [""])[-1]


def fits(folder: Path, number: int) -> dict[str, object]:
    """Signals to one fit, and whether it ended as the one that nobody interrupted."""
    table, straight, run = folder / "rows.csv", folder / "straight", folder / f"terminated-{number}"
    if not straight.exists():
        finished(fit_words(table, straight, every=20))
        # The second fit finds its programs compiled, as those that are interrupted do.
        (folder / "seconds").write_text(str(finished(fit_words(table, folder / "again", every=20))))
    longest, random = float((folder / "seconds").read_text()), np.random.default_rng(number)
    ends = []
    for _ in range(_A_FIT):
        moment = random.uniform(0, longest)
        if (end := terminated_after(fit_words(table, run, every=20), moment)) is not None:
            code, seconds, said = end
            if code == 0:  # the fit was done, and the interpreter at its end
                continue
            good = code in (143, -signal.SIGTERM) and seconds < _WITHIN
            told = code != 143 or "go on with" in said
            ends.append(
                {"at": moment, "code": code, "seconds": seconds, "good": good, "told": told, "step": newest(run)}
            )
    finished(fit_words(table, run, every=20))
    same, left = bytes_of(run) == bytes_of(straight), len(list(run.rglob(".tmp-*")))
    shutil.rmtree(run)
    return {"signals": ends, "same": same, "temporary files": left}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("signals.json"))
    parser.add_argument("--seconds", type=float, default=1200, help="begin no further fit after so many (1200)")
    options = parser.parse_args()
    found = json.loads(options.out.read_text()) if options.out.exists() else {"machine": machine(), "fits": []}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        write_rows(Path(name) / "rows.csv")
        while (
            sum(len(one["signals"]) for one in found["fits"]) < _MOMENTS and time.monotonic() - began < options.seconds
        ):
            found["fits"].append(fits(Path(name), len(found["fits"])))
            options.out.write_text(json.dumps(found, indent=1))
            print(found["fits"][-1], flush=True)
    ends = [end for one in found["fits"] for end in one["signals"]]
    print(f"{len(ends)} signals: {sum(end['good'] for end in ends)} ended with code 143 within {_WITHIN:g} s,")
    print(f"  the slowest after {max(end['seconds'] for end in ends):.1f} s;")
    print(f"  {sum(end['code'] != 143 for end in ends)} of them before the program had begun;")
    print(
        f"  {sum(end['step'] >= 0 for end in ends)} with a saved step, {sum(end['told'] for end in ends)} said how to go on."
    )
    print(f"{len(found['fits'])} fits, {sum(one['same'] for one in found['fits'])} as if nobody had interrupted,")
    print(f"  {sum(one['temporary files'] for one in found['fits'])} temporary files left.")
    print(described(found["machine"]))


if __name__ == "__main__":
    main()
