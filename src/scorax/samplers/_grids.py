"""Sampling grids: decreasing times from ``t1`` to ``t0`` (training times are another matter, see ``objectives``)."""

import abc
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float
from scipy.special import ndtr

from scorax._checked import Checked, require_count, require_kind, shown
from scorax._errors import explain
from scorax._host import host_float64
from scorax._text import quote
from scorax.models import gaussian_process
from scorax.processes import AbstractGaussianProcess, AbstractProcess, Level, Tabulated, times_of


class Node(NamedTuple):
    """One point of a grid: the time, and the noise level where the process has scalar Gaussian kernels."""

    t: Float[Array, "*nodes"]
    level: Level | None


class AbstractGrid(Checked):
    """Rule that places ``num_steps + 1`` times from ``t1`` down to ``t0``."""

    @abc.abstractmethod
    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        """Strictly decreasing times in float64, the first ``t1`` and the last ``t0`` exactly; :func:`nodes` holds them to it."""


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
    """Nodes of a :class:`~scorax.processes.Tabulated` process and nothing between them.

    Spread evenly over the table, both ends included; with one step fewer than there are nodes it is the whole chain. Or those
    that are named, as in the accelerated chains of the reference; the process then begins and ends at two of them:
    ``dataclasses.replace(process, t0=10 / 1000)`` begins at node 10 of 1000.

    Args:
        nodes: numbers of the nodes, counted from one, the least noise first; ``num_steps`` is one less than there are.

    Reference: Song et al. (2021), *Denoising diffusion implicit models*, section 4.2, for named nodes.
    """

    nodes: tuple[int, ...] | None = None

    def __check_init__(self) -> None:
        if self.nodes is None:
            return
        if not isinstance(self.nodes, tuple):
            raise TypeError(
                explain(
                    expected="nodes of NodeGrid as a tuple", got=shown(self.nodes), do="pass tuple(range(1, 1001, 10))"
                )
            )
        object.__setattr__(self, "nodes", tuple(require_count(node, "a node of NodeGrid") for node in self.nodes))
        if len(self.nodes) < 2 or any(b <= a for a, b in itertools.pairwise(self.nodes)):
            raise ValueError(
                explain(
                    expected="at least two nodes of NodeGrid in increasing order",
                    got=quote(self.nodes),
                    do="sort them and name each once",
                )
            )

    def times(self, process: AbstractProcess, num_steps: int) -> Float[np.ndarray, " nodes"]:
        if not isinstance(process, Tabulated):
            raise TypeError(
                explain(
                    expected="a Tabulated process", got=type(process).__name__, do="use another grid, or from_betas"
                )
            )
        table = process.nodes[::-1]
        if self.nodes is not None:
            return np.asarray(self.nodes, np.float64)[::-1] / len(process.log_ratios)
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
        TypeError: an argument is of another kind.
        ValueError: fewer than one step; times of another number than ``num_steps + 1``, that do not decrease strictly, or do not
            run from ``t1`` to ``t0`` exactly; a node without noise or without signal, or two with one level in ``dtype``.
    """
    require_kind(grid, AbstractGrid, what="grid")
    require_kind(process, AbstractProcess, what="process")
    num_steps = require_count(num_steps, "num_steps")
    times = grid.times(process, num_steps)
    if isinstance(times, Tracer):
        raise TypeError(
            explain(
                expected=f"times of {type(grid).__name__} that are known before the sampler is compiled",
                got="traced ones",
                do="hold them in the grid as a tuple of numbers, not as an array",
            )
        )
    times = np.asarray(times, np.float64)
    ends = (float(process.t1), float(process.t0))
    if times.shape != (num_steps + 1,) or not np.all(np.diff(times) < 0) or (times[0], times[-1]) != ends:
        raise ValueError(
            explain(
                expected=f"{num_steps + 1} strictly decreasing times from t1 = {ends[0]:g} to t0 = {ends[1]:g}, both exactly",
                got=_described(times),
                do=f"mend the times of {type(grid).__name__}, take another num_steps, or give the process other ends",
            )
        )
    level = None
    if isinstance(process, AbstractGaussianProcess):
        with host_float64():
            exact = jax.vmap(process.level)(jnp.asarray(times, jnp.float64))
            level = jax.tree.map(lambda part: part.astype(dtype), exact)
        _check_levels(times, level)
    return Node(jnp.asarray(times, dtype), level)


def _described(times: np.ndarray) -> str:
    if times.ndim != 1 or len(times) < 2:
        return f"an array of shape {times.shape}"
    stuck = int(np.argmin(np.diff(times) < 0))
    order = "" if np.all(np.diff(times) < 0) else f", with {times[stuck + 1]:g} after {times[stuck]:g}"
    return f"{len(times)} from {times[0]:.9g} to {times[-1]:.9g}{order}"


def _check_levels(times: np.ndarray, level: Level) -> None:
    """Refuse nodes that no sampler can use; the levels of a process with traced arrays pass unseen."""
    if isinstance(level.alpha, Tracer) or isinstance(level.sigma, Tracer):
        return
    for name, part in (("alpha", level.alpha), ("sigma", level.sigma)):
        values = np.asarray(part)
        bad = ~(np.isfinite(values) & (values > 0))
        if np.any(bad):
            raise ValueError(
                explain(
                    expected="noise and signal at every node",
                    got=f"{name} = {values[bad][0]:g} at t = {times[bad][0]:g}",
                    do="move t0 or t1 of the process to where both are left: there is no score without noise",
                )
            )
    ratios = np.asarray(level.sigma, np.float64) / np.asarray(level.alpha, np.float64)
    if not np.all(np.diff(ratios) < 0):
        raise ValueError(
            explain(
                expected="a lower noise level at every node",
                got=f"two nodes of one level in {level.sigma.dtype}",
                do="take fewer steps, another grid, or float64",
            )
        )


def _log_ratios(process: AbstractGaussianProcess) -> tuple[float, float]:
    with host_float64():
        high, low = (float(process.log_ratio(jnp.asarray(t, jnp.float64))) for t in (process.t1, process.t0))
    return high, low


def _from_log_ratios(process: AbstractGaussianProcess, log_ratios: np.ndarray) -> Float[np.ndarray, " nodes"]:
    times = np.array(times_of(process, log_ratios))
    times[0], times[-1] = process.t1, process.t0
    return times
