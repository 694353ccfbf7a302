"""What a small disk, a limit of the process or a failing system call does to a run: programs that a test starts on their own.

``python full_disks.py tmpfs ROOT`` needs a mount namespace of its own, and mounts there; ``limits ROOT`` limits itself.
Both print a JSON line for each size. ``save RUN OUT`` saves one more step and writes an output; it exits as commands do.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

from scorax import _write
from scorax._errors import ScoraxError
from scorax.checkpoint import Notes, RunFolder, load_step, save_step

SIZES = tuple(int(size) for size in np.geomspace(64 * 1024, 2**21, 20))
"""Bytes of a disk or of a file, from 64 kB to twice a checkpoint of :func:`arrays`."""

STEPS = 4
OUTPUT = b"0.25,-1.5\n" * 30_000


def arrays(mark: float) -> dict[str, dict[str, np.ndarray]]:
    """A megabyte."""
    return {
        "weights": {"w": np.full((260, 500), mark, np.float32)},
        "optimizer": {"m": np.full((260, 500), mark, np.float32)},
    }


def work(run: RunFolder, out: Path, first: int, last: int) -> None:
    """Save steps, one at most is kept, then write an output."""
    for step in range(first, last + 1):
        _write.append_json_line(run.metrics, {"step": step})
        save_step(run, step, arrays(step), Notes(), keep=1)
    with _write.replacing(out) as stream:
        stream.write(OUTPUT)


def begin(path: Path) -> RunFolder:
    """What stands in the folder of a run before its first step."""
    run = RunFolder(path).create()
    for name in ("config.json", "schema.json"):
        run.write_json(name, {})
    _write.write_bytes(run.transform, b"0")
    return run


def refusal(path: Path) -> str | None:
    """The line with which a new run on this disk is refused, if it is."""
    try:
        work(begin(path / "run"), path / "out.csv", 1, STEPS)
    except ScoraxError as error:
        return f"{error.exit_code} {error}"
    return None


def sound(path: Path) -> str:
    """Empty where what is on the disk is whole: the newest step, if there is one, and the output, if there is one."""
    run, out = RunFolder(path / "run"), path / "out.csv"
    if left := [str(file) for file in path.rglob(".tmp-*")]:
        return f"left behind: {left}"
    if steps := run.saved_steps():
        step = load_step(run, fallback=False)
        if step.step != steps[-1] or not np.all(step.arrays["weights"]["w"] == step.step):
            return f"step {step.step} is not what was saved"
    if out.exists() and out.read_bytes() != OUTPUT:
        return "half an output"
    return ""


def trial(path: Path, size: int) -> dict[str, object]:
    """A run on the disk as it is: the refusal, and what is left."""
    said = refusal(path)
    steps = RunFolder(path / "run").saved_steps()
    return {
        "size": size,
        "refusal": said,
        "steps": steps,
        "unsound": sound(path),
        "output": (path / "out.csv").exists(),
    }


def goes_on(path: Path) -> str:
    """Empty where, with room again, the run comes to its end; its files may not have been begun."""
    run = begin(path / "run")
    run.recover()
    work(run, path / "out.csv", max(run.saved_steps(), default=0) + 1, STEPS + 1)
    return sound(path) if load_step(run, fallback=False).step == STEPS + 1 else "the last step is missing"


def tmpfs(root: Path) -> None:
    for size in SIZES:
        path = root / str(size)
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
        found = trial(path, size)
        subprocess.run(["mount", "-o", "remount,size=64m", path], check=True)
        print(json.dumps({**found, "afterwards": goes_on(path)}), flush=True)


def limits(root: Path) -> None:
    for size in SIZES:
        path = root / str(size)
        path.mkdir()
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        found = trial(path, size)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(json.dumps({**found, "afterwards": goes_on(path)}), flush=True)


def save(path: Path, out: Path) -> int:
    run = RunFolder(path)
    try:
        step = run.saved_steps()[-1] + 1
        work(run, out, step, step)
    except ScoraxError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    what, *paths = sys.argv[1], *map(Path, sys.argv[2:])
    sys.exit({"tmpfs": tmpfs, "limits": limits, "save": save}[what](*paths))
