"""Samplers with an error-controlled step for every row, solved by Diffrax."""

import abc
from typing import NamedTuple

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from scorax._checked import require_count, require_key
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, FlowEnds, flow_ends, require_state, terminal_draw
from scorax.samplers._abstract import AbstractSampler


class Equation(NamedTuple):
    """What is solved for the state ``y = x / R`` from ``begin``, at ``t1``, to ``end``, at ``t0``.

    Attributes:
        terms: right-hand side.
        solver: method of a step.
        controller: choice of its length.
        begin: solver time at ``t1``.
        end: solver time at ``t0``.
        shape: shape in which the terms take the state.
        start: key of the draw at ``t1``.
    """

    terms: diffrax.AbstractTerm
    solver: diffrax.AbstractSolver
    controller: diffrax.AbstractStepSizeController
    begin: Float[Array, ""]
    end: Float[Array, ""]
    shape: tuple[int, ...]
    start: Key


class AbstractAdaptiveSampler(AbstractSampler):
    """Sampler whose steps follow a tolerance. A row whose solve fails is NaN, never redrawn."""

    rtol: eqx.AbstractVar[float]
    atol: eqx.AbstractVar[float]
    max_steps: eqx.AbstractVar[int]
    num_nodes: eqx.AbstractVar[int]

    def __check_init__(self) -> None:
        if not (self.rtol >= 0 and self.atol >= 0 and self.rtol + self.atol > 0):
            raise ValueError(
                explain(
                    expected="tolerances that are not negative, one of them positive",
                    got=f"rtol={self.rtol} and atol={self.atol}",
                    do="pass 1e-5, say",
                )
            )
        require_count(self.max_steps, f"max_steps of {type(self).__name__}")
        require_count(self.num_nodes, f"num_nodes of {type(self).__name__}", least=2)

    @abc.abstractmethod
    def _equation(
        self,
        model: AbstractScoreModel,
        ends: FlowEnds,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
    ) -> Equation:
        """The equation of one row."""

    def _solve(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
        keep: bool,
    ) -> tuple[FlowEnds, Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        ends = flow_ends(model, dtype)
        equation = self._equation(model, ends, shape, dtype, condition, key=key)
        x1 = terminal_draw(model, ends.end_level, shape, dtype, key=equation.start)
        at = jnp.linspace(equation.begin, equation.end, self.num_nodes)
        solution = diffrax.diffeqsolve(
            equation.terms,
            equation.solver,
            equation.begin,
            equation.end,
            None,
            (x1 / ends.end_radius).reshape(equation.shape),
            stepsize_controller=equation.controller,
            saveat=diffrax.SaveAt(ts=at) if keep else diffrax.SaveAt(t1=True),
            max_steps=self.max_steps,
            throw=False,
        )
        assert solution.ts is not None  # `saveat` asks for at least one
        assert solution.ys is not None
        ok = solution.result == diffrax.RESULTS.successful
        return ends, solution.ts, jnp.where(ok, solution.ys, jnp.nan).reshape((-1, *shape))

    def draw(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> Float[Array, "*shape"]:
        require_key(key)
        ends, _, ys = self._solve(model, *require_state(model, shape, dtype, condition), condition, key=key, keep=False)
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
        """Solver times and states ``y`` of the solve (not rescaled) at ``num_nodes`` of them, from ``t1`` to ``t0``."""
        require_key(key)
        _, times, ys = self._solve(model, *require_state(model, shape, dtype, condition), condition, key=key, keep=True)
        return times, ys
