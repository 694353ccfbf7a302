"""Drifts made from a score, below both samplers and likelihoods."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Float

from scorax._divergence import covariance_divergence
from scorax._types import Condition
from scorax.models._prediction import level_of_angle
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.processes import sde

Field = Callable[[Float[Array, ""], Float[Array, "*shape"]], Float[Array, "*shape"]]


def reverse_drift(
    model: AbstractScoreModel, t: Float[Array, ""], x: Float[Array, "*shape"], condition: Condition = None
) -> Float[Array, "*shape"]:
    r"""Drift of the reverse-time SDE, $f - \nabla\!\cdot D - D \nabla \log p_t$ with $D = G G^T$.

    $(\nabla\!\cdot D)_i = \sum_j \partial_j D_{ij}$ vanishes, and costs nothing, where the process declares that its noise does
    not depend on the state. With a scalar g(t) it is $f - g^2 \nabla \log p_t$.

    Reference: Anderson (1982), *Reverse-time diffusion equation models*; Song et al. (2021), eqs. 6 and 16 (Ito).
    """
    drift, correction = _drift_and_correction(model, t, x, condition)
    return drift - correction


def probability_flow(model: AbstractScoreModel, condition: Condition = None) -> Callable[..., Float[Array, "*shape"]]:
    r"""Vector field $f - \tfrac12 (\nabla\!\cdot D + D \nabla \log p_t)$ as ``field(t, x, args)``, the signature of Diffrax.

    Its flow carries the law at ``t1`` to the law at ``t0`` (Song et al. 2021, eqs. 13 and 37); D as in :func:`reverse_drift`.
    """
    sde(model.process)

    def field(t: Float[Array, ""], x: Float[Array, "*shape"], args: Any = None) -> Float[Array, "*shape"]:
        drift, correction = _drift_and_correction(model, t, x, condition)
        return drift - 0.5 * correction

    return field


def _drift_and_correction(
    model: AbstractScoreModel, t: Float[Array, ""], x: Float[Array, "*shape"], condition: Condition
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """The forward drift, and ``div D + D score``: whole for the SDE, half for the flow."""
    process = sde(model.process)
    correction = process.diffusion(t, x).covariance_times(model(t, x, condition))
    if process.state_dependent:
        correction += covariance_divergence(lambda y, v: process.diffusion(t, y).covariance_times(v), x)
    return process.drift(t, x), correction


def angle_flow(model: AbstractDenoiser, condition: Condition = None) -> Field:
    r"""Deterministic flow of a denoiser in its canonical variable: $dy/da = \cos(a)\, noise - \sin(a)\, x_0$, $y = x/R$."""

    def field(angle: Float[Array, ""], y: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return model.angular_velocity(level_of_angle(angle), y, condition)

    return field
