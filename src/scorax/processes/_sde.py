"""A process given by its own drift and diffusion, and the two halves of any SDE."""

import numbers
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import require_count
from scorax._types import Key
from scorax.processes._abstract import AbstractSDE, Law, check_order
from scorax.processes._diffusion import Diffusion
from scorax.processes._equation import require_equation


class SDE(AbstractSDE):
    r"""General Ito equation $dX = f(X, t) dt + G(X, t) dW$ from functions.

    It has no kernel, so denoising objectives do not apply; a score of its marginals serves :class:`EulerMaruyama
    <scorax.samplers.EulerMaruyama>`, :class:`ProbabilityFlow <scorax.samplers.ProbabilityFlow>` and ``log_prob`` where there is
    a ``prior``. Use :class:`LinearSDE` where the equation is linear: its draws are exact.

    Args:
        drift: ``drift(t, x) -> f``, the time first, of one state and in its shape; or a plain number where it
            is the same everywhere.
        diffusion: ``diffusion(t, x) -> Scalar(g)``, ``Diagonal(g)`` or ``Matrix(g)``, g of the shape ``()``, that of the
            state, or ``(n, m)``.
        prior: law at ``t1``; samplers and likelihoods refuse a process without one.
        t0: start of the clock, where the data stand.
        t1: end of the clock.
        num_steps: Euler-Maruyama steps of :meth:`perturb` from ``t0`` to ``t``.
        state_dependent: whether ``G`` depends on ``x``. True is always right; False saves the divergence of ``G G^T`` and
            makes the reverse equations wrong where it is not the case.

    Raises:
        ValueError: ``t0 >= t1`` or fewer than one step.
    """

    drift_function: Callable[[Array, Array], Array]
    diffusion_function: Callable[[Array, Array], Diffusion]
    t0: float
    t1: float
    num_steps: int
    prior: Law | None = None
    state_dependent: bool = True

    def __init__(
        self,
        drift: Callable[[Array, Array], Array],
        diffusion: Callable[[Array, Array], Diffusion],
        prior: Law | None = None,
        t0: float = 0.0,
        t1: float = 1.0,
        num_steps: int = 256,
        *,
        state_dependent: bool = True,
    ) -> None:
        self.drift_function = drift
        self.diffusion_function = diffusion
        self.prior = prior  # pyright: ignore[reportIncompatibleMethodOverride]  stored properties
        self.t0, self.t1 = t0, t1
        self.num_steps = num_steps
        self.state_dependent = state_dependent  # pyright: ignore[reportIncompatibleMethodOverride]

    def __check_init__(self) -> None:
        check_order(self.t0, self.t1)
        require_count(self.num_steps, "num_steps of SDE")

    def drift(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        value = self.drift_function(t, x)
        return jnp.full_like(x, value) if isinstance(value, numbers.Real) else value

    def diffusion(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Diffusion:
        return self.diffusion_function(t, x)

    def perturb(self, t: Float[Array, ""], x0: Float[Array, "*shape"], *, key: Key) -> Float[Array, "*shape"]:
        """Euler-Maruyama from ``t0`` to ``t``: of weak order one, not exact."""
        require_equation(self, x0.shape, x0.dtype)
        h = (t - self.t0) / self.num_steps
        shape = diffusion_noise_shape(self, t, x0)

        def step(x: Array, xs: tuple[Array, Key]) -> tuple[Array, None]:
            i, step_key = xs
            increment = jnp.sqrt(h) * jax.random.normal(step_key, shape, x.dtype)
            return euler_step(self, self.t0 + i * h, h, x, increment), None

        steps = (jnp.arange(self.num_steps), jax.random.split(key, self.num_steps))
        return jax.lax.scan(step, x0, steps)[0]


def euler_step(
    process: AbstractSDE,
    t: Float[Array, ""],
    h: Float[Array, ""],
    x: Float[Array, "*shape"],
    increment: Float[Array, "*noise"],
) -> Float[Array, "*shape"]:
    r"""One step of Euler-Maruyama forward in time, $x + h f(x, t) + G(x, t)\, \Delta W$.

    Reference: Kloeden and Platen (1992), eq. 10.2.4.
    """
    return x + h * process.drift(t, x) + process.diffusion(t, x).times(increment)


def diffusion_noise_shape(process: AbstractSDE, t: Float[Array, ""], x: Float[Array, "*shape"]) -> tuple[int, ...]:
    """Shape of the Brownian motion that drives the state; nothing is computed."""
    return jax.eval_shape(process.diffusion, t, x).noise_shape(x.shape)


def without_drift(process: AbstractSDE) -> SDE:
    """The process with ``f = 0``: what its noise does alone, on the same Brownian path under the same key."""
    return SDE(
        lambda t, x: jnp.zeros_like(x),
        process.diffusion,
        t0=process.t0,
        t1=process.t1,
        state_dependent=process.state_dependent,
    )


def without_noise(process: AbstractSDE) -> SDE:
    """The process with ``G = 0``: what its drift does alone."""

    def silent(t: Array, x: Array) -> Diffusion:
        return jax.tree.map(jnp.zeros_like, process.diffusion(t, x))

    return SDE(process.drift, silent, t0=process.t0, t1=process.t1, state_dependent=False)
