"""The deterministic flow of a score model in the variable it is solved in, with its two ends."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._host import host_float64
from scorax._types import Condition
from scorax.models._dynamics import Field, angle_flow, probability_flow
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.models._terminal import require_noisy_state, require_terminal_law, terminal_level
from scorax.processes import EDM, Level


class FlowEnds(NamedTuple):
    """Ends of the flow, computed in float64 ahead of time.

    Attributes:
        start: flow coordinate of ``t0``: an angle for denoisers, the time itself otherwise.
        end: flow coordinate of ``t1``.
        start_radius: ``x / y`` at the start, where ``y`` is the state of the flow.
        end_radius: ``x / y`` at the end.
        end_level: noise level at ``t1``; ``None`` where the process has no scalar Gaussian kernel.
    """

    start: Float[Array, ""]
    end: Float[Array, ""]
    start_radius: Float[Array, ""]
    end_radius: Float[Array, ""]
    end_level: Level | None


def flow_ends(model: AbstractScoreModel, dtype: jnp.dtype) -> FlowEnds:
    """Ends of the deterministic flow of ``model``.

    Raises:
        TypeError: the process has no law at ``t1``.
    """
    require_noisy_state(model)
    require_terminal_law(model.process)
    process = model.process
    with host_float64():
        t0, t1 = (jnp.asarray(t, jnp.float64) for t in (process.t0, process.t1))
        if isinstance(model, AbstractDenoiser):
            known = model.process
            first, last = known.level(t0), known.level(t1)
            ends = FlowEnds(known.angle(t0), known.angle(t1), jnp.hypot(*first), jnp.hypot(*last), last)
        else:
            ends = FlowEnds(t0, t1, jnp.ones_like(t0), jnp.ones_like(t1), terminal_level(process, t1))
        return jax.tree.map(lambda leaf: leaf.astype(dtype), ends)


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
