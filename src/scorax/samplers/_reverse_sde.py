"""The reverse-time SDE with an adaptive step."""

import math
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import lineax
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float

from scorax._errors import explain
from scorax._free import only_free
from scorax._types import Condition, Key
from scorax.models import (
    AbstractDenoiser,
    AbstractScoreModel,
    FlowEnds,
    flow_ends,
    level_of_angle,
    reverse_drift,
    terminal_draw,
)
from scorax.processes import sde
from scorax.samplers._abstract import AbstractSampler, Facts

_SHORTEST = 2.0**-20
"""Shortest step, as a share of the clock."""

_RESOLUTION = 2.0**-22
"""Distance of the times, as a share of the clock, at which a Brownian path is known; about the rounding of float32."""


class ReverseSDE(AbstractSampler):
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
    facts: ClassVar[Facts] = Facts(
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

    def _solve(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
        save: Callable[[Float[Array, ""]], diffrax.SaveAt],
    ) -> tuple[FlowEnds, Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        start, walk = jax.random.split(key)
        ends = flow_ends(model, dtype)
        problem = _problem(model, ends, shape, condition)
        x1 = terminal_draw(model, ends.end_level, shape, dtype, key=start)
        noise_shape = jax.ShapeDtypeStruct(jax.eval_shape(problem.noise, ends.end).in_structure().shape, dtype)
        brownian = diffrax.VirtualBrownianTree(
            jnp.zeros((), dtype),
            problem.length,
            problem.length * _RESOLUTION,
            noise_shape,
            walk,
            levy_area=diffrax.SpaceTimeLevyArea,
        )
        solution = diffrax.diffeqsolve(
            diffrax.MultiTerm(
                diffrax.ODETerm(lambda tau, y, args: problem.drift(jnp.asarray(tau), y)),
                diffrax.ControlTerm(lambda tau, y, args: problem.noise(jnp.asarray(tau)), brownian),
            ),
            diffrax.ShARK(),
            jnp.zeros((), dtype),
            problem.length,
            None,
            (x1 / ends.end_radius).reshape(-1),
            stepsize_controller=diffrax.PIDController(
                rtol=self.rtol,
                atol=self.atol,
                pcoeff=0.1,
                icoeff=0.3,
                dtmin=problem.length * _SHORTEST,
                force_dtmin=False,
            ),
            saveat=save(problem.length),
            max_steps=self.max_steps,
            throw=False,
        )
        assert solution.ts is not None  # `save` asks for at least one
        assert solution.ys is not None
        ok = solution.result == diffrax.RESULTS.successful
        return ends, solution.ts, jnp.where(ok, solution.ys, jnp.nan).reshape((-1, *shape))

    def draw(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> Float[Array, "*shape"]:
        ends, _, ys = self._solve(
            model, shape, jnp.dtype(dtype), condition, key=key, save=lambda length: diffrax.SaveAt(t1=True)
        )
        return ends.start_radius * ys[-1]

    def path(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> tuple[Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        """Reverse times, from zero at ``t1``, and states ``y`` of the solve (not rescaled)."""
        _, times, ys = self._solve(
            model,
            shape,
            jnp.dtype(dtype),
            condition,
            key=key,
            save=lambda length: diffrax.SaveAt(ts=jnp.linspace(0, length, self.num_nodes, dtype=dtype)),
        )
        return times, ys


class _Problem(NamedTuple):
    """Reverse SDE ``dy = drift(tau, y) dtau + noise(tau) dW`` of flat states, ``tau`` from zero to ``length``."""

    length: Float[Array, ""]
    drift: Callable[[Float[Array, ""], Float[Array, " d"]], Float[Array, " d"]]
    noise: Callable[[Float[Array, ""]], lineax.AbstractLinearOperator]


def _problem(model: AbstractScoreModel, ends: FlowEnds, shape: tuple[int, ...], condition: Condition) -> _Problem:
    if isinstance(model, AbstractDenoiser):
        return _of_denoiser(model, ends, shape, condition)
    return _of_score(model, ends, shape, condition)


def _of_denoiser(model: AbstractDenoiser, ends: FlowEnds, shape: tuple[int, ...], condition: Condition) -> _Problem:
    last = jnp.log(jnp.tan(ends.end))

    def angle(tau: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.arctan(jnp.exp(last - tau))

    def drift(tau: Float[Array, ""], y: Float[Array, " d"]) -> Float[Array, " d"]:
        level = level_of_angle(angle(tau))
        noise = model.predict_at(level, y.reshape(shape), condition).noise.reshape(-1)
        return only_free(_flat(model.free), level.sigma**2 * y - 2 * level.sigma * noise)

    def noise(tau: Float[Array, ""]) -> lineax.AbstractLinearOperator:
        amplitude = jnp.sqrt(2.0).astype(tau.dtype) * jnp.sin(angle(tau))
        return lineax.DiagonalLinearOperator(only_free(_flat(model.free), jnp.full(_size(shape), amplitude)))

    return _Problem(last - jnp.log(jnp.tan(ends.start)), drift, noise)


def _of_score(model: AbstractScoreModel, ends: FlowEnds, shape: tuple[int, ...], condition: Condition) -> _Problem:
    def drift(tau: Float[Array, ""], y: Float[Array, " d"]) -> Float[Array, " d"]:
        return -reverse_drift(model, ends.end - tau, y.reshape(shape), condition).reshape(-1)

    def noise(tau: Float[Array, ""]) -> lineax.AbstractLinearOperator:
        anywhere = jnp.zeros(shape, tau.dtype)  # it does not depend on the state
        return lineax.MatrixLinearOperator(sde(model.process).diffusion(ends.end - tau, anywhere).dense(_size(shape)))

    return _Problem(ends.end - ends.start, drift, noise)


def _size(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def _flat(free: Bool[Array, "*shape"] | None) -> Bool[Array, " d"] | None:
    return None if free is None else free.reshape(-1)
