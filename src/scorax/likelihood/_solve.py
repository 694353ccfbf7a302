"""The solve of the flow of one row."""

import math
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from scorax._types import Scalar
from scorax.likelihood._flow import Flow
from scorax.likelihood._methods import Steps
from scorax.likelihood._paired_panels import Pair, PairedPanels, Part, Progress
from scorax.likelihood._rules import PRECISE

_LONGEST_FIRST_STEP = 0.4
"""As a share of the way."""

_STATE_ROUNDINGS = 16.0
"""Least tolerance of the state in units of the precision: below it rounding is taken for error and steps shrink for nothing."""

_REJECTED = 0.5
"""Largest factor after a step that was rejected: one that starts too far out would come back by one rejection after another."""


class _Controller(diffrax.PIDController):
    """Error control that knows its first step, a share of the way that follows from the tolerance, and gives way for good.

    A first step handed to ``diffeqsolve`` is checked at run time, which keeps the program out of the compilation cache; one
    left to Diffrax takes two more evaluations and copies of the field.

    Attributes:
        first_step: first step at a tolerance of 1e-3, as a share of the way.
    """

    first_step: float = eqx.field(kw_only=True)

    def init(self, terms: Any, t0: Any, t1: Any, y0: Any, dt0: Any, args: Any, func: Any, error_order: Any) -> Any:
        share = jnp.minimum(self.first_step * (self.rtol / 1e-3) ** 0.2, _LONGEST_FIRST_STEP)
        return super().init(terms, t0, t1, y0, share * (t1 - t0), args, func, error_order)

    def adapt_step_size(
        self,
        t0: Any,
        t1: Any,
        y0: Any,
        y1_candidate: Any,
        args: Any,
        y_error: Any,
        error_order: Any,
        controller_state: Any,
    ) -> tuple[Any, ...]:
        accepted, start, end, *rest = super().adapt_step_size(
            t0, t1, y0, y1_candidate, args, y_error, error_order, controller_state
        )
        return accepted, start, jnp.where(accepted, end, jnp.minimum(end, t0 + _REJECTED * (t1 - t0))), *rest


class Solve(NamedTuple):
    """What became of a solve.

    Attributes:
        end: flat state at ``t1``.
        apart: largest distance on the way to the solution of the doubled steps, in every coordinate; ``None`` without it.
        slopes: slope at ``t0`` and at ``t1``.
        converged: whether it ended within the step limit.
        evaluations: evaluations of the right-hand side.
    """

    end: Float[Array, " m"]
    apart: Float[Array, " m"] | None
    slopes: tuple[Float[Array, " m"], Float[Array, " m"]]
    converged: Bool[Array, ""]
    evaluations: Int[Array, ""]


class Equation(NamedTuple):
    """What is solved, by what and under which control."""

    terms: diffrax.MultiTerm
    solver: PairedPanels
    controller: diffrax.AbstractAdaptiveStepSizeController


def length(values: Float[Array, " m"]) -> Float[Array, ""]:
    """Euclidean length with the same bits in every lane: the next step follows from it.

    A sum of products may be rounded in different ways, in another order or with one of two products exact, and the compiler
    chooses one for most lanes and another for the last. So squares are cut by a bit, which keeps them apart from the sum, and
    the sum goes by halves.
    """
    format_ = jnp.finfo(values.dtype)
    squares = jax.lax.reduce_precision(values**2, format_.nexp, format_.nmant - 1)
    while squares.size > 1:
        half = (squares.size + 1) // 2
        squares = squares[:half] + jnp.pad(squares[half:], (0, 2 * half - squares.size))
    return jnp.sqrt(squares[0])


def equation(flow: Flow, rtol: Scalar, atol: Scalar) -> Equation:
    """The flow of a row as Diffrax takes it, for states that are a :class:`Pair`."""
    size, method = math.prod(flow.shape), flow.method
    assert isinstance(method, Steps)

    def norm(error: Pair) -> Array:
        state, integrals = error.fine[:size], error.fine[size:]
        least = rtol / (_STATE_ROUNDINGS * jnp.finfo(state.dtype).eps)
        stricter = jnp.minimum(jnp.maximum(least, 1), PRECISE.strictness)
        return jnp.maximum(stricter * length(state), length(integrals) / integrals.size**0.5)

    controller = _Controller(rtol=rtol, atol=atol, norm=norm, factormax=method.growth, first_step=method.first_step)
    return Equation(diffrax.MultiTerm(*map(Part, flow.system)), PairedPanels(PRECISE), controller)


def evaluations(steps: Int[Array, "*rows"], *, paired: bool) -> Int[Array, "*rows"]:
    """Evaluations of the field in so many pairs of panels, the one at the start included."""
    return 1 + PRECISE.evaluations * (3 if paired else 2) * steps


def solve(flow: Flow, x: Float[Array, "*shape"], rtol: Scalar, atol: Scalar, max_steps: int, *, paired: bool) -> Solve:
    """The flow of a row from ``t0`` to ``t1``, with the doubled steps beside it where they are asked for."""
    start = flow.start(x)
    begin, end = flow.way
    terms, solver, controller = equation(flow, rtol, atol)
    solution = diffrax.diffeqsolve(
        terms,
        solver,
        begin,
        end,
        None,
        Pair(start, start if paired else None),
        saveat=diffrax.SaveAt(t1=True, solver_state=True),
        stepsize_controller=controller,
        max_steps=max_steps,
        throw=False,
    )
    assert solution.ys is not None  # the end is saved
    assert isinstance(solution.solver_state, Progress)
    return Solve(
        solution.ys.fine[-1],
        solution.solver_state.apart,
        (flow.system.state(begin, start), solution.solver_state.slope.fine),
        solution.result == diffrax.RESULTS.successful,
        evaluations(solution.stats["num_steps"], paired=paired),
    )
