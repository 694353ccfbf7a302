"""Gaussian laws of flat vectors, closed under the noise of every Gaussian process; one class for each kind of covariance."""

import abc
import math
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from scorax._checked import require_row
from scorax._errors import explain
from scorax._types import Key, RowArray
from scorax.processes._level import Level
from scorax.processes._moments_of_rows import leading_moments, marginal_moments, moments, on_device

SelfLaw = TypeVar("SelfLaw", bound="AbstractGaussianLaw")

FULL_UP_TO = 1024
"""Coordinates up to which :meth:`AbstractGaussianLaw.of_rows` keeps the whole covariance, 8 MB in float32."""

RANK = 64
"""Directions that a low-rank law of rows keeps: 3 MB for an image of 64 x 64 x 3 in float32."""

_SLACK = 1e-4
"""What a covariance may be off by, over its largest number: one of single precision is."""


class AbstractGaussianLaw(eqx.Module):
    r"""Normal law $N(m, S)$ on flat vectors: the moments of a model, and the law at $t_1$ that samplers start from.

    A kind of covariance states its root $L$ with $L L^T = S$, by which noise is coloured and vectors are whitened, and the
    products with $S$ and $S^{-1}$; the rest follows. Products that log-densities are made of are sums and no products of
    matrices, so that a row's bits do not depend on the rows beside it.
    """

    mean: eqx.AbstractVar[Float[Array, "*stack d"]]

    @staticmethod
    def of_rows(rows: RowArray, kind: "type[AbstractGaussianLaw] | None" = None) -> "AbstractGaussianLaw":
        """Law with the mean and the covariance of an array's rows, each taken flat; the moments of a model are those of its data.

        One pass in float64, a block at a time, so that a memory-mapped array is never loaded whole.

        Args:
            rows: rows of any shape.
            kind: the class of the law. :class:`GaussianLaw` up to 1,024 coordinates and :class:`LowRankLaw` beyond where it is
                ``None``.

        Raises:
            ValueError: fewer than two rows, or one that is not finite.
        """
        if kind is None:
            kind = GaussianLaw if math.prod(rows.shape[1:]) <= FULL_UP_TO else LowRankLaw
        return kind.fitted(rows)

    @staticmethod
    @abc.abstractmethod
    def fitted(rows: RowArray) -> "AbstractGaussianLaw":
        """Law of this kind with the moments of an array's rows; see :meth:`of_rows`."""

    @abc.abstractmethod
    def at(self: SelfLaw, level: Level) -> SelfLaw:
        """Law of ``alpha x + sigma noise`` for ``x`` from this law."""

    @abc.abstractmethod
    def root_times(self, noise: Float[Array, " d"]) -> Float[Array, " d"]:
        """``L v``."""

    @abc.abstractmethod
    def whiten(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """``L^{-1} (x - mean)``: standard normal where ``x`` is from this law."""

    @abc.abstractmethod
    def covariance_times(self, v: Float[Array, " d"]) -> Float[Array, " d"]:
        """``S v``."""

    @abc.abstractmethod
    def precision_times(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """``S^{-1} (x - mean)``: minus the score."""

    @property
    @abc.abstractmethod
    def log_determinant(self) -> Float[Array, ""]:
        """``log det S``."""

    @abc.abstractmethod
    def log_excess(self, v: Float[Array, " d"]) -> Float[Array, ""]:
        r"""$v^T A v - \operatorname{tr} A$, with mean zero over $E\,v v^T = I$, for a symmetric $A$ near or at $\log S$ with its
        trace $\log\det S$: a control variate of traces along probes."""

    def log_density(self, x: Float[Array, " d"]) -> Float[Array, ""]:
        """Log-density at ``x``, in nats."""
        white = self.whiten(x)
        return -0.5 * (jnp.sum(white**2) + self.log_determinant + x.size * math.log(2 * math.pi))

    def _centred(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        require_row(x, self.mean.shape, type(self).__name__)
        return x - self.mean

    def draw(self, noise: Float[Array, " d"]) -> Float[Array, " d"]:
        """Image of standard normal ``noise``: ``mean + L noise``."""
        return self.mean + self.root_times(noise)

    def sample(self, *, key: Key) -> Float[Array, " d"]:
        """One draw."""
        return self.draw(jax.random.normal(key, self.mean.shape, self.mean.dtype))

    @property
    def root(self) -> Float[Array, "d d"]:
        """``L`` as a matrix."""
        return jax.vmap(self.root_times, out_axes=1)(jnp.eye(self.mean.shape[0], dtype=self.mean.dtype))

    def shifted(self: SelfLaw, shift: Float[Array, "..."]) -> SelfLaw:
        """Law of ``x + shift``."""
        return eqx.tree_at(lambda law: law.mean, self, self.mean + shift)

    def at_targets(self, target: Bool[Array, "*shape"]) -> "DiagonalLaw":
        """Independent coordinates: with their mean and variance at the targets, standard normal elsewhere."""
        return _at_targets(target, self.mean, jnp.sum(self.root**2, axis=1))


class GaussianLaw(AbstractGaussianLaw):
    r"""Normal law $N(m, U \, \mathrm{diag}(\ell) \, U^T)$: any covariance, by its eigenvectors.

    With them at hand the law of $\alpha x + \sigma z$ is $N(\alpha m, U \mathrm{diag}(\alpha^2 \ell + \sigma^2) U^T)$ without
    another factorisation. It is also the component of the closed-form mixtures. Laws may be stacked on leading axes; methods
    speak of one law.
    """

    mean: Float[Array, "*stack d"]
    basis: Float[Array, "*stack d d"]
    variances: Float[Array, "*stack d"]

    @staticmethod
    def from_moments(mean: np.ndarray, covariance: np.ndarray) -> "GaussianLaw":
        """Law with the given mean and symmetric positive semi-definite covariance (factorised in float64 on the host).

        Raises:
            ValueError: a covariance of another shape, or one that is not finite, symmetric and positive semi-definite to four
                digits, as one of single precision may be off.
        """
        covariance, size = np.asarray(covariance, dtype=np.float64), np.size(mean)
        largest = np.max(np.abs(covariance), initial=0.0)
        if covariance.shape != (size, size) or not np.all(np.abs(covariance - covariance.T) <= _SLACK * largest):
            got = f"shape {covariance.shape}" if covariance.shape != (size, size) else "one that is not"
            raise ValueError(_no_covariance(f"a symmetric covariance of finite numbers, {size} x {size}", got))
        variances, basis = np.linalg.eigh(covariance)
        if size and variances[0] < -_SLACK * largest:
            raise ValueError(
                _no_covariance("a covariance without negative variances", f"{variances[0]:g} along one direction")
            )
        return GaussianLaw(*on_device(np.asarray(mean).dtype, mean, basis, np.maximum(variances, 0.0)))

    @staticmethod
    def factorised(mean: Float[Array, " d"], covariance: Float[Array, "d d"]) -> "GaussianLaw":
        """The same inside a program, in the precision of its arrays."""
        variances, basis = jnp.linalg.eigh(covariance)
        return GaussianLaw(mean, basis, jnp.maximum(variances, 0.0))

    @staticmethod
    def fitted(rows: RowArray) -> "GaussianLaw":
        mean, covariance = moments(rows)
        return GaussianLaw.from_moments(mean.astype(rows.dtype), covariance)

    @staticmethod
    def standard(dimension: int) -> "GaussianLaw":
        """``N(0, I)``: what standardised data have as first two marginal moments."""
        return GaussianLaw(jnp.zeros(dimension), jnp.eye(dimension), jnp.ones(dimension))

    def at(self, level: Level) -> "GaussianLaw":
        return GaussianLaw(level.alpha * self.mean, self.basis, level.alpha**2 * self.variances + level.sigma**2)

    def root_times(self, noise: Float[Array, " d"]) -> Float[Array, " d"]:
        return self.basis @ (jnp.sqrt(self.variances) * noise)

    def whiten(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """Coordinates of ``x`` in the eigenbasis, centred and divided by their standard deviations."""
        return jnp.sum(self.basis * self._centred(x)[:, None], axis=0) / jnp.sqrt(self.variances)

    def covariance_times(self, v: Float[Array, " d"]) -> Float[Array, " d"]:
        return self.basis @ (self.variances * (self.basis.T @ v))

    def precision_times(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        return self.basis @ ((self.basis.T @ self._centred(x)) / self.variances)

    @property
    def log_determinant(self) -> Float[Array, ""]:
        return jnp.sum(jnp.log(self.variances))

    def log_excess(self, v: Float[Array, " d"]) -> Float[Array, ""]:
        """With ``A = log S``."""
        squares = jnp.sum(v[:, None] * self.basis, axis=0) ** 2
        return jnp.sum((squares - jnp.sum(self.basis**2, axis=0)) * jnp.log(self.variances))


class DiagonalLaw(AbstractGaussianLaw):
    r"""Normal law $N(m, \mathrm{diag}(\ell))$: independent coordinates, in the memory of two rows."""

    mean: Float[Array, "*stack d"]
    variances: Float[Array, "*stack d"]

    @staticmethod
    def fitted(rows: RowArray) -> "DiagonalLaw":
        return DiagonalLaw(*on_device(rows.dtype, *marginal_moments(rows)))

    def at(self, level: Level) -> "DiagonalLaw":
        return DiagonalLaw(level.alpha * self.mean, level.alpha**2 * self.variances + level.sigma**2)

    def root_times(self, noise: Float[Array, " d"]) -> Float[Array, " d"]:
        return jnp.sqrt(self.variances) * noise

    def whiten(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        return self._centred(x) / jnp.sqrt(self.variances)

    def covariance_times(self, v: Float[Array, " d"]) -> Float[Array, " d"]:
        return self.variances * v

    def precision_times(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        return self._centred(x) / self.variances

    @property
    def log_determinant(self) -> Float[Array, ""]:
        return jnp.sum(jnp.log(self.variances))

    def log_excess(self, v: Float[Array, " d"]) -> Float[Array, ""]:
        """With ``A = log S``."""
        return jnp.sum((v**2 - 1) * jnp.log(self.variances))


class IsotropicLaw(AbstractGaussianLaw):
    r"""Normal law $N(m, \ell I)$: one variance for all coordinates."""

    mean: Float[Array, "*stack d"]
    variance: Float[Array, "*stack"]

    @staticmethod
    def fitted(rows: RowArray) -> "IsotropicLaw":
        mean, variances = marginal_moments(rows)
        return IsotropicLaw(*on_device(rows.dtype, mean, np.asarray(variances.mean())))

    @staticmethod
    def standard(dimension: int) -> "IsotropicLaw":
        """``N(0, I)``."""
        return IsotropicLaw(jnp.zeros(dimension), jnp.ones(()))

    def at(self, level: Level) -> "IsotropicLaw":
        return IsotropicLaw(level.alpha * self.mean, level.alpha**2 * self.variance + level.sigma**2)

    def root_times(self, noise: Float[Array, " d"]) -> Float[Array, " d"]:
        return jnp.sqrt(self.variance) * noise

    def whiten(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        return self._centred(x) / jnp.sqrt(self.variance)

    def covariance_times(self, v: Float[Array, " d"]) -> Float[Array, " d"]:
        return self.variance * v

    def precision_times(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        return self._centred(x) / self.variance

    @property
    def log_determinant(self) -> Float[Array, ""]:
        return self.mean.shape[-1] * jnp.log(self.variance)

    def log_excess(self, v: Float[Array, " d"]) -> Float[Array, ""]:
        """With ``A = log S``."""
        return (jnp.sum(v**2) - v.size) * jnp.log(self.variance)


class LowRankLaw(AbstractGaussianLaw):
    r"""Normal law $N(m, D + F F^T)$ with a diagonal $D$ and $r$ factors: factor analysis, for rows of many coordinates.

    With $B = D^{-1/2} F$ and the eigenvectors $V$ and eigenvalues $\lambda$ of the small matrix $B^T B$, a function of
    $I + B B^T$ is $f(1) I + B V \mathrm{diag}((f(1 + \lambda) - f(1)) / \lambda) V^T B^T$. So root, inverse and determinant
    cost $O(d r^2)$, and the root of $S$ is $L = D^{1/2} (I + B B^T)^{1/2}$, of $d$ normals. The diagonal may be zero only where
    noise is added to it.
    """

    mean: Float[Array, " d"]
    variances: Float[Array, " d"]
    factor: Float[Array, "d r"]

    @staticmethod
    def fitted(rows: RowArray) -> "LowRankLaw":
        """The leading principal components, and on the diagonal what they leave of each variance, so that variances are exact.

        The covariance is wrong by the off-diagonal part of what the components leave out.

        Reference: Tipping and Bishop (1999), *Probabilistic principal component analysis*.
        """
        return LowRankLaw(*on_device(rows.dtype, *leading_moments(rows, RANK)))

    def at_targets(self, target: Bool[Array, "*shape"]) -> "DiagonalLaw":
        return _at_targets(target, self.mean, self.variances + jnp.sum(self.factor**2, axis=1))

    def at(self, level: Level) -> "LowRankLaw":
        variances = level.alpha**2 * self.variances + level.sigma**2
        return LowRankLaw(level.alpha * self.mean, variances, level.alpha * self.factor)

    def root_times(self, noise: Float[Array, " d"]) -> Float[Array, " d"]:
        values, directions = self._spectrum
        return jnp.sqrt(self.variances) * (noise + _along(directions, 1 / (1 + jnp.sqrt(1 + values)), noise))

    def whiten(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        values, directions = self._spectrum
        scaled, root = self._centred(x) / jnp.sqrt(self.variances), jnp.sqrt(1 + values)
        return scaled - _along(directions, 1 / (root * (1 + root)), scaled)

    def covariance_times(self, v: Float[Array, " d"]) -> Float[Array, " d"]:
        return self.variances * v + _along(self.factor, jnp.ones(self.factor.shape[1], v.dtype), v)

    def precision_times(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        values, directions = self._spectrum
        scaled = self._centred(x) / jnp.sqrt(self.variances)
        return (scaled - _along(directions, 1 / (1 + values), scaled)) / jnp.sqrt(self.variances)

    @property
    def log_determinant(self) -> Float[Array, ""]:
        return jnp.sum(jnp.log(self.variances)) + jnp.sum(jnp.log1p(self._spectrum[0]))

    def log_excess(self, v: Float[Array, " d"]) -> Float[Array, ""]:
        r"""With $A = \log D + \log(I + B B^T)$, which is $\log S$ where the two commute."""
        values, directions = self._spectrum
        gains = jnp.log1p(values) / jnp.where(values > 0, values, 1.0)
        parts = jnp.sum(v[:, None] * directions, axis=0) ** 2 - values
        return jnp.sum((v**2 - 1) * jnp.log(self.variances)) + jnp.sum(parts * gains)

    @property
    def _spectrum(self) -> tuple[Float[Array, " r"], Float[Array, "d r"]]:
        r"""$\lambda$, and $B V$, whose columns have the squared lengths $\lambda$."""
        scaled = self.factor / jnp.sqrt(self.variances)[:, None]
        values, vectors = jnp.linalg.eigh(scaled.T @ scaled)
        return jnp.maximum(values, 0.0), scaled @ vectors


def _no_covariance(expected: str, got: str) -> str:
    return explain(expected=expected, got=got, do="pass np.cov(rows, rowvar=False), say")


def _along(directions: Float[Array, "d r"], gains: Float[Array, " r"], v: Float[Array, " d"]) -> Float[Array, " d"]:
    """``B diag(gains) B^T v``."""
    return jnp.sum(directions * (gains * jnp.sum(directions * v[:, None], axis=0)), axis=1)


def _at_targets(target: Bool[Array, "*shape"], mean: Float[Array, " d"], variances: Float[Array, " d"]) -> DiagonalLaw:
    asked = jnp.ravel(target)
    return DiagonalLaw(jnp.where(asked, mean, 0), jnp.where(asked, variances, 1))
