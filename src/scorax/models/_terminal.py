"""The law at ``t1``: one home for the start of every sampler and the end of every likelihood."""

import math
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from scorax._checked import require_kind, require_result, shown
from scorax._errors import explain
from scorax._trees import cast
from scorax._types import Key
from scorax.models._given import Given
from scorax.models._score_model import AbstractDenoiser, AbstractScoreModel
from scorax.processes import (
    AbstractGaussianLaw,
    AbstractGaussianProcess,
    AbstractLinearSDE,
    AbstractProcess,
    IsotropicLaw,
    Law,
    Level,
    sde,
)

AnyLaw = TypeVar("AnyLaw", bound=Law)


def gaussian_process(process: AbstractProcess) -> AbstractGaussianProcess:
    """``process`` itself where it has scalar Gaussian kernels.

    Raises:
        TypeError: it has none, hence no terminal level.
    """
    if isinstance(process, AbstractGaussianProcess):
        return process
    raise TypeError(
        explain(expected="a process with scalar Gaussian kernels", got=shown(process), do="use VP, VE or EDM")
    )


def require_terminal_law(process: AbstractProcess) -> None:
    """Refuse a process whose law at ``t1`` is not known: nothing to start a sampler from, or to end a likelihood at.

    Raises:
        TypeError: there is no noise (``Clean``), or a general SDE has no ``prior``.
    """
    if sde(process).prior is None and not isinstance(process, AbstractLinearSDE):
        raise TypeError(
            explain(
                expected="a process with a law at t1",
                got=f"{type(process).__name__} without one",
                do="give it a prior with sample(key=) and log_density(x)",
            )
        )


def terminal_level(process: AbstractProcess, t: Float[Array, ""]) -> Level | None:
    """Noise level at a time near ``t1``, or ``None`` for processes that have no levels but a prior or a matrix kernel."""
    return process.level(t) if isinstance(process, AbstractGaussianProcess) else None


def require_noisy_state(model: AbstractScoreModel) -> None:
    """Refuse a score that is not that of the noisy state of its process.

    Raises:
        TypeError: ``model`` is a :class:`~scorax.models.Pullback`, say.
    """
    require_kind(model, AbstractScoreModel, what="model")
    if not model.noisy_state:
        raise TypeError(
            explain(
                expected="the score of a noisy state",
                got=shown(model),
                do="pass the model inside it, and transform the result",
            )
        )


def require_denoiser(model: AbstractScoreModel, *, asker: str, do: str) -> None:
    """Refuse a model that does not separate clean data from noise.

    Raises:
        TypeError: ``model`` is no denoiser; ``do`` is what to do about it.
    """
    if not isinstance(model, AbstractDenoiser):
        raise TypeError(explain(expected=f"a denoiser for {asker}", got=shown(model), do=do))


def terminal_draw(
    model: AbstractScoreModel, level: Level | None, shape: tuple[int, ...], dtype: DTypeLike, *, key: Key
) -> Float[Array, "*shape"]:
    r"""Draw of the law at a high level: $N(\alpha m, \alpha^2 S + \sigma^2 I)$ with the model's moments, else $N(0, R^2 I)$.

    Matching mean and covariance removes most of the bias of starting at a finite noise level (trap 19). Without a level it
    is a draw of the prior of the process, or of the image of the moments under a linear SDE.
    """
    if level is None:
        return _law_at_end(model, math.prod(shape), dtype).sample(key=key).astype(dtype).reshape(shape)
    noise = jax.random.normal(key, shape, jnp.dtype(dtype))
    return _law_of_data(model, noise.size, noise.dtype).at(level).draw(noise.reshape(-1)).reshape(shape)


def terminal_log_density(model: AbstractScoreModel, level: Level | None, x: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Log-density of the law that :func:`terminal_draw` draws from, at the targets alone where some of a row is given.

    Raises:
        ValueError: a prior whose log-density is no single number.
    """
    if level is None:
        law = _law_at_end(model, x.size, x.dtype)
        density = law.log_density(x.reshape(-1) if isinstance(law, AbstractGaussianLaw) else x)
        expected = f"one number from log_density of {shown(law)}, the prior of {shown(model.process)}"
        require_result(density, (), expected=expected, do="take the sum over coordinates")
        return density
    density = _law_of_data(model, x.size, x.dtype).at(level).log_density(x.reshape(-1))
    return density - model.log_density_of_dummies(level) if isinstance(model, Given) else density


def _law_at_end(model: AbstractScoreModel, size: int, dtype: DTypeLike) -> Law:
    """Prior of a process without levels, or the image of the moments."""
    process = sde(model.process)
    if process.prior is not None:
        return _sized(cast(process.prior, dtype), size, "a prior")
    assert isinstance(process, AbstractLinearSDE)  # `require_terminal_law` refuses others by name
    return process.kernel(jnp.asarray(process.t1, dtype)).image(_law_of_data(model, size, dtype))


def _law_of_data(model: AbstractScoreModel, size: int, dtype: DTypeLike) -> AbstractGaussianLaw:
    """The moments of a model, standard normal where there are none."""
    law = cast(IsotropicLaw.standard(size) if model.moments is None else model.moments, dtype)
    return _sized(law, size, "moments")


def _sized(law: AnyLaw, size: int, what: str) -> AnyLaw:
    """``law`` itself where it is one of as many numbers as a state has: one of a single number would be broadcast."""
    if isinstance(law, AbstractGaussianLaw) and law.mean.shape != (size,):
        raise ValueError(
            explain(
                expected=f"{what} of {size} numbers, as a state has",
                got=f"a mean of shape {law.mean.shape}",
                do="pass GaussianLaw.of_rows(data), of the rows that the model is of",
            )
        )
    return law
