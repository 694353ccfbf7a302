"""Many paths forward in time: one key per row."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from scorax._checked import require_count, require_finite, require_key, require_kind
from scorax._errors import explain
from scorax._rows import RowKeys, map_rows
from scorax._text import quote
from scorax._types import Key
from scorax.processes import AbstractProcess, AbstractSDE, require_equation, sde
from scorax.simulation._brownian import brownian_increments
from scorax.simulation._methods import AbstractMethod, Euler


def simulate(
    process: AbstractProcess,
    x0: ArrayLike,
    ts: Sequence[float] | np.ndarray | Array,
    *,
    key: Key,
    method: AbstractMethod | None = None,
    num_steps: int | None = None,
    start: int = 0,
) -> Float[Array, "rows times *shape"]:
    r"""Paths of $dX = f dt + G dW$ from the rows of ``x0``, reported at ``ts``.

    A row is one state of any shape: an array ``(n,)`` of pixels is ``n`` rows of one number as ``x0[:, None]``, and an image is
    one row whose pixels have noise of their own. A random start is served by drawing ``x0`` first. Row ``k`` depends on its
    starting point, ``key`` and ``start + k`` only, in any batch.

    The Brownian path of a row follows from its key and ``ts``, so the same key shows the same noise with and without drift
    (:func:`~scorax.processes.without_drift`, :func:`~scorax.processes.without_noise`), under every method, and on a grid
    with twice as many steps (:func:`brownian_increments`).

    Args:
        process: any SDE; the clock need not be run to its end.
        x0: starting points, one row for each path; the states at ``ts[0]``.
        ts: times inside the clock of the process that increase, in the precision of ``x0`` too; the first is that of ``x0``.
        key: root key; row ``k`` uses ``fold_in(key, start + k)``.
        method: :class:`Euler` where it is ``None``.
        num_steps: equal steps between two neighbouring times; 64, for :class:`Exact` one.
        start: number of the first row.

    Returns:
        States, with the row on the first axis and the time on the second; ``result[:, 0]`` is ``x0``.

    Raises:
        TypeError: the process is no SDE (``Clean``), the method does not serve it, ``x0`` is not floating-point, or another
            argument is of another kind.
        ValueError: ``x0`` has no rows axis or is not finite, the drift or the diffusion does not fit a row, ``ts`` does not
            increase inside the clock, or a number is below its least.
    """
    process = sde(process)
    require_kind(method, AbstractMethod | None, what="method")
    require_key(key)
    start = require_count(start, "start", least=0)
    x = jnp.asarray(x0)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(explain(expected="floating-point starting points", got=str(x.dtype), do="convert them first"))
    if x.ndim == 0:
        raise ValueError(explain(expected="one row for each path", got="a number", do="pass np.array([x0])"))
    require_finite(x, "starting points")
    require_equation(process, x.shape[1:], x.dtype)
    times = _times(process, ts, x.dtype)
    method = Euler() if method is None else method
    steps = require_count(method.num_steps if num_steps is None else num_steps, "num_steps")
    at = jnp.asarray(times, x.dtype)
    if len(x) > 0:
        method.check(process, at[0], x[0])
    path = eqx.Partial(_path, process, method, steps, at)
    return map_rows(path, x, RowKeys(key, range(start, start + len(x))), shape=x.shape[1:])


def _path(
    process: AbstractSDE,
    method: AbstractMethod,
    num_steps: int,
    times: Float[Array, " times"],
    x0: Float[Array, "*shape"],
    key: Key,
) -> Float[Array, "times *shape"]:
    shape = method.noise_shape(process, times[0], x0)

    def interval(x: Array, xs: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        i, t, s = xs
        increments = brownian_increments(s - t, num_steps, shape, x.dtype, key=jax.random.fold_in(key, i))
        h = (s - t) / num_steps

        def step(x: Array, xs: tuple[Array, Array]) -> tuple[Array, None]:
            j, increment = xs
            return method.step(process, t + j * h, h, x, increment), None

        x, _ = jax.lax.scan(step, x, (jnp.arange(num_steps), increments))
        return x, x

    _, states = jax.lax.scan(interval, x0, (jnp.arange(len(times) - 1), times[:-1], times[1:]))
    return jnp.concatenate([x0[None], states])


def _times(
    process: AbstractSDE, ts: Sequence[float] | np.ndarray | Array, dtype: jnp.dtype
) -> Float[np.ndarray, " times"]:
    if isinstance(ts, Tracer):
        raise TypeError(
            explain(
                expected="ts as numbers that are known",
                got="a traced array",
                do="build ts outside of the compiled function",
            )
        )
    times = np.asarray(ts, np.float64)
    slack = 1e-6 * (process.t1 - process.t0)  # ends of the clock that were rounded to float32
    if (
        times.ndim != 1
        or len(times) < 2
        or not np.all(np.diff(times.astype(dtype)) > 0)
        or times[0] < process.t0 - slack
        or times[-1] > process.t1 + slack
    ):
        raise ValueError(
            explain(
                expected=f"at least two increasing times in [{process.t0:g}, {process.t1:g}], as {dtype} has them",
                got=quote(times.tolist()),
                do="start where x0 stands, or give the process a longer clock",
            )
        )
    return times
