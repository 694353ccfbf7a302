"""The contract of samplers, and the draw at ``t1`` they share with the likelihood."""

import abc
from typing import ClassVar, Generic, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._types import Condition, Key
from scorax.models import (
    AbstractDenoiser,
    AbstractScoreModel,
    data_moments,
    require_noisy_state,
    require_terminal_law,
    terminal_draw,
    terminal_level,
)
from scorax.processes import sde
from scorax.samplers._grids import AbstractGrid, DefaultGrid, Node, nodes

Memory = TypeVar("Memory")


class Facts(NamedTuple):
    """What a user must know to choose a sampler: one row of the table in the documentation.

    Attributes:
        kind: the dynamics it follows, and whether it draws noise.
        order: order of convergence in the step, ``"adaptive"``, or what takes its place.
        evaluations: evaluations of the network in a step, as a formula of the fields where they decide.
        needs: what a model must be.
        advice: what it is recommended for.
    """

    kind: str
    order: str
    evaluations: str
    needs: str
    advice: str


class AbstractSampler(eqx.Module):
    """Method that turns a score model into draws of its law at ``t0``."""

    facts: ClassVar[Facts]
    needs_denoiser: ClassVar[bool] = False

    def example(self, model: AbstractScoreModel, *, key: Key) -> jax.ShapeDtypeStruct | None:
        """Shape and precision of a draw, where the prior of the process or the moments of the model say them."""
        prior, moments = sde(model.process).prior, data_moments(model)
        if prior is not None:
            return jax.eval_shape(lambda: prior.sample(key=key))
        return None if moments is None else jax.ShapeDtypeStruct(moments.mean.shape, moments.mean.dtype)

    def check(self, model: AbstractScoreModel) -> None:
        """Refuse a model that cannot be sampled by this method.

        Raises:
            TypeError: the method needs a denoiser and ``model`` is none, the score is not that of a noisy state, or the
                process has no law at ``t1`` to start from (``Clean``, a general SDE without a prior).
        """
        require_noisy_state(model)
        require_terminal_law(model.process)
        if self.needs_denoiser and not isinstance(model, AbstractDenoiser):
            raise TypeError(
                explain(
                    expected=f"a denoiser for {type(self).__name__}",
                    got=type(model).__name__,
                    do="use EulerMaruyama or ProbabilityFlow, or make the score a Denoiser",
                )
            )

    @abc.abstractmethod
    def draw(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> Float[Array, "*shape"]:
        """One draw at ``t0``: traceable, so it can be mapped over keys."""

    @abc.abstractmethod
    def path(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> tuple[Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        """Times and states of the whole trajectory, from ``t1`` to ``t0``."""


class _Scanned(NamedTuple):
    times: Float[Array, " nodes"]
    start: Float[Array, "*shape"]
    end: Float[Array, "*shape"]
    states: Float[Array, "steps *shape"] | None


class AbstractGridSampler(AbstractSampler, Generic[Memory]):
    """Sampler that walks down a fixed grid in one scan, with what it remembers of earlier nodes."""

    num_steps: eqx.AbstractVar[int]
    grid: eqx.AbstractVar[AbstractGrid]

    @abc.abstractmethod
    def begin(self, x: Float[Array, "*shape"]) -> Memory:
        """What is remembered before the first step."""

    @abc.abstractmethod
    def advance(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        memory: Memory,
        t: Node,
        s: Node,
        condition: Condition,
        *,
        key: Key,
    ) -> tuple[Float[Array, "*shape"], Memory]:
        """State at the next node ``s``, ``s.t < t.t``, and what is remembered there."""

    def _scan(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
        keep: bool,
    ) -> _Scanned:
        start, walk = jax.random.split(key)
        grid = nodes(self.grid, model.process, self.num_steps, dtype)
        pairs = (jax.tree.map(lambda n: n[:-1], grid), jax.tree.map(lambda n: n[1:], grid))

        def body(state: tuple[Array, Memory], xs: tuple[Node, Node, Key]) -> tuple[tuple[Array, Memory], Array | None]:
            t, s, step_key = xs
            x, memory = self.advance(model, *state, t, s, condition, key=step_key)
            return (x, memory), x if keep else None

        x1 = terminal_draw(model, terminal_level(model.process, grid.t[0]), shape, dtype, key=start)
        keys = jax.random.split(walk, self.num_steps)
        (x, _), states = jax.lax.scan(body, (x1, self.begin(x1)), (*pairs, keys))
        return _Scanned(grid.t, x1, x, states)

    def draw(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> Float[Array, "*shape"]:
        return self._scan(model, shape, jnp.dtype(dtype), condition, key=key, keep=False).end

    def path(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> tuple[Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        scanned = self._scan(model, shape, jnp.dtype(dtype), condition, key=key, keep=True)
        assert scanned.states is not None  # kept
        return scanned.times, jnp.concatenate([scanned.start[None], scanned.states])


class AbstractOneStepSampler(AbstractGridSampler[None]):
    """Grid sampler whose update ``x_t -> x_s`` needs nothing but the state."""

    @abc.abstractmethod
    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        """The update from node ``t`` to the next node ``s``, ``s.t < t.t``."""

    def begin(self, x: Float[Array, "*shape"]) -> None:
        return None

    def advance(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        memory: None,
        t: Node,
        s: Node,
        condition: Condition,
        *,
        key: Key,
    ) -> tuple[Float[Array, "*shape"], None]:
        return self.step(model, x, t, s, condition, key=key), None


DEFAULT_GRID = DefaultGrid()
