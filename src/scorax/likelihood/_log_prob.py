"""Exact log-likelihood by integrating the divergence along the deterministic flow, with the error of the solve."""

from typing import Any, NamedTuple, TypeAlias

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int, PyTree

from scorax._divergence import value_and_divergence
from scorax._errors import explain
from scorax._free import free_dimension, only_free
from scorax._trees import cast, require_conditions, rows_at
from scorax._types import Condition, Scalar
from scorax.models import (
    AbstractScoreModel,
    FlowEnds,
    flow_ends,
    flow_field,
    terminal_log_density,
    without_clock,
)
from scorax.networks import check_conditions

CHUNK = 64
"""Rows of one compiled chunk. A constant of the library: a row's bits must not depend on its neighbours or their number."""


class LogProb(NamedTuple):
    """Log-densities with what is known about their error; one entry per row.

    Attributes:
        value: log-density of the model's law at ``t0``, in nats.
        solver_error: estimate of the error of the solve, in nats: the distance to a second solve at ``COARSER`` times the
            tolerance, which is the larger error of the two.
        evaluations: evaluations of the field (with its divergence) in both solves.
        converged: whether both solves ended within their step limit.
    """

    value: Float[Array, "*rows"] | Float[np.ndarray, "*rows"]
    solver_error: Float[Array, "*rows"] | Float[np.ndarray, "*rows"]
    evaluations: Int[Array, "*rows"] | Int[np.ndarray, "*rows"]
    converged: Bool[Array, "*rows"] | Bool[np.ndarray, "*rows"]

    @property
    def total_error(self) -> Float[Array, "*rows"] | Float[np.ndarray, "*rows"]:
        """Sum of the error terms; the solver's is the only one so far (the divergence is exact)."""
        return self.solver_error


COARSER = 30.0


def row_log_prob(
    model: AbstractScoreModel,
    x: Float[Array, "*shape"],
    condition: Condition = None,
    *,
    ends: FlowEnds | None = None,
    rtol: Scalar = 1e-6,
    atol: Scalar = 1e-6,
    max_steps: int = 4096,
    estimate_error: bool = True,
) -> LogProb:
    r"""Log-density of one row: traceable (``jit``, ``vmap``).

    With the flow $dy/da = v(a, y)$ of a denoiser, $y = x / R$, and its angles $a_0 < a_1$,

    $$ \log p_{t_0}(x) = \log p_{t_1}(R_1 y_{a_1}) + d \log R_1 - d \log R_0 + \int_{a_0}^{a_1} \nabla\!\cdot v \, da. $$

    The integral is solved as one more coordinate under the same error control. Other scores are solved in the clock of their
    process.

    Args:
        model: any score model of a process with a law at ``t1``.
        x: state at ``t0``.
        condition: what the network is told.
        ends: ends of the flow where they are known already.
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step, for the state and for the log-density in nats.
        max_steps: steps after which a solve counts as failed.
        estimate_error: whether to pay for the second solve; without it ``solver_error`` is NaN.

    Reference: Song et al. (2021), appendix D.2; Chen et al. (2018), *Neural ODEs*, theorem 1.
    """
    ends = flow_ends(model, x.dtype) if ends is None else ends

    def solve(coarser: Scalar) -> _Solve:
        return _solve(model, x, condition, ends, coarser * rtol, coarser * atol, max_steps)

    if not estimate_error:
        fine = solve(1.0)
        return LogProb(fine.value, jnp.full_like(fine.value, jnp.nan), fine.evaluations, fine.converged)
    both = jax.lax.map(solve, jnp.asarray([1.0, COARSER], x.dtype))  # one solver to compile, run twice
    return LogProb(
        both.value[0],
        jnp.abs(both.value[0] - both.value[1]),
        jnp.sum(both.evaluations),
        jnp.all(both.converged),
    )


def log_prob(
    model: AbstractScoreModel,
    x: Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    condition: Condition = None,
    *,
    conditions: PyTree = None,
    rtol: float = 1e-6,
    atol: float = 1e-6,
    max_steps: int = 4096,
    estimate_error: bool = True,
) -> LogProb:
    """Log-densities of many rows, in one compiled chunk of fixed size; see :func:`row_log_prob`.

    The precision is that of ``x``: pass float64 inside ``jax.enable_x64(True)`` for the smallest errors. The same law as the
    samplers draw from: stopped at ``t0``, no denoising step. A row's answer is the same alone and in any batch. The network is
    told ``condition`` of every row, or of each its own row of ``conditions``, a PyTree of arrays.

    Raises:
        TypeError: the process has no law at ``t1`` (``Clean``, a general SDE without a prior), or ``x`` is not floating-point.
        ValueError: there are conditions of both kinds, for another number of rows or unknown to the network's embedder.
    """
    x = jnp.asarray(x)
    require_conditions(condition, conditions, len(x))
    check_conditions(model, condition if conditions is None else conditions)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(explain(expected="floating-point rows", got=str(x.dtype), do="convert them first"))
    ends = flow_ends(model, x.dtype)
    if len(x) == 0:
        empty = jnp.zeros(0, x.dtype)
        return LogProb(empty, empty, jnp.zeros(0, int), jnp.zeros(0, bool))
    bare = without_clock(model)
    limits = (jnp.asarray(rtol, x.dtype), jnp.asarray(atol, x.dtype))
    rows: Any = x if isinstance(x, Tracer) else np.asarray(x)  # on the device, cutting and padding would be compiled
    parts = []
    for first in range(0, len(x), CHUNK):
        places = np.minimum(first + np.arange(CHUNK), len(x) - 1)
        block, told = rows_at((rows, conditions), places)
        parts.append(_chunk(bare, block, condition, told, ends, limits, max_steps, estimate_error))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[: len(x)], *parts)


@eqx.filter_jit
def _chunk(
    model: AbstractScoreModel,
    x: Float[Array, "chunk *shape"],
    condition: Condition,
    conditions: PyTree,
    ends: FlowEnds,
    limits: tuple[Float[Array, ""], Float[Array, ""]],
    max_steps: int,
    estimate_error: bool,
) -> LogProb:
    rtol, atol = limits
    model = cast(model, x.dtype)

    def one(row: Float[Array, "*shape"], own: Condition) -> LogProb:
        told = condition if own is None else own
        return row_log_prob(
            model, row, told, ends=ends, rtol=rtol, atol=atol, max_steps=max_steps, estimate_error=estimate_error
        )

    return jax.vmap(one)(x, conditions)


State: TypeAlias = tuple[Array, Array]
"""State of the flow and the integral of the divergence so far."""


class _Solve(NamedTuple):
    value: Float[Array, ""]
    evaluations: Int[Array, ""]
    converged: Bool[Array, ""]


def _solve(
    model: AbstractScoreModel,
    x: Float[Array, "*shape"],
    condition: Condition,
    ends: FlowEnds,
    rtol: Scalar,
    atol: Scalar,
    max_steps: int,
) -> _Solve:
    field = flow_field(model, condition)

    def augmented(s: Any, state: State, args: None) -> State:
        y, _ = state
        value, divergence = value_and_divergence(lambda z: field(jnp.asarray(s), z), y, free=model.free)
        return only_free(model.free, value), divergence

    def norm(state: State) -> Array:
        y, log_density = state
        return jnp.maximum(jnp.sqrt(jnp.mean(y**2)), jnp.abs(log_density))

    solver = diffrax.Dopri5() if x.dtype == jnp.float32 else diffrax.Dopri8()
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(augmented),
        solver,
        ends.start,
        ends.end,
        None,
        (x / ends.start_radius, jnp.zeros((), x.dtype)),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol, norm=norm),
        max_steps=max_steps,
        throw=False,
    )
    assert solution.ys is not None  # the default saves the end
    y1, integral = (leaf[-1] for leaf in solution.ys)
    d = free_dimension(model.free, x.shape)
    change = d * (jnp.log(ends.end_radius) - jnp.log(ends.start_radius))
    converged = solution.result == diffrax.RESULTS.successful
    value = terminal_log_density(model, ends.end_level, ends.end_radius * y1) + change + integral
    stages = 6 if x.dtype == jnp.float32 else 13
    return _Solve(jnp.where(converged, value, jnp.nan), stages * solution.stats["num_steps"], converged)
