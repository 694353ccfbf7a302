"""Score models: a score model is literally the function ``score(t, x, condition)``."""

import abc
import dataclasses
from collections.abc import Callable
from typing import ClassVar, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import Checked, require_result, shown
from scorax._errors import explain
from scorax._types import Condition, Key, Scalar
from scorax.models._evidence import Evidence
from scorax.models._parametrization import AbstractParametrization, Karras, check_coefficients
from scorax.models._prediction import Prediction, velocity_in_angle
from scorax.networks import AbstractNetwork, Masked, Masks, output_of
from scorax.processes import AbstractGaussianLaw, AbstractGaussianProcess, AbstractProcess, Clean, Level

SelfModel = TypeVar("SelfModel", bound="AbstractScoreModel")
SelfDenoiser = TypeVar("SelfDenoiser", bound="AbstractDenoiser")


def time_like(t: Scalar, x: Float[Array, "*shape"]) -> Float[Array, ""]:
    """A time in the precision of a state: among whole numbers it would be cut to one.

    Raises:
        TypeError: a state that is no array of floating-point numbers.
        ValueError: many times.
    """
    if not (hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating)):
        raise TypeError(
            explain(
                expected="a time and then a state, an array of floating-point numbers",
                got=shown(x),
                do="convert it, as by jnp.asarray(x, jnp.float32)",
            )
        )
    if jnp.shape(t) != ():
        raise ValueError(
            explain(
                expected="one time, and then one state",
                got=f"times of shape {list(jnp.shape(t))}",
                do="map over rows, as in jax.vmap(model)(times, rows)",
            )
        )
    return jnp.asarray(t, x.dtype)


class AbstractScoreModel(Checked):
    """Function ``model(t, x, condition) -> grad_x log p_t(x | condition)`` under ``model.process``, for one example."""

    process: eqx.AbstractVar[AbstractProcess]
    moments: eqx.AbstractVar[AbstractGaussianLaw | None]
    """Law of the clean data to two moments, whose image is the law at ``t1``; the standard normal one where it is ``None``."""

    noisy_state: ClassVar[bool] = True
    """Whether the score is that of the noisy state of ``process``, which samplers and likelihoods integrate."""

    @abc.abstractmethod
    def __call__(
        self, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, "*shape"]:
        """Score at time ``t`` and state ``x``; ``key`` turns on the training noise (dropout) of a model that has any."""

    def with_process(self: SelfModel, process: AbstractGaussianProcess) -> SelfModel:
        """The same field under another process, where the model has a meaning there: where it is a denoiser.

        Raises:
            TypeError: the score belongs to its process.
        """
        raise TypeError(
            explain(
                expected="a denoiser, which knows levels and not times",
                got=shown(self),
                do="make it one with scorax.models.as_denoiser(model)",
            )
        )

    def given(self: SelfModel, evidence: Evidence) -> SelfModel:
        """The model of a row whose targets have their law given the evidence, and whose other coordinates are independent
        standard normal variables; :class:`~scorax.models.Given` asks for it.

        Raises:
            TypeError: the model reads no evidence.
        """
        raise TypeError(
            explain(
                expected="a model that reads evidence",
                got=shown(self),
                do="ask scorax.targets.ExactDenoiser, or a model of your own with a method given(evidence)",
            )
        )


class AbstractNetworkModel(AbstractScoreModel):
    """Score model made of a network: what ``fit`` trains, and all that training knows about a model."""

    network: eqx.AbstractVar[AbstractNetwork]


class DensityGradient(eqx.Module):
    """A module, not a closure: two scores of one density are equal, and one program to jit."""

    log_density: Callable[..., Float[Array, ""]]

    def __call__(self, t: Float[Array, ""], x: Float[Array, "*shape"], condition: Condition) -> Float[Array, "*shape"]:
        return jax.grad(self.log_density)(x)


class ScoreFunction(AbstractScoreModel):
    """A score given as a function, for instance in closed form or from another library.

    It serves every sampler and likelihood that asks for a score only, in the clock of its process.

    Args:
        fn: ``fn(t, x, condition) -> score`` for one example, in the shape of ``x``.
        process: the process under which it is the score.
        moments: law of the clean data to two moments; the start of samplers and the end of likelihoods. Standard normal
            where it is ``None``.
    """

    fn: Callable[..., Float[Array, "*shape"]]
    process: AbstractProcess
    moments: AbstractGaussianLaw | None = None

    @staticmethod
    def of_density(
        log_density: Callable[[Float[Array, "*shape"]], Float[Array, ""]], process: AbstractProcess | None = None
    ) -> "ScoreFunction":
        """The score of a density given by its logarithm, by automatic differentiation; a constant may be missing.

        Args:
            log_density: log-density of one example, normalised or not, the same at every time.
            process: the process under which it is the law; by default :class:`~scorax.processes.Clean`, for the density of
                the data.
        """
        return ScoreFunction(fn=DensityGradient(log_density), process=Clean() if process is None else process)

    def __call__(
        self, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, "*shape"]:
        score = self.fn(time_like(t, x), x, condition)
        require_result(
            score,
            x.shape,
            expected=f"a score fn(t, x, condition) like its state, of shape {list(x.shape)}",
            do="write it as a function of the time first and of one state, and return a number for each coordinate",
        )
        return score


class AbstractDenoiser(AbstractScoreModel):
    """Score model that also separates the noisy state into clean data and noise, at any level of a Gaussian process."""

    process: eqx.AbstractVar[AbstractGaussianProcess]  # pyright: ignore[reportIncompatibleVariableOverride]  modules are frozen

    @abc.abstractmethod
    def predict_at(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        """Prediction at a noise level; ``key`` turns on the network's training noise (dropout)."""

    def angular_velocity(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None
    ) -> Float[Array, "*shape"]:
        """Slope of the deterministic flow in its angle, :func:`velocity_in_angle` of the prediction at a noise level."""
        return velocity_in_angle(self.predict_at(level, x, condition), level)

    def predict(
        self, t: Float[Array, ""], x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        """Prediction at time ``t`` of the process."""
        return self.predict_at(self.process.level(t), x, condition, key=key)

    def __call__(
        self, t: Scalar, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, "*shape"]:
        level = self.process.level(time_like(t, x))
        return -self.predict_at(level, x, condition, key=key).noise / level.sigma

    def with_process(self: SelfDenoiser, process: AbstractGaussianProcess) -> SelfDenoiser:
        """The same field under another schedule or cut-off: a denoiser knows levels, not times.

        A parametrization whose output belongs to a clock (velocity, score) keeps the process it was made for, so its
        meaning does not move with the schedule.

        Raises:
            TypeError: the new process has no scalar Gaussian kernel.
        """
        if not isinstance(process, AbstractGaussianProcess):
            raise TypeError(
                explain(
                    expected="a process with a scalar Gaussian kernel",
                    got=shown(process),
                    do="pass VP, VE, EDM or another AbstractGaussianProcess",
                )
            )
        return dataclasses.replace(self, process=process)


class Denoiser(AbstractDenoiser, AbstractNetworkModel):
    """A network made into a score model by the process and the meaning of its output.

    Args:
        network: ``network(c_noise, x, condition, key=key) -> F`` with x and F of the shape of one example.
        process: the forward process.
        parametrization: what F means.
        moments: law of the (standardised) training data to two moments; the terminal law of sampling and likelihood is its
            image at ``t1``. Standard normal where it is ``None``.

    Raises:
        TypeError: a part is of another kind.
        ValueError: a parametrization whose ``x0`` and ``noise`` do not add up to the state.
    """

    network: AbstractNetwork
    process: AbstractGaussianProcess  # pyright: ignore[reportIncompatibleVariableOverride]  modules are frozen
    parametrization: AbstractParametrization = Karras()
    moments: AbstractGaussianLaw | None = None

    def __check_init__(self) -> None:
        check_coefficients(self.parametrization)

    def predict_at(
        self, level: Level, x: Float[Array, "*shape"], condition: Condition = None, *, key: Key | None = None
    ) -> Prediction:
        scaled = x / self.parametrization.radius(level)
        output = output_of(self.network, self.parametrization.noise_input(level), scaled, condition, key=key)
        return self.parametrization.predict(level, x, output)

    def given(self, evidence: Evidence) -> "Denoiser":
        """The model whose network is told the masks of the evidence (:class:`~scorax.networks.MaskedInput`).

        The condition of the evidence is told at every call (:class:`~scorax.models.Given`). The output is zero outside the
        targets, which stands for N(0, 1) under ``Karras`` with unit data scale.

        Raises:
            TypeError: the network reads no masks, or its output means another thing.
        """
        if not self.network.reads_masks:
            return super().given(evidence)
        if self.parametrization != Karras():
            raise TypeError(
                explain(
                    expected="Karras() for a network that reads masks",
                    got=shown(self.parametrization),
                    do="train it under Karras(): an output of zero is a standard normal coordinate there only",
                )
            )
        value, known, target = (jnp.asarray(part) for part in (evidence.value, evidence.known, evidence.target))
        masks, moments = Masks(value, known, target), None if self.moments is None else self.moments.at_targets(target)
        return dataclasses.replace(self, network=Masked(self.network, masks), moments=moments)
