"""Rules of panels: how slopes make states and rates make integrals, as tables of constants."""

from dataclasses import dataclass

import diffrax
import numpy as np


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


def rule(tableau: diffrax.ButcherTableau, steps: int, count: int) -> Rule:
    """The rule of ``count`` nodes over so many steps of a method whose last stage is the end of the step."""
    size = len(tableau.c)
    stages, errors = np.zeros((steps * size, steps * size + 1)), np.zeros((steps, steps * size + 1))
    for step in range(steps):
        first = step * size
        for i, row in enumerate(tableau.a_lower):
            if step > 0:
                stages[first + i] = stages[first - 1]
            stages[first + i, first : first + i + 1] += row
        errors[step, first : first + size + 1] = tableau.b_error
    roots, weights = np.polynomial.legendre.leggauss(count)
    of_states, of_slopes = np.split(_hermite(roots, steps), 2, axis=1)
    interpolation = of_states[:, 1:] @ stages[size - 1 :: size]  # the weights of the states have sum 1
    interpolation[:, ::size] += of_slopes
    times = np.add.outer(np.arange(steps), np.asarray(tableau.c)).reshape(-1)
    half = steps / 2
    return Rule(steps, times, stages, errors, (1 + roots) * half, interpolation, weights * half, _null(roots) * half)


def _hermite(roots: np.ndarray, steps: int) -> np.ndarray:
    """Values at places of [-1, 1] from those at the ends of the steps in it, and from the slopes there times a step."""
    powers, places = np.arange(2 * steps + 2), np.linspace(-1, 1, steps + 1)
    slopes = powers * places[:, None] ** np.maximum(powers - 1, 0) * 2 / steps
    return roots[:, None] ** powers @ np.linalg.inv(np.concatenate([places[:, None] ** powers, slopes]))


def _null(roots: np.ndarray) -> np.ndarray:
    count, both = len(roots), np.concatenate([roots - 1, roots + 1])
    basis = np.linalg.qr(both[:, None] ** np.arange(2 * count))[0][:, -2:].T
    fewer, weights = np.polynomial.legendre.leggauss(count - 1)
    degree = 2 * count - 2
    missing = 2 * 2 ** (degree + 1) / (degree + 1) - np.sum(weights * ((fewer - 1) ** degree + (fewer + 1) ** degree))
    return basis * missing / np.sum(basis * both ** np.array([[degree], [degree + 1]]), axis=1, keepdims=True)


PRECISE = rule(diffrax.Dopri5.tableau, 2, 4)
"""The rule of all solves: two steps of order 5 do not know the state well enough for a fifth node to change the integral."""
