"""Processes with state-dependent noise whose marginals are known, for reversal and likelihood."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from scorax.models import ScoreFunction
from scorax.processes import SDE, GaussianLaw, GeometricBrownianMotion, LogNormal, Matrix, Normal


class Sheared(eqx.Module):
    """Law of ``(y_1, y_2 + y_1^2)`` for y from a Gaussian law; the shear keeps volumes."""

    law: GaussianLaw

    def log_density(self, x):
        return self.law.log_density(jnp.stack([x[0], x[1] - x[0] ** 2]))

    def sample(self, *, key):
        y = self.law.sample(key=key)
        return jnp.stack([y[0], y[1] + y[0] ** 2])


START = (np.array([0.5, -0.3]), np.array([[0.3, 0.1], [0.1, 0.4]]))


def sheared_law(t) -> Sheared:
    """Law at ``t`` of a sheared Brownian motion that started from the shear of a Gaussian."""
    start = GaussianLaw.from_moments(*START)
    return Sheared(GaussianLaw(start.mean, start.basis, start.variances + t))


def sheared_model(*, state_dependent: bool = True) -> ScoreFunction:
    """Brownian motion y seen as (y_1, y_2 + y_1^2): by Ito f = (0, 1) and G = [[1, 0], [2 x_1, 1]]; exact score."""
    import jax

    def diffusion(t, x):
        one, zero = jnp.ones_like(x[0]), jnp.zeros_like(x[0])
        return Matrix(jnp.stack([jnp.stack([one, zero]), jnp.stack([2 * x[0], one])]))

    process = SDE(
        lambda t, x: jnp.array([0.0, 1.0], x.dtype), diffusion, sheared_law(1.0), state_dependent=state_dependent
    )
    return ScoreFunction(lambda t, x, condition: jax.grad(sheared_law(t).log_density)(x), process)


def geometric_law(t) -> LogNormal:
    """Law at ``t`` of the geometric Brownian motion below from a log-normal start."""
    spread = jnp.sqrt(jnp.array([0.3, 0.5]) ** 2 + 0.16 * t)
    return LogNormal(Normal(jnp.array([0.0, 0.4]) + (0.3 - 0.08) * t, spread))


def geometric_model() -> ScoreFunction:
    """Geometric Brownian motion from a log-normal start, with the closed score -(1 + (log x - m) / v) / x."""

    def score(t, x, condition):
        law = geometric_law(t).logarithm
        return -(1 + (jnp.log(x) - law.mean) / law.sd**2) / x

    return ScoreFunction(score, GeometricBrownianMotion(0.3, 0.4, geometric_law(1.0)))
