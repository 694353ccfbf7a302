r"""Random directions, all with $E\,v v^T = I$: then $E\,v^T J v = \mathrm{tr} J$, $E\,(v \cdot s)^2 = |s|^2$."""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import Checked
from scorax._types import Key


class AbstractProbe(Checked):
    r"""Law of a random direction $v$ with $E\,v v^T = I$.

    The second moment is the contract: with another one a stochastic trace is off by its factor, and an objective that mixes
    probed and exact terms has another minimiser.
    """

    @abc.abstractmethod
    def __call__(self, shape: tuple[int, ...], dtype: jnp.dtype, *, key: Key) -> Float[Array, "*shape"]:
        """One direction."""


class RademacherProbe(AbstractProbe):
    r"""Independent signs. Variance of $v^T J v$ for symmetric $J$: $2 (|J|_F^2 - \sum_i J_{ii}^2)$, never above the Gaussian's.

    Exact for a diagonal Jacobian. Reference: Hutchinson (1990).
    """

    def __call__(self, shape: tuple[int, ...], dtype: jnp.dtype, *, key: Key) -> Float[Array, "*shape"]:
        return jax.random.rademacher(key, shape, dtype)


class GaussianProbe(AbstractProbe):
    r"""Standard normal directions. Variance of $v^T J v$ for symmetric $J$: $2 |J|_F^2$, in every basis."""

    def __call__(self, shape: tuple[int, ...], dtype: jnp.dtype, *, key: Key) -> Float[Array, "*shape"]:
        return jax.random.normal(key, shape, dtype)


class SphereProbe(AbstractProbe):
    r"""Uniform on the sphere of radius $\sqrt d$.

    The literature also slices with *unit* vectors, for which $E\,v v^T = I / d$: its sliced objective is ours divided by $d$,
    and its variance-reduced form, ``|s|^2 / 2 + v^T J v``, has a wrong minimiser unless the factor $d$ is put back. Here it
    is in the radius.
    """

    def __call__(self, shape: tuple[int, ...], dtype: jnp.dtype, *, key: Key) -> Float[Array, "*shape"]:
        noise = jax.random.normal(key, shape, dtype)
        return noise * jnp.sqrt(noise.size / jnp.sum(noise**2))
