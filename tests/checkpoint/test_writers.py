"""Twenty pairs of processes that begin at once in a run folder, and the kill of the one that has it (docs/reliability.md, R9)."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scorax.checkpoint import RunFolder, load_step

pytestmark = pytest.mark.reliability

PROGRAM = """
import sys
from pathlib import Path
from full_disks import begin, work
from scorax._errors import ScoraxError
from scorax.checkpoint import RunFolder

path, steps = Path(sys.argv[1]), int(sys.argv[2])
sys.stdin.readline()  # both wait for one word
try:
    run = RunFolder(path).create()
    with run.lock():
        run.recover()
        first = max(begin(path).saved_steps(), default=0) + 1
        print("held", flush=True)
        work(run, path / "report.html", first, first + steps - 1)
except ScoraxError as error:
    sys.exit(f"{error.exit_code} {error}")
"""


def start(path: Path, steps: int) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", PROGRAM, str(path), str(steps)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(line, text=True, env={"PYTHONPATH": ":".join(sys.path)}, **pipes)


def say(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


@pytest.mark.slow  # sixty processes
def test_of_two_writers_one_writes_and_the_other_names_it(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / str(number)
        both = [start(path, 10**6), start(path, 10**6)]
        say(*both)
        heard = [process.stdout.readline() for process in both if process.stdout is not None]
        assert sorted(heard) == ["", "held\n"], [process.stderr.read() for process in both if process.poll()]
        holder, other = both if heard[0] else both[::-1]
        _, said = other.communicate(timeout=60)
        assert said.startswith("5 ")
        named = re.search(r"one in use by process (\d+) on '?([^';]+)'?;", said)
        assert named is not None, said
        assert (int(named[1]), named[2]) == (holder.pid, socket.gethostname())
        while not (saved := RunFolder(path).saved_steps()) or saved[-1] < number % 5:  # the kill comes at some step
            assert holder.poll() is None
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        after = start(path, 1)
        say(after)
        out, said = after.communicate(timeout=60)
        assert (after.returncode, out, said) == (0, "held\n", "")
        assert load_step(RunFolder(path), fallback=False).step > number % 5
        assert not list(path.rglob(".tmp-*"))
