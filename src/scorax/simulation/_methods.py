"""One step of a path: Euler-Maruyama, Milstein, and the exact transition."""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from scorax._checked import Checked
from scorax._errors import explain
from scorax.processes import (
    AbstractExactSDE,
    AbstractSDE,
    Diagonal,
    Matrix,
    Scalar,
    diffusion_noise_shape,
    euler_step,
)


class AbstractMethod(Checked):
    """Rule that makes one step of a path from a Brownian increment."""

    num_steps: ClassVar[int] = 64
    """Steps between two reported times where the caller does not say."""

    def check(self, process: AbstractSDE, t: Float[Array, ""], x: Float[Array, "*shape"]) -> None:
        """Refuse a process that this method does not serve, looked at in its first state.

        Raises:
            TypeError: it does not.
        """

    def noise_shape(self, process: AbstractSDE, t: Float[Array, ""], x: Float[Array, "*shape"]) -> tuple[int, ...]:
        """Shape of the increment that a step takes."""
        return diffusion_noise_shape(process, t, x)

    @abc.abstractmethod
    def step(
        self,
        process: AbstractSDE,
        t: Float[Array, ""],
        h: Float[Array, ""],
        x: Float[Array, "*shape"],
        increment: Float[Array, "*noise"],
    ) -> Float[Array, "*shape"]:
        """State at ``t + h`` from the state at ``t`` and the increment of the Brownian motion between."""


class Euler(AbstractMethod):
    r"""Euler-Maruyama, $x + h f + G \Delta W$: any SDE. Strong order 1/2, 1 where G does not depend on x; weak order 1.

    Reference: Kloeden and Platen (1992), *Numerical solution of SDEs*, eq. 10.2.4.
    """

    def step(
        self,
        process: AbstractSDE,
        t: Float[Array, ""],
        h: Float[Array, ""],
        x: Float[Array, "*shape"],
        increment: Float[Array, "*noise"],
    ) -> Float[Array, "*shape"]:
        return euler_step(process, t, h, x, increment)


class Milstein(AbstractMethod):
    r"""Milstein's method, $x_i + h f_i + g_i \Delta W_i + \tfrac12 g_i \partial_i g_i (\Delta W_i^2 - h)$. Strong order 1.

    For diagonal noise whose entry ``g_i`` depends on its own coordinate only (and for a number that does not depend on x,
    where it is :class:`Euler`). Other noise needs the areas between Brownian motions, which increments do not tell: it is
    refused, where the derivatives at the first state of a run show it.

    Reference: Kloeden and Platen (1992), eq. 10.3.12.
    """

    def check(self, process: AbstractSDE, t: Float[Array, ""], x: Float[Array, "*shape"]) -> None:
        kind = jax.eval_shape(process.diffusion, t, x)
        if isinstance(kind, Matrix):
            raise _not_diagonal("a matrix")
        if not process.state_dependent:
            return
        if isinstance(x, Tracer):
            raise TypeError(
                explain(
                    expected="a first state that is known, as its derivatives tell whether the noise is diagonal",
                    got="one that a compiled program computes",
                    do="call simulate outside jit, vmap and grad, or use Euler()",
                )
            )
        jacobian = np.asarray(jax.jacfwd(lambda y: _entries(process, t, y))(x)).reshape(x.size, x.size)
        # A derivative that is not a number, of a root at zero say, shows nothing.
        if np.any(np.abs(jacobian[~np.eye(x.size, dtype=bool)]) > 0):
            raise _not_diagonal("an entry that depends on another coordinate")

    def step(
        self,
        process: AbstractSDE,
        t: Float[Array, ""],
        h: Float[Array, ""],
        x: Float[Array, "*shape"],
        increment: Float[Array, "*noise"],
    ) -> Float[Array, "*shape"]:
        x1 = euler_step(process, t, h, x, increment)
        if not process.state_dependent:
            return x1
        # The Jacobian of the entries is diagonal, so its product with ones is that diagonal.
        g, slope = jax.jvp(lambda y: _entries(process, t, y), (x,), (jnp.ones_like(x),))
        return x1 + 0.5 * g * slope * (increment**2 - h)


class Exact(AbstractMethod):
    """The exact transition, for linear SDEs and geometric Brownian motion: no error at any step length.

    The law of the path at the reported times is exact. Geometric Brownian motion follows its Brownian path too; the integral
    of a linear SDE against it is drawn anew, so its paths are not those of :class:`Euler` under the same key.
    """

    num_steps: ClassVar[int] = 1

    def check(self, process: AbstractSDE, t: Float[Array, ""], x: Float[Array, "*shape"]) -> None:
        if not isinstance(process, AbstractExactSDE):
            raise TypeError(
                explain(
                    expected="a process whose transition is known",
                    got=type(process).__name__,
                    do="use method=Euler() or Milstein()",
                )
            )

    def noise_shape(self, process: AbstractSDE, t: Float[Array, ""], x: Float[Array, "*shape"]) -> tuple[int, ...]:
        return _exact(process).noise_shape(x.shape)

    def step(
        self,
        process: AbstractSDE,
        t: Float[Array, ""],
        h: Float[Array, ""],
        x: Float[Array, "*shape"],
        increment: Float[Array, "*noise"],
    ) -> Float[Array, "*shape"]:
        return _exact(process).advance(t, t + h, x, increment / jnp.sqrt(h))


def _exact(process: AbstractSDE) -> AbstractExactSDE:
    assert isinstance(process, AbstractExactSDE)  # narrowed for the type checker; `check` refuses others by name
    return process


def _entries(process: AbstractSDE, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    diffusion = process.diffusion(t, x)
    assert isinstance(diffusion, Scalar | Diagonal)  # narrowed for the type checker; `check` refuses a matrix
    return jnp.broadcast_to(diffusion.value, x.shape)


def _not_diagonal(got: str) -> TypeError:
    return TypeError(
        explain(
            expected="diagonal noise, each entry a function of its own coordinate", got=got, do="use method=Euler()"
        )
    )
