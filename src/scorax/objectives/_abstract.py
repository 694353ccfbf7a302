"""What every objective has in common: the draw of t, its weight, and the look at the noisy state."""

import abc
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float

from scorax._checked import Checked, require_result
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel
from scorax.objectives._times import AbstractTimes, LikelihoodTimes, UniformTimes
from scorax.objectives._weighting import AbstractWeighting, LikelihoodWeighting, UniformWeighting
from scorax.processes import AbstractGaussianProcess, AbstractProcess


class AbstractObjective(Checked):
    r"""One example and its ``u`` in [0, 1) to one scalar loss; the training loop averages over a batch, stratified in u.

    A subclass states the loss at one time, :meth:`at`; its mean over the law of the noisy state is, up to a constant in the
    model, half the expected squared error of the score, *summed* over coordinates. The integral
    $\int \lambda(t)\, E[loss]\, dt$ over the clock is taken here and nowhere else: $t$ is the quantile ``u`` of ``times``, and
    the weight is $\lambda(t)$ over their density.

    ``weighting`` and ``times`` may be ``None``: then the likelihood weighting and its times under a Gaussian process (the value
    is in nats), weight one and uniform times under any other, whose clock of clean data is [0, 1].
    """

    weighting: eqx.AbstractVar[AbstractWeighting | None]
    times: eqx.AbstractVar[AbstractTimes | None]

    @abc.abstractmethod
    def at(
        self,
        model: AbstractScoreModel,
        t: Float[Array, ""],
        x0: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        """Unbiased value of the loss at time ``t`` from one example, before its weight."""

    @abc.abstractmethod
    def evaluations(self, dimension: int) -> int:
        """Evaluations of the model for one example of ``dimension`` coordinates; a directional derivative counts as one."""

    def __call__(
        self,
        model: AbstractScoreModel,
        x0: Float[Array, "*shape"],
        u: Float[Array, ""],
        condition: Condition = None,
        *,
        key: Key,
        training: bool = True,
    ) -> Float[Array, ""]:
        """Unbiased value of the objective from one example; ``training`` turns dropout on.

        Raises:
            ValueError: the loss, its weight or the density of the times is no single number.
        """
        u, condition = self.visit(x0, u, condition, key=key, training=training)
        process = model.process
        gaussian = isinstance(process, AbstractGaussianProcess)
        weighting = self.weighting or (LikelihoodWeighting() if gaussian else UniformWeighting())
        t = self.time(process, u)
        times = self._times(process)
        value = self.at(model, t, x0, condition, key=key, training=training)
        weight, density = weighting(process, t), times.density(process, t)
        for name, part in (
            (f"{type(self).__name__}.at", value),
            (type(weighting).__name__, weight),
            (type(times).__name__, density),
        ):
            do = "take the sum over coordinates, jnp.sum(...), as a mean over the batch follows"
            require_result(part, (), expected=f"one number from {name} for one example", do=do)
        return weight / density * value

    def visit(
        self, x0: Float[Array, "*shape"], u: Float[Array, ""], condition: Condition, *, key: Key, training: bool
    ) -> tuple[Float[Array, ""], Condition]:
        """Where in the law of the times an example of this key is seen, and what it is told; as it came where not overridden."""
        del x0, key, training
        return u, condition

    def time(self, process: AbstractProcess, u: Float[Array, ""]) -> Float[Array, ""]:
        """The time that is drawn at ``u``."""
        return self._times(process).quantile(process, u)

    def _times(self, process: AbstractProcess) -> AbstractTimes:
        return self.times or (LikelihoodTimes() if isinstance(process, AbstractGaussianProcess) else UniformTimes())


class Streams(NamedTuple):
    """The randomness of one example. Objectives given the same key see the same state, so they can be compared in pairs."""

    state: Key
    network: Key
    probe: Key


def split(key: Key) -> Streams:
    """Independent keys of the noisy state, the network's dropout and the probes."""
    return Streams(*jax.random.split(key, 3))


class Look(NamedTuple):
    """A noisy state and the score around it.

    Attributes:
        x: state drawn from the process.
        field: score at the drawn time as a function of the state, zero on coordinates that are not random; the same
            function however often it is called, dropout included.
        key: key of the probes.
    """

    x: Float[Array, "*shape"]
    field: Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]
    key: Key


def look(
    model: AbstractScoreModel,
    t: Float[Array, ""],
    x0: Float[Array, "*shape"],
    condition: Condition,
    *,
    key: Key,
    training: bool,
) -> Look:
    """Draw of the process at ``t`` and the model's score there."""
    keys = split(key)
    network_key = keys.network if training else None

    def field(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return model(t, x, condition, key=network_key)

    return Look(model.process.perturb(t, x0, key=keys.state), field, keys.probe)
