"""The devices that share rows: the one home of meshes and of what is placed on them."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from scorax._errors import InputError, explain


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
        """As :meth:`of`, and the first device where nobody says."""
        return Sharding.of(mesh) or Sharding(tuple(jax.devices()[:1]))

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


_CONTEXT: ContextVar[Sharding | None] = ContextVar("devices that share rows", default=None)


@contextlib.contextmanager
def on_devices(count: int) -> Iterator[None]:
    """A context whose rows are shared by the first ``count`` devices wherever no mesh is given; 1 leaves all as it is.

    Raises:
        InputError: there are fewer.
    """
    found = jax.devices() if count > 1 else []
    if len(found) < count and count > 1:
        expected = f"at most {len(found)} devices of the kind {found[0].device_kind}, as there are"
        raise InputError(explain(expected=expected, got=f"{count}", do="ask for fewer"))
    token = _CONTEXT.set(Sharding(tuple(found[:count])) if count > 1 else None)
    try:
        yield
    finally:
        _CONTEXT.reset(token)
