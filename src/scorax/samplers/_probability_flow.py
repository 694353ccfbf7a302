"""The probability flow with an adaptive step."""

from typing import ClassVar

import diffrax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, FlowEnds, flow_ends, flow_field, terminal_draw
from scorax.samplers._abstract import AbstractSampler, Facts


class ProbabilityFlow(AbstractSampler):
    r"""Deterministic flow solved by Tsitouras' 5(4) pair with an error-controlled step for every row.

    For denoisers in the angle variable, $dy/da = \cos(a)\, noise - \sin(a)\, x_0$; for other scores in the clock of the
    process, $dx/dt = f - \tfrac12 (\nabla\!\cdot D + D\, score)$ with $D = G G^T$. Its draws follow the law that ``log_prob``
    describes, to the tolerance. A row whose solve fails is NaN, never redrawn.

    Args:
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step, in units of the flow's state (about one for standardised data).
        max_steps: steps after which a solve counts as failed.
        num_nodes: nodes at which :meth:`path` reports.

    Reference: Song et al. (2021), eq. 13.
    """

    rtol: float = 1e-5
    atol: float = 1e-5
    max_steps: int = 4096
    num_nodes: int = 33
    facts: ClassVar[Facts] = Facts(
        "flow", "5, adaptive", "as the tolerance asks", "a score", "the law of log_prob to a given accuracy; any score"
    )

    def _solve(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
        save: diffrax.SaveAt,
    ) -> tuple[FlowEnds, Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        ends = flow_ends(model, dtype)
        field = flow_field(model, condition)
        x1 = terminal_draw(model, ends.end_level, shape, dtype, key=key)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda s, y, args: field(jnp.asarray(s), y)),
            diffrax.Tsit5(),
            ends.end,
            ends.start,
            None,
            x1 / ends.end_radius,
            stepsize_controller=diffrax.PIDController(rtol=self.rtol, atol=self.atol),
            saveat=save,
            max_steps=self.max_steps,
            throw=False,
        )
        assert solution.ts is not None  # `save` asks for at least one
        assert solution.ys is not None
        ok = solution.result == diffrax.RESULTS.successful
        return ends, solution.ts, jnp.where(ok, solution.ys, jnp.nan)

    def draw(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> Float[Array, "*shape"]:
        ends, _, ys = self._solve(model, shape, jnp.dtype(dtype), condition, key=key, save=diffrax.SaveAt(t1=True))
        return ends.start_radius * ys[-1]

    def path(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> tuple[Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        """Flow coordinates and states ``y`` of the flow (not rescaled) from the end to the start."""
        ends = flow_ends(model, jnp.dtype(dtype))
        at = jnp.linspace(ends.end, ends.start, self.num_nodes)
        _, times, ys = self._solve(model, shape, jnp.dtype(dtype), condition, key=key, save=diffrax.SaveAt(ts=at))
        return times, ys
