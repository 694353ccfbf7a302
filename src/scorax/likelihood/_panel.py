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

_TABLEAU = diffrax.Dopri5.tableau
_STAGES = len(_TABLEAU.c)
"""Evaluations of a step, whose first slope is the last of the step before."""


@dataclass(frozen=True, eq=False)
class Rule:
    """Some Runge-Kutta steps as one of many stages, and Gauss's rule over them. All lengths are in steps.

    What a panel needs is a sum over the slopes at its start and at its stages: the state at every stage, that at the end of
    every step, and so the polynomial through the states and slopes there (Hermite), which is the state at the nodes.

    Attributes:
        steps: Runge-Kutta steps of a panel.
        times: of the stages.
        stages: row i makes the state of stage i from the slopes before it; that of the last is the end of the panel.
        errors: estimated error of each step.
        nodes: where the integrals take their rates.
        interpolation: makes the states at the nodes.
        weights: those of the rates.
        null: two sums over the nodes of two panels that vanish for polynomials of all but the highest degrees. For the next
            power of the distance from where the panels meet each is the error that a rule of one node less would have in
            both panels: an estimate of lower order, from values that are there.
    """

    steps: int
    times: np.ndarray
    stages: np.ndarray
    errors: np.ndarray
    nodes: np.ndarray
    interpolation: np.ndarray
    weights: np.ndarray
    null: np.ndarray

    @property
    def evaluations(self) -> int:
        """Evaluations of the field in a panel."""
        return len(self.times) + len(self.nodes)


def rule(steps: int, count: int) -> Rule:
    """The rule of ``count`` nodes over so many steps."""
    stages, errors = np.zeros((steps * _STAGES, steps * _STAGES + 1)), np.zeros((steps, steps * _STAGES + 1))
    for step in range(steps):
        first = step * _STAGES
        own = slice(first, first + _STAGES + 1)
        for i, row in enumerate(_TABLEAU.a_lower):
            if step > 0:
                stages[first + i] = stages[first - 1]
            stages[first + i, first : first + i + 1] += row
        errors[step, own] = _TABLEAU.b_error
    ends = stages[_STAGES - 1 :: _STAGES]
    roots, weights = np.polynomial.legendre.leggauss(count)
    of_states, of_slopes = np.split(_hermite(roots, steps), 2, axis=1)
    interpolation = of_states[:, 1:] @ ends  # the weights of the states have sum 1
    interpolation[:, ::_STAGES] += of_slopes
    return Rule(
        steps=steps,
        times=np.add.outer(np.arange(steps), np.asarray(_TABLEAU.c)).reshape(-1),
        stages=stages,
        errors=errors,
        nodes=(1 + roots) * steps / 2,
        interpolation=interpolation,
        weights=weights * steps / 2,
        null=_null_rules(roots) * steps / 2,
    )


def _hermite(roots: np.ndarray, steps: int) -> np.ndarray:
    """Values at places of [-1, 1] from those at the ends of the steps in it, and from the slopes there times a step."""
    powers = np.arange(2 * steps + 2)

    def values(s: np.ndarray) -> np.ndarray:
        return s[:, None] ** powers

    def slopes(s: np.ndarray) -> np.ndarray:
        return powers * s[:, None] ** np.maximum(powers - 1, 0) * 2 / steps

    places = np.linspace(-1, 1, steps + 1)
    return values(roots) @ np.linalg.inv(np.concatenate([values(places), slopes(places)]))


def _null_rules(roots: np.ndarray) -> np.ndarray:
    count, both = len(roots), np.concatenate([roots - 1, roots + 1])
    basis = np.linalg.qr(both[:, None] ** np.arange(2 * count))[0][:, -2:].T
    fewer, weights = np.polynomial.legendre.leggauss(count - 1)
    degree = 2 * count - 2
    missing = 2 * 2 ** (degree + 1) / (degree + 1) - np.sum(weights * ((fewer - 1) ** degree + (fewer + 1) ** degree))
    return basis * missing / np.sum(basis * both ** np.array([[degree], [degree + 1]]), axis=1, keepdims=True)


RULE = rule(2, 4)
"""Where the state is known as well as two steps of order 5 know it, a fifth node changes nothing any more."""


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
    """The panel that starts at ``(s, z)``, where the slope is known, with steps ``h``; its integrals by Gauss's rule.

    A divergence may cost as much as d evaluations of the field; a sum over the stages takes ten of them for two steps. Stages
    and nodes run in loops: one copy of each part of the system to compile.
    """

    def table(values: np.ndarray) -> Array:
        return jnp.asarray(values, z.dtype)

    def stage(slopes: Array, number: tuple[Array, Array, Array]) -> tuple[Array, None]:
        i, time, weights = number
        new = system.state(s + time * h, z + h * (slopes @ weights))
        return jax.lax.dynamic_update_slice(slopes, new[:, None], (jnp.zeros_like(i), i)), None

    count = len(rule.times)
    # Stages come last: mapped over rows, their sums are then products of matrices without a transposition.
    slopes = jnp.zeros((z.size, 1 + count), z.dtype).at[:, 0].set(slope)
    numbers = jnp.arange(1, 1 + count, dtype=jnp.uint32), table(rule.times), table(rule.stages)
    slopes = jax.lax.scan(stage, slopes, numbers)[0]
    moved = h * (slopes @ table(np.concatenate([rule.interpolation, rule.errors, rule.stages[-1:]])).T)
    inside, errors, along = jnp.split(moved, np.cumsum([len(rule.nodes), rule.steps]), axis=1)
    places = s + table(rule.nodes) * h, (z[:, None] + inside).T
    rates = jax.lax.scan(lambda carry, place: (carry, system.integrals(*place)), None, places)[1]
    return Panel(
        state=z + along[:, 0] + h * (table(rule.weights) @ rates),
        slope=slopes[:, -1],
        error=jnp.max(jnp.abs(errors), axis=1),
        rates=rates,
    )


def panels(
    system: System,
    start: Float[Array, ""],
    places: Float[Array, " places"],
    z: Float[Array, " m"],
    slope: Float[Array, " m"],
) -> Panel:
    """From ``(start, z)`` to one place after another, in one panel of :data:`RULE` each, either way: what each makes, stacked."""

    def one(carry: tuple[Array, Array, Array], there: Array) -> tuple[tuple[Array, Array, Array], Panel]:
        s, z, slope = carry
        done = panel(RULE, system, s, (there - s) / RULE.steps, z, slope)
        return (there, done.state, done.slope), done

    return jax.lax.scan(one, (start, z, slope), places)[1]
