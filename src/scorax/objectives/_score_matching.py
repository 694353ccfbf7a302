"""Score matching with the exact divergence: explicit against a known score, implicit without one."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._divergence import value_and_divergence
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel
from scorax.objectives._abstract import AbstractObjective, look
from scorax.objectives._times import AbstractTimes
from scorax.objectives._weighting import AbstractWeighting
from scorax.processes import AbstractProcess


class ExplicitScoreMatching(AbstractObjective):
    r"""Half the Fisher divergence, $\tfrac12 E\,|s_\theta(t, x_t) - s(t, x_t)|^2$ with a known score $s$.

    For targets in closed form, distillation of another model, and as the measure of the other objectives: each equals this one
    plus a constant in the model. Its minimum is zero. The literature also calls the integral without the half, twice as
    large, the Fisher divergence.

    Args:
        target: the score to match, any score model under the process of the model; ``ScoreFunction.of_density`` makes one from
            a log-density.
        weighting: lambda(t); see :class:`AbstractObjective` for the default of both.
        times: law of t.

    Raises:
        ValueError: the target is the score under another process than the model's.

    Reference: Hyvarinen (2005), eq. 2; Vincent (2011), section 2.
    """

    target: AbstractScoreModel
    weighting: AbstractWeighting | None = None
    times: AbstractTimes | None = None

    def at(
        self,
        model: AbstractScoreModel,
        t: Float[Array, ""],
        x0: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        if not _alike(self.target.process, model.process):
            raise ValueError(
                explain(
                    expected=f"a target under the process of the model, {model.process}",
                    got=f"{self.target.process}",
                    do="give both the same process",
                )
            )
        x, field, _ = look(model, t, x0, condition, key=key, training=training)
        target = self.target(t, x, condition)
        return 0.5 * jnp.sum((field(x) - target) ** 2)

    def evaluations(self, dimension: int) -> int:
        return 1


class ImplicitScoreMatching(AbstractObjective):
    r"""Hyvarinen's objective $E[\tfrac12 |s_\theta|^2 + \nabla \cdot s_\theta]$ at the noisy state: needs no target.

    It equals the explicit objective minus $\tfrac12 E\,|s|^2$ with $s$ the true score, by integration by parts, where the
    density times the score of the model vanishes at the boundary of the support; on a bounded support use
    :class:`GeneralizedScoreMatching`. The divergence is exact and costs one derivative per coordinate: for more than
    about ten coordinates slice it, or denoise. Twice this value is also in use.

    Args:
        weighting: lambda(t); see :class:`AbstractObjective` for the default of both.
        times: law of t.

    Reference: Hyvarinen (2005), *Estimation of non-normalized statistical models by score matching*, theorem 1.
    """

    weighting: AbstractWeighting | None = None
    times: AbstractTimes | None = None

    def at(
        self,
        model: AbstractScoreModel,
        t: Float[Array, ""],
        x0: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        x, field, _ = look(model, t, x0, condition, key=key, training=training)
        score, divergence = value_and_divergence(field, x)
        return 0.5 * jnp.sum(score**2) + divergence

    def evaluations(self, dimension: int) -> int:
        return 1 + dimension


def _alike(a: AbstractProcess, b: AbstractProcess) -> bool:
    """Same class, same numbers; arrays may be traced and are not looked at."""
    kinds = jax.tree.structure(a) == jax.tree.structure(b)
    numbers = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return kinds and all(p == q for p, q in numbers if isinstance(p, float) and isinstance(q, float))
