"""The deterministic flow of a score model in the variable it is solved in, with its two ends."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._host import host_float64
from scorax._types import Condition
from scorax.models._dynamics import Field, angle_flow, probability_flow
from scorax.models._score_model import AbstractScoreModel
from scorax.models._terminal import require_noisy_state, require_terminal_law
from scorax.models._tweedie import as_denoiser
from scorax.processes import EDM, AbstractGaussianProcess, AbstractProcess, Level, times_of


class FlowEnds(NamedTuple):
    """Ends of the flow, computed in float64 ahead of time.

    Attributes:
        start: flow coordinate of ``t0``: an angle under a Gaussian process, the time itself otherwise.
        end: flow coordinate of ``t1``.
        start_radius: ``x / y`` at the start, where ``y`` is the state of the flow.
        end_radius: ``x / y`` at the end.
        end_level: noise level at ``t1``; ``None`` where the process has no scalar Gaussian kernel.
        start_level: noise level at ``t0``, or ``None`` likewise.
    """

    start: Float[Array, ""]
    end: Float[Array, ""]
    start_radius: Float[Array, ""]
    end_radius: Float[Array, ""]
    end_level: Level | None
    start_level: Level | None


def flow_ends(model: AbstractScoreModel, dtype: jnp.dtype) -> FlowEnds:
    """Ends of the deterministic flow of ``model``.

    Raises:
        TypeError: the process has no law at ``t1``.
    """
    require_noisy_state(model)
    require_terminal_law(model.process)
    return process_ends(model.process, dtype)


def process_ends(process: AbstractProcess, dtype: jnp.dtype) -> FlowEnds:
    """Ends of the deterministic flow on the clock of ``process``.

    Raises:
        ValueError: a Gaussian process whose ``time_of`` is not the inverse of its log-ratio.
    """
    numbers = all(isinstance(leaf, int | float) for leaf in jax.tree.leaves(process))
    return (_known_ends if numbers else _ends)(process, jnp.dtype(dtype))


def clock_of_flow(
    process: AbstractProcess, places: Float[Array, " nodes"]
) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """Times at flow coordinates, and ``x / y`` there."""
    if not isinstance(process, AbstractGaussianProcess):
        return places, jnp.ones_like(places)
    times = jax.vmap(process.time_of)(jnp.log(jnp.tan(places)))
    levels = jax.vmap(process.level)(times)
    return times, jnp.hypot(levels.alpha, levels.sigma)


def _ends(process: AbstractProcess, dtype: jnp.dtype) -> FlowEnds:
    with host_float64():
        t0, t1 = (jnp.asarray(t, jnp.float64) for t in (process.t0, process.t1))
        if isinstance(process, AbstractGaussianProcess):
            first, last = process.level(t0), process.level(t1)
            angles = process.angle(t0), process.angle(t1)
            times_of(process, jnp.linspace(process.log_ratio(t0), process.log_ratio(t1), 5))  # refuses a wrong inverse
            ends = FlowEnds(*angles, jnp.hypot(*first), jnp.hypot(*last), last, first)
        else:
            ends = FlowEnds(t0, t1, jnp.ones_like(t0), jnp.ones_like(t1), None, None)
        return jax.tree.map(lambda leaf: leaf.astype(dtype), ends)


_known_ends = functools.lru_cache(maxsize=64)(_ends)
"""The same, once for each process that is a few numbers: the dozen operations take longer than a small solve."""


def flow_field(model: AbstractScoreModel, condition: Condition = None) -> Field:
    """Vector field of the flow in its own variable: the angle under a Gaussian process, the clock otherwise."""
    if isinstance(model.process, AbstractGaussianProcess):
        return angle_flow(as_denoiser(model), condition)
    return probability_flow(model, condition)


def without_clock(model: AbstractScoreModel) -> AbstractScoreModel:
    """As a denoiser with a standard process in place of its own, so that one compiled program serves every cut-off.

    The angle flow knows levels and never the clock; its ends come from :func:`flow_ends`. Models of processes without scalar
    Gaussian kernels are returned as they are.
    """
    if isinstance(model.process, AbstractGaussianProcess):
        return as_denoiser(model).with_process(EDM())
    return model
