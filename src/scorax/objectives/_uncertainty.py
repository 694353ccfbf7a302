"""An objective whose levels are balanced by a learned curve."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import shown
from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import AbstractNetworkModel, AbstractScoreModel, clock_input
from scorax.networks import LearnedUncertainty
from scorax.objectives._abstract import AbstractObjective
from scorax.objectives._times import AbstractTimes
from scorax.objectives._weighting import AbstractWeighting


class UncertaintyWeighting(AbstractObjective):
    r"""An objective divided by what is left of it at each noise level, $e^{-u(t)} L(t) + u(t)$.

    $u$ is the curve of :class:`~scorax.networks.LearnedUncertainty` and is trained along: at its minimum $e^{u(t)} = E\,L(t)$, so
    that every level sends gradients of one size, whatever the weighting was. What the model converges to at each level
    stays the same. Out of training (validation) it is the objective itself, in whose units it can be compared.

    Args:
        objective: L.

    Raises:
        TypeError: the network of the model has no such curve.

    Reference: Karras et al. (2024), *Analyzing and improving the training dynamics of diffusion models*, eq. 22.
    """

    objective: AbstractObjective

    @property
    def weighting(self) -> AbstractWeighting | None:  # pyright: ignore[reportIncompatibleVariableOverride]  that of the objective inside
        """That of the objective inside."""
        return self.objective.weighting

    @property
    def times(self) -> AbstractTimes | None:  # pyright: ignore[reportIncompatibleVariableOverride]  that of the objective inside
        """Those of the objective inside."""
        return self.objective.times

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
        return self.objective.at(model, t, x0, condition, key=key, training=training)

    def evaluations(self, dimension: int) -> int:
        return self.objective.evaluations(dimension)

    def __call__(
        self,
        model: AbstractScoreModel,
        x0: Float[Array, "*shape"],
        u: Float[Array, ""],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        value = self.objective(model, x0, u, condition, key=key, training=training)
        if not training:
            return value
        if not (isinstance(model, AbstractNetworkModel) and isinstance(model.network, LearnedUncertainty)):
            raise TypeError(
                explain(
                    expected="a model whose network is a LearnedUncertainty",
                    got=shown(model.network) if isinstance(model, AbstractNetworkModel) else shown(model),
                    do="put LearnedUncertainty(network) around the network",
                )
            )
        u, _ = self.objective.visit(x0, u, condition, key=key, training=training)
        t = self.time(model.process, u)
        curve = model.network.uncertainty(clock_input(model.process, t))
        return value * jnp.exp(-curve) + curve
