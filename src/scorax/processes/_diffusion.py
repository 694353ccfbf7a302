"""Diffusion coefficients, tagged by what they are: a number, a diagonal or a matrix; never guessed from a shape.

The three tags are linear maps ``v -> G v`` with the few products that simulation, reversal and Gaussian kernels need.
"""

import abc
from typing import TypeAlias

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class _AbstractEntrywise(eqx.Module):
    """``G`` that multiplies each coordinate, which has a Brownian motion of its own."""

    value: eqx.AbstractVar[Array]

    @abc.abstractmethod
    def dense(self, size: int) -> Float[Array, "n m"]:
        """``G`` as a matrix for a flat state of ``size`` coordinates."""

    def noise_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the noise that drives a state of ``shape``."""
        return shape

    def times(self, v: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """``G v``."""
        return self.value * v

    def covariance_times(self, v: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """``G G^T v``."""
        return self.value**2 * v

    def covariance_solve(self, v: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """``(G G^T)^{-1} v``."""
        return v / self.value**2


class Scalar(_AbstractEntrywise):
    """``G = value I``: one number for all coordinates."""

    value: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def dense(self, size: int) -> Float[Array, "n m"]:
        return self.value * jnp.eye(size, dtype=self.value.dtype)


class Diagonal(_AbstractEntrywise):
    """``G = diag(value)``: one number for each coordinate, in the shape of the state."""

    value: Float[Array, "*shape"] = eqx.field(converter=jnp.asarray)

    def dense(self, size: int) -> Float[Array, "n m"]:
        return jnp.diag(self.value.reshape(size))


class Matrix(eqx.Module):
    """``G`` in full, ``(n, m)``: a flat state of n coordinates driven by m Brownian motions."""

    value: Float[Array, "n m"] = eqx.field(converter=jnp.asarray)

    def noise_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the noise that drives a state of ``shape``: ``(m,)``."""
        return self.value.shape[1:]

    def times(self, v: Float[Array, " m"]) -> Float[Array, " n"]:
        """``G v``."""
        return self.value @ v

    def covariance_times(self, v: Float[Array, " n"]) -> Float[Array, " n"]:
        """``G G^T v``."""
        return self.value @ (self.value.T @ v)

    def covariance_solve(self, v: Float[Array, " n"]) -> Float[Array, " n"]:
        """``(G G^T)^{-1} v`` for a square G, without squaring its condition number."""
        return jnp.linalg.solve(self.value.T, jnp.linalg.solve(self.value, v))

    def dense(self, size: int) -> Float[Array, "n m"]:
        """``G`` itself."""
        return self.value


Diffusion: TypeAlias = Scalar | Diagonal | Matrix
"""What ``AbstractSDE.diffusion`` returns."""
