"""Does a fit in two processes lose anything where one of them is lost? Signals at random moments, and what comes after.

SIGKILL of the second process and of the first, SIGSTOP of the second, SIGTERM of either, each under ``scorax launch`` and
then with the processes started by hand, where nobody watches over them. Looked at: how long until no process is left, the
exit code and the last line, and whether the fit, started again with ``--resume``, ends as one that nobody interrupted:
weights, averages, optimiser, progress, metrics, as SHA-256. What is found is kept in ``--out``; another run goes on from
there.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from _machine import described, machine
from _small_fits import bytes_of, finished, joined, newest, small_fit, write_rows

KINDS = {
    "worker killed": (signal.SIGKILL, (1,)),
    "coordinator killed": (signal.SIGKILL, (0,)),
    "worker stopped": (signal.SIGSTOP, (1,)),
    "one told to end": (signal.SIGTERM, (0, 1)),
}
"""Signals, and the processes of which one gets it."""

_HAND = ", by hand"
ALL = [*KINDS, *(kind + _HAND for kind in KINDS)]
HEARTBEAT = 10
_JOINING = 60
"""Seconds that a process waits for one that has not joined it."""

_STARTING = 10
"""Seconds until a process that has just been started waits: two of them import on one core."""

_STAGES = (-1, 0, 20, 40, 60, 80, 100, 120)
"""A signal comes a random while after the start (-1), after the processes have joined (0), or after a step is saved."""

# How processes end does not depend on how well their programs are compiled, and most of so short a fit is compiling.
_QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ.setdefault("XLA_FLAGS", _QUICK)


@dataclass(frozen=True)
class Loss:
    """What one signal did.

    Attributes:
        rank: the process that got it.
        joined: whether the processes had joined.
        stage: what was waited for.
        step: the last whole step before it.
        seconds: from the signal until no other process was left.
        codes: exit codes: of the launcher, or of each process.
        line: the last line that was said.
        resumed: the step at which the fit went on.
    """

    rank: int
    joined: bool
    stage: int
    step: int
    seconds: float
    codes: tuple[int, ...]
    line: str
    resumed: int

    @property
    def in_time(self) -> bool:
        return self.seconds <= (HEARTBEAT if self.joined else _STARTING + _JOINING) + 5


def fit_words(table: Path, run: Path) -> list[str]:
    return small_fit(table, run, steps=120, every=20)


def launched(words: list[str]) -> list[str]:
    return ["launch", "--processes", "2", "--", *words, "--heartbeat", str(HEARTBEAT)]


def started(words: list[str], file: Path, told: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "scorax", *words]
    with file.open("wb") as said:
        return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=said, env=os.environ | (told or {}))


def by_hand(words: list[str], folder: Path) -> list[subprocess.Popen[bytes]]:
    words = [*words, "--distributed", "--heartbeat", str(HEARTBEAT)]
    return [started(words, folder / f"said-{rank}", told) for rank, told in enumerate(joined(2))]


def children(launcher: int) -> list[int]:
    """The processes that a launcher has started, in their order, once there are two."""
    while True:
        found = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
        if len(found) == 2:
            return sorted(int(pid) for pid in found)
        time.sleep(0.02)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def has_joined(said: Path) -> bool:
    return "compiling" in said.read_text(errors="replace")


def reached(run: Path, said: Path, stage: int) -> bool:
    """Whether a fit has come to a stage of ``_STAGES``."""
    return stage == -1 or (has_joined(said) and max(0, newest(run)) >= stage)


def loss(folder: Path, kind: str, stage: int, random: np.random.Generator) -> dict[str, Any] | None:
    """One signal a random while after a stage of a fit that begins or goes on; ``None`` where the fit had ended before."""
    launch = not kind.endswith(_HAND)
    number, ranks = KINDS[kind.removesuffix(_HAND)]
    run, rank = folder / "run", int(random.choice(ranks))
    later = random.uniform(0, 5 if stage == -1 else 2)
    words = [*fit_words(folder / "rows.csv", run), *(["--resume"] if run.is_dir() else [])]
    if launch:
        processes = [started(launched(words), folder / "said-0")]
        pids = children(processes[0].pid)
    else:
        processes = by_hand(words, folder)
        pids = [process.pid for process in processes]
    first = folder / "said-0"  # the first word of the first process after it has joined, whether it begins or goes on
    while processes[0].poll() is None and not reached(run, first, stage):
        time.sleep(0.02)
    with contextlib.suppress(subprocess.TimeoutExpired):
        processes[0].wait(later)
        return None
    together, step, began = has_joined(first), max(0, newest(run)), time.monotonic()
    os.kill(pids[rank], number)
    waited = [pid for pid in pids if launch or number != signal.SIGSTOP or pid != pids[rank]]
    while (any(map(alive, waited)) or (launch and processes[0].poll() is None)) and time.monotonic() < began + 180:
        time.sleep(0.02)
        for process in processes:
            process.poll()
    seconds = time.monotonic() - began
    for process in processes:
        process.kill()
    codes = tuple(process.wait() for process in processes)
    other = folder / f"said-{0 if launch else 1 - rank}"
    said = [
        line
        for line in other.read_text(errors="replace").splitlines()
        if "scorax: error" in line or "Terminating" in line
    ] or [""]
    found = Loss(
        rank, together, stage, step, round(seconds, 2), codes, said[-1].replace(str(folder), ""), max(0, newest(run))
    )
    return asdict(found) | {"in_time": found.in_time}


def losses(folder: Path, kinds: list[str], number: int) -> list[tuple[str, dict[str, Any]]]:
    """Signals of several kinds at one fit, one after the other, and whether it ended as one that nobody interrupted."""
    random, run = np.random.default_rng(number), folder / "run"
    stages = sorted(int(stage) for stage in random.choice(_STAGES, len(kinds), replace=False))
    found = [(kind, loss(folder, kind, stage, random)) for kind, stage in zip(kinds, stages, strict=True)]
    finished(launched([*fit_words(folder / "rows.csv", run), *(["--resume"] if run.is_dir() else [])]))
    same = bytes_of(run) == bytes_of(folder / "straight")
    shutil.rmtree(run)
    return [(kind, one | {"same": same}) for kind, one in found if one is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("lost_processes.json"))
    parser.add_argument("--each", type=int, default=10, help="losses of each kind (10)")
    parser.add_argument("--losses", type=int, default=4, help="losses of one fit (4)")
    parser.add_argument("--only", default="", help="kinds with this word in their names")
    parser.add_argument("--seconds", type=float, default=600, help="begin no further fit after so many (600)")
    options = parser.parse_args()
    found = (
        json.loads(options.out.read_text()) if options.out.exists() else {"machine": machine(), "fits": 0, "losses": {}}
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.csv")
        finished(launched(fit_words(folder / "rows.csv", folder / "straight")))
        while time.monotonic() - began < options.seconds:
            wanted = [
                kind for kind in ALL if options.only in kind and len(found["losses"].get(kind, [])) < options.each
            ]
            if not wanted:
                break
            kinds = list(itertools.islice(itertools.cycle(wanted), options.losses))
            for kind, one in losses(folder, kinds, found["fits"]):
                found["losses"].setdefault(kind, []).append(one)
                print(kind, one, flush=True)
            found["fits"] += 1
            options.out.write_text(json.dumps(found, indent=1))
    for kind, own in found["losses"].items():
        late = [one["seconds"] for one in own if one["joined"]]
        print(
            f"{kind:27} {len(own):3d}: ended in time {sum(one['in_time'] for one in own)}, "
            f"at most {max(late, default=0):.1f} s, went on to the same bytes {sum(one['same'] for one in own)}, "
            f"steps lost {sum(one['resumed'] < one['step'] for one in own)}, "
            f"codes {sorted({tuple(one['codes']) for one in own})}"
        )
    print(described(found["machine"]))


if __name__ == "__main__":
    main()
