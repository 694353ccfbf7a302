"""The first rungs of the process ladder; each adds a capability, none a flag."""

import abc
import dataclasses
import math
from typing import Protocol, TypeVar, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax._checked import Checked, shown
from scorax._errors import explain
from scorax._types import Key
from scorax.processes._diffusion import Diffusion

SelfProcess = TypeVar("SelfProcess", bound="AbstractProcess")


@runtime_checkable
class Law(Protocol):
    """What a terminal law must do; ``GaussianLaw``, ``Normal`` and ``LogNormal`` do."""

    def sample(self, *, key: Key) -> Array:
        """One draw, in the shape of the state."""
        ...

    def log_density(self, x: Array) -> Array:
        """Log-density of one state, in nats."""
        ...


class AbstractProcess(Checked):
    """Forward process that turns data at ``t0`` into noise at ``t1``; the owner of the clock and of the cut-off ``t0``."""

    t0: eqx.AbstractVar[float]
    t1: eqx.AbstractVar[float]

    @abc.abstractmethod
    def perturb(self, t: Float[Array, ""], x0: Float[Array, "*shape"], *, key: Key) -> Float[Array, "*shape"]:
        """Draw of the noisy state at time ``t`` given clean data ``x0``."""

    def until(self: SelfProcess, t: float) -> SelfProcess:
        """The same process on a clock that ends at ``t``, where it has no prior of its own.

        Raises:
            ValueError: not ``t0 < t <= t1``.
        """
        if not self.t0 < t <= self.t1:
            raise ValueError(
                explain(
                    expected=f"a time after t0 = {self.t0:g} and not after t1 = {self.t1:g}",
                    got=f"{t:g}",
                    do="choose one on the clock of the process",
                )
            )
        return self if t == self.t1 else self._cut(float(t))

    def _cut(self: SelfProcess, t: float) -> SelfProcess:
        """The process whose clock ends at ``t``: a schedule that is written relative to ``t1`` changes more than that."""
        shorter = eqx.tree_at(lambda process: process.t1, self, t)
        if any(field.name == "prior" for field in dataclasses.fields(self)):
            shorter = eqx.tree_at(lambda process: process.prior, shorter, None, is_leaf=lambda part: part is None)
        return shorter


class AbstractSDE(AbstractProcess):
    r"""Process given by the Ito equation $dX = f(X, t) dt + G(X, t) dW$."""

    @property
    def prior(self) -> Law | None:
        """Law at ``t1``, where samplers start and likelihoods end; ``None`` where unknown or made from the data's moments."""
        return None

    @property
    def state_dependent(self) -> bool:
        """Whether ``G`` depends on ``x``: then reversal needs the divergence of ``G G^T``. Declared, never found by value."""
        return True

    @abc.abstractmethod
    def drift(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Drift ``f(x, t)``."""

    @abc.abstractmethod
    def diffusion(self, t: Float[Array, ""], x: Float[Array, "*shape"]) -> Diffusion:
        """Diffusion ``G(x, t)``, tagged by its kind."""


class AbstractExactSDE(AbstractSDE):
    """SDE whose transitions can be drawn without a time step. Clean data stand at time 0; ``t0`` is the cut-off."""

    @abc.abstractmethod
    def noise_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the standard normal noise that one exact transition of a state of ``shape`` takes."""

    @abc.abstractmethod
    def advance(
        self, s: Float[Array, ""], t: Float[Array, ""], x: Float[Array, "*shape"], noise: Float[Array, "*noise"]
    ) -> Float[Array, "*shape"]:
        """State at ``t`` from the state ``x`` at ``s < t`` and standard normal ``noise``."""

    def perturb(self, t: Float[Array, ""], x0: Float[Array, "*shape"], *, key: Key) -> Float[Array, "*shape"]:
        noise = jax.random.normal(key, self.noise_shape(x0.shape), x0.dtype)
        return self.advance(jnp.zeros_like(t), t, x0, noise)


def sde(process: AbstractProcess) -> AbstractSDE:
    """``process`` itself where it has a drift and a diffusion.

    Raises:
        TypeError: it has none, like ``Clean``.
    """
    if not isinstance(process, AbstractSDE):
        raise TypeError(
            explain(
                expected="a process with a drift and a diffusion",
                got=shown(process),
                do="use an AbstractSDE such as VP, VE or EDM",
            )
        )
    return process


def check_order(t0: float, t1: float) -> None:
    """Refuse a clock that does not run forward, or has no end.

    Raises:
        ValueError: not ``t0 < t1``, or one of them is not finite.
    """
    if not -math.inf < t0 < t1 < math.inf:
        raise ValueError(explain(expected="a finite clock with t0 < t1", got=f"{t0}, {t1}", do="order the clock"))
