"""Sampling grids: decreasing times from ``t1`` to ``t0`` (training times are another matter, see ``objectives``)."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import ndtr

from scorax._errors import explain
from scorax._host import host_float64
from scorax.models import gaussian_process
from scorax.processes import AbstractGaussianProcess, AbstractProcess, Level, Tabulated


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


class QuadraticGrid(AbstractGrid):
    r"""Times whose square roots are equally spaced.

    Beside :class:`UniformGrid` a step near $t$ is $2 \sqrt{t / t_1}$ times as long (for $t_0$ near zero): shorter in the first
    quarter of the clock, up to twice as long at its end.

    Reference: Song et al. (2021), *Denoising diffusion implicit models*, appendix D.2.
    """

    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        times = np.linspace(np.sqrt(process.t1), np.sqrt(process.t0), num_steps + 1) ** 2
        times[0], times[-1] = process.t1, process.t0
        return times


class NodeGrid(AbstractGrid):
    """Nodes of a :class:`~scorax.processes.Tabulated` process, spread evenly over the table and never between its nodes.

    With one step fewer than there are nodes it is the whole chain. It includes both ends; more steps than that are refused.
    """

    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        if not isinstance(process, Tabulated):
            raise TypeError(
                explain(
                    expected="a Tabulated process", got=type(process).__name__, do="use another grid, or from_betas"
                )
            )
        table = process.nodes[::-1]
        if num_steps > len(table) - 1:
            raise ValueError(
                explain(
                    expected=f"at most {len(table) - 1} steps for {len(table)} nodes",
                    got=str(num_steps),
                    do="take fewer steps or another grid",
                )
            )
        return table[np.linspace(0, len(table) - 1, num_steps + 1).round().astype(int)]


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


class LogNormalGrid(AbstractGrid):
    r"""$\log(\sigma/\alpha)$ at the quantiles of a mixture of a normal law and a uniform one: dense in the middle of the clock.

    At high noise the field is that of a Gaussian and at low noise it points at one datum; it bends between, around the
    scales of the data. Against :class:`KarrasGrid` it divides the error of :class:`AdamsBashforth` by two to four at 20
    evaluations (``benchmarks/sampler_error.py``). The defaults suit standardised data with structure from a tenth of their
    width up; needs a Gaussian process.

    Args:
        center: mean of the normal law, in $\log(\sigma/\alpha)$.
        width: its standard deviation.
        share: its weight; the rest of the nodes is uniform.
    """

    center: float = -0.5
    width: float = 1.5
    share: float = 0.6

    def __check_init__(self) -> None:
        if not (self.width > 0 and 0 <= self.share < 1):
            raise ValueError(
                explain(
                    expected="a positive width and a share in [0, 1)",
                    got=f"{self.width} and {self.share}",
                    do="keep some nodes at both ends of the clock",
                )
            )

    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        process = gaussian_process(process)
        high, low = _log_ratios(process)
        at = np.linspace(low, high, 4097)
        normal = ndtr((at - self.center) / self.width)
        normal = (
            (normal - normal[0]) / (normal[-1] - normal[0]) if normal[-1] > normal[0] else np.linspace(0, 1, len(at))
        )
        quantiles = self.share * normal + (1 - self.share) * np.linspace(0, 1, len(at))
        return _from_log_ratios(process, np.interp(np.linspace(1, 0, num_steps + 1), quantiles, at))


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
