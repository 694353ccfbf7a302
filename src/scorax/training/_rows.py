"""The rows of a fit: how many there are, some of them by number, and their first two moments."""

import abc
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from scorax._checked import require_kind, shown
from scorax._errors import explain
from scorax._rows import RowKeys, map_rows, one_or_each
from scorax._types import Key
from scorax.processes import AbstractGaussianLaw
from scorax.transforms import AbstractTransform

BLOCK_BYTES = 2**24
"""Most bytes of the rows that are read at once."""
DEVICE_SHARE = 0.25
"""Share of the memory of a device that the rows may take: the rest is for the model and its gradients."""


class Examples(NamedTuple):
    """Clean rows and what the network is told of each; arrays share their leading axes, NumPy's on the host."""

    x0: Any
    condition: PyTree


class AbstractRows(abc.ABC):
    """Rows that :func:`fit` takes by their numbers; rows on disk are a subclass of your own."""

    condition: PyTree = None
    """What the network is told of a row, with one row each: it is looked at before anything is compiled."""
    visit: AbstractTransform | None = None
    """Transform that is drawn anew at every visit of a row."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one row as it is visited."""

    @property
    @abc.abstractmethod
    def dtype(self) -> jnp.dtype:
        """Type of a row on the device, as it is visited."""

    @abc.abstractmethod
    def take(self, indices: Int[np.ndarray, "*axes"]) -> Examples:
        """The rows with these numbers and their conditions, not yet visited; arrays have the axes of ``indices`` first."""

    def moments(self) -> AbstractGaussianLaw:
        """Law with the mean and the covariance of the rows, in one pass: each is visited once, with draws of its number alone."""
        return AbstractGaussianLaw.of_rows(_Visited(self))

    @property
    def resident(self) -> Examples | None:
        """All rows where they are on the device, to be gathered inside the compiled steps; ``None`` where they are taken."""
        return None


@dataclass(frozen=True, eq=False)
class Rows(AbstractRows):
    """What :func:`fit` trains on: rows, their conditions, and the transform that is drawn anew at every visit of a row.

    Rows that are arrays of JAX stay where they are. NumPy's go to the first device where they take at most a quarter of the
    memory it reports (a CPU, whose memory is the host's, reports none and takes all), and stay on the host otherwise. A memory
    map (``numpy.load(..., mmap_mode="r")``) stays on disk. Of rows that are not on the device :func:`fit` takes those of its
    next steps while the device works, so they may be more than the memory holds. They need not be copied: leave the array
    alone while something trains on it.

    Attributes:
        data: floating-point rows on the leading axis, in the units of the model.
        condition: what the network is told of a row, in training and in validation: a PyTree of arrays with a leading axis of
            the rows, or of 1, the same for all; kept where the rows are.
        visit: transform whose noise is drawn anew whenever a row is visited, :class:`~scorax.transforms.Dequantize` say; it
            says the shape of a row.

    Raises:
        TypeError: ``data`` is no array of floating-point numbers, or ``visit`` is no transform.
        ValueError: no rows, a row that is not finite (all are read once, a block at a time) and that ``visit`` does not fill,
            or conditions for another number of rows.
    """

    data: Float[Array, "n *row"] | Float[np.ndarray, "n *row"]
    condition: PyTree = None
    visit: AbstractTransform | None = None

    def __post_init__(self) -> None:
        data = self.data
        if (
            not isinstance(data, np.ndarray | jax.Array)
            or isinstance(data, np.ma.MaskedArray)
            or not jnp.issubdtype(data.dtype, jnp.floating)
            or not data.dtype.isnative
            or not data.ndim
        ):
            raise TypeError(
                explain(
                    expected="an array of floating-point rows, in the machine's byte order, the examples on its first axis",
                    got=shown(data),
                    do="pass np.asarray(rows, np.float32), at unit scale",
                )
            )
        require_kind(self.visit, AbstractTransform | None, what="visit of Rows")
        if len(data) == 0 or not _all_readable(data, self.visit):
            raise ValueError(
                explain(
                    expected="rows of finite numbers",
                    got="none" if len(data) == 0 else "a row with NaN or infinity",
                    do="drop or impute such rows: one of them spoils every weight or hides in the held-out rows",
                )
            )
        object.__setattr__(self, "data", _placed(data, _device_memory()))
        condition = one_or_each(self.condition, len(data))
        on_device = isinstance(self.data, jax.Array)
        object.__setattr__(self, "condition", jax.tree.map(jnp.asarray, condition) if on_device else condition)

    def __len__(self) -> int:
        return len(self.data)

    @property
    def resident(self) -> Examples | None:
        return Examples(self.data, self.condition) if isinstance(self.data, jax.Array) else None

    @property
    def shape(self) -> tuple[int, ...]:
        return self._visited.shape

    @property
    def dtype(self) -> jnp.dtype:
        return self._visited.dtype

    @property
    def _visited(self) -> jax.ShapeDtypeStruct:
        row = jax.ShapeDtypeStruct(self.data.shape[1:], jax.dtypes.canonicalize_dtype(self.data.dtype))
        return jax.eval_shape(eqx.Partial(visited, self.visit), row, jax.random.key(0))

    def take(self, indices: Int[np.ndarray, "*axes"]) -> Examples:
        x0 = self.data[indices]
        return Examples(
            x0 if isinstance(x0, jax.Array) else np.asarray(x0),
            jax.tree.map(lambda leaf: leaf[indices], self.condition),
        )

    def moments(self) -> AbstractGaussianLaw:
        """Law with the mean and the covariance of the rows, as :meth:`AbstractGaussianLaw.of_rows` makes it; kept.

        One pass over the rows, a block at a time, each visited once: bin noise has its share of the variance. Its draws are
        functions of the row's number alone.

        Raises:
            ValueError: a single row.
        """
        return self._moments

    @cached_property
    def _moments(self) -> AbstractGaussianLaw:
        return AbstractGaussianLaw.of_rows(self.data if self.visit is None else _Visited(self))


class _Visited:
    """The rows as an array whose blocks are visited when they are read."""

    def __init__(self, rows: AbstractRows) -> None:
        self.rows, self.shape, self.dtype = rows, (len(rows), *rows.shape), np.dtype(rows.dtype)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, block: slice) -> np.ndarray:
        rows, visit = self.rows, eqx.Partial(visited, self.rows.visit)
        numbers = range(len(rows))[block]
        keys = RowKeys(jax.random.key(0), numbers)
        return np.asarray(map_rows(visit, np.asarray(rows.take(np.array(numbers)).x0), keys, shape=rows.shape))


def visited(visit: AbstractTransform | None, row: Float[Array, "*row"], key: Key) -> Float[Array, "*shape"]:
    """A row as the objective sees it: through the transform, with noise of its own at every visit."""
    return row if visit is None else visit.encode(row, key=key).z


def _device_memory() -> int:
    """Bytes of the first device, as it reports them; a CPU reports none, for its memory is the host's."""
    return (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 2**62)


def _placed(data: Any, memory: int) -> Any:
    """The rows on the device where they are small beside its memory, else where they are."""
    if isinstance(data, jax.Array) or _is_mapped(data) or data.nbytes > DEVICE_SHARE * memory:
        return data
    return jnp.asarray(data)


def _is_mapped(data: Any) -> bool:
    """Whether an array, or what it is a view of, is a memory map."""
    while data is not None and not isinstance(data, np.memmap):
        data = getattr(data, "base", None)
    return data is not None


def _all_readable(data: Any, visit: AbstractTransform | None) -> bool:
    """Whether all numbers are finite, or filled by the visit."""
    readable = np.isfinite if visit is None else visit.readable
    step = max(1, BLOCK_BYTES // max(1, math.prod(data.shape[1:]) * data.dtype.itemsize))
    return all(np.all(readable(np.asarray(data[i : i + step]))) for i in range(0, len(data), step))
