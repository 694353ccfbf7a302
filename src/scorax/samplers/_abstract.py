"""The contract of samplers."""

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


class Traits(NamedTuple):
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


class Path(NamedTuple):
    """States on the way to a draw.

    Attributes:
        times: times of the process, from that of the first state down to ``t0``; the same for all rows.
        states: states of the process at these times: ``(nodes, *shape)`` of one row, ``(n, nodes, *shape)`` of many.
    """

    times: Float[Array, " nodes"]
    states: Float[Array, "..."]


class AbstractSampler(Checked):
    """Method that turns a score model into draws of its law at ``t0``."""

    traits: ClassVar[Traits]
    needs_denoiser: ClassVar[bool] = False

    @property
    def follows_flow(self) -> bool:
        """Whether it integrates the deterministic flow, so that ``log_prob`` is the density of its draws, up to its error."""
        return False

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
                process is no SDE (``Clean``).
        """
        require_noisy_state(model)
        sde(model.process)
        if self.needs_denoiser:
            do = "use EulerMaruyama or ProbabilityFlow, or make the score a Denoiser"
            require_denoiser(model, asker=type(self).__name__, do=do)

    def initial(
        self, model: AbstractScoreModel, shape: tuple[int, ...], dtype: DTypeLike, *, key: Key
    ) -> Float[Array, "*shape"]:
        """Draw of the law that the method starts from: that at ``t1``.

        Raises:
            TypeError: the process has no law at ``t1`` (a general SDE without a prior).
        """
        process = model.process
        require_terminal_law(process)
        return terminal_draw(model, terminal_level(process, jnp.asarray(process.t1, dtype)), shape, dtype, key=key)

    @abc.abstractmethod
    def draw(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        t: float | None = None,
        key: Key,
    ) -> Float[Array, "*shape"]:
        """One draw at ``t0`` from the state ``x`` at time ``t``, ``None`` for ``t1``: traceable in ``x`` and the key."""

    @abc.abstractmethod
    def path(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        t: float | None = None,
        key: Key,
    ) -> Path:
        """Times and states on the way from the state ``x`` at time ``t`` to the draw that :meth:`draw` is, at ``t0``."""


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
        x: Float[Array, "*shape"],
        condition: Condition,
        *,
        t: float | None,
        key: Key,
        keep: bool,
    ) -> Scanned:
        """The whole walk, with its states where ``keep``."""

    def draw(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        t: float | None = None,
        key: Key,
    ) -> Float[Array, "*shape"]:
        require_key(key)
        require_state(model, x.shape, x.dtype, condition)
        return self.walk(model, x, condition, t=t, key=key, keep=False).end

    def path(
        self,
        model: AbstractScoreModel,
        x: Float[Array, "*shape"],
        condition: Condition = None,
        *,
        t: float | None = None,
        key: Key,
    ) -> Path:
        require_key(key)
        require_state(model, x.shape, x.dtype, condition)
        walk = self.walk(model, x, condition, t=t, key=key, keep=True)
        assert walk.states is not None  # kept
        return Path(walk.times, jnp.concatenate([walk.start[None], walk.states]))


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
        x: Float[Array, "*shape"],
        condition: Condition,
        *,
        t: float | None,
        key: Key,
        keep: bool,
    ) -> Scanned:
        process = model.process if t is None else model.process.until(t)
        grid = nodes(self.grid, process, self.num_steps, x.dtype)
        pairs = (jax.tree.map(lambda n: n[:-1], grid), jax.tree.map(lambda n: n[1:], grid))

        def step(x: Array, memory: Memory, own: tuple[Node, Node, Key]) -> tuple[Array, Memory]:
            t, s, step_key = own
            return self.advance(model, x, memory, t, s, condition, key=step_key)

        keys = jax.random.split(key, self.num_steps)
        return scanned(step, x, self.begin(x), (*pairs, keys), times=grid.t, keep=keep)


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
