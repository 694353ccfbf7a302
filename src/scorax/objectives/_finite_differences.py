"""Score matching along random directions by finite differences of the score, or of the energy."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count
from scorax._errors import explain
from scorax._probes import AbstractProbe, RademacherProbe
from scorax._types import Condition, Key, Scalar
from scorax.models import AbstractScoreModel, EnergyScore
from scorax.objectives._abstract import AbstractObjective, look, split
from scorax.objectives._sliced import along, directions
from scorax.objectives._times import AbstractTimes
from scorax.objectives._weighting import AbstractWeighting
from scorax.processes import AbstractGaussianProcess


class FiniteDifferenceScoreMatching(AbstractObjective):
    r"""Sliced score matching without derivatives of the network in the state.

    With $s_\pm = s_\theta(x \pm \epsilon v)$:

    $$ E\left[\tfrac12 \left(v \cdot \tfrac{s_+ + s_-}{2}\right)^2 + \frac{v \cdot (s_+ - s_-)}{2 \epsilon}\right]
       = ISM + O(\epsilon^2). $$

    The bias grows like the square of the step over the scale on which the score changes, the rounding like its inverse:
    the default step, the cube root of the machine epsilon (5e-3 in float32) in units of the standard deviation
    $R = \sqrt{\alpha^2 + \sigma^2}$ of a standardised noisy state, is near the best for scores of that scale. Take a smaller one
    for narrow laws. For networks whose derivatives are expensive or missing; otherwise slice.

    Args:
        probe: law of the directions.
        num_probes: directions per example.
        step: step in units of R (of 1 where the process has no scalar Gaussian kernel), or ``None`` for the default.
        weighting: lambda(t); see :class:`AbstractObjective` for the default of both.
        times: law of t.

    Reference: Pang et al. (2020), *Efficient learning of generative models via finite-difference score matching*.
    """

    probe: AbstractProbe = RademacherProbe()
    num_probes: int = 1
    step: float | None = None
    weighting: AbstractWeighting | None = None
    times: AbstractTimes | None = None

    def __check_init__(self) -> None:
        require_count(self.num_probes, "num_probes")
        _check_step(self.step)

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
        step = _step(self.step, 1 / 3, model, t)
        ahead, behind = jax.vmap(lambda v: (field(x + step * v), field(x - step * v)))(probes)
        middle, change = along(probes, (ahead + behind) / 2), along(probes, ahead - behind) / (2 * step)
        return jnp.mean(0.5 * middle**2 + change)

    def evaluations(self, dimension: int) -> int:
        return 2 * self.num_probes


class EnergyDifferenceScoreMatching(AbstractObjective):
    r"""Sliced score matching of an energy model from three values of its energy, without any derivative in the state.

    With $E_\pm = E_\theta(x \pm \epsilon v)$ and $E_0 = E_\theta(x)$:

    $$ E\left[\tfrac12 \left(\tfrac{E_- - E_+}{2 \epsilon}\right)^2 + \frac{2 E_0 - E_+ - E_-}{\epsilon^2}\right]
       = ISM + O(\epsilon^2). $$

    A second difference loses twice the digits of a first one, so the default step is the fourth root of the machine epsilon
    (2e-2 in float32), in the units of :class:`FiniteDifferenceScoreMatching`.

    Args:
        probe: law of the directions.
        num_probes: directions per example.
        step: step in units of R, or ``None`` for the default.
        weighting: lambda(t); see :class:`AbstractObjective` for the default of both.
        times: law of t.

    Raises:
        TypeError: the model is not an :class:`~scorax.models.EnergyScore`.

    Reference: Pang et al. (2020).
    """

    probe: AbstractProbe = RademacherProbe()
    num_probes: int = 1
    step: float | None = None
    weighting: AbstractWeighting | None = None
    times: AbstractTimes | None = None

    def __check_init__(self) -> None:
        require_count(self.num_probes, "num_probes")
        _check_step(self.step)

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
        if not isinstance(model, EnergyScore):
            raise TypeError(
                explain(
                    expected="an EnergyScore",
                    got=type(model).__name__,
                    do="use FiniteDifferenceScoreMatching, which needs the score only",
                )
            )
        keys = split(key)
        x = model.process.perturb(t, x0, key=keys.state)
        probes = directions(self.probe, self.num_probes, x, key=keys.probe)
        step = _step(self.step, 1 / 4, model, t)

        def energy(z: Float[Array, "*shape"]) -> Float[Array, ""]:
            return model.energy(t, z, condition, key=keys.network if training else None)

        ahead, behind = jax.vmap(lambda v: (energy(x + step * v), energy(x - step * v)))(probes)
        slope, bend = (behind - ahead) / (2 * step), (2 * energy(x) - ahead - behind) / step**2
        return jnp.mean(0.5 * slope**2 + bend)

    def evaluations(self, dimension: int) -> int:
        return 1 + 2 * self.num_probes


def _step(step: Scalar | None, power: float, model: AbstractScoreModel, t: Float[Array, ""]) -> Array:
    """The step in units of the state."""
    relative = float(jnp.finfo(t.dtype).eps) ** power if step is None else step
    process = model.process
    scale = jnp.hypot(*process.level(t)) if isinstance(process, AbstractGaussianProcess) else jnp.ones_like(t)
    return jnp.asarray(relative * scale)


def _check_step(step: float | None) -> None:
    if step is not None and not step > 0:
        raise ValueError(explain(expected="a positive step", got=f"{step}", do="pass a step, or None for the default"))
