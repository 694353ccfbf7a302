"""How a likelihood gets the divergence of its field: exactly, or along random probes."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from scorax._divergence import BLOCK, Push, divergence_of, quadratic_forms_of
from scorax._errors import explain
from scorax._probes import AbstractProbe, RademacherProbe
from scorax._trees import cast
from scorax._types import Key
from scorax.models import AbstractScoreModel, FlowEnds


class Trace(NamedTuple):
    """Integral of a divergence along the flow: its value and the standard error of it."""

    value: Float[Array, ""]
    error: Float[Array, ""]


class AbstractDivergence(eqx.Module):
    """Estimator of the divergence. What is random is drawn once per row and kept along the solve: otherwise an adaptive solver
    sees noise where it looks for a smooth right-hand side (trap 25)."""

    @property
    @abc.abstractmethod
    def num_probes(self) -> int:
        """Random probes of a row; zero where the divergence is exact."""

    @property
    def random(self) -> bool:
        """Whether a key is needed."""
        return self.num_probes > 0

    @abc.abstractmethod
    def draw(self, shape: tuple[int, ...], dtype: jnp.dtype, *, key: Key | None) -> PyTree:
        """What is kept along the solve of one row."""

    @abc.abstractmethod
    def __call__(self, push: Push, y: Float[Array, "*shape"], drawn: PyTree) -> Float[Array, " traces"]:
        """Divergence of a field from its derivative ``push`` at ``y``, one value for each probe."""

    @abc.abstractmethod
    def combine(
        self, integrals: Float[Array, " traces"], drawn: PyTree, ends: FlowEnds, model: AbstractScoreModel
    ) -> Trace:
        """The integral along the flow of ``model`` from those of the probes."""


class ExactDivergence(AbstractDivergence):
    """The divergence itself, by one forward-mode product per coordinate, a ``block`` of them held in memory at once."""

    block: int = BLOCK

    def __check_init__(self) -> None:
        if self.block < 1:
            raise ValueError(explain(expected="block of at least 1", got=str(self.block), do="leave the default"))

    @property
    def num_probes(self) -> int:
        return 0

    def draw(self, shape: tuple[int, ...], dtype: jnp.dtype, *, key: Key | None) -> PyTree:
        return None

    def __call__(self, push: Push, y: Float[Array, "*shape"], drawn: PyTree) -> Float[Array, " traces"]:
        return divergence_of(push, y, block=self.block)[None]

    def combine(
        self, integrals: Float[Array, " traces"], drawn: PyTree, ends: FlowEnds, model: AbstractScoreModel
    ) -> Trace:
        return Trace(integrals[0], jnp.zeros_like(integrals[0]))


class Hutchinson(AbstractDivergence):
    r"""Mean of $v^T J v$ over probes with $E\,v v^T = I$, one forward-mode product each, fixed along the solve.

    **Control variate.** The field of a Gaussian $N(m, U \mathrm{diag}(\ell) U^T)$ is linear in the state, and along its flow

    $$ \int v^T J v = \sum_i (u_i \cdot v)^2 \rho_i, \qquad \int \nabla\!\cdot = \sum_i \rho_i, \qquad
       \rho_i = \tfrac12 \log \frac{c_i(t_1)}{c_i(t_0)}, $$

    where $c_i$ is the variance along $u_i$ in the coordinates of the solve: the trace of half the growth of the logarithm of
    the covariance, of which a law of any kind knows the excess along a probe (:meth:`AbstractGaussianLaw.log_excess`). So the
    difference of the two, with mean zero over the probes, is subtracted from each probe's integral for the price of one
    rotation a row; what is left is the trace of the difference between the field and that of a Gaussian with the moments of
    the data.

    Args:
        num_probes: probes a row, at least 2 for a standard error.
        probe: their law.
        control: whether to use the control variate where the model has moments and the process levels.

    Reference: Hutchinson (1990), *A stochastic estimator of the trace of the influence matrix*; Grathwohl et al. (2019),
    *FFJORD*.
    """

    num_probes: int = 16  # pyright: ignore[reportIncompatibleMethodOverride]  # a field is a property with a value
    probe: AbstractProbe = RademacherProbe()
    control: bool = True

    def __check_init__(self) -> None:
        if self.num_probes < 1:
            raise ValueError(explain(expected="num_probes of at least 1", got=str(self.num_probes), do="ask for one"))

    def draw(self, shape: tuple[int, ...], dtype: jnp.dtype, *, key: Key | None) -> PyTree:
        if key is None:
            raise ValueError(explain(expected="key= for the random probes", got="None", do="pass jax.random.key(0)"))
        keys = jax.random.split(key, self.num_probes)
        return jax.vmap(lambda k: self.probe(shape, dtype, key=k))(keys)

    def __call__(self, push: Push, y: Float[Array, "*shape"], drawn: PyTree) -> Float[Array, " traces"]:
        return quadratic_forms_of(push, drawn)

    def combine(
        self, integrals: Float[Array, " traces"], drawn: PyTree, ends: FlowEnds, model: AbstractScoreModel
    ) -> Trace:
        if self.control:
            integrals = integrals - self.excess(drawn, ends, model)
        count = len(integrals)
        error = jnp.std(integrals, ddof=1) / count**0.5 if count > 1 else jnp.full((), jnp.nan, integrals.dtype)
        return Trace(jnp.mean(integrals), error)

    def excess(
        self, probes: Float[Array, "probes *shape"], ends: FlowEnds, model: AbstractScoreModel
    ) -> Float[Array, " probes"] | float:
        """By how much the trace along each probe exceeds the exact one for the Gaussian with the moments of the model's data.

        Its mean over the probes is zero. Zero itself where there are no moments or no levels.
        """
        law = model.moments
        if law is None or ends.start_level is None or ends.end_level is None:
            return 0.0
        law = cast(law, probes.dtype)
        first, last = law.at(ends.start_level), law.at(ends.end_level)
        growth = jnp.log(ends.end_radius) - jnp.log(ends.start_radius)
        flat = probes.reshape(len(probes), -1)
        widening = 0.5 * jax.vmap(lambda v: last.log_excess(v) - first.log_excess(v))(flat)
        return widening - growth * (jnp.sum(flat**2, axis=1) - flat.shape[1])
