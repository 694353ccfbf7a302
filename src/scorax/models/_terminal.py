"""The law at ``t1``: one home for the start of every sampler and the end of every likelihood."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._free import free_dimension, free_normal, only_free
from scorax._types import Key
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel, ScoreFunction
from scorax.processes import AbstractGaussianProcess, AbstractProcess, GaussianLaw, Level


def gaussian_process(process: AbstractProcess) -> AbstractGaussianProcess:
    """``process`` itself where it has scalar Gaussian kernels.

    Raises:
        TypeError: it has none, hence no terminal level.
    """
    if isinstance(process, AbstractGaussianProcess):
        return process
    raise TypeError(
        explain(expected="a process with scalar Gaussian kernels", got=type(process).__name__, do="use VP, VE or EDM")
    )


def require_noisy_state(model: AbstractScoreModel) -> None:
    """Refuse a score that is not that of the noisy state of its process.

    Raises:
        TypeError: ``model`` is a :class:`~scorax.models.Pullback`, say.
    """
    if not model.noisy_state:
        raise TypeError(
            explain(
                expected="the score of a noisy state",
                got=type(model).__name__,
                do="pass the model inside it, and transform the result",
            )
        )


def data_moments(model: AbstractScoreModel) -> GaussianLaw | None:
    """Moments of the clean data that the model carries, if it carries any."""
    return model.moments if isinstance(model, AbstractDenoiser | ScoreFunction) else None


def terminal_draw(
    model: AbstractScoreModel, level: Level, shape: tuple[int, ...], *, key: Key
) -> Float[Array, "*shape"]:
    r"""Draw of the law at a high level: $N(\alpha m, \alpha^2 S + \sigma^2 I)$ with the model's moments, else $N(0, R^2 I)$.

    Matching mean and covariance removes most of the bias of starting at a finite noise level (trap 19).
    """
    noise = free_normal(model.free, shape, level.sigma.dtype, key=key)
    moments = data_moments(model)
    if moments is None:
        return jnp.sqrt(level.alpha**2 + level.sigma**2) * noise
    return only_free(model.free, _cast(moments, noise).at(level).draw(noise.reshape(-1)).reshape(shape))


def terminal_log_density(model: AbstractScoreModel, level: Level, x: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Log-density of the law that :func:`terminal_draw` draws from."""
    moments = data_moments(model)
    if moments is None:
        variance = level.alpha**2 + level.sigma**2
        d = free_dimension(model.free, x.shape)
        return -0.5 * (jnp.sum(only_free(model.free, x) ** 2) / variance + d * jnp.log(2 * math.pi * variance))
    return _cast(moments, x).at(level).log_density(x.reshape(-1))


def _cast(law: GaussianLaw, like: Array) -> GaussianLaw:
    return jax.tree.map(lambda leaf: leaf.astype(like.dtype), law)
