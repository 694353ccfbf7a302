"""Drifts made from a score, below both samplers and likelihoods."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Condition
from scorax.models._prediction import level_of_angle, velocity_in_angle
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.processes import AbstractProcess, AbstractSDE

Field = Callable[[Float[Array, ""], Float[Array, "*shape"]], Float[Array, "*shape"]]


def reverse_drift(
    model: AbstractScoreModel, t: Float[Array, ""], x: Float[Array, "*shape"], condition: Condition = None
) -> Float[Array, "*shape"]:
    r"""Drift of the reverse-time SDE, $f(x, t) - g(t)^2 \nabla \log p_t(x)$ (Anderson 1982; Song et al. 2021, eq. 6)."""
    process = _sde(model.process)
    g = process.diffusion(t, x).value
    return process.drift(t, x) - g**2 * model(t, x, condition)


def probability_flow(model: AbstractScoreModel, condition: Condition = None) -> Callable[..., Float[Array, "*shape"]]:
    r"""Vector field $f(x, t) - \tfrac12 g(t)^2 \nabla \log p_t(x)$ as ``field(t, x, args)``, the signature of Diffrax.

    Its flow carries the law at ``t1`` to the law at ``t0`` (Song et al. 2021, eq. 13).
    """
    process = _sde(model.process)

    def field(t: Float[Array, ""], x: Float[Array, "*shape"], args: Any = None) -> Float[Array, "*shape"]:
        g = process.diffusion(t, x).value
        return process.drift(t, x) - 0.5 * g**2 * model(t, x, condition)

    return field


def angle_flow(model: AbstractDenoiser, condition: Condition = None) -> Field:
    r"""Deterministic flow of a denoiser in its canonical variable: $dy/da = \cos(a)\, noise - \sin(a)\, x_0$, $y = x/R$."""

    def field(angle: Float[Array, ""], y: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        level = level_of_angle(angle)
        return velocity_in_angle(model.predict_at(level, y, condition), level)

    return field


def _sde(process: AbstractProcess) -> AbstractSDE:
    if not isinstance(process, AbstractSDE):
        raise TypeError(
            explain(
                expected="a process with a drift and a diffusion",
                got=type(process).__name__,
                do="use an AbstractSDE such as VP, VE or EDM",
            )
        )
    return process
