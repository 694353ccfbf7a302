"""Runge-Kutta steps on flat states, and a solver that carries the same solution at twice the step beside its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float

Rate = Callable[[Float[Array, ""], Float[Array, " m"], Bool[Array, ""] | None], Float[Array, " m"]]
"""Right-hand side ``rate(s, z, wanted)`` of a state and of integrals after it, on which nothing depends. Where they are not
wanted their rates may be anything finite; ``None`` wants them."""


@dataclass(frozen=True, eq=False)
class Method:
    """An explicit method whose last stage is the first of the next step.

    Attributes:
        weights: row i makes the state of stage i from the slopes before it; the last row makes the step itself.
        nodes: times of the stages, in steps.
        error: weights of the embedded error estimate.
        order: order of the step.
        share: what the distance between steps ``h`` and ``2 h`` is multiplied by for a bound of the error at ``h``. In the
            limit of small steps 1 / (2^order - 1) is the error itself; the shares are larger, measured on mixtures at
            tolerances from 1e-5 to 1e-7, where steps are not small (``docs/likelihood.md``).
    """

    weights: np.ndarray
    nodes: np.ndarray
    error: np.ndarray
    order: int
    share: float

    @property
    def evaluations(self) -> int:
        """New evaluations of a step."""
        return len(self.nodes) - 1

    @property
    def wanted(self) -> np.ndarray:
        """Stages at which the rate of an integral counts: one of six is without weight in order 5, four of 13 in order 8."""
        counts = (self.weights[-1] != 0) | (self.error != 0)
        counts[-1] = True  # the first of the next step
        return counts


def _method(tableau: diffrax.ButcherTableau, order: int, share: float) -> Method:
    stages = len(tableau.b_sol)
    weights = np.zeros((stages, stages))
    for i, row in enumerate(tableau.a_lower):
        weights[i + 1, : i + 1] = row
    return Method(weights, np.concatenate([[0.0], tableau.c]), np.asarray(tableau.b_error), order, share)


DOPRI5 = _method(diffrax.Dopri5.tableau, 5, 1 / 4)
DOPRI8 = _method(diffrax.Dopri8.tableau, 8, 1 / 8)


def method_for(dtype: DTypeLike) -> Method:
    """Order 5 for float32, 8 for the tolerances that float64 is for."""
    return DOPRI8 if jnp.dtype(dtype) == jnp.float64 else DOPRI5


class Step(NamedTuple):
    """State, slope and error estimate at the end of a step."""

    state: Float[Array, " m"]
    slope: Float[Array, " m"]
    error: Float[Array, " m"]


def step(
    method: Method,
    rate: Rate,
    s: Float[Array, ""],
    h: Float[Array, ""],
    z: Float[Array, " m"],
    slope: Float[Array, " m"],
) -> Step:
    """One step from ``(s, z)``, where the slope is known. The stages run in a loop: one copy of ``rate`` to compile."""
    weights, nodes, error = (jnp.asarray(a, z.dtype) for a in (method.weights, method.nodes, method.error))
    wanted = jnp.asarray(method.wanted)

    def stage(carry: tuple[Array, Array], i: Array) -> tuple[tuple[Array, Array], None]:
        slopes, _ = carry
        at = z + h * (weights[i] @ slopes)
        return (slopes.at[i].set(rate(s + nodes[i] * h, at, wanted[i])), at), None

    slopes = jnp.zeros((len(method.nodes), z.size), z.dtype).at[0].set(slope)
    (slopes, end), _ = jax.lax.scan(stage, (slopes, z), jnp.arange(1, len(method.nodes)))
    return Step(end, slopes[-1], h * (error @ slopes))


class Pair(NamedTuple):
    """The solution, and the one at twice the step; ``None`` where nobody asks for the error."""

    fine: Float[Array, " m"]
    coarse: Float[Array, " m"] | None


class Progress(NamedTuple):
    """What a step hands to the next.

    Attributes:
        slope: slope of each solution.
        apart: largest distance of the two so far, in every coordinate; ``None`` where there is one.
    """

    slope: Pair
    apart: Float[Array, " m"] | None


class PairedRungeKutta(diffrax.AbstractSolver):
    """Two steps of a method, controlled by their embedded errors, and beside them one of twice the length.

    Both solutions are carried to the end, so their distance there is that of two global solutions on one mesh and its
    halving. It shrinks as ``2^order - 1`` times the error of the finer one, whatever the steps did in between: unlike the
    distance of two adaptive solves, whose errors are unrelated, or a sum of local estimates, which knows nothing of how
    errors grow. A difference that changes its sign may vanish at the end by accident, so the largest one on the way is kept.
    The terms must be those of a ``Rate``, applied to each of the pair, with ``wanted`` for their arguments.
    """

    method: Method = eqx.field(static=True)
    term_structure: ClassVar = diffrax.ODETerm
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms: Any) -> int:
        return self.method.order

    def init(self, terms: Any, t0: Any, t1: Any, y0: Pair, args: Any) -> Progress:
        slope = terms.vf(t0, Pair(y0.fine, None), None).fine
        if y0.coarse is None:
            return Progress(Pair(slope, None), None)
        return Progress(Pair(slope, slope), jnp.zeros_like(y0.fine))

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Pair, args: Any, solver_state: Progress, made_jump: Any
    ) -> tuple[Pair, Pair, dict[str, Pair], Progress, diffrax.RESULTS]:
        def rate(s: Float[Array, ""], z: Float[Array, " m"], wanted: Bool[Array, ""] | None) -> Float[Array, " m"]:
            return terms.vf(s, Pair(z, None), wanted).fine

        def one(carry: tuple[Array, Array], task: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Step]:
            state, slope = carry
            s, h, coarse = task
            if y0.coarse is not None and slopes.coarse is not None:
                state = jnp.where(coarse, y0.coarse, state)
                slope = jnp.where(coarse, slopes.coarse, slope)
            done = step(self.method, rate, s, h, state, slope)
            return (done.state, done.slope), done

        slopes, apart = solver_state
        h = (t1 - t0) / 2
        tasks = (jnp.stack([t0, t0 + h, t0]), jnp.stack([h, h, 2 * h]), jnp.arange(3) == 2)
        if y0.coarse is None:
            tasks = jax.tree.map(lambda leaf: leaf[:2], tasks)
        done = jax.lax.scan(one, (y0.fine, slopes.fine), tasks)[1]
        error = jnp.maximum(jnp.abs(done.error[0]), jnp.abs(done.error[1]))

        def pair(leaf: Array) -> Pair:
            return Pair(leaf[1], None if y0.coarse is None else leaf[2])

        y1 = pair(done.state)
        if apart is not None and y1.coarse is not None:
            apart = jnp.maximum(apart, jnp.abs(y1.fine - y1.coarse))
        errors = Pair(error, None if y0.coarse is None else jnp.zeros_like(error))
        return y1, errors, dict(y0=y0, y1=y1), Progress(pair(done.slope), apart), diffrax.RESULTS.successful

    def func(self, terms: Any, t0: Any, y0: Pair, args: Any) -> Pair:
        return terms.vf(t0, y0, args)
