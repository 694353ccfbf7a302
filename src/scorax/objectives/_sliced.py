"""Score matching along random directions, with exact directional derivatives."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count
from scorax._divergence import value_and_quadratic_forms
from scorax._probes import AbstractProbe, RademacherProbe
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel
from scorax.objectives._abstract import AbstractObjective, look
from scorax.objectives._times import AbstractTimes
from scorax.objectives._weighting import AbstractWeighting


class SlicedScoreMatching(AbstractObjective):
    r"""Implicit score matching with the divergence along random directions, $E[\tfrac12 |s_\theta|^2 + v^T (\nabla s_\theta) v]$.

    With $E\,v v^T = I$, which all probes here have, the mean is that of :class:`ImplicitScoreMatching`, at the cost of one
    derivative per direction whatever the dimension. ``variance_reduced=False`` replaces the first term by
    $\tfrac12 (v \cdot s_\theta)^2$, the form of the derivation: same mean, as a rule a larger variance, a smaller one where both
    terms cancel along each direction, as for strongly correlated Gaussians. Sliced with unit vectors the value is $d$ times
    smaller; see :class:`SphereProbe`.

    Args:
        probe: law of the directions.
        num_probes: directions per example; their mean is taken.
        variance_reduced: whether the first term is the exact square.
        weighting: lambda(t); see :class:`AbstractObjective` for the default of both.
        times: law of t.

    Reference: Song, Garg, Shi and Ermon (2019), *Sliced score matching: a scalable approach to
    density and score estimation*, section 3.
    """

    probe: AbstractProbe = RademacherProbe()
    num_probes: int = 1
    variance_reduced: bool = True
    weighting: AbstractWeighting | None = None
    times: AbstractTimes | None = None

    def __check_init__(self) -> None:
        require_count(self.num_probes, "num_probes")

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
        x, field, probe_key = look(model, t, x0, condition, key=key, training=training)
        probes = directions(self.probe, self.num_probes, x, key=probe_key)
        score, forms = value_and_quadratic_forms(field, x, probes)
        square = jnp.sum(score**2) if self.variance_reduced else jnp.mean(along(probes, score) ** 2)
        return 0.5 * square + jnp.mean(forms)

    def evaluations(self, dimension: int) -> int:
        return 1 + self.num_probes


def directions(
    probe: AbstractProbe, count: int, x: Float[Array, "*shape"], *, key: Key
) -> Float[Array, "probes *shape"]:
    """Independent directions."""
    keys = jax.random.split(key, count)
    return jax.vmap(lambda k: probe(x.shape, x.dtype, key=k))(keys)


def along(probes: Float[Array, "probes *shape"], vectors: Array) -> Float[Array, " probes"]:
    """Inner product of each direction with its own vector, or with the one vector there is."""
    return jnp.sum((probes * vectors).reshape(len(probes), -1), axis=-1)
