"""A solver of panels that carries the same solution at twice the step beside its own."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.likelihood._panel import Panel, System, panel
from scorax.likelihood._rules import Rule


class Pair(NamedTuple):
    """The solution, and the one at twice the step; ``None`` where nobody asks for the error."""

    fine: Float[Array, " m"]
    coarse: Float[Array, " m"] | None


class Part(diffrax.AbstractTerm):
    """One part of a ``System``, which a solver of panels asks for by itself."""

    rate: Callable[..., Any]

    def vf(self, t: Any, y: Pair, args: Any) -> Any:
        return self.rate(t, y.fine)

    def contr(self, t0: Any, t1: Any, **kwargs: Any) -> Any:
        return t1 - t0

    def prod(self, vf: Any, control: Any) -> Any:
        return jax.tree.map(lambda slope: control * slope, vf)


class Progress(NamedTuple):
    """What a pair of panels hands to the next.

    Attributes:
        slope: slope of each solution.
        apart: largest distance of the two so far, in every coordinate; ``None`` where there is one.
    """

    slope: Pair
    apart: Float[Array, " m"] | None


class PairedPanels(diffrax.AbstractSolver):
    """Two panels, controlled by their estimated errors, and beside them one of twice the length.

    Both solutions are carried to the end, so their distance there is that of two global solutions on one mesh and its
    halving. It shrinks as the error of the finer one, whatever the steps did in between: unlike the distance of two adaptive
    solves, whose errors are unrelated, or a sum of local estimates, which knows nothing of how errors grow. A difference
    that changes its sign may vanish at the end by accident, so the largest one on the way is kept. The terms are the
    parts of the system.
    """

    rule: Rule = eqx.field(static=True)
    term_structure: ClassVar = diffrax.MultiTerm[tuple[Part, Part]]
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms: Any) -> int:
        return self.rule.order

    def init(self, terms: Any, t0: Any, t1: Any, y0: Pair, args: Any) -> Progress:
        slope = _system(terms, args).state(t0, y0.fine)
        if y0.coarse is None:
            return Progress(Pair(slope, None), None)
        return Progress(Pair(slope, slope), jnp.zeros_like(y0.fine))

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Pair, args: Any, solver_state: Progress, made_jump: Any
    ) -> tuple[Pair, Pair, dict[str, Pair], Progress, diffrax.RESULTS]:
        def one(carry: tuple[Array, Array], task: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Panel]:
            state, slope = carry
            s, h, coarse = task
            if y0.coarse is not None and slopes.coarse is not None:
                state = jnp.where(coarse, y0.coarse, state)
                slope = jnp.where(coarse, slopes.coarse, slope)
            done = panel(self.rule, system, s, h, state, slope)
            return (done.state, done.slope), done

        slopes, apart = solver_state
        system = _system(terms, args)
        h = (t1 - t0) / (2 * self.rule.steps)
        tasks = (jnp.stack([t0, t0 + self.rule.steps * h, t0]), jnp.stack([h, h, 2 * h]), jnp.arange(3) == 2)
        if y0.coarse is None:
            tasks = jax.tree.map(lambda leaf: leaf[:2], tasks)
        done = jax.lax.scan(one, (y0.fine, slopes.fine), tasks)[1]
        of_integrals = h * (
            jnp.asarray(self.rule.null, y0.fine.dtype) @ done.rates[:2].reshape(self.rule.null.shape[1], -1)
        )
        error = jnp.maximum(done.error[0], done.error[1]) + jnp.max(jnp.abs(of_integrals), axis=0)

        def pair(leaf: Array) -> Pair:
            return Pair(leaf[1], None if y0.coarse is None else leaf[2])

        y1 = pair(done.state)
        if apart is not None and y1.coarse is not None:
            apart = jnp.maximum(apart, jnp.abs(y1.fine - y1.coarse))
        errors = Pair(error, None if y0.coarse is None else jnp.zeros_like(error))
        return y1, errors, dict(y0=y0, y1=y1), Progress(pair(done.slope), apart), diffrax.RESULTS.successful

    def func(self, terms: Any, t0: Any, y0: Pair, args: Any) -> Pair:
        return jax.tree.map(lambda z: _system(terms, args).state(t0, z), y0)


def _system(terms: Any, args: Any) -> System:
    return System(*(lambda s, z, term=term: term.vf(s, Pair(z, None), args) for term in terms.terms))
