"""The reverse-time SDE with an adaptive step."""

import math
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import lineax
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import (
    AbstractDenoiser,
    AbstractScoreModel,
    FlowEnds,
    level_of_angle,
    reverse_drift,
)
from scorax.processes import sde
from scorax.samplers._abstract import Traits
from scorax.samplers._adaptive import AbstractAdaptiveSampler, Solve

_SHORTEST = 2.0**-20
"""Shortest step, as a share of the clock."""

_RESOLUTION = 2.0**-22
"""Distance of the times, as a share of the clock, at which a Brownian path is known; about the rounding of float32."""


class ReverseSDE(AbstractAdaptiveSampler):
    r"""Reverse-time SDE solved by ShARK, of strong order 3/2 for noise that does not depend on the state, with an
    error-controlled step for every row.

    For denoisers in the variable $u = \log(\sigma/\alpha)$, where $y = x/R$ follows, with $a = \arctan e^u$ and $\tau = u_1 - u$,

    $$ dy = \left(\sin^2(a)\, y - 2 \sin(a)\, noise\right) d\tau + \sqrt 2 \sin(a)\, dW; $$

    for other scores in the clock of the process. Rejected steps keep their noise, so the law is not biased by the control.
    A row whose solve fails is NaN, never redrawn.

    Args:
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step, in units of the state (about one for standardised data).
        max_steps: steps after which a solve counts as failed.
        num_nodes: nodes at which :meth:`path` reports.

    Raises:
        TypeError: the noise of the process depends on the state.

    Reference: Song et al. (2021), eq. 6; Foster, dos Reis and Strange (2024), *High order splitting methods for SDEs*,
    eq. 6.1 (ShARK).
    """

    rtol: float = 1e-2
    atol: float = 1e-2
    max_steps: int = 4096
    num_nodes: int = 33
    traits: ClassVar[Traits] = Traits(
        "reverse SDE, random",
        "3/2 (strong), adaptive",
        "as the tolerance asks",
        "a score; noise without the state",
        "SDE draws to a given accuracy",
    )

    def check(self, model: AbstractScoreModel) -> None:
        super().check(model)
        if sde(model.process).state_dependent:
            raise TypeError(
                explain(
                    expected="noise that does not depend on the state",
                    got=type(model.process).__name__,
                    do="use EulerMaruyama",
                )
            )

    def _to_solve(
        self,
        model: AbstractScoreModel,
        ends: FlowEnds,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
    ) -> Solve:
        equation = _equation(model, ends, shape, condition)
        noise_shape = jax.ShapeDtypeStruct(jax.eval_shape(equation.noise, ends.end).in_structure().shape, dtype)
        begin = jnp.zeros((), dtype)
        brownian = diffrax.VirtualBrownianTree(
            begin,
            equation.length,
            equation.length * _RESOLUTION,
            noise_shape,
            key,
            levy_area=diffrax.SpaceTimeLevyArea,
        )
        return Solve(
            diffrax.MultiTerm(
                diffrax.ODETerm(lambda tau, y, args: equation.drift(jnp.asarray(tau), y)),
                diffrax.ControlTerm(lambda tau, y, args: equation.noise(jnp.asarray(tau)), brownian),
            ),
            diffrax.ShARK(),
            diffrax.PIDController(
                rtol=self.rtol,
                atol=self.atol,
                pcoeff=0.1,
                icoeff=0.3,
                dtmin=equation.length * _SHORTEST,
                force_dtmin=False,
            ),
            begin=begin,
            end=equation.length,
            place=equation.place,
            shape=(math.prod(shape),),
        )


class _Equation(NamedTuple):
    """Reverse SDE ``dy = drift(tau, y) dtau + noise(tau) dW`` of flat states, ``tau`` from zero to ``length``; ``place`` is the
    flow coordinate there."""

    length: Float[Array, ""]
    drift: Callable[[Float[Array, ""], Float[Array, " d"]], Float[Array, " d"]]
    noise: Callable[[Float[Array, ""]], lineax.AbstractLinearOperator]
    place: Callable[[Array], Array]


def _equation(model: AbstractScoreModel, ends: FlowEnds, shape: tuple[int, ...], condition: Condition) -> _Equation:
    if isinstance(model, AbstractDenoiser):
        return _of_denoiser(model, ends, shape, condition)
    return _of_score(model, ends, shape, condition)


def _of_denoiser(model: AbstractDenoiser, ends: FlowEnds, shape: tuple[int, ...], condition: Condition) -> _Equation:
    last = jnp.log(jnp.tan(ends.end))

    def angle(tau: Float[Array, "*nodes"]) -> Float[Array, "*nodes"]:
        return jnp.arctan(jnp.exp(last - tau))

    def drift(tau: Float[Array, ""], y: Float[Array, " d"]) -> Float[Array, " d"]:
        level = level_of_angle(angle(tau))
        noise = model.predict_at(level, y.reshape(shape), condition).noise.reshape(-1)
        return level.sigma**2 * y - 2 * level.sigma * noise

    def noise(tau: Float[Array, ""]) -> lineax.AbstractLinearOperator:
        amplitude = jnp.sqrt(2.0).astype(tau.dtype) * jnp.sin(angle(tau))
        return lineax.DiagonalLinearOperator(jnp.full(math.prod(shape), amplitude))

    return _Equation(last - jnp.log(jnp.tan(ends.start)), drift, noise, angle)


def _of_score(model: AbstractScoreModel, ends: FlowEnds, shape: tuple[int, ...], condition: Condition) -> _Equation:
    def drift(tau: Float[Array, ""], y: Float[Array, " d"]) -> Float[Array, " d"]:
        return -reverse_drift(model, ends.end - tau, y.reshape(shape), condition).reshape(-1)

    def noise(tau: Float[Array, ""]) -> lineax.AbstractLinearOperator:
        anywhere = jnp.zeros(shape, tau.dtype)  # it does not depend on the state
        return lineax.MatrixLinearOperator(
            sde(model.process).diffusion(ends.end - tau, anywhere).dense(math.prod(shape))
        )

    return _Equation(ends.end - ends.start, drift, noise, lambda tau: ends.end - tau)
