"""`scorax launch`: several processes of one fit on this machine."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import IO, Annotated

import typer

from scorax._errors import EnvironmentFailure, InputError, Interrupted, ScoraxError, explain
from scorax.cli._cluster import COORDINATOR, PROCESSES, RANK
from scorax.cli._signals import Signals

_GRACE = 12.0
"""Seconds that processes have for ending by themselves: ten, in which one that is told to saves and ends, and some."""


class LaunchedFailure(ScoraxError):
    """A process ended with an error; ``exit_code`` is its own. There is no message where it has said its line itself."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def launch(
    arguments: Annotated[list[str], typer.Argument(metavar="-- fit TABLE -o RUN ...", help="The command.")],
    processes: Annotated[
        int, typer.Option("--processes", min=1, max=64, metavar="N", help="Processes on this machine.")
    ] = 2,
) -> None:
    """Train with several processes on this machine."""
    if arguments[:1] != ["fit"]:
        got, do = " ".join(arguments[:1]), "put it after --, as in scorax launch --processes 2 -- fit TABLE -o RUN"
        raise InputError(explain(expected="the command fit", got=got, do=do))
    with contextlib.ExitStack() as stack:
        words = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(processes)]
        signals = stack.enter_context(Signals(polled=True, grace=2 * _GRACE))
        children = _started(arguments, words)
        stack.callback(_end, children, 0.0)
        _wait(children, words, signals)


def _started(arguments: Sequence[str], words: Sequence[IO[bytes]]) -> list[subprocess.Popen[bytes]]:
    """The processes. The first has this terminal, of the others the errors are kept; each ends where this process does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    line = [sys.executable, "-m", "scorax", *arguments, "--distributed"]
    children, devices = [], _devices(arguments)
    for rank, kept in enumerate(words):
        own = range(rank * devices, (rank + 1) * devices)  # of the GPUs, where there are some: JAX would give each all
        known = {COORDINATOR: address, PROCESSES: str(len(words)), RANK: str(rank)}
        known["JAX_LOCAL_DEVICE_IDS"] = ",".join(map(str, own))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": kept} if rank else {}
        # In a session of its own: a Ctrl-C comes to this process alone, which passes it on once.
        children.append(
            subprocess.Popen(  # noqa: S603  this interpreter, and the words of the command line without a shell
                line,
                env=os.environ | known,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **quiet,
            )
        )
    return children


def _devices(arguments: Sequence[str]) -> int:
    """Devices of each process, as its words say; what is no number the process itself refuses."""
    said = [after for word, after in pairwise((*arguments, "")) if word == "--devices"]
    said += [word.removeprefix("--devices=") for word in arguments if word.startswith("--devices=")]
    return int(said[-1]) if said and said[-1].isdecimal() else 1


def _die_with_parent() -> None:
    """On Linux the kernel ends a process whose parent is gone, however it went."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _wait(children: Sequence[subprocess.Popen[bytes]], words: Sequence[IO[bytes]], signals: Signals) -> None:
    """Until all have ended, or one has failed."""
    while True:
        codes = [child.poll() for child in children]
        failed = [rank for rank, code in enumerate(codes) if code not in (None, 0)]
        if failed:
            break
        if None not in codes:
            return
        try:
            signals.poll()
        except Interrupted:
            for child in children:
                child.terminate()
            _end(children, _GRACE)
            raise
        time.sleep(0.05)
    if all((codes[rank] or 0) < 0 for rank in failed):
        _end(children, 0.0)  # the others can only wait for it
    else:
        _end(children, _GRACE)
    _raise(failed[0], children, words)


def _raise(rank: int, children: Sequence[subprocess.Popen[bytes]], words: Sequence[IO[bytes]]) -> None:
    code = children[rank].returncode
    if code < 0:
        do, got = "the last saved step is whole: launch it again with --resume", f"process {rank} ended by "
        got += signal.Signals(-code).name
        if code == -signal.SIGABRT:
            got += ", as JAX ends those that have waited for another in vain"
        raise EnvironmentFailure(explain(expected="all processes to end", got=got, do=do))
    if children[0].returncode > 0:
        raise LaunchedFailure("", children[0].returncode)  # it has this terminal
    words[rank].seek(0)
    said = words[rank].read().decode(errors="replace").strip().splitlines() or ["no word"]
    raise LaunchedFailure(f"process {rank}: {said[-1].removeprefix('scorax: error: ')}", code)


def _end(children: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
    """Wait for the processes for so long, and kill the rest."""
    end = time.monotonic() + grace
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, end - time.monotonic()))
        if child.poll() is None:
            child.kill()
            child.wait()
