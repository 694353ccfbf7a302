"""What the output F of a network means: four coefficients of an affine map from (x, F) to a prediction."""

import abc
import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from scorax._checked import Checked
from scorax._errors import explain
from scorax._host import host_float64
from scorax.models._prediction import Prediction
from scorax.networks import noise_input
from scorax.processes import Level


class Coefficients(NamedTuple):
    """``x0 = a x + b F`` and ``noise = c x + d F``, with ``alpha a + sigma c = 1`` and ``alpha b + sigma d = 0``."""

    a: Float[Array, ""]
    b: Float[Array, ""]
    c: Float[Array, ""]
    d: Float[Array, ""]


class AbstractParametrization(Checked):
    r"""Meaning of the network's output, and the scaling of its inputs.

    The network sees $x / R$ with $R^2 = \alpha^2 sd^2 + \sigma^2$ and a bounded function of $\log(\sigma/\alpha)$, never
    the clock. So the same network serves any schedule that reaches the same levels.

    ``data_scale`` is the standard deviation $sd$ of the data the network sees; 1 after standardisation.
    """

    data_scale: eqx.AbstractVar[float]

    @abc.abstractmethod
    def coefficients(self, level: Level) -> Coefficients:
        """The four coefficients at a noise level."""

    def radius(self, level: Level) -> Float[Array, ""]:
        """Standard deviation of the noisy state, ``sqrt(alpha^2 sd^2 + sigma^2)``."""
        return jnp.sqrt((level.alpha * self.data_scale) ** 2 + level.sigma**2)

    def noise_input(self, level: Level) -> Float[Array, ""]:
        """What the network sees of the level; see :func:`scorax.networks.noise_input`."""
        return noise_input(jnp.log(level.sigma) - jnp.log(level.alpha))

    def predict(self, level: Level, x: Float[Array, "*shape"], output: Float[Array, "*shape"]) -> Prediction:
        """The prediction that network output ``output`` stands for at noisy state ``x``."""
        a, b, c, d = self.coefficients(level)
        return Prediction(a * x + b * output, c * x + d * output)


class PredictNoise(AbstractParametrization):
    """F is the noise (Ho et al. 2020, eq. 14). Ill-conditioned for ``x0`` as alpha goes to 0."""

    data_scale: float = 1.0

    def coefficients(self, level: Level) -> Coefficients:
        alpha, sigma = level
        return Coefficients(1 / alpha, -sigma / alpha, jnp.zeros_like(alpha), jnp.ones_like(alpha))


class PredictData(AbstractParametrization):
    """F is the clean data. Ill-conditioned for the noise, hence the score, as sigma goes to 0."""

    data_scale: float = 1.0

    def coefficients(self, level: Level) -> Coefficients:
        alpha, sigma = level
        return Coefficients(jnp.zeros_like(alpha), jnp.ones_like(alpha), 1 / sigma, -alpha / sigma)


class PredictV(AbstractParametrization):
    r"""F is $v = (\alpha\, noise - \sigma\, x_0) / \sqrt{\alpha^2 + \sigma^2}$; regular at both ends.

    Reference: Salimans and Ho (2022), *Progressive distillation*, section 4, for radius one.
    """

    data_scale: float = 1.0

    def coefficients(self, level: Level) -> Coefficients:
        alpha, sigma = level
        radius = jnp.sqrt(alpha**2 + sigma**2)
        return Coefficients(alpha / radius**2, -sigma / radius, sigma / radius**2, alpha / radius)


class Karras(AbstractParametrization):
    """The preconditioning of EDM (Karras et al. 2022, table 1) for any alpha; regular at both ends, the default.

    With a zero network the model is exactly the score of ``N(0, sd^2 I)`` under the process: an untrained model with a zero
    last layer is a Gaussian, not noise.
    """

    data_scale: float = 1.0

    def coefficients(self, level: Level) -> Coefficients:
        alpha, sigma = level
        sd = self.data_scale
        radius = self.radius(level)
        return Coefficients(alpha * sd**2 / radius**2, sigma * sd / radius, sigma / radius**2, -alpha * sd / radius)


def check_coefficients(parametrization: AbstractParametrization) -> None:
    """Refuse a parametrization whose prediction does not explain the state, ``alpha x0 + sigma noise = x`` for every output.

    It is looked at over levels of the library's processes, at unit radius and beyond; one with traced arrays passes unseen.

    Raises:
        ValueError: ``alpha a + sigma c = 1`` or ``alpha b + sigma d = 0`` does not hold.
    """
    leaves = jax.tree.leaves(parametrization)
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        return
    (_known_gap if all(isinstance(leaf, int | float) for leaf in leaves) else _gap)(parametrization)


def _gap(parametrization: AbstractParametrization) -> None:
    # On the host, so that all of it is one small program.
    angle, radius = np.arctan([0.02, 0.3, 1.0, 4.0]), np.array([1.0, 1.0, 2.0, 5.0])
    alpha, sigma = radius * np.cos(angle), radius * np.sin(angle)
    with host_float64():
        at = jax.jit(jax.vmap(lambda alpha, sigma: parametrization.coefficients(Level(alpha, sigma))))
        coefficients = at(alpha, sigma)
    a, b, c, d = (np.asarray(part) for part in coefficients)
    whole, none = alpha * a + sigma * c - 1, alpha * b + sigma * d
    for equation, gap, scale in (
        ("alpha a + sigma c = 1", whole, np.abs(alpha * a) + np.abs(sigma * c)),
        ("alpha b + sigma d = 0", none, np.abs(alpha * b) + np.abs(sigma * d)),
    ):
        wrong = ~(np.abs(gap) <= 1e-4 * scale)
        if np.any(wrong):
            raise ValueError(
                explain(
                    expected=f"{equation} in {type(parametrization).__name__}",
                    got=f"a difference of {gap[wrong][0]:.3g} at alpha = {alpha[wrong][0]:.3g}, sigma = {sigma[wrong][0]:.3g}",
                    do="mend its coefficients: x0 and noise together are the state",
                )
            )


_known_gap = functools.lru_cache(maxsize=64)(_gap)
"""The same, once for each parametrization that is a few numbers."""
