"""Score matching for laws on a box or a half-line, whose densities do not vanish at the boundary."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._divergence import value_and_divergence
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel
from scorax.objectives._abstract import AbstractObjective, look
from scorax.objectives._times import AbstractTimes, UniformTimes
from scorax.objectives._weighting import AbstractWeighting, UniformWeighting
from scorax.processes import Clean

Bound = Float[Array, "*shape"] | Float[np.ndarray, "*shape"] | float


class GeneralizedScoreMatching(AbstractObjective):
    r"""Implicit score matching with the squared error of each coordinate weighted by its distance to the boundary.

    $$ E \sum_j \left[\tfrac12 h_j s_j^2 + h_j \partial_j s_j + s_j h_j'\right]
       = E\left[\tfrac12 \sum_j h_j s_j^2 + \nabla \cdot (h \odot s)\right], \quad
       h_j = \min(x_j - lower_j,\; upper_j - x_j,\; cap). $$

    Up to a constant it is $\tfrac12 E \sum_j h_j (s_j - \partial_j \log p)^2$. Plain implicit score matching loses a term at a
    boundary where the density does not vanish and is biased there; here $h = 0$ removes it. The ``cap`` keeps far rows from
    dominating. For clean data only: noise spreads a law over the boundary.

    Args:
        lower: lower end of the support, for all coordinates or for each; ``-inf`` where there is none.
        upper: upper end of the support; ``inf`` where there is none.
        cap: distance from which on a coordinate has its full weight.

    Raises:
        TypeError: the process of the model is not :class:`~scorax.processes.Clean`.
        ValueError: bounds out of order, or a cap that is not positive.

    A row outside the support has a loss that is not a number, which ends a fit with an error and not with a wrong answer.

    Reference: Yu, Drton and Shojaie (2019), *Generalized score matching for non-negative data*; Yu, Drton and
    Shojaie (2022), *Generalized score matching for general domains*; Hyvarinen (2007) has :math:`h = x^2`.
    """

    lower: Bound = 0.0
    upper: Bound = float("inf")
    cap: float = 1.0
    weighting: AbstractWeighting | None = UniformWeighting()
    times: AbstractTimes | None = UniformTimes()

    def __check_init__(self) -> None:
        if not np.all(np.asarray(self.lower) < np.asarray(self.upper)):
            raise ValueError(
                explain(expected="lower < upper", got=f"{self.lower}, {self.upper}", do="order the ends of the support")
            )
        if not self.cap > 0:
            raise ValueError(explain(expected="a positive cap", got=f"{self.cap}", do="pass a distance, or infinity"))

    def distance(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Capped distance of every coordinate to its boundary."""
        lower, upper = jnp.asarray(self.lower, x.dtype), jnp.asarray(self.upper, x.dtype)
        return jnp.minimum(jnp.minimum(x - lower, upper - x), self.cap)

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
        if not isinstance(model.process, Clean):
            raise TypeError(
                explain(
                    expected="a model of clean data",
                    got=f"one under {type(model.process).__name__}",
                    do="use the process Clean: noise spreads the law beyond its support",
                )
            )
        x, field, _ = look(model, t, x0, condition, key=key, training=training)
        _, divergence = value_and_divergence(lambda z: self.distance(z) * field(z), x)
        value = 0.5 * jnp.sum(self.distance(x) * field(x) ** 2) + divergence
        return jnp.where(self._inside(x), value, jnp.nan)

    def evaluations(self, dimension: int) -> int:
        return 1 + dimension

    def _inside(self, x: Float[Array, "*shape"]) -> Bool[Array, ""]:
        return jnp.all(self.distance(x) >= 0)
