"""Samplers with an error-controlled step for every row, solved by Diffrax."""

import abc
from collections.abc import Callable
from typing import NamedTuple

import diffrax
import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count, require_key
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, FlowEnds, clock_of_flow, process_ends, require_state
from scorax.samplers._abstract import AbstractSampler, Path


class Solve(NamedTuple):
    """What is solved for the state ``y = x / R`` from ``begin``, where it stands, to ``end``, at ``t0``.

    Attributes:
        terms: right-hand side.
        solver: method of a step.
        controller: choice of its length.
        begin: solver time at the start.
        end: solver time at ``t0``.
        place: flow coordinate at a solver time.
        shape: shape in which the terms take the state.
    """

    terms: diffrax.AbstractTerm
    solver: diffrax.AbstractSolver
    controller: diffrax.AbstractStepSizeController
    begin: Float[Array, ""]
    end: Float[Array, ""]
    place: Callable[[Array], Array]
    shape: tuple[int, ...]


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
        """The solve of one row."""

    def _solve(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        condition: Condition,
        *,
        t: float | None,
        key: Key,
        keep: bool,
    ) -> tuple[Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        """Flow coordinates and states ``y``, all where ``keep``, else at the end."""
        require_key(key)
        require_state(model, x.shape, x.dtype, condition)
        ends = process_ends(model.process if t is None else model.process.until(t), x.dtype)
        solve = self._to_solve(model, ends, x.shape, x.dtype, condition, key=key)
        at = jnp.linspace(solve.begin, solve.end, self.num_nodes)
        solution = diffrax.diffeqsolve(
            solve.terms,
            solve.solver,
            solve.begin,
            solve.end,
            None,
            (x / ends.end_radius).reshape(solve.shape),
            stepsize_controller=solve.controller,
            saveat=diffrax.SaveAt(ts=at) if keep else diffrax.SaveAt(t1=True),
            max_steps=self.max_steps,
            throw=False,
        )
        assert solution.ts is not None  # `saveat` asks for at least one
        assert solution.ys is not None
        ok = solution.result == diffrax.RESULTS.successful
        return solve.place(solution.ts), jnp.where(ok, solution.ys, jnp.nan).reshape((-1, *x.shape))

    def draw(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        t: float | None = None,
        key: Key,
    ) -> Float[Array, "*shape"]:
        _, ys = self._solve(model, x, condition, t=t, key=key, keep=False)
        return process_ends(model.process, x.dtype).start_radius * ys[-1]

    def path(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        t: float | None = None,
        key: Key,
    ) -> Path:
        """Times and states at ``num_nodes`` nodes that are equally spaced in the variable of the solve."""
        places, ys = self._solve(model, x, condition, t=t, key=key, keep=True)
        process = model.process
        times, radii = clock_of_flow(process, places)
        # The ends are known exactly; the inverse of the schedule rounds.
        first = jnp.asarray(process.t1 if t is None else t, x.dtype)
        times = times.at[0].set(first).at[-1].set(jnp.asarray(process.t0, x.dtype))
        return Path(times, ys * radii.reshape(-1, *[1] * x.ndim))
