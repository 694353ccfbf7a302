"""Panels: Runge-Kutta steps of a state, and integrals along it by Gauss's rule."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Rate = Callable[[Float[Array, ""], Float[Array, " m"]], Float[Array, " m"]]
"""Part of the right-hand side for a state with integrals after it, on which nothing depends."""


class System(NamedTuple):
    """A right-hand side in its two parts.

    Attributes:
        state: slope of the state; zero for the integrals.
        integrals: rates of the integrals, the costly part; zero for the state.
    """

    state: Rate
    integrals: Rate


ORDER = 5
"""Of the steps. The integrals are of order 6 in the state, by its interpolation, and of order 8 in their own rate."""


def _dense(tableau: diffrax.ButcherTableau) -> np.ndarray:
    """Row i makes the state of stage i from the slopes before it; the last makes the step itself."""
    weights = np.zeros((len(tableau.b_sol),) * 2)
    for i, row in enumerate(tableau.a_lower):
        weights[i + 1, : i + 1] = row
    return weights


_TABLEAU = diffrax.Dopri5.tableau
_WEIGHTS, _ERROR = _dense(_TABLEAU), np.asarray(_TABLEAU.b_error)
_TIMES = np.concatenate([[0.0], _TABLEAU.c])


@dataclass(frozen=True, eq=False)
class Rule:
    """Gauss's rule over a panel of some steps.

    Attributes:
        steps: Runge-Kutta steps of a panel.
        nodes: where the integrals take their rates, in steps from the start of the panel.
        weights: those of the rates, in steps.
        interpolation: makes the states at the nodes from those at the ends of the steps, and from the slopes there times a
            step: the polynomial through both (Hermite).
        null: two sums over the nodes of two panels that vanish for polynomials of all but the highest degrees. For the next
            power of the distance from where the panels meet each is the error that a rule of one node less would have in
            both panels: an estimate of lower order, from values that are there.
    """

    steps: int
    nodes: np.ndarray
    weights: np.ndarray
    interpolation: np.ndarray
    null: np.ndarray

    @property
    def evaluations(self) -> int:
        """Evaluations of the field in a panel."""
        return self.steps * (len(_TIMES) - 1) + len(self.nodes)


def rule(steps: int, count: int) -> Rule:
    """The rule of ``count`` nodes over so many steps."""
    roots, weights = np.polynomial.legendre.leggauss(count)
    powers = np.arange(2 * steps + 2)

    def values(s: np.ndarray) -> np.ndarray:
        return s[:, None] ** powers

    def slopes(s: np.ndarray) -> np.ndarray:
        return powers * s[:, None] ** np.maximum(powers - 1, 0) * 2 / steps

    places = np.linspace(-1, 1, steps + 1)
    interpolation = values(roots) @ np.linalg.inv(np.concatenate([values(places), slopes(places)]))
    return Rule(steps, (1 + roots) * steps / 2, weights * steps / 2, interpolation, _null_rules(roots) * steps / 2)


def _null_rules(roots: np.ndarray) -> np.ndarray:
    count, both = len(roots), np.concatenate([roots - 1, roots + 1])
    basis = np.linalg.qr(both[:, None] ** np.arange(2 * count))[0][:, -2:].T
    fewer, weights = np.polynomial.legendre.leggauss(count - 1)
    degree = 2 * count - 2
    missing = 2 * 2 ** (degree + 1) / (degree + 1) - np.sum(weights * ((fewer - 1) ** degree + (fewer + 1) ** degree))
    return basis * missing / np.sum(basis * both ** np.array([[degree], [degree + 1]]), axis=1, keepdims=True)


RULE = rule(2, 4)
"""Where the state is known as well as two steps of order 5 know it, a fifth node changes nothing any more."""


class Step(NamedTuple):
    """State, slope and error estimate at the end of a step."""

    state: Float[Array, " m"]
    slope: Float[Array, " m"]
    error: Float[Array, " m"]


def step(
    slope_of: Rate, s: Float[Array, ""], h: Float[Array, ""], z: Float[Array, " m"], slope: Float[Array, " m"]
) -> Step:
    """One step of the state from ``(s, z)``, where the slope is known. Its stages run in a loop: one copy to compile."""
    weights, times, error = (jnp.asarray(a, z.dtype) for a in (_WEIGHTS, _TIMES, _ERROR))

    def stage(carry: tuple[Array, Array], i: Array) -> tuple[tuple[Array, Array], None]:
        slopes, _ = carry
        at = z + h * (weights[i] @ slopes)
        return (slopes.at[i].set(slope_of(s + times[i] * h, at)), at), None

    slopes = jnp.zeros((len(_TIMES), z.size), z.dtype).at[0].set(slope)
    (slopes, end), _ = jax.lax.scan(stage, (slopes, z), jnp.arange(1, len(_TIMES)))
    return Step(end, slopes[-1], h * (error @ slopes))


class Panel(NamedTuple):
    """What the steps of a panel make of a state.

    Attributes:
        state: state and integrals at the end.
        slope: slope of the state there.
        error: larger of the error estimates of the steps; zero for the integrals.
        rates: rates of the integrals at the nodes.
    """

    state: Float[Array, " m"]
    slope: Float[Array, " m"]
    error: Float[Array, " m"]
    rates: Float[Array, "nodes m"]


def panel(
    rule: Rule,
    system: System,
    s: Float[Array, ""],
    h: Float[Array, ""],
    z: Float[Array, " m"],
    slope: Float[Array, " m"],
) -> Panel:
    """The steps of a panel, of length ``h``, and the integrals over them by Gauss's rule along the interpolated state.

    A divergence may cost as much as d evaluations of the field; a sum over the stages takes ten of them for two steps.
    """
    interpolation, nodes, weights = (jnp.asarray(a, z.dtype) for a in (rule.interpolation, rule.nodes, rule.weights))

    def advance(carry: tuple[Array, Array], at: Array) -> tuple[tuple[Array, Array], Step]:
        done = step(system.state, at, h, *carry)
        return (done.state, done.slope), done

    (end, last), steps = jax.lax.scan(advance, (z, slope), s + h * jnp.arange(rule.steps))
    states, slopes = jnp.concatenate([z[None], steps.state]), jnp.concatenate([slope[None], steps.slope])
    places = s + nodes * h, interpolation @ jnp.concatenate([states, h * slopes])
    rates = jax.lax.scan(lambda carry, place: (carry, system.integrals(*place)), None, places)[1]
    return Panel(end + h * (weights @ rates), last, jnp.max(jnp.abs(steps.error), axis=0), rates)
