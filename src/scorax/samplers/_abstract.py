"""The contract of samplers, and the draw at ``t1`` they share with the likelihood."""

import abc
from typing import ClassVar, NamedTuple

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
    require_noisy_state,
    require_terminal_law,
    terminal_draw,
    terminal_level,
)
from scorax.samplers._grids import AbstractGrid, DefaultGrid, Node, nodes


class AbstractSampler(eqx.Module):
    """Method that turns a score model into draws of its law at ``t0``."""

    needs_denoiser: ClassVar[bool] = False

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


class AbstractGridSampler(AbstractSampler):
    """Sampler of one-step updates ``x_t -> x_s`` on a fixed grid, run in one scan."""

    num_steps: eqx.AbstractVar[int]
    grid: eqx.AbstractVar[AbstractGrid]

    @abc.abstractmethod
    def step(
        self, model: AbstractScoreModel, x: Float[Array, "*shape"], t: Node, s: Node, condition: Condition, *, key: Key
    ) -> Float[Array, "*shape"]:
        """The update from node ``t`` to the next node ``s``, ``s.t < t.t``."""

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

        def body(x: Array, xs: tuple[Node, Node, Key]) -> tuple[Array, Array | None]:
            t, s, step_key = xs
            x = self.step(model, x, t, s, condition, key=step_key)
            return x, x if keep else None

        x1 = terminal_draw(model, terminal_level(model.process, grid.t[0]), shape, dtype, key=start)
        x, states = jax.lax.scan(body, x1, (*pairs, jax.random.split(walk, self.num_steps)))
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


DEFAULT_GRID = DefaultGrid()
