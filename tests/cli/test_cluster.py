"""What the environment says about processes, as JAX reads it, and what is refused before JAX is asked."""

import importlib.machinery
import importlib.util
import os

import pytest

from scorax._errors import InputError
from scorax.cli._cluster import Cluster, cluster, devices_of_all

BY_HAND = {"JAX_COORDINATOR_ADDRESS": "one:1234", "SCORAX_NUM_PROCESSES": "4", "SCORAX_PROCESS_ID": "3"}
SLURM = {
    "SLURM_JOB_ID": "71",
    "SLURM_STEP_NODELIST": "node[001-002]",
    "SLURM_NTASKS": "8",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
}
OPEN_MPI = {
    "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1:34911",
    "OMPI_COMM_WORLD_SIZE": "2",
    "OMPI_COMM_WORLD_RANK": "0",
    "OMPI_COMM_WORLD_LOCAL_RANK": "0",
}


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that speaks of no processes, whatever runs the tests."""
    for name in os.environ:
        if name.startswith(("SLURM_", "OMPI_", "TPU_", "KUBERNETES_")) or name in BY_HAND:
            monkeypatch.delenv(name)


def tell(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (BY_HAND, Cluster("", 4, 3)),
        (SLURM, Cluster("SLURM", 8, 5)),
        (OPEN_MPI, Cluster("Open MPI", 2, 0)),
        (SLURM | BY_HAND, Cluster("", 4, 3)),  # launch within a step of SLURM: what is said by hand goes first
        (SLURM | {"JAX_COORDINATOR_ADDRESS": "one:1234"}, Cluster("SLURM", 8, 5)),
        ({"TPU_LIBRARY_PATH": "libtpu.so"}, Cluster("a TPU")),
    ],
)
def test_processes_are_those_of_the_environment(
    variables: dict[str, str], expected: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, variables)
    assert cluster() == expected


def test_what_jax_reads_of_a_cluster_is_what_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable that is looked for is one without which JAX knows of no cluster, or cannot number its processes."""
    from jax._src.clusters import OmpiCluster, SlurmCluster

    for known, variables in ((SlurmCluster, SLURM), (OmpiCluster, OPEN_MPI)):
        tell(monkeypatch, variables)
        assert known.is_env_present()
        assert cluster() == Cluster(cluster().name, known.get_process_count(), known.get_process_id())
        for name in variables:
            monkeypatch.delenv(name)
            with pytest.raises(InputError, match="processes to join"):
                cluster()
            monkeypatch.setenv(name, variables[name])
        for name in variables:
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "got none: no SLURM_PROCID of a step"),
        ({"JAX_COORDINATOR_ADDRESS": "one:1234"}, "no SCORAX_NUM_PROCESSES or SCORAX_PROCESS_ID"),
        ({"SLURM_JOB_ID": "71"}, "srun"),  # within an allocation, but of no step
        ({"SCORAX_PROCESS_ID": "0"}, "got no JAX_COORDINATOR_ADDRESS and no SCORAX_NUM_PROCESSES"),
        (BY_HAND | {"SCORAX_PROCESS_ID": "4"}, "SCORAX_NUM_PROCESSES=4 and SCORAX_PROCESS_ID=4"),
        (BY_HAND | {"SCORAX_NUM_PROCESSES": "two"}, "SCORAX_NUM_PROCESSES=two"),
        (BY_HAND | {"JAX_COORDINATOR_ADDRESS": "one"}, "host:port"),
        (SLURM | {"SLURM_PROCID": "-1"}, "SLURM_PROCID=-1"),
    ],
)
def test_what_is_not_whole_is_refused(variables: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, variables)
    with pytest.raises(InputError, match=words):
        cluster()


def test_kubernetes_is_asked_through_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    there: set[str] = set()

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, None) if name in there else None

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(InputError, match=r"jax\[k8s\]"):
        cluster()
    there.add("kubernetes")
    assert cluster() == Cluster("Kubernetes")


def test_a_batch_is_shared_by_the_devices_of_all() -> None:
    assert devices_of_all(None, 2) == 2
    assert devices_of_all(Cluster("", 3, 1), 2) == 6
    assert devices_of_all(Cluster("Kubernetes"), 2) == 2
