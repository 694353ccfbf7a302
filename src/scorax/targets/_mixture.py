"""Closed-form targets: Gaussian mixtures stay Gaussian mixtures under every Gaussian process."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from scorax._checked import require_row
from scorax._errors import explain
from scorax._text import quote
from scorax._types import Condition, Key
from scorax.models import AbstractDenoiser, Evidence, Prediction
from scorax.processes import AbstractGaussianLaw, AbstractGaussianProcess, GaussianLaw, Level

_FEW = 4
"""Dimensions up to which products with the bases are written out: XLA fuses sums with what is beside them, a product of matrices
is a call of its own, which takes longer than the product."""


class _White(NamedTuple):
    """A point beside every component.

    Attributes:
        white: ``P_k (x - m_k)`` in the eigenbasis of component k.
        log_joint: log of weight times density.
    """

    white: Float[Array, "k d"]
    log_joint: Float[Array, " k"]

    @property
    def responsibilities(self) -> Float[Array, " k"]:
        """Posterior probabilities of the components."""
        return jax.nn.softmax(self.log_joint)

    @property
    def pull(self) -> Float[Array, "k d"]:
        """Terms of minus the score, each in its eigenbasis."""
        return self.responsibilities[:, None] * self.white


class GaussianMixture(eqx.Module):
    r"""Mixture $\sum_k w_k N(m_k, S_k)$ with everything a score model must learn in closed form.

    Under $x = \alpha x_0 + \sigma\, noise$ it becomes $\sum_k w_k N(\alpha m_k, \alpha^2 S_k + \sigma^2 I)$. With the
    responsibilities $r_k(x)$ and $P_k = (\alpha^2 S_k + \sigma^2 I)^{-1}$:

    $$ s(x) = -\sum_k r_k P_k (x - \alpha m_k), \quad E[noise|x] = -\sigma s(x), \quad
       E[x_0|x] = \sum_k r_k \left(m_k + \alpha S_k P_k (x - \alpha m_k)\right). $$
    """

    log_weights: Float[Array, "*stack k"]
    components: GaussianLaw

    @staticmethod
    def create(weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> "GaussianMixture":
        """Mixture of ``weights`` (k,), ``means`` (k, d) and ``covariances`` (k, d, d); weights are normalised.

        Raises:
            ValueError: arrays of other shapes, or weights that are negative, not finite or all zero.
        """
        weights, means, covariances = np.asarray(weights, np.float64), np.asarray(means), np.asarray(covariances)
        k, d = (*means.shape, 0, 0)[:2]
        shapes = (weights.shape, means.shape, covariances.shape)
        if shapes != ((k,), (k, d), (k, d, d)) or not k:
            raise ValueError(
                explain(
                    expected="weights (k,), means (k, d) and covariances (k, d, d)",
                    got=", ".join(map(str, shapes)),
                    do="give every component a weight, a mean and a covariance",
                )
            )
        if not (np.all(weights >= 0) and 0 < weights.sum() < np.inf):
            raise ValueError(
                explain(expected="weights of 0 or more", got=quote(weights.tolist()), do="pass np.ones(k), say")
            )
        laws = [GaussianLaw.from_moments(m, c) for m, c in zip(means, covariances, strict=True)]
        log_weights = jnp.asarray(np.log(weights / weights.sum()), laws[0].mean.dtype)
        return GaussianMixture(log_weights, jax.tree.map(lambda *leaves: jnp.stack(leaves), *laws))

    @property
    def dimension(self) -> int:
        """Length of one draw."""
        return self.components.mean.shape[-1]

    def at(self, level: Level) -> "GaussianMixture":
        """Law of ``alpha x0 + sigma noise``."""
        return GaussianMixture(self.log_weights, jax.vmap(lambda law: law.at(level))(self.components))

    def _white(self, x: Float[Array, " d"], level: Level | None = None) -> "_White":
        """``x`` beside every component of the law at a level, itself where there is none.

        One product of ``x`` with all bases, and of the means apart from the level: with the means subtracted first it would
        be one small product per component and row, ten times as slow at d = 64.
        """
        require_row(x, (self.dimension,), type(self).__name__)
        at = self if level is None else self.at(level)
        centres = self._centres
        turned = self._into(x) - (centres if level is None else level.alpha * centres)
        variances = at.components.variances
        white = turned / variances
        # What is the same for all points stays out of their sum: under ``vmap`` it is then made once.
        log_scale = self.log_weights - 0.5 * (
            jnp.sum(jnp.log(variances), axis=-1) + self.dimension * math.log(2 * math.pi)
        )
        return _White(white, log_scale - 0.5 * jnp.sum(turned * white, axis=-1))

    @property
    def _centres(self) -> Float[Array, "k d"]:
        """The means, each in its eigenbasis."""
        return jnp.sum(self.components.mean[:, :, None] * self.components.basis, axis=1)

    def _into(self, x: Float[Array, " d"]) -> Float[Array, "k d"]:
        """A vector in all eigenbases."""
        basis = self.components.basis
        if self.dimension <= _FEW:
            return sum((x[i] * basis[:, i] for i in range(1, self.dimension)), start=x[0] * basis[:, 0])
        return jnp.einsum("d,kde->ke", x, basis)

    def _back(self, turned: Float[Array, "k d"]) -> Float[Array, " d"]:
        """Sum over components of vectors given in their eigenbases."""
        basis = self.components.basis
        if self.dimension <= _FEW:
            return jnp.stack([jnp.sum(turned * basis[:, i]) for i in range(self.dimension)])
        # Not an ``einsum``, which transposes the vectors of every point of a batch and not the bases.
        return turned.reshape(-1) @ jnp.swapaxes(basis, 1, 2).reshape(-1, self.dimension)

    def log_density(self, x: Float[Array, " d"]) -> Float[Array, ""]:
        """Log-density at ``x``, in nats."""
        return jax.nn.logsumexp(self._white(x).log_joint)

    def score(self, x: Float[Array, " d"]) -> Float[Array, " d"]:
        """Gradient of the log-density."""
        return -self._back(self._white(x).pull)

    def divergence(self, x: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Divergence of the score, $\sum_k r_k |P_k (x - m_k)|^2 - |s|^2 - \sum_k r_k \mathrm{tr} P_k$."""
        near = self._white(x)
        traces = jnp.sum(1 / self.components.variances, axis=-1)
        squares = jnp.sum(near.white**2, axis=-1)
        return near.responsibilities @ (squares - traces) - jnp.sum(self._back(near.pull) ** 2)

    def predict(self, level: Level, x: Float[Array, " d"]) -> Prediction:
        """Posterior means of clean data and noise given the noisy state ``x`` (Tweedie), without a division by sigma."""
        near = self._white(x, level)
        clean = self.components
        x0 = near.responsibilities @ clean.mean + level.alpha * self._back(clean.variances * near.pull)
        return Prediction(x0, level.sigma * self._back(near.pull))

    def angular_velocity(self, level: Level, x: Float[Array, " d"]) -> Float[Array, " d"]:
        r"""$(\alpha\, E[noise|x] - \sigma\, E[x_0|x]) / R$, by one way back from the eigenbases; the estimates take two."""
        near, alpha, sigma = self._white(x, level), *level
        gain = alpha * sigma * (1 - self.components.variances)
        turned = near.responsibilities[:, None] * (gain * near.white - sigma * self._centres)
        return self._back(turned) / jnp.sqrt(alpha**2 + sigma**2)

    def given(self, component: Int[Array, ""] | int) -> "GaussianMixture":
        """The law of one component, of the same arrays but for the weights; all of them where it is -1.

        Mixtures so serve as classes with known conditional laws. Everything of a component that is not there is NaN.
        """
        one = jnp.where(jnp.arange(self.log_weights.shape[-1]) == component, 0.0, -jnp.inf)
        weights = jnp.where(jnp.asarray(component) == -1, self.log_weights, one)
        return GaussianMixture(weights.astype(self.log_weights.dtype), self.components)

    def conditional(self, evidence: Evidence) -> "GaussianMixture":
        r"""The law of the targets given the known coordinates, with independent standard normal ones in all other places.

        With K the known coordinates, v their values and $G = S_{\cdot K} S_{KK}^{-1}$, a component becomes
        $N(m + G (v - m_K),\, S - G S_{K \cdot})$ and its weight is multiplied with $N(v; m_K, S_{KK})$. Masks may be traced.
        Directions in which the known coordinates do not vary, copies of one another say, tell nothing of the targets; values that
        differ there count as some units of the precision wide. Known coordinates that are nearly copies want float64: what they
        leave of a variance is a difference of two numbers.

        Reference: Bishop (2006), *Pattern recognition and machine learning*, eqs. 2.81 and 2.82.

        Raises:
            ValueError: the evidence is not for one row of this law.
        """
        known, target = evidence.known, evidence.target
        if known.shape != (self.dimension,):
            raise ValueError(
                explain(
                    expected=f"evidence of shape ({self.dimension},)",
                    got=f"{known.shape}",
                    do="map over rows, or pass it as the condition of sample and log_prob",
                )
            )
        one = jnp.eye(self.dimension, dtype=self.components.mean.dtype)

        def of(law: GaussianLaw) -> tuple[GaussianLaw, Float[Array, ""]]:
            covariance = (law.basis * law.variances) @ law.basis.T
            variances = jnp.diag(covariance)
            scale = jnp.where(variances > 0, jnp.sqrt(variances), 1)
            correlations = jnp.where(known[:, None] & known, covariance / (scale[:, None] * scale), 0)
            values, directions = jnp.linalg.eigh(correlations)
            least = self.dimension * jnp.finfo(values.dtype).eps * jnp.maximum(jnp.max(values), 1)
            varies = values > least
            roots = jnp.sqrt(jnp.where(varies, values, least))
            gap = directions.T @ (jnp.where(known, evidence.value.astype(law.mean.dtype) - law.mean, 0) / scale)
            across = directions.T @ jnp.where(known[:, None], covariance / scale[:, None], 0)
            across, white = jnp.where(varies, 1 / roots, 0)[:, None] * across, gap / roots
            mean, left = law.mean + across.T @ white, covariance - across.T @ across
            still = jnp.sum(known) - jnp.sum(varies)
            density = -0.5 * (jnp.sum(white**2) + jnp.sum(known) * math.log(2 * math.pi) + still * jnp.log(least))
            density -= jnp.sum(jnp.where(varies, jnp.log(roots), 0)) + jnp.sum(jnp.where(known, jnp.log(scale), 0))
            found = GaussianLaw.factorised(jnp.where(target, mean, 0), jnp.where(target[:, None] & target, left, one))
            return found, density

        laws, log_densities = jax.vmap(of)(self.components)
        return GaussianMixture(jax.nn.log_softmax(self.log_weights + log_densities), laws)

    def sample(self, *, key: Key) -> Float[Array, " d"]:
        """One draw."""
        which, inside = jax.random.split(key)
        index = jax.random.categorical(which, self.log_weights)
        return jax.tree.map(lambda leaf: leaf[index], self.components).sample(key=inside)

    def moments(self) -> GaussianLaw:
        """The Gaussian with the mixture's mean and covariance."""
        weights, laws = jnp.exp(self.log_weights), self.components
        mean = weights @ laws.mean
        spread = laws.mean - mean
        within = jnp.einsum("k,kij,kj,klj->il", weights, laws.basis, laws.variances, laws.basis)
        return GaussianLaw.factorised(mean, within + (weights[:, None] * spread).T @ spread)


def gaussian(mean: np.ndarray, covariance: np.ndarray) -> GaussianMixture:
    """The mixture of one component, ``N(mean, covariance)``."""
    return GaussianMixture.create(np.ones(1), np.asarray(mean)[None], np.asarray(covariance)[None])


class ExactDenoiser(AbstractDenoiser):
    """The denoiser, hence the score, of a closed-form target under a process: the oracle of every test.

    Its condition is the number of a component: the law is then that component, and all of them for ``None`` or -1. It reads
    evidence (:class:`~scorax.models.Given`): conditionals and marginals are exact.

    Args:
        target: the law of the clean data.
        process: the forward process.
        moments: terminal moments used by samplers and likelihoods; those of the target where it is ``None`` at creation.
    """

    target: GaussianMixture
    process: AbstractGaussianProcess
    moments: AbstractGaussianLaw | None

    @staticmethod
    def create(target: GaussianMixture, process: AbstractGaussianProcess) -> "ExactDenoiser":
        """The oracle whose terminal law is matched to the target's mean and covariance."""
        return ExactDenoiser(target=target, process=process, moments=target.moments())

    def predict_at(
        self, level: Level, x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        return self._law(condition).predict(level, x)

    def angular_velocity(self, level: Level, x: Float[Array, " d"], condition: Condition = None) -> Float[Array, " d"]:
        return self._law(condition).angular_velocity(level, x)

    def given(self, evidence: Evidence) -> "ExactDenoiser":
        """The oracle of the conditional law, with its moments."""
        target = self.target.conditional(evidence)
        return ExactDenoiser(target=target, process=self.process, moments=target.moments())

    def _law(self, condition: Condition) -> GaussianMixture:
        return self.target if condition is None else self.target.given(condition)
