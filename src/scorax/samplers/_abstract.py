"""The contract of samplers, and the draw at ``t1`` they share with the likelihood."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from scorax._checked import Checked, require_count, require_key
from scorax._types import Condition, Key
from scorax.models import (
    AbstractScoreModel,
    require_denoiser,
    require_noisy_state,
    require_state,
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


class AbstractSampler(Checked):
    """Method that turns a score model into draws of its law at ``t0``."""

    facts: ClassVar[Facts]
    needs_denoiser: ClassVar[bool] = False

    def example(self, model: AbstractScoreModel, *, key: Key) -> jax.ShapeDtypeStruct | None:
        """Shape and precision of a draw, where the prior of the process or the moments of the model say them."""
        prior, moments = sde(model.process).prior, model.moments
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
        if self.needs_denoiser:
            do = "use EulerMaruyama or ProbabilityFlow, or make the score a Denoiser"
            require_denoiser(model, asker=type(self).__name__, do=do)

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


class Scanned(NamedTuple):
    """A walk in one scan: its times, its ends and, where they are kept, the states after every step."""

    times: Float[Array, " nodes"]
    start: Float[Array, "*shape"]
    end: Float[Array, "*shape"]
    states: Float[Array, "steps *shape"] | None


def scanned(
    step: Callable[[Array, Memory, Any], tuple[Array, Memory]],
    x: Float[Array, "*shape"],
    memory: Memory,
    xs: PyTree,
    *,
    times: Float[Array, " nodes"],
    keep: bool,
) -> Scanned:
    """Walk from ``x`` by ``step(x, memory, one of xs) -> (x, memory)``."""

    def body(state: tuple[Array, Memory], own: Any) -> tuple[tuple[Array, Memory], Array | None]:
        state = step(*state, own)
        return state, state[0] if keep else None

    (end, _), states = jax.lax.scan(body, (x, memory), xs)
    return Scanned(times, x, end, states)


class AbstractScannedSampler(AbstractSampler):
    """Sampler of a fixed number of steps in one scan; the trajectory is kept on request only."""

    @abc.abstractmethod
    def walk(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
        keep: bool,
    ) -> Scanned:
        """The whole walk, with its states where ``keep``."""

    def draw(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> Float[Array, "*shape"]:
        require_key(key)
        return self.walk(model, *require_state(model, shape, dtype, condition), condition, key=key, keep=False).end

    def path(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        condition: Condition = None,
        *,
        key: Key,
    ) -> tuple[Float[Array, " nodes"], Float[Array, "nodes *shape"]]:
        require_key(key)
        walk = self.walk(model, *require_state(model, shape, dtype, condition), condition, key=key, keep=True)
        assert walk.states is not None  # kept
        return walk.times, jnp.concatenate([walk.start[None], walk.states])


class AbstractGridSampler(AbstractScannedSampler, Generic[Memory]):
    """Sampler that walks down a fixed grid in one scan, with what it remembers of earlier nodes."""

    num_steps: eqx.AbstractVar[int]
    grid: eqx.AbstractVar[AbstractGrid]

    def __check_init__(self) -> None:
        require_count(self.num_steps, f"num_steps of {type(self).__name__}")

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

    def walk(
        self,
        model: AbstractScoreModel,
        shape: tuple[int, ...],
        dtype: jnp.dtype,
        condition: Condition,
        *,
        key: Key,
        keep: bool,
    ) -> Scanned:
        start, steps = jax.random.split(key)
        grid = nodes(self.grid, model.process, self.num_steps, dtype)
        pairs = (jax.tree.map(lambda n: n[:-1], grid), jax.tree.map(lambda n: n[1:], grid))
        x1 = terminal_draw(model, terminal_level(model.process, grid.t[0]), shape, dtype, key=start)

        def step(x: Array, memory: Memory, own: tuple[Node, Node, Key]) -> tuple[Array, Memory]:
            t, s, step_key = own
            return self.advance(model, x, memory, t, s, condition, key=step_key)

        keys = jax.random.split(steps, self.num_steps)
        return scanned(step, x1, self.begin(x1), (*pairs, keys), times=grid.t, keep=keep)


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
