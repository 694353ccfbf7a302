"""Disks that are full, files that may not grow and system calls that fail, by the kernel itself (docs/reliability.md, R3)."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import full_disks
from earlier_runs import RUNS

pytestmark = pytest.mark.reliability

PROGRAM = [sys.executable, full_disks.__file__]
OWN_MOUNTS = ["unshare", "--map-root-user", "--user", "--mount"]


def requires(line: list[str]) -> None:
    """Passes over a test that this machine cannot run, and says what it answered."""
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    except OSError as error:
        pytest.skip(f"{line[0]}: {error.strerror}")
    if done.returncode != 0:
        pytest.skip(f"{' '.join(line)}: {done.stderr.strip() or done.returncode}")


def check(lines: str, root: Path) -> None:
    """Each size: either all is there, or the refusal names path, bytes needed and free; what was saved stays, and goes on."""
    trials: list[dict[str, Any]] = [json.loads(line) for line in lines.splitlines()]
    assert [one["size"] for one in trials] == list(full_disks.SIZES)
    for one in trials:
        assert one["unsound"] == one["afterwards"] == "", one
        if one["refusal"] is None:
            assert one["steps"] == [full_disks.STEPS]
            assert one["output"]
        else:
            assert not one["output"]
            assert one["refusal"].startswith("3 expected to write "), one
            assert f"{root / str(one['size'])}/" in one["refusal"]
            assert " bytes to " in one["refusal"]
            assert "bytes free)" in one["refusal"]
    assert trials[0]["steps"] == []
    assert trials[-1]["refusal"] is None or trials[-1]["steps"]


def test_a_full_disk_of_twenty_sizes(tmp_path: Path) -> None:
    requires([*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)])
    done = subprocess.run([*OWN_MOUNTS, *PROGRAM, "tmpfs", str(tmp_path)], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    check(done.stdout, tmp_path)


def test_files_that_may_not_grow_beyond_twenty_sizes(tmp_path: Path) -> None:
    done = subprocess.run([*PROGRAM, "limits", str(tmp_path)], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    check(done.stdout, tmp_path)


SMALL = ("--no-report", "--max-steps", "5", "--set", "network.width=8", "--set", "network.depth=1")


@pytest.mark.parametrize(
    "words",
    [
        ("sample", str(RUNS / "3" / "table"), "-n", "20000", "-o", "{disk}/drawn.csv"),
        ("sample", str(RUNS / "3" / "table"), "-n", "20000", "-o", "{disk}/drawn.parquet"),
        ("fit", "{rows}", "-o", "{disk}/run", *SMALL),
    ],
    ids=["sample, CSV", "sample, Parquet", "fit"],
)
@pytest.mark.slow  # commands of their own, each of which imports and compiles
def test_a_command_on_a_full_disk(words: tuple[str, ...], tmp_path: Path) -> None:
    """One line and exit code 3; a fit ends at its first step, before it has trained; nothing half is left."""
    requires([*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)])
    disk, rows = tmp_path / "disk", tmp_path / "rows.csv"
    disk.mkdir()
    rows.write_text("a,b\n" + "".join(f"{k * 37 % 101},{k * k % 89}\n" for k in range(60)))
    line = [sys.executable, "-m", "scorax", *(word.format(disk=disk, rows=rows) for word in words)]
    script = f"mount -t tmpfs -o size=64k tmpfs {disk} && {{ {shlex.join(line)}; code=$?; find {disk} -type f; exit $code; }}"
    done = subprocess.run([*OWN_MOUNTS, "sh", "-c", script], capture_output=True, text=True, timeout=500)
    assert done.returncode == 3, done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.match(r"scorax: error: expected to write \d+ bytes to .*bytes free\)", last), last
    assert str(disk) in last
    assert "step 1" not in done.stderr
    left = [file for file in done.stdout.splitlines() if file.startswith(str(disk))]
    assert not [file for file in left if ".tmp-" in file or "drawn" in file or "/steps/" in file]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step."""
    path = tmp_path_factory.mktemp("begun") / "run"
    run = full_disks.begin(path)
    full_disks.work(run, path.parent / "out.csv", 1, 1)
    return path


@pytest.mark.parametrize(
    ("calls", "fault"),
    [("fsync", "error=EIO"), ("rename,renameat,renameat2", "error=ENOSPC"), ("fsync", "signal=KILL")],
)
@pytest.mark.slow  # forty programs, each under strace
def test_a_save_whose_system_call_fails(calls: str, fault: str, begun: Path, tmp_path: Path) -> None:
    """Every call of its kind, one after the other: refused or killed there, the step before or the new one is whole."""
    strace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}"]
    requires([*strace, "true"])
    ended = []
    for at in range(1, 41):
        path = tmp_path / str(at)
        shutil.copytree(begun, path / "run")
        inject = ["-e", f"inject={calls}:{fault}:when={at}"]
        line = [*strace, *inject, *PROGRAM, "save", str(path / "run"), str(path / "out.csv")]
        done = subprocess.run(line, capture_output=True, text=True, timeout=300)
        if done.returncode == 0:
            break
        if fault == "signal=KILL":
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
            for left in path.glob(".tmp-*"):  # an output's; the next one that is written here removes it
                left.unlink()
        else:
            assert done.returncode == 3, done.stderr
            assert str(path) in done.stderr
            assert "bytes free)" in done.stderr
        full_disks.RunFolder(path / "run").recover()  # as whoever goes on does
        assert full_disks.sound(path) == ""
        assert full_disks.RunFolder(path / "run").saved_steps()[-1] in (1, 2)
        assert full_disks.goes_on(path) == ""
        ended.append(at)
    else:
        pytest.fail("the save never came to its end")
    assert len(ended) >= (2 if "rename" in calls else 8)
