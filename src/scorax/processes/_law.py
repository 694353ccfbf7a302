"""A Gaussian law in eigen-coordinates: closed under the noise of every Gaussian process."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Key
from scorax.processes._level import Level

_BLOCK = 4096
"""Rows of an array that are summed at once."""


class GaussianLaw(eqx.Module):
    r"""Normal law $N(m, U \, \mathrm{diag}(\ell) \, U^T)$ on flat vectors.

    With the eigenvectors at hand the law of $\alpha x + \sigma z$ is $N(\alpha m, U \mathrm{diag}(\alpha^2 \ell + \sigma^2)
    U^T)$ without another factorisation. It is the terminal law of samplers and likelihoods (moment-matched to the training
    data) and the component of the closed-form mixtures. Laws may be stacked on leading axes; methods speak of one law.
    """

    mean: Float[Array, "*stack d"]
    basis: Float[Array, "*stack d d"]
    variances: Float[Array, "*stack d"]

    @staticmethod
    def from_moments(mean: np.ndarray, covariance: np.ndarray) -> "GaussianLaw":
        """Law with the given mean and symmetric positive semi-definite covariance (factorised in float64 on the host)."""
        variances, basis = np.linalg.eigh(np.asarray(covariance, dtype=np.float64))
        dtype = jax.dtypes.canonicalize_dtype(np.result_type(np.asarray(mean).dtype, np.float32))
        return GaussianLaw(
            jnp.asarray(mean, dtype), jnp.asarray(basis, dtype), jnp.asarray(np.maximum(variances, 0.0), dtype)
        )

    @staticmethod
    def of_rows(rows: np.ndarray) -> "GaussianLaw":
        """Law with the mean and the covariance of an array's rows, each taken flat; the moments of a model are those of its data.

        One pass in float64, a block at a time, so that a memory-mapped array is never loaded whole. Every block's sums are
        about the mean of the first, which keeps the digits of columns far from zero.

        Raises:
            ValueError: fewer than two rows, or one that is not finite.

        Reference: Chan, Golub and LeVeque (1983), *Algorithms for computing the sample variance*.
        """
        count, size = len(rows), math.prod(rows.shape[1:])
        shift = np.asarray(rows[:_BLOCK], np.float64).reshape(-1, size).sum(axis=0) / max(1, min(count, _BLOCK))
        total, products = np.zeros(size), np.zeros((size, size))
        for start in range(0, count, _BLOCK):
            block = np.asarray(rows[start : start + _BLOCK], np.float64).reshape(-1, size) - shift
            total += block.sum(axis=0)
            products += block.T @ block
        if count < 2 or not np.all(np.isfinite(products)):
            got = f"{count} rows" if count < 2 else "values that are not"
            raise ValueError(explain(expected="two or more finite rows", got=got, do="pass the data of the model"))
        covariance = (products - np.outer(total, total) / count) / count
        return GaussianLaw.from_moments((shift + total / count).astype(rows.dtype), covariance)

    @staticmethod
    def standard(dimension: int) -> "GaussianLaw":
        """``N(0, I)``: what standardised data have as first two marginal moments."""
        return GaussianLaw(jnp.zeros(dimension), jnp.eye(dimension), jnp.ones(dimension))

    def at(self, level: Level) -> "GaussianLaw":
        """Law of ``alpha x + sigma noise`` for ``x`` from this law."""
        return GaussianLaw(level.alpha * self.mean, self.basis, level.alpha**2 * self.variances + level.sigma**2)

    def whiten(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """Coordinates of ``x`` in the eigenbasis, centred and divided by their standard deviations."""
        # As a sum, not as a product of matrices: mapped over rows, its last rows would go another way, to other last bits.
        return jnp.sum(self.basis * (x - self.mean)[:, None], axis=0) / jnp.sqrt(self.variances)

    def log_density(self, x: Float[Array, " d"]) -> Float[Array, ""]:
        """Log-density at ``x``, in nats."""
        white = self.whiten(x)
        return -0.5 * (jnp.sum(white**2) + jnp.sum(jnp.log(self.variances)) + x.size * math.log(2 * math.pi))

    def precision_times(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """Inverse covariance applied to ``x - mean``: minus the score."""
        return self.basis @ ((self.basis.T @ (x - self.mean)) / self.variances)

    def draw(self, noise: Float[Array, " d"]) -> Float[Array, " d"]:
        """Image of standard normal ``noise``: ``mean + U diag(sqrt(l)) noise``."""
        return self.mean + self.basis @ (jnp.sqrt(self.variances) * noise)

    def sample(self, *, key: Key) -> Float[Array, " d"]:
        """One draw."""
        return self.draw(jax.random.normal(key, self.mean.shape, self.mean.dtype))
