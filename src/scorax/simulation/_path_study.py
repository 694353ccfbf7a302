"""Simulated paths of one coordinate beside the exact law of its process: moments, histograms, Kolmogorov and Smirnov."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float
from scipy.stats import kstest

from scorax._checked import require_count, require_not_negative
from scorax._errors import explain
from scorax._host import host_float64
from scorax._rows import over_rows
from scorax._types import Key
from scorax.processes import (
    AbstractExactSDE,
    AbstractLinearSDE,
    GeometricBrownianMotion,
    LogNormal,
    Normal,
    Scalar,
    without_drift,
    without_noise,
)
from scorax.simulation._methods import AbstractMethod
from scorax.simulation._simulate import simulate

TAIL = 0.022750131948179195
"""Probability outside the band on either side: that of a normal law beyond two standard deviations."""
_CHUNK = 4096
"""Paths that are held at all their times at once."""
_BINS = (8, 40)
"""Bars of a histogram, at least and at most; between them as many as the square root of the number of values."""
_CURVE_POINTS = 400


@dataclass(frozen=True)
class PathStart:
    """Law of the clean value at time 0: normal, or log-normal for geometric Brownian motion.

    Attributes:
        x0: its mean; geometric Brownian motion: its median.
        spread: its standard deviation; geometric Brownian motion: that of its logarithm.

    Raises:
        ValueError: the spread is negative.
    """

    x0: float
    spread: float = 0.0

    def __post_init__(self) -> None:
        require_not_negative(self.spread, "spread of PathStart")


@dataclass(frozen=True)
class PathPlan:
    """What :func:`study_paths` simulates.

    Attributes:
        until: where paths end.
        at: times of the histograms, after the cut-off of the process and not after ``until``.
        num_paths: how many paths.
        num_shown: how many of them are kept at all times.
        num_steps: about how many equal steps; the times ``at`` take the place of neighbouring ones or are added.
        method: how steps are made.
        parts: whether to simulate also without the drift and without the noise; not for :class:`~scorax.simulation.Exact`.

    Raises:
        TypeError: a count is no whole number.
        ValueError: a count below its least, or a time after the end.
    """

    until: float
    at: Sequence[float]
    num_paths: int
    num_shown: int
    num_steps: int
    method: AbstractMethod
    parts: bool = False

    def __post_init__(self) -> None:
        for name, least in (("num_paths", 1), ("num_shown", 0), ("num_steps", 1)):
            object.__setattr__(self, name, require_count(getattr(self, name), f"{name} of PathPlan", least=least))
        if any(not t <= self.until for t in self.at):
            raise ValueError(
                explain(
                    expected=f"times of histograms up to until={self.until}",
                    got=", ".join(f"{t}" for t in self.at),
                    do="simulate longer, or leave the late ones out",
                )
            )


@dataclass(frozen=True)
class Marginal:
    """Simulated values at one time against the exact law there.

    Attributes:
        t: the time.
        mean: mean of the values; ``exact_mean`` that of the law.
        sd: standard deviation of the values; ``exact_sd`` that of the law.
        distance: Kolmogorov-Smirnov statistic, the largest difference of the distribution functions.
        p_value: probability of a larger one if the law were exact.
        edges: of the histogram, whose bars have the ``heights`` of a density of all values, those beyond the edges too.
        points: where the exact ``density`` is given.
    """

    t: float
    mean: float
    exact_mean: float
    sd: float
    exact_sd: float
    distance: float
    p_value: float
    edges: Float[np.ndarray, " edges"]
    heights: Float[np.ndarray, " bins"]
    points: Float[np.ndarray, " points"]
    density: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class PathStudy:
    """Paths of a process and their exact law.

    Attributes:
        num_paths: how many were simulated; the first few are in ``shown``, at the ``times``.
        mean: exact mean at the times.
        low: lower end of the central 95.4% of the exact law, for a normal law two standard deviations below its mean.
        high: upper end.
        marginals: histograms and tests at the chosen times.
        parts: the shown paths without the drift and without the noise, on the same Brownian paths; empty if not asked for.
    """

    num_paths: int
    times: Float[np.ndarray, " times"]
    shown: Float[np.ndarray, "shown times"]
    mean: Float[np.ndarray, " times"]
    low: Float[np.ndarray, " times"]
    high: Float[np.ndarray, " times"]
    marginals: tuple[Marginal, ...]
    parts: tuple[Float[np.ndarray, "shown times"], ...]


def start_law(
    process: AbstractExactSDE, t: Float[Array, ""], x0: float | Array, spread: float | Array = 0.0
) -> Normal | LogNormal:
    r"""Law at ``t`` of a coordinate whose clean value at time 0 is $X_0 \sim N(x_0, s^2)$, with the spread $s$.

    A kernel $N(a X_0 + c, r^2)$ gives $N(a x_0 + c, a^2 s^2 + r^2)$: the convolution of two normal laws. For geometric
    Brownian motion, whose states are positive, it is $\log X_0$ that is $N(\log x_0, s^2)$.

    Raises:
        TypeError: the process has neither such a kernel nor is it geometric Brownian motion.
        ValueError: geometric Brownian motion that starts at zero or below.
    """
    start = jnp.asarray(x0, t.dtype)
    if isinstance(process, GeometricBrownianMotion):
        if not isinstance(start, Tracer) and not bool(jnp.all(start > 0)):
            least = float(jnp.min(start))
            raise ValueError(
                explain(expected="x0 above 0", got=f"{least:g}", do="geometric Brownian motion is positive")
            )
        logarithm = process.law(t, start).logarithm
        return LogNormal(Normal(logarithm.mean, jnp.hypot(logarithm.sd, spread)))
    kernel = process.kernel(t) if isinstance(process, AbstractLinearSDE) else None
    if kernel is None or not (isinstance(kernel.mean_map, Scalar) and isinstance(kernel.root, Scalar)):
        raise TypeError(
            explain(
                expected="a process whose coordinates are independent, each with a known law",
                got=type(process).__name__,
                do="compare simulated paths with its own moments",
            )
        )
    mean = kernel.mean(start)
    return Normal(mean, jnp.broadcast_to(jnp.hypot(kernel.mean_map.value * spread, kernel.root.value), mean.shape))


def study_paths(process: AbstractExactSDE, start: PathStart, plan: PathPlan, *, key: Key) -> PathStudy:
    """Simulate paths of one coordinate and hold them against their exact law.

    Paths begin at the cut-off ``t0`` of the process, in a draw of its exact law there.

    Args:
        process: a process with a law of its own for each coordinate.
        start: law of the clean value at time 0.
        plan: times, numbers and method.
        key: root key; row ``k`` depends on it and ``k`` only.

    Raises:
        TypeError: the process has no such law, or the method does not serve it.
        ValueError: times outside the clock.
    """
    times, chosen = path_times(process.t0, plan.until, plan.at, plan.num_steps)
    with host_float64():
        curve = jax.vmap(lambda t: _band(start_law(process, t, start.x0, start.spread)))(jnp.asarray(times))
        mean, low, high = (np.asarray(line) for line in curve)
    start_key, path_key = jax.random.split(key)
    draws = _starts(process, start, plan.num_paths, key=start_key)
    shown = draws[: plan.num_shown]
    kept, values = np.empty((0, len(times))), []
    for first in range(0, plan.num_paths, _CHUNK):
        states = np.asarray(
            simulate(
                process,
                draws[first : first + _CHUNK],
                times,
                key=path_key,
                method=plan.method,
                num_steps=1,
                start=first,
            )
        )
        values.append(states[:, chosen])
        kept = np.concatenate([kept, states[: max(0, plan.num_shown - len(kept))]])
    every = np.concatenate(values).astype(np.float64)
    halves = (without_drift(process), without_noise(process)) if plan.parts else ()
    return PathStudy(
        plan.num_paths,
        times,
        kept,
        mean,
        low,
        high,
        tuple(_marginal(process, t, start, every[:, i]) for i, t in enumerate(times[chosen])),
        tuple(
            np.asarray(simulate(half, shown, times, key=path_key, method=plan.method, num_steps=1)) for half in halves
        ),
    )


def path_times(
    t0: float, until: float, at: Sequence[float], num_steps: int
) -> tuple[Float[np.ndarray, " times"], list[int]]:
    """An even grid from ``t0`` to ``until`` that holds the times ``at``, and their places in it."""
    at = sorted(at)
    grid = np.linspace(t0, until, num_steps + 1)
    # A step much shorter than the others would vanish in float32: the chosen time takes the place of its neighbour.
    crowded = np.min(np.abs(grid[1:, None] - np.asarray(at)), axis=1) < 1e-2 * (grid[1] - grid[0])
    times = np.unique(np.concatenate([grid[:1], grid[1:][~crowded], at]))
    return times, [int(place) for place in np.searchsorted(times, at)]


def marginal(law: Normal | LogNormal, t: float, values: Float[np.ndarray, " n"]) -> Marginal:
    """Moments, histogram and Kolmogorov-Smirnov test of values whose exact law at ``t`` is ``law``, in float64."""
    with host_float64():
        low, high = (float(law.quantile(jnp.asarray(p))) for p in (2e-3, 1 - 2e-3))
        low, high = min(low, np.quantile(values, 2e-3)), max(high, np.quantile(values, 1 - 2e-3))
        points = np.linspace(low, high, _CURVE_POINTS)
        density = np.asarray(law.density(jnp.asarray(points)))
        test = kstest(values, lambda x: np.asarray(law.cdf(jnp.asarray(x))))
        moments = float(law.mean), float(law.sd)
    bins = int(np.clip(np.sqrt(len(values)), *_BINS))
    counts, edges = np.histogram(values, bins=bins, range=(low, high))
    return Marginal(
        t=float(t),
        mean=float(values.mean()),
        exact_mean=moments[0],
        sd=float(values.std(ddof=1)),
        exact_sd=moments[1],
        distance=float(test.statistic),
        p_value=float(test.pvalue),
        edges=edges,
        heights=counts / (len(values) * np.diff(edges)),
        points=points,
        density=density,
    )


def _marginal(process: AbstractExactSDE, t: float, start: PathStart, values: Float[np.ndarray, " n"]) -> Marginal:
    with host_float64():
        law = start_law(process, jnp.asarray(t), start.x0, start.spread)
    return marginal(law, t, values)


def _band(law: Normal | LogNormal) -> tuple[Array, Array, Array]:
    return law.mean, law.quantile(jnp.asarray(TAIL)), law.quantile(jnp.asarray(1 - TAIL))


def _starts(process: AbstractExactSDE, start: PathStart, num_paths: int, *, key: Key) -> Float[Array, " paths"]:
    """States at ``t0``: clean values with their spread, carried to the cut-off by the exact kernel."""
    law = start_law(process, jnp.asarray(process.t0, float), start.x0, start.spread)
    keys = jax.vmap(lambda row: jax.random.fold_in(key, row))(jnp.arange(num_paths))
    return over_rows(lambda k: law.sample(key=k), keys)
