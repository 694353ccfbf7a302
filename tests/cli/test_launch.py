"""Several processes of one fit: the bytes of one process, and one end for all of them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scorax._errors import Interrupted
from scorax._sharding import answered_together
from scorax.cli import main
from scorax.cli._distributed import _says_that_one_is_lost
from scorax.cli._launch import _devices

Captured = pytest.CaptureFixture[str]
TINY = [
    *("--no-report", "--folds", "2", "--set", "network.width=8", "--set", "network.depth=1"),
    *("--set", "training.batch_size=32", "--set", "training.validate_every=10", "--set", "training.save_every=20"),
    *(
        "--set",
        "noise.candidates=[0.1, 0.3]",
        "--set",
        'ensemble.starts=["gaussian"]',
        "--set",
        "training.patience=100000",
    ),
]
LAUNCH = [sys.executable, "-m", "scorax", "launch", "--processes", "2", "--"]
PROCESSES = pytest.mark.slow  # processes of their own, each of which imports and compiles: about a minute a test


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = np.random.default_rng(0).normal(size=(80, 3))
    path = tmp_path_factory.mktemp("table") / "train.csv"
    path.write_text("a,b,c\n" + "\n".join(",".join(f"{x:.6f}" for x in row) for row in rows) + "\n")
    return path


@pytest.fixture(scope="module")
def launched(train: Path) -> Path:
    """A run of two processes."""
    run = train.with_name("launched")
    done = subprocess.run([*LAUNCH, "fit", str(train), "-o", str(run), *TINY, "--max-steps", "40"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return run


def kept(run: Path) -> dict[str, bytes]:
    """What a training leaves but for times, and facts that hold them."""
    files = [*run.rglob("*.safetensors"), run / "metrics.jsonl", run / "config.json", run / "schema.json"]
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


def others(launcher: int) -> list[int]:
    """Processes that a process started."""
    return [int(pid) for pid in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()]


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


@pytest.mark.reliability
@PROCESSES
def test_two_processes_leave_the_bytes_of_two_devices_of_one(train: Path, launched: Path, tmp_path: Path) -> None:
    one = tmp_path / "one"
    assert main(["fit", str(train), "-o", str(one), *TINY, "--max-steps", "40", "--devices", "2"]) == 0
    assert kept(one) == kept(launched)


@PROCESSES
def test_two_processes_take_rows_from_files_as_one_does(train: Path, tmp_path: Path) -> None:
    """A table that is fitted from its files: each process encodes it, and the bytes are those of one on two devices."""
    path, one, two = tmp_path / "train.parquet", tmp_path / "one", tmp_path / "two"
    pd.read_csv(train).to_parquet(path, row_group_size=16)
    line = ["fit", str(path), *TINY, "--max-steps", "20", "--stream"]
    assert main([*line, "-o", str(one), "--devices", "2"]) == 0
    done = subprocess.run([*LAUNCH, *line, "-o", str(two)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert kept(one) == kept(two)


@pytest.mark.reliability
@PROCESSES
def test_a_step_of_slurm_leaves_the_bytes_of_launch(train: Path, launched: Path, tmp_path: Path) -> None:
    """Two tasks that know of each other what srun tells them: JAX takes the node and the port from the step and the job."""
    run, first = tmp_path / "run", 2**16 - 2**12
    for job in range(71, 2**12):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", first + job)):
            break
    line = [
        sys.executable,
        "-m",
        "scorax",
        "fit",
        str(train),
        "-o",
        str(run),
        *TINY,
        "--max-steps",
        "40",
        "--distributed",
    ]
    step = {"SLURM_JOB_ID": str(job), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    tasks = []
    for rank in ("0", "1"):
        known = os.environ | step | {"SLURM_PROCID": rank, "SLURM_LOCALID": rank}
        tasks.append(subprocess.Popen(line, env=known, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    try:
        said = [task.communicate(timeout=300)[1].decode() for task in tasks]
    finally:
        for task in tasks:
            task.kill()
    assert [task.returncode for task in tasks] == [0, 0], said
    assert kept(run) == kept(launched)


@PROCESSES
@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGKILL, 3, "process 1 ended by SIGKILL"), (signal.SIGTERM, 143, "stopped by")],
    ids=["killed", "told to end"],
)
def test_no_process_outlives_one_that_is_gone(
    number: signal.Signals, code: int, words: str, train: Path, tmp_path: Path
) -> None:
    """A signal to the second of two: the launcher ends with its code and a line, nothing is left running, the run is whole."""
    run = tmp_path / "run"
    line = [*LAUNCH, "fit", str(train), "-o", str(run), *TINY, "--max-steps", "1000000", "--heartbeat", "10"]
    launcher = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 300
        while not (run / "steps" / "00000020").is_dir():
            assert launcher.poll() is None, launcher.stderr and launcher.stderr.read().decode()
            assert time.monotonic() < end
            time.sleep(0.1)
        children = others(launcher.pid)
        assert len(children) == 2
        os.kill(max(children), number)
        said = launcher.communicate(timeout=60)[1].decode()
    finally:
        launcher.kill()
    assert launcher.returncode == code, said
    assert words in said.splitlines()[-1], said
    assert not any(map(alive, children))
    assert main(["info", str(run)]) == 0  # every byte is verified


def test_the_line_of_a_process_is_that_of_all(tmp_path: Path) -> None:
    done = subprocess.run([*LAUNCH, "fit", str(tmp_path / "no.csv"), "-o", str(tmp_path / "run")], capture_output=True)
    assert done.returncode == 2
    (said,) = done.stderr.decode().splitlines()
    assert "no.csv" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "devices"),
    [
        ((), 1),
        (("--devices", "2"), 2),
        (("--devices=3",), 3),
        (("--devices", "2", "--devices=4"), 4),
        (("--devices",), 1),
    ],
)
def test_the_devices_of_a_process_are_what_its_command_says(words: tuple[str, ...], devices: int) -> None:
    assert _devices(("fit", "t.csv", *words)) == devices


def test_what_is_launched_is_a_fit(capsys: Captured) -> None:
    assert main(["launch", "--processes", "2", "--", "sample", "run", "-n", "3"]) == 2
    assert "expected the command fit, got sample" in capsys.readouterr().err


def test_a_process_that_is_told_to_end_has_lost_none() -> None:
    """Its line quotes the command that goes on, which may have --heartbeat in it."""
    told = Interrupted("stopped by SIGTERM, go on with: scorax fit a.csv -o run --heartbeat 10", exit_code=143)
    assert not _says_that_one_is_lost(told)
    assert _says_that_one_is_lost(ValueError("UNKNOWN: Gloo all-reduce failed: Connection reset by peer"))
    assert not _says_that_one_is_lost(ValueError("a shape"))


def test_one_process_answers_for_itself() -> None:
    def stopped() -> None:
        raise Interrupted("stopped", exit_code=143)

    assert answered_together(lambda: None)() is None
    assert answered_together(lambda: "save")() == "save"
    with pytest.raises(Interrupted, match="stopped"):
        answered_together(stopped)()
