"""The devices that share rows: the one home of meshes and of what is placed on them."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from scorax._errors import InputError, Interrupted, explain


@dataclass(frozen=True)
class Sharding:
    """Devices over which rows are shared out, while parameters are on each of them.

    Attributes:
        devices: one or more, in the order in which they take rows.
    """

    devices: tuple[Any, ...]

    @staticmethod
    def of(mesh: Mesh | None) -> "Sharding | None":
        """The devices of a mesh; without one those of the context (:func:`on_devices`), ``None`` where there is none."""
        return _CONTEXT.get() if mesh is None else Sharding(tuple(mesh.devices.flat))

    @staticmethod
    def of_training(mesh: Mesh | None) -> "Sharding":
        """As :meth:`of`, and the first device where nobody says; without a mesh as many of every process that has joined."""
        own = Sharding.of(mesh) or Sharding(tuple(jax.local_devices()[:1]))
        if mesh is not None or jax.process_count() == 1:
            return own
        ranks = range(jax.process_count())
        return Sharding(tuple(d for rank in ranks for d in jax.local_devices(rank)[: len(own.devices)]))

    @property
    def mesh(self) -> Mesh:
        """A mesh with the one axis ``data``, on which the compiler shares the work out."""
        return Mesh(np.array(self.devices), ("data",), axis_types=(AxisType.Auto,))

    @property
    def replicated(self) -> NamedSharding:
        """A copy on every device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def shared(self, axis: int) -> NamedSharding:
        """Equal parts along an axis, one on each device."""
        return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, "data"))

    def copies(self, tree: Any) -> list[Any]:
        """The arrays of a tree on every device, as a tree for each."""
        return [jax.device_put(tree, device) for device in self.devices]


def put(tree: Any, sharding: NamedSharding) -> Any:
    """The arrays of a tree under a sharding, of which each process that has joined holds the whole and places its part."""
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)
    return jax.tree.map(lambda leaf: _put_part(leaf, sharding), tree)


def _put_part(leaf: Any, sharding: NamedSharding) -> Any:
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_put_part(jax.random.key_data(leaf), sharding), impl=jax.random.key_impl(leaf))
    whole = np.asarray(leaf)
    return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])


_CONTEXT: ContextVar[Sharding | None] = ContextVar("devices that share rows", default=None)


@contextlib.contextmanager
def on_devices(count: int) -> Iterator[None]:
    """A context whose rows are shared by the first ``count`` devices wherever no mesh is given; 1 leaves all as it is.

    Raises:
        InputError: there are fewer.
    """
    found = jax.local_devices() if count > 1 else []
    if len(found) < count and count > 1:
        expected = f"at most {len(found)} devices of the kind {found[0].device_kind}, as there are"
        raise InputError(explain(expected=expected, got=f"{count}", do="ask for fewer"))
    token = _CONTEXT.set(Sharding(tuple(found[:count])) if count > 1 else None)
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def join_processes(count: int | None, rank: int | None, heartbeat: int) -> int:
    """Join the processes of one computation before JAX has started; the number of this one.

    Whoever started them says how many there are and which this is, or the cluster does, as JAX reads it. Signals stay with the
    process: JAX's own service for preemptions would swallow SIGTERM.

    Args:
        count: of processes; ``None`` where the cluster knows. With a number no cluster is looked for.
        rank: of this process.
        heartbeat: seconds of silence after which a process is lost and the others are ended.

    Raises:
        ValueError: nobody knows.
    """
    jax.config.update("jax_enable_preemption_service", False)
    jax.distributed.initialize(
        num_processes=count,
        process_id=rank,
        cluster_detection_method=None if count is None else "deactivate",
        initialization_timeout=60,
        heartbeat_timeout_seconds=heartbeat,
        shutdown_timeout_seconds=heartbeat,
    )
    return jax.process_index()


def all_here(name: str) -> None:
    """Wait until all processes have come to this place."""
    multihost_utils.sync_global_devices(name)


def answered_together(poll: Callable[[], str | None]) -> Callable[[], str | None]:
    """A poll that answers the same in all processes: what one of them is told to do, all do at the same state."""

    def ask() -> str | None:
        answer, stopped = None, None
        try:
            answer = poll()
        except Interrupted as error:
            stopped = error
        code = stopped.exit_code if stopped is not None else int(answer == "save")
        most = int(np.max(multihost_utils.process_allgather(np.int32(code))))
        if stopped is not None:
            raise stopped
        if most > 1:
            raise Interrupted("stopped by a signal to another process; what was saved is whole", exit_code=most)
        return "save" if most else None

    return ask
