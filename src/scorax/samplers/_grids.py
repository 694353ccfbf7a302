"""Sampling grids: decreasing times from ``t1`` to ``t0`` (training times are another matter, see ``objectives``)."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._host import host_float64
from scorax.models import gaussian_process
from scorax.processes import AbstractGaussianProcess, AbstractProcess, Level


class Node(NamedTuple):
    """One point of a grid: the time, and the noise level where the process has scalar Gaussian kernels."""

    t: Float[Array, "*nodes"]
    level: Level | None


class AbstractGrid(eqx.Module):
    """Rule that places ``num_steps + 1`` times from ``t1`` down to ``t0``."""

    @abc.abstractmethod
    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        """Strictly decreasing times in float64, the first ``t1`` and the last ``t0`` exactly."""


class UniformGrid(AbstractGrid):
    """Times equally spaced on the clock."""

    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        return np.linspace(process.t1, process.t0, num_steps + 1)


class KarrasGrid(AbstractGrid):
    r"""$\sigma/\alpha$ equally spaced after the power $1/\rho$ (Karras et al. 2022, eq. 5); needs a Gaussian process.

    Args:
        rho: 7 puts most nodes at small noise, as the error of Heun's method wants it.
    """

    rho: float = 7.0

    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        process = gaussian_process(process)
        high, low = np.exp(np.asarray(_log_ratios(process)) / self.rho)
        return _from_log_ratios(process, self.rho * np.log(np.linspace(high, low, num_steps + 1)))


class LogRatioGrid(AbstractGrid):
    r"""$\log(\sigma/\alpha)$ equally spaced (uniform log-SNR); needs a Gaussian process."""

    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        process = gaussian_process(process)
        high, low = _log_ratios(process)
        return _from_log_ratios(process, np.linspace(high, low, num_steps + 1))


class DefaultGrid(AbstractGrid):
    """:class:`KarrasGrid` where the process has scalar Gaussian kernels, :class:`UniformGrid` on any other clock."""

    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        grid = KarrasGrid() if isinstance(process, AbstractGaussianProcess) else UniformGrid()
        return grid.times(process, num_steps)


def nodes(grid: AbstractGrid, process: AbstractProcess, num_steps: int, dtype: jnp.dtype) -> Node:
    """Grid with its levels, computed in float64 ahead of time and then cast: stacked nodes of ``num_steps + 1`` entries.

    Raises:
        ValueError: fewer than one step, or times that are not strictly decreasing.
    """
    if num_steps < 1:
        raise ValueError(explain(expected="num_steps of at least 1", got=str(num_steps), do="take more steps"))
    times = grid.times(process, num_steps)
    if not np.all(np.diff(times) < 0):
        raise ValueError(
            explain(expected="strictly decreasing times", got=f"{times}", do="use fewer steps or another grid")
        )
    level = None
    if isinstance(process, AbstractGaussianProcess):
        with host_float64():
            exact = jax.vmap(process.level)(jnp.asarray(times, jnp.float64))
            level = jax.tree.map(lambda part: part.astype(dtype), exact)
    return Node(jnp.asarray(times, dtype), level)


def _log_ratios(process: AbstractGaussianProcess) -> tuple[float, float]:
    with host_float64():
        high, low = (float(process.log_ratio(jnp.asarray(t, jnp.float64))) for t in (process.t1, process.t0))
    return high, low


def _from_log_ratios(process: AbstractGaussianProcess, log_ratios: np.ndarray) -> Float[np.ndarray, " nodes"]:
    with host_float64():
        times = np.array(jax.vmap(process.time_of)(jnp.asarray(log_ratios, jnp.float64)))
    times[0], times[-1] = process.t1, process.t0
    return times
