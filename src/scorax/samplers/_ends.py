"""End rules: what becomes of a state at ``t0``, which is clean data plus the noise of the cut-off."""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import Checked
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, category_log_posteriors, require_codes, require_denoiser
from scorax.samplers._updates import narrowed


class AbstractEnd(Checked):
    """Rule that turns the state at ``t0`` into the draw that is returned."""

    needs_denoiser: ClassVar[bool] = True

    def check(self, model: AbstractScoreModel) -> None:
        """Refuse a model that does not separate clean data from noise.

        Raises:
            TypeError: the rule needs a denoiser and ``model`` is none.
        """
        if self.needs_denoiser:
            require_denoiser(model, asker=type(self).__name__, do="use Stop, or make the score a Denoiser")

    @abc.abstractmethod
    def __call__(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key
    ) -> Float[Array, "*shape"]:
        """The draw, from a state ``x`` at ``t0``."""


class Stop(AbstractEnd):
    """The state itself: a draw of the law at ``t0``, the one ``log_prob`` describes. On N(0, s^2) under VE its variance is
    $s^2 + \\sigma_0^2$."""

    needs_denoiser: ClassVar[bool] = False

    def __call__(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key
    ) -> Float[Array, "*shape"]:
        return x


class TweedieMean(AbstractEnd):
    r"""The posterior mean $E[x_0 \mid x_{t_0}]$: one evaluation more, no noise left, and too little spread.

    On $N(0, s^2)$ under VE its variance is $s^4 / (s^2 + \sigma_0^2)$. It is the last step of the published DDPM.
    """

    def __call__(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key
    ) -> Float[Array, "*shape"]:
        return _clean(model, x, condition)


class PosteriorDraw(AbstractEnd):
    r"""A draw of the Gaussian with the posterior's mean and covariance given the state at ``t0``.

    $$ x_0 \sim N\!\left(E[x_0|x],\; \frac{\sigma^2}{\alpha} \frac{\partial E[x_0|x]}{\partial x}\right), $$

    which is the law of clean data exactly where they are Gaussian at the scale of the cut-off. The Jacobian of a learned
    model is made symmetric, and its negative eigenvalues zero. It costs d forward-mode products and an eigenvalue
    decomposition.

    Reference: Robbins (1956) and Efron (2011), *Tweedie's formula and selection bias*, for the two moments.
    """

    def __call__(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key
    ) -> Float[Array, "*shape"]:
        process = narrowed(model).process
        level = process.level(jnp.asarray(process.t0, x.dtype))
        jacobian = jax.jacfwd(lambda z: _clean(model, z, condition))(x).reshape(x.size, x.size)
        values, vectors = jnp.linalg.eigh((jacobian + jacobian.T) / 2)
        spread = level.sigma * jnp.sqrt(jnp.maximum(values, 0) / level.alpha)
        noise = jax.random.normal(key, x.shape, x.dtype).reshape(-1)
        drawn = (vectors * spread) @ (vectors.T @ noise)
        return _clean(model, x, condition) + drawn.reshape(x.shape)


class CategoryDraw(AbstractEnd):
    r"""A category for every code, drawn given the state at ``t0``, and its point in the place of the noisy code.

    The probabilities are those of :func:`~scorax.models.category_log_posteriors`, with no temperature and no maximum, so the
    categories have the law that :func:`~scorax.likelihood.coded_log_prob` describes. A code of the draw is $\alpha_0 c_k$:
    :func:`~scorax.networks.decode_categories` reads it. Numbers stay as they are, as by :class:`Stop`. The codes of a row whose
    solve failed are NaN.
    """

    def check(self, model: AbstractScoreModel) -> None:
        """Refuse a model without codes.

        Raises:
            TypeError: the model is no denoiser around a network with a :class:`~scorax.networks.CodedHead`.
            ValueError: its parametrization is not ``Karras()``.
        """
        require_codes(model)

    def __call__(
        self, model: AbstractScoreModel, x: Float[Array, " d"], condition: Condition = None, *, key: Key
    ) -> Float[Array, " d"]:
        own = require_codes(model)
        t0 = jnp.asarray(own.process.t0, x.dtype)
        posteriors, codebooks = category_log_posteriors(own, t0, x, condition), own.network.codebooks
        sizes = [log_posterior.shape[0] for log_posterior in posteriors]
        # Gumbel's trick: one draw for all codes, which XLA compiles once.
        offsets = jax.random.gumbel(key, (sum(sizes),), x.dtype)
        alpha, at, coordinates = own.process.level(t0).alpha, 0, sum(book.shape[1] for book in codebooks)
        codes = []
        for log_posterior, book in zip(posteriors, codebooks, strict=True):
            drawn = jnp.argmax(log_posterior + offsets[at : at + log_posterior.shape[0]])
            code = alpha * book[drawn].astype(x.dtype)
            # Where a solve failed there is no category; the largest of what is not a number would be the first.
            codes.append(jnp.where(jnp.any(jnp.isnan(log_posterior)), jnp.nan, code))
            at += log_posterior.shape[0]
        return jnp.concatenate([x[: x.shape[0] - coordinates], *codes])


def _clean(model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition) -> Float[Array, "*shape"]:
    """The posterior mean of clean data; coordinates that are known stay as they are."""
    return narrowed(model).predict(jnp.asarray(model.process.t0, x.dtype), x, condition).x0


STOP = Stop()
