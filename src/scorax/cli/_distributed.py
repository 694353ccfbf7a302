"""A fit in several processes: how one joins the others, what it writes, and how they stop together."""

import contextlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from scorax._errors import EnvironmentFailure, ScoraxError, explain
from scorax.cli._cluster import COORDINATOR, Cluster
from scorax.cli._console import one_line

Poll = Callable[[], str | None]
Distributed = Annotated[
    bool, typer.Option("--distributed", help="Train with the other processes that run this command (scorax launch).")
]
Heartbeat = Annotated[
    int, typer.Option("--heartbeat", min=5, max=3600, metavar="SECONDS", help="After this silence a process is lost.")
]
_WAIT = 60
_LOST = ("gloo", "coordination service", "heartbeat", "connection reset", "nccl")


@dataclass(frozen=True)
class Member:
    """A process of a fit: all compute the same, and the first one writes into the run folder.

    Attributes:
        output: its run folder; of every process but the first one of its own that is thrown away.
        first: whether it is the first.
        together: makes of a poll one that answers the same in all processes, where they are asked at the same states.
    """

    output: Path
    first: bool = True
    together: Callable[[Poll], Poll] = lambda poll: poll


@contextlib.contextmanager
def member_of_fit(processes: Cluster | None, output: Path, heartbeat: int) -> Iterator[Member]:
    """This process as one of those that fit, or the only one, where there is no cluster.

    Raises:
        EnvironmentFailure: the others cannot be reached, or one of them was lost.
    """
    if processes is None:
        yield Member(output)
        return
    _require_coordinator(processes)
    from scorax._sharding import all_here, answered_together, join_processes

    try:
        own = join_processes(None if processes.name else processes.count, processes.rank, heartbeat)
    except (ValueError, RuntimeError) as error:
        whose, do = processes.name or COORDINATOR, "look at what started the processes"
        raise EnvironmentFailure(
            explain(expected=f"to join the processes of {whose}", got=one_line(str(error)), do=do)
        ) from error
    with tempfile.TemporaryDirectory(prefix="scorax-") as folder:
        private = Path(folder) / "run"
        if own and output.is_dir():
            shutil.copytree(output, private)
        try:
            all_here("run folders")  # the first process changes nothing before the others have their copies
            yield Member(output if own == 0 else private, own == 0, answered_together)
        except Exception as error:
            if not _says_that_one_is_lost(error):
                raise
            got, do = "one that was lost", "start them again with --resume"
            raise EnvironmentFailure(explain(expected="all processes of the fit", got=got, do=do)) from error


def _says_that_one_is_lost(error: Exception) -> bool:
    """Whether it is an error of JAX about another process; those of scorax quote command lines, with ``--heartbeat`` in them."""
    return not isinstance(error, ScoraxError) and any(word in str(error).lower() for word in _LOST)


def _require_coordinator(processes: Cluster) -> None:
    """Wait for the first process where its address is known: JAX would abort the process."""
    address = os.environ.get(COORDINATOR)
    if address is None or not processes.rank:
        return
    host, _, port = address.rpartition(":")
    end = time.monotonic() + _WAIT
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=5):
            return
        time.sleep(0.2)
    do = "look at the first process, and at what lies between the machines"
    raise EnvironmentFailure(explain(expected=f"an answer of {address}", got=f"none in {_WAIT} s", do=do))
