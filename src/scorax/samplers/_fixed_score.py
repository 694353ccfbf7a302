"""Langevin dynamics on one fixed law: with a score alone, and with a density to correct it by."""

import abc
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from scorax._checked import require_count, require_kind
from scorax._errors import explain
from scorax._trees import cast, select
from scorax._types import Condition, Key
from scorax.models import AbstractScoreModel, energy, require_energy
from scorax.processes import Law
from scorax.samplers._abstract import AbstractScannedSampler, Scanned, Traits, scanned


class _AbstractChain(AbstractScannedSampler):
    """Markov chain on the law of a model at its ``t0``: of the data themselves under ``Clean``."""

    step_size: eqx.AbstractVar[float]
    num_steps: eqx.AbstractVar[int]
    start: eqx.AbstractVar[Law | None]

    def __check_init__(self) -> None:
        require_count(self.num_steps, f"num_steps of {type(self).__name__}")
        if not (self.step_size > 0 and math.isfinite(self.step_size)):
            raise ValueError(
                explain(
                    expected="a positive step_size",
                    got=f"{self.step_size}",
                    do="begin with a hundredth of the squared width of the law",
                )
            )

    def check(self, model: AbstractScoreModel) -> None:
        """A chain asks for a score of a fixed law: any model has one."""
        require_kind(model, AbstractScoreModel, what="model")

    def example(self, model: AbstractScoreModel, *, key: Key) -> jax.ShapeDtypeStruct | None:
        start = self.start
        if start is not None:
            return jax.eval_shape(lambda: start.sample(key=key))
        moments = model.moments
        return None if moments is None else jax.ShapeDtypeStruct(moments.mean.shape, moments.mean.dtype)

    @abc.abstractmethod
    def _begin(self, model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition) -> PyTree:
        """What is known at the first state."""

    @abc.abstractmethod
    def _move(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], known: PyTree, condition: Condition, *, key: Key
    ) -> tuple[Float[Array, "*shape"], PyTree]:
        """The next state, and what is known at it."""

    def initial(
        self, model: AbstractScoreModel, shape: tuple[int, ...], dtype: DTypeLike, *, key: Key
    ) -> Float[Array, "*shape"]:
        """Draw of :attr:`start`, or of N(0, I)."""
        law = self.start
        return jax.random.normal(key, shape, dtype) if law is None else cast(law, dtype).sample(key=key).reshape(shape)

    def walk(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        condition: Condition,
        *,
        t: float | None,
        key: Key,
        keep: bool,
    ) -> Scanned:
        """All states are those of the one law, at ``t0``; one step is ``step_size`` of the time of the Langevin diffusion.

        Raises:
            ValueError: ``t`` is another time than ``t0``.
        """
        here = model.process.t0
        if t is not None and t != here:
            raise ValueError(
                explain(
                    expected=f"states at t0 = {here:g} for {type(self).__name__}, which stays there",
                    got=f"t = {t:g}",
                    do="leave t out, or use AnnealedLangevin, which walks down the noise levels",
                )
            )

        def step(y: Array, known: PyTree, own: Key) -> tuple[Array, PyTree]:
            return self._move(model, y, known, condition, key=own)

        times = jnp.full(self.num_steps + 1, here, x.dtype)
        keys = jax.random.split(key, self.num_steps)
        return scanned(step, x, self._begin(model, x, condition), keys, times=times, keep=keep)


class Langevin(_AbstractChain):
    r"""Unadjusted Langevin dynamics on a fixed law, $x \leftarrow x + h\, S(x) + \sqrt{2h}\; z$.

    It needs the score of one law only: that of a model of clean data (``Clean``), or the one at ``t0``. It keeps a law near
    the true one, not the law itself: on $N(0, v)$ the variance is $v / (1 - h/(2v))$. Chains cross between separated modes
    slowly or never, which is why noise levels exist.

    It is Euler's step for $dX = S dt + \sqrt 2\, dW$. Roberts and Tweedie write the same diffusion with the other half,
    $dX = \tfrac12 S dt + dW$, and the step $N(x + \tfrac12 h' S(x), h' I)$: their $h'$ is $2h$.

    Args:
        step_size: h, in squared units of the data.
        num_steps: steps of the chain; the last state is the draw.
        start: law of the first state where none is given; N(0, I) by default.

    Reference: Roberts and Tweedie (1996), *Exponential convergence of Langevin distributions and their discrete
    approximations*, section 1.4.
    """

    step_size: float = eqx.field(default=1e-2, static=True)
    num_steps: int = 1000
    start: Law | None = None
    traits: ClassVar[Traits] = Traits(
        "Langevin on one law, random",
        "a bias of order step_size",
        "1",
        "a score of one law",
        "a score of clean data, without noise levels",
    )

    def _begin(self, model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition) -> None:
        return None

    def _move(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], known: PyTree, condition: Condition, *, key: Key
    ) -> tuple[Float[Array, "*shape"], PyTree]:
        score = model(model.process.t0, x, condition)
        noise = jax.random.normal(key, x.shape, x.dtype)
        return x + self.step_size * score + (2 * self.step_size) ** 0.5 * noise, None


class MetropolisLangevin(_AbstractChain):
    r"""Metropolis-adjusted Langevin dynamics (MALA): proposals of :class:`Langevin`, accepted so that the law is exact.

    With $q(y|x) = N(x + h S(x), 2h I)$, where $2h$ is the step of the references, a proposal is accepted with the probability
    $\min(1, e^{E(x) - E(y)}\, q(x|y) / q(y|x))$. It needs the energy, hence an :class:`~scorax.models.EnergyScore` or a
    :meth:`~scorax.models.ScoreFunction.of_density`. The share of steps at which a path moves is the rate of acceptance;
    0.57 is best in many dimensions.

    Args:
        step_size: h, in squared units of the data.
        num_steps: steps of the chain; the last state is the draw.
        start: law of the first state where none is given; N(0, I) by default.

    Raises:
        TypeError: the model has no density.

    Reference: Roberts and Tweedie (1996), section 1.4; Roberts and Rosenthal (1998), theorem 3.
    """

    step_size: float = eqx.field(default=1e-2, static=True)
    num_steps: int = 1000
    start: Law | None = None
    traits: ClassVar[Traits] = Traits(
        "Langevin on one law, random",
        "exact law at every step_size",
        "1",
        "a density",
        "energy models, known densities",
    )

    def check(self, model: AbstractScoreModel) -> None:
        super().check(model)
        require_energy(model)

    def _begin(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], condition: Condition
    ) -> tuple[Float[Array, ""], Float[Array, "*shape"]]:
        value, slope = jax.value_and_grad(lambda z: energy(model, model.process.t0, z, condition))(x)
        return value, -slope

    def _move(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], known: PyTree, condition: Condition, *, key: Key
    ) -> tuple[Float[Array, "*shape"], PyTree]:
        h = self.step_size
        noise_key, choice = jax.random.split(key)
        value, score = known
        noise = jax.random.normal(noise_key, x.shape, x.dtype)
        proposal = x + h * score + (2 * h) ** 0.5 * noise
        other = self._begin(model, proposal, condition)
        back = x - proposal - h * other[1]
        log_ratio = value - other[0] + 0.5 * jnp.sum(noise**2) - jnp.sum(back**2) / (4 * h)
        # A proposal of no density has a NaN or minus infinity here and is refused.
        accepted = jnp.log(jax.random.uniform(choice, (), x.dtype)) < log_ratio
        # A state of no density is left, whatever is proposed: a chain that starts in one would else stand still there.
        accepted |= jnp.isnan(value) | (value == jnp.inf)
        return select(accepted, (proposal, other), (x, known))
