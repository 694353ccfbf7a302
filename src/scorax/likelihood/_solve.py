"""The flow of one row as a flat system, and its solve."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from scorax._free import free_dimension, only_free
from scorax._types import Condition, Scalar
from scorax.likelihood._divergences import AbstractDivergence
from scorax.likelihood._paired_panels import Pair, PairedPanels, Progress
from scorax.likelihood._panel import System
from scorax.likelihood._rules import CORRECTED, SMOOTH, Rule
from scorax.models import (
    AbstractDenoiser,
    AbstractNetworkModel,
    AbstractScoreModel,
    FlowEnds,
    flow_field,
    terminal_log_density,
)
from scorax.processes import Level

_FIRST_STEP, _FIRST_STEP_OF_NETWORKS = 0.15, 0.07
"""First pair of panels at a tolerance of 1e-3, as a share of the way; the error of a step of order 5 falls as its fifth power.

A network changes with the logarithm of the noise, so where there is little of it a step must be short, and errors there fall more
slowly than a smooth field's: a control that starts too far out comes back by one rejected step after another."""

_LONGEST_FIRST_STEP = 0.4

_LOW = 0.07
_STRICT_N=1.0

_STRICTNESS = 30.0
"""By how much the state is solved more strictly than the integrals: its error counts times the slope of a log-density, and where
a divergence is exact the state costs next to nothing."""

_STATE_ROUNDINGS = 16.0
"""Least tolerance of the state in units of the precision: below it rounding is taken for error and steps shrink for nothing."""

_REJECTED = 0.5
"""Largest factor after a step that was rejected, for the same reason."""

_GROWTH, _GROWTH_OF_NETWORKS = 2.0, 1.1
"""Largest factor from one step to the next. On a mesh that changes evenly the distance of the pair stays in proportion to the
error; with Diffrax's own factor of 10 it was by accident too small for whole families of rows (``docs/likelihood.md``)."""


@dataclass(frozen=True)
class Flow:
    r"""The flow of one row as a flat system: the state, then one integral of the divergence for each probe.

    That of an exact denoiser is solved over the angle $a$. That of a network is solved over
    $s = \operatorname{asinh}(\sigma / \alpha)$, for which $da/ds = \cos a$: low in noise that is the angle, in which the field is
    regular where there is no noise; high in noise it is the logarithm, in which a network that is told the logarithm
    changes evenly. For the same error a fitted network takes fewer evaluations than over the angle, the exact field of a
    mixture more (``docs/likelihood.md``).

    Attributes:
        model: the score model.
        condition: what its network is told.
        ends: ends of the flow.
        shape: shape of the row.
        divergence: how the divergence is had.
        drawn: what it keeps along the solve.
    """

    model: AbstractScoreModel
    condition: Condition
    ends: FlowEnds
    shape: tuple[int, ...]
    divergence: AbstractDivergence
    drawn: PyTree

    @property
    def dimension(self) -> Array | int:
        """Number of random coordinates."""
        return free_dimension(self.model.free, self.shape)

    def start(self, x: Float[Array, "*shape"]) -> Float[Array, " m"]:
        """The flat state of a row at ``t0``."""
        integrals = jnp.zeros(max(self.divergence.num_probes, 1), x.dtype)
        return jnp.concatenate([(x / self.ends.start_radius).reshape(-1), integrals])

    @property
    def way(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Where the solve starts and ends."""
        ends = self.ends
        return self.coordinate(ends.start, ends.start_level), self.coordinate(ends.end, ends.end_level)

    @property
    def _told_noise(self) -> bool:
        return isinstance(self.model, AbstractDenoiser) and isinstance(self.model, AbstractNetworkModel)

    @property
    def first_step(self) -> float:
        """First pair of panels at a tolerance of 1e-3, as a share of the way."""
        return _FIRST_STEP_OF_NETWORKS if self._told_noise else _FIRST_STEP

    def coordinate(self, place: Float[Array, ""], level: Level | None) -> Float[Array, ""]:
        """Coordinate of the solve at a place of the flow with this level."""
        if not self._told_noise:
            return place
        assert level is not None  # a denoiser's process has a scalar Gaussian kernel
        return jnp.arcsinh(jnp.arcsinh(level.sigma / level.alpha) / _LOW)

    @property
    def rule(self) -> Rule:
        """How the state is solved: of little use is a method that takes few divergences where they are cheap."""
        return CORRECTED if self._told_noise else SMOOTH

    @property
    def system(self) -> System:
        """Right-hand side of the flat system."""
        return System(*map(self._along, (self._slope, self._traces, self._both)))

    def _pace(self, u: Float[Array, ""]) -> Float[Array, ""] | float:
        """By how much the angle grows with the coordinate of the solve."""
        return _LOW * jnp.cosh(u) / jnp.cosh(_LOW * jnp.sinh(u)) if self._told_noise else 1.0

    def _along(self, part: Callable[..., Any]) -> Callable[..., Any]:
        """A part along the coordinate of the solve, from that along the flow's own."""
        if not self._told_noise:
            return part

        def rate(u: Float[Array, ""], z: Float[Array, " m"]) -> Any:
            pace = self._pace(u)
            return jax.tree.map(lambda slope: slope * pace, part(jnp.arctan(jnp.sinh(_LOW * jnp.sinh(u))), z))

        return rate

    def _slope(self, place: Float[Array, ""], z: Float[Array, " m"]) -> Float[Array, " m"]:
        y, integrals = self.split(z)
        value = only_free(self.model.free, flow_field(self.model, self.condition)(place, y))
        return jnp.concatenate([value.reshape(-1), jnp.zeros_like(integrals)])

    def _traces(self, place: Float[Array, ""], z: Float[Array, " m"]) -> Float[Array, " m"]:
        return self._both(place, z)[1]

    def _both(self, place: Float[Array, ""], z: Float[Array, " m"]) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
        field, (y, integrals) = flow_field(self.model, self.condition), self.split(z)
        value, push = jax.linearize(lambda y: field(place, y), y)
        value = only_free(self.model.free, value).reshape(-1)
        traces = self.divergence(push, y, self.drawn, self.model.free)
        return (
            jnp.concatenate([value, jnp.zeros_like(integrals)]),
            jnp.concatenate([jnp.zeros_like(value), traces]),
        )

    def split(self, z: Float[Array, " m"]) -> tuple[Float[Array, "*shape"], Float[Array, " traces"]]:
        """State and integrals."""
        size = math.prod(self.shape)
        return z[:size].reshape(self.shape), z[size:]

    def noise_at_start(
        self, x: Float[Array, "*shape"], slope: Float[Array, " m"], level: Level
    ) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
        r"""The noise $n$ predicted for a row at ``t0``, of this level, and its divergence.

        That of a denoiser follows from the slope of the state there: $n = \sin a\, y + \cos a\, dy/da$.
        """
        free, model = self.model.free, self.model
        if isinstance(model, AbstractDenoiser):
            sin, cos = level.sigma / self.ends.start_radius, level.alpha / self.ends.start_radius
            slope = slope + self.system.integrals(self.way[0], self.start(x))
            moved, traces = self.split(slope * (cos / self._pace(self.way[0])))
            value = only_free(free, sin * x / self.ends.start_radius) + moved
            return value, (sin * self.dimension + jnp.mean(traces)) / self.ends.start_radius

        value, push = jax.linearize(lambda x: -level.sigma * model(self.ends.start, x, self.condition), x)
        return only_free(free, value), jnp.mean(self.divergence(push, x, self.drawn, free))

    def assumed(self, y: Float[Array, "*shape"], radius: Float[Array, ""], level: Level | None) -> Float[Array, ""]:
        """Log-density of the law assumed at a level, as a density of the row at ``t0`` but for the integral."""
        change = self.dimension * (jnp.log(radius) - jnp.log(self.ends.start_radius))
        return terminal_log_density(self.model, level, radius * y) + change

    def assumed_at_end(self, y: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Log-density of the law assumed at ``t1``, likewise."""
        return self.assumed(y, self.ends.end_radius, self.ends.end_level)


class _Controller(diffrax.PIDController):
    """Error control that knows its first step, a share of the way that follows from the tolerance, and gives way for good.

    A first step handed to ``diffeqsolve`` is checked at run time, which keeps the program out of the compilation cache; one
    left to Diffrax takes two more evaluations and copies of the field.

    Attributes:
        first_step: first step at a tolerance of 1e-3, as a share of the way.
    """

    first_step: float = _FIRST_STEP

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


def _length(values: Float[Array, " m"]) -> Float[Array, ""]:
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
    size = math.prod(flow.shape)

    def norm(error: Pair) -> Array:
        state, integrals = error.fine[:size], error.fine[size:]
        stricter = _STRICT_N if flow._told_noise else jnp.clip(rtol / (_STATE_ROUNDINGS * jnp.finfo(state.dtype).eps), 1, _STRICTNESS)
        return jnp.maximum(stricter * _length(state), _length(integrals) / integrals.size**0.5)

    def term(part: Callable[..., Any]) -> diffrax.ODETerm:
        return diffrax.ODETerm(lambda t, pair, args: part(t, pair.fine))

    controller = _Controller(rtol=rtol, atol=atol, norm=norm, factormax=_GROWTH_OF_NETWORKS if flow._told_noise else _GROWTH, first_step=flow.first_step)
    return Equation(diffrax.MultiTerm(*map(term, flow.system)), PairedPanels(flow.rule), controller)


def evaluations(rule: Rule, steps: Int[Array, "*rows"], *, paired: bool) -> Int[Array, "*rows"]:
    """Evaluations of the field in so many pairs of panels, the one at the start included."""
    return 1 + rule.evaluations * (3 if paired else 2) * steps


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
        evaluations(flow.rule, solution.stats["num_steps"], paired=paired),
    )
