"""The probability flow with an adaptive step."""

from typing import ClassVar

import diffrax
import jax.numpy as jnp

from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, FlowEnds, flow_field
from scorax.samplers._abstract import Traits
from scorax.samplers._adaptive import AbstractAdaptiveSampler, Solve


class ProbabilityFlow(AbstractAdaptiveSampler):
    r"""Deterministic flow solved by Tsitouras' 5(4) pair with an error-controlled step for every row.

    Under a Gaussian process in the angle variable, $dy/da = \cos(a)\, noise - \sin(a)\, x_0$; under others in the clock,
    $dx/dt = f - \tfrac12 (\nabla\!\cdot D + D\, score)$ with $D = G G^T$. Its draws follow the law that ``log_prob``
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
    traits: ClassVar[Traits] = Traits(
        "flow", "5, adaptive", "as the tolerance asks", "a score", "the law of log_prob to a given accuracy; any score"
    )

    @property
    def follows_flow(self) -> bool:
        return True

    def _to_solve(
        self,
        model: AbstractScoreModel,
        ends: FlowEnds,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
    ) -> Solve:
        field = flow_field(model, condition)
        return Solve(
            diffrax.ODETerm(lambda s, y, args: field(jnp.asarray(s), y)),
            diffrax.Tsit5(),
            diffrax.PIDController(rtol=self.rtol, atol=self.atol),
            begin=ends.end,
            end=ends.start,
            place=lambda at: at,
            shape=shape,
        )
