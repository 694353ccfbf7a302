"""What the environment says about the processes of a fit: looked at before JAX is imported, which reads the same."""

import importlib.util
import os
from dataclasses import dataclass

from scorax._errors import InputError, explain

COORDINATOR, PROCESSES, RANK = "JAX_COORDINATOR_ADDRESS", "SCORAX_NUM_PROCESSES", "SCORAX_PROCESS_ID"
"""Environment variables of a process that is started by hand or by ``scorax launch``; in a cluster JAX knows without them."""

_CLUSTERS = {
    "Open MPI": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_MCA_orte_hnp_uri"),
    "SLURM": ("SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_JOB_ID", "SLURM_STEP_NODELIST"),
}
"""Variables that JAX asks for, in its order: the number of processes, that of this one, and the rest."""
_KUBERNETES = "KUBERNETES_SERVICE_HOST"


@dataclass(frozen=True)
class Cluster:
    """Who knows the processes, and what is known without asking.

    Attributes:
        name: of what started them; empty where the variables of scorax say it.
        count: of processes; ``None`` where only JAX finds out.
        rank: number of this one, likewise.
    """

    name: str = ""
    count: int | None = None
    rank: int | None = None


def cluster() -> Cluster:
    """The processes that the environment speaks of: by scorax's own variables, or as Open MPI, SLURM, a TPU or Kubernetes does.

    Raises:
        InputError: nothing does, or what does is not whole.
    """
    given = [name for name in (COORDINATOR, PROCESSES, RANK) if os.environ.get(name)]
    if PROCESSES in given or RANK in given:
        return _by_hand(given)
    for name, variables in _CLUSTERS.items():
        if all(variable in os.environ for variable in variables):
            return Cluster(name, *_counted(*variables[:2]))
    if os.environ.get("TPU_LIBRARY_PATH") or importlib.util.find_spec("libtpu"):
        return Cluster("a TPU")
    if _KUBERNETES in os.environ and importlib.util.find_spec("kubernetes"):
        return Cluster("Kubernetes")
    if _KUBERNETES in os.environ:
        got, do = f"{_KUBERNETES} without the package kubernetes", "install jax[k8s], or set the three variables"
        raise InputError(
            explain(expected=f"processes to join, by {COORDINATOR}, {PROCESSES} and {RANK}", got=got, do=do)
        )
    got = "none: no SLURM_PROCID of a step, Open MPI (OMPI_COMM_WORLD_RANK), TPU or Kubernetes, and no "
    got += " or ".join(name for name in (COORDINATOR, PROCESSES, RANK) if name not in given)
    do = "start them by scorax launch or srun, or set the three variables"
    raise InputError(explain(expected="processes to join", got=got, do=do))


def devices_of_all(processes: Cluster | None, devices: int) -> int:
    """Devices of all processes, as far as their number is known, each of which has so many."""
    return devices * (1 if processes is None or processes.count is None else processes.count)


def _by_hand(given: list[str]) -> Cluster:
    missing = [name for name in (COORDINATOR, PROCESSES, RANK) if name not in given]
    if missing:
        expected = f"{COORDINATOR}, {PROCESSES} and {RANK}"
        raise InputError(explain(expected=expected, got=f"no {' and no '.join(missing)}", do="set all three"))
    host, _, port = os.environ[COORDINATOR].rpartition(":")
    if not host or not port.isdigit():
        got = f"{COORDINATOR}={os.environ[COORDINATOR]}"
        raise InputError(explain(expected="host:port of the first process", got=got, do="give it a free port"))
    return Cluster("", *_counted(PROCESSES, RANK))


def _counted(count_name: str, rank_name: str) -> tuple[int, int]:
    """How many processes two variables speak of, and which of them this is."""
    count, rank = os.environ[count_name], os.environ[rank_name]
    if count.isdecimal() and rank.isdecimal() and int(rank) < int(count):
        return int(count), int(rank)
    expected, got = (
        "a number of processes, and the number of this one from 0",
        f"{count_name}={count} and {rank_name}={rank}",
    )
    raise InputError(explain(expected=expected, got=got, do="set both"))
