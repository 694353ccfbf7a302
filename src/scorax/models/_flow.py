"""The deterministic flow of a score model in the variable it is solved in, with its two ends."""

import functools
import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._host import host_float64
from scorax._types import Condition
from scorax.models._dynamics import Field, angle_flow, probability_flow
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.models._terminal import require_noisy_state, require_terminal_law
from scorax.processes import EDM, AbstractGaussianProcess, AbstractProcess, Level


class FlowPlaces(NamedTuple):
    """Places on the way of the flow.

    Attributes:
        coordinate: flow coordinates.
        radius: ``x / y``.
        level: noise levels.
    """

    coordinate: Float[Array, "*places"]
    radius: Float[Array, "*places"]
    level: Level


class FlowEnds(NamedTuple):
    """Ends of the flow, computed in float64 ahead of time.

    Attributes:
        start: flow coordinate of ``t0``: an angle for denoisers, the time itself otherwise.
        end: flow coordinate of ``t1``.
        start_radius: ``x / y`` at the start, where ``y`` is the state of the flow.
        end_radius: ``x / y`` at the end.
        end_level: noise level at ``t1``; ``None`` where the process has no scalar Gaussian kernel.
        start_level: noise level at ``t0``, or ``None`` likewise.
        inner: the places where sigma / alpha is a half and a quarter of its value at ``t1``, in that order, or ``None``
            likewise. A mismatch of the law assumed at the end fades with the noise, so it is larger, and seen, in there.
    """

    start: Float[Array, ""]
    end: Float[Array, ""]
    start_radius: Float[Array, ""]
    end_radius: Float[Array, ""]
    end_level: Level | None
    start_level: Level | None
    inner: FlowPlaces | None


def flow_ends(model: AbstractScoreModel, dtype: jnp.dtype) -> FlowEnds:
    """Ends of the deterministic flow of ``model``.

    Raises:
        TypeError: the process has no law at ``t1``.
    """
    require_noisy_state(model)
    require_terminal_law(model.process)
    process, in_angle = model.process, isinstance(model, AbstractDenoiser)
    numbers = all(isinstance(leaf, int | float) for leaf in jax.tree.leaves(process))
    return (_known_ends if numbers else _ends)(process, in_angle, jnp.dtype(dtype))


def _ends(process: AbstractProcess, in_angle: bool, dtype: jnp.dtype) -> FlowEnds:
    with host_float64():
        t0, t1 = (jnp.asarray(t, jnp.float64) for t in (process.t0, process.t1))
        if isinstance(process, AbstractGaussianProcess):
            place = partial(_place, process, in_angle)
            first, last = place(t0), place(t1)
            log_ratio = process.log_ratio(t1) - math.log(2.0) * jnp.arange(1, 3)
            inner = jax.vmap(lambda u: place(process.time_of(u)))(jnp.maximum(log_ratio, process.log_ratio(t0)))
            ends = FlowEnds(
                first.coordinate, last.coordinate, first.radius, last.radius, last.level, first.level, inner
            )
        else:
            ends = FlowEnds(t0, t1, jnp.ones_like(t0), jnp.ones_like(t1), None, None, None)
        return jax.tree.map(lambda leaf: leaf.astype(dtype), ends)


_known_ends = functools.lru_cache(maxsize=64)(_ends)
"""The same, once for each process that is a few numbers: the dozen operations take longer than a small solve."""


def _place(process: AbstractGaussianProcess, in_angle: bool, t: Float[Array, ""]) -> FlowPlaces:
    level = process.level(t)
    if in_angle:
        return FlowPlaces(process.angle(t), jnp.hypot(*level), level)
    return FlowPlaces(t, jnp.ones_like(t), level)


def flow_field(model: AbstractScoreModel, condition: Condition = None) -> Field:
    """Vector field of the flow in its own variable: the angle for denoisers, the clock of the process otherwise."""
    if isinstance(model, AbstractDenoiser):
        return angle_flow(model, condition)
    return probability_flow(model, condition)


def without_clock(model: AbstractScoreModel) -> AbstractScoreModel:
    """A denoiser with a standard process in place of its own, so that one compiled program serves every cut-off.

    The angle flow of a denoiser knows levels and never the clock; its ends come from :func:`flow_ends`. Other models are
    returned as they are.
    """
    return model.with_process(EDM()) if isinstance(model, AbstractDenoiser) else model
