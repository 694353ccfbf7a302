"""The jitted part of training: K optimiser steps in one call, and the validation between calls."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree

from scorax._rows import over_rows
from scorax._trees import all_finite, move_average, rows_at, select
from scorax._types import Key, Keys
from scorax.models import AbstractNetworkModel
from scorax.objectives import AbstractObjective
from scorax.training._averages import move_power_average
from scorax.training._rows import Examples, visited
from scorax.training._validation import FixedDraws, draws_loss
from scorax.transforms import AbstractTransform


class Problem(NamedTuple):
    """What does not change while training.

    ``constants`` are the arrays of the network that are not trained (with a member axis where there are members), ``frozen`` is
    the rest of the model.
    """

    objective: AbstractObjective
    visit: AbstractTransform | None
    constants: PyTree
    frozen: PyTree


class Carry(NamedTuple):
    """The donated part of the state: everything an optimiser step changes."""

    weights: PyTree
    ema: PyTree
    optimizer: Any
    averages: tuple[PyTree, ...]


class Watch(NamedTuple):
    """Whether a member stays finite: steps that were skipped, in all and in a row, and the fault for which it is given up.

    ``fault`` is 0 for none, 1 for the loss and 2 for the gradient, at a ``step`` with a ``norm`` of the gradient.
    """

    skipped: Int[Array, "..."]
    in_a_row: Int[Array, "..."]
    fault: Int[Array, "..."]
    step: Int[Array, "..."]
    norm: Float[Array, "..."]

    @staticmethod
    def of(counts: Int[Array, "members 2"] | None, members: int) -> "Watch":
        """Members of which those steps were skipped and that have no fault."""
        none = jnp.zeros(members, jnp.int32)
        total, row = (none, none) if counts is None else (counts[:, 0], counts[:, 1])
        return Watch(total, row, none, none, jnp.zeros(members, jnp.float32))

    @property
    def counts(self) -> Int[Array, "members 2"]:
        """Steps skipped in all, and in a row at the end."""
        return jnp.stack([self.skipped, self.in_a_row], axis=-1)

    def seen(self, loss: Array, norm: Array, step: Array, active: Array, most: int) -> tuple["Watch", Array]:
        """After a step of such a loss and gradient, and whether it is taken; at most ``most`` in a row are skipped."""
        fault = jnp.where(jnp.isfinite(loss), jnp.where(jnp.isfinite(norm), 0, 2), 1)
        goes = active & (self.fault == 0)
        bad, row = goes & (fault > 0), jnp.where(goes, jnp.where(fault > 0, self.in_a_row + 1, 0), self.in_a_row)
        ends = bad & (row > most)
        watch = Watch(
            self.skipped + bad,
            row,
            jnp.where(ends, fault, self.fault),
            jnp.where(ends, step.astype(self.step.dtype), self.step),
            jnp.where(ends, norm.astype(jnp.float32), self.norm),
        )
        return watch, goes & (fault == 0)


class Program(NamedTuple):
    """Static configuration of the jitted calls.

    ``parts`` of a batch, whose rows are of a ``dtype`` as they are visited; ``most_skipped`` steps in a row at most.
    """

    optimizer: optax.GradientTransformation
    ema_decay: float
    members: bool
    stops: bool
    parts: int
    most_skipped: int
    dtype: jnp.dtype
    powers: tuple[float, ...]


class Finite(NamedTuple):
    """Whether all numbers of these are finite, in all members."""

    weights: Bool[Array, ""]
    averages: Bool[Array, ""]
    optimizer: Bool[Array, ""]


class Batches(NamedTuple):
    """Rows of the next K steps, as places (K, batch) or (K, members, batch) in a source, and where the steps start."""

    source: Examples
    places: Int[Array, "..."]
    start: Int[Array, ""]
    active: Bool[Array, " members"]
    skipped: Int[Array, "members 2"] | None
    key: Key


class Draws(NamedTuple):
    """Rows of a batch by their places in a source, and the randomness of each."""

    places: Int[Array, " batch"]
    u: Float[Array, " batch"]
    bin_keys: Keys
    keys: Keys

    @staticmethod
    def of(places: Int[Array, " batch"], dtype: jnp.dtype, key: Key) -> "Draws":
        """Quantiles are stratified over the batch, ``u_i = (i + U) / B``."""
        size = places.shape[0]
        offset_key, bin_key, row_key = jax.random.split(key, 3)
        u = (jnp.arange(size, dtype=dtype) + jax.random.uniform(offset_key, (), dtype)) / size
        return Draws(places, u, jax.random.split(bin_key, size), jax.random.split(row_key, size))

    def parts(self, count: int) -> "Draws":
        """``count`` batches of equal size, each of every ``count``-th row, so that devices with runs of rows share each."""
        return jax.tree.map(lambda leaf: jnp.swapaxes(leaf.reshape(-1, count, *leaf.shape[1:]), 0, 1), self)


def _batch_loss(weights: PyTree, problem: Problem, source: Examples, draws: Draws) -> Float[Array, ""]:
    """Mean objective over a batch."""
    model: AbstractNetworkModel = eqx.combine(weights, problem.constants, problem.frozen)
    x0 = over_rows(lambda row, k: visited(problem.visit, row, k), source.x0[draws.places], draws.bin_keys)
    told = rows_at(source.condition, draws.places)
    return jnp.mean(
        over_rows(lambda x, v, c, k: problem.objective(model, x, v, c, key=k), x0, draws.u, told, draws.keys)
    )


def _loss_and_gradient(
    weights: PyTree, problem: Problem, source: Examples, draws: Draws, parts: int
) -> tuple[Float[Array, ""], PyTree]:
    """The loss of a batch and its gradient; in ``parts`` one after the other, whose means are averaged, in the memory of one."""
    if parts == 1:
        return jax.value_and_grad(_batch_loss)(weights, problem, source, draws)

    def add(total: PyTree, own: Draws) -> tuple[PyTree, None]:
        return jax.tree.map(jnp.add, total, jax.value_and_grad(_batch_loss)(weights, problem, source, own)), None

    blank = (jnp.zeros((), draws.u.dtype), jax.tree.map(jnp.zeros_like, weights))
    total, _ = jax.lax.scan(add, blank, draws.parts(parts))
    return jax.tree.map(lambda leaf: leaf / parts, total)


def _step(
    program: Program,
    problem: Problem,
    carry: Carry,
    watch: Watch,
    active: Bool[Array, ""],
    source: Examples,
    places: Int[Array, " batch"],
    step: Array,
    key: Key,
) -> tuple[Carry, Watch, Float[Array, ""]]:
    draws = Draws.of(places, program.dtype, key)
    loss, gradient = _loss_and_gradient(carry.weights, problem, source, draws, program.parts)
    watch, taken = watch.seen(loss, optax.tree.norm(gradient), step, active, program.most_skipped)
    updates, optimizer = program.optimizer.update(gradient, carry.optimizer, carry.weights)
    weights = optax.apply_updates(carry.weights, updates)
    decay = jnp.minimum(program.ema_decay, (1 + step) / (10 + step))  # young averages forget the start at once
    averages = tuple(
        move_power_average(own, weights, step, power) for own, power in zip(carry.averages, program.powers, strict=True)
    )
    new = Carry(weights, move_average(carry.ema, weights, decay.astype(loss.dtype)), optimizer, averages)
    if program.stops or program.most_skipped:
        new = select(taken, new, carry)
    return new, watch, jnp.where(active & ~taken, jnp.nan, loss)


@eqx.filter_jit(donate="all-except-first")
def train_call(
    fixed: tuple[Program, Problem, Batches], carry: Carry
) -> tuple[Carry, Watch, Float[Array, " members"], Finite]:
    """K steps: the new carry (the old one is donated), faults, the mean loss of the steps taken, what is finite at the end."""
    program, problem, batches = fixed
    watch = Watch.of(batches.skipped, len(batches.active))

    def body(state: tuple[Carry, Watch], xs: tuple[Array, Array]) -> tuple[tuple[Carry, Watch], Array]:
        (carry, watch), (step, batch) = state, xs
        step_key, source = jax.random.fold_in(batches.key, step), batches.source
        if not program.members:
            alone = jax.tree.map(lambda leaf: leaf[0], watch)
            carry, alone, loss = _step(program, problem, carry, alone, batches.active[0], source, batch, step, step_key)
            return (carry, jax.tree.map(lambda leaf: leaf[None], alone)), loss[None]
        keys = jax.vmap(lambda member: jax.random.fold_in(step_key, member))(jnp.arange(batch.shape[0]))
        carry, watch, loss = jax.vmap(
            lambda c, w, a, b, k, f: _step(program, problem._replace(constants=f), c, w, a, source, b, step, k)
        )(carry, watch, batches.active, batch, keys, problem.constants)
        return (carry, watch), loss

    steps = batches.start + jnp.arange(batches.places.shape[0])
    if len(steps) == 1:  # XLA's CPU runs convolutions backwards ten times slower inside a loop
        (carry, watch), loss = body((carry, watch), (steps[0], batches.places[0]))
        losses = loss[None]
    else:
        (carry, watch), losses = jax.lax.scan(body, (carry, watch), (steps, batches.places))
    finite = Finite(all_finite(carry.weights), all_finite((carry.ema, carry.averages)), all_finite(carry.optimizer))
    taken = jnp.isfinite(losses)
    loss = jnp.sum(jnp.where(taken, losses, 0), axis=0) / jnp.sum(taken, axis=0)
    return carry, watch, loss, finite


class HeldOut(NamedTuple):
    """The rows that some member holds out, each once, and every member's draws of them."""

    examples: Examples
    draws: FixedDraws


class Best(NamedTuple):
    """The part of the state that validation changes."""

    best: PyTree
    best_loss: Float[Array, " members"]
    best_step: Int[Array, " members"]
    active: Bool[Array, " members"]


@eqx.filter_jit
def validate_call(
    members: bool, best: Best, ema: PyTree, problem: Problem, held: HeldOut, step: Array, wait: Array, margin: Array
) -> tuple[Best, Float[Array, " members"]]:
    """Loss of the averages on the fixed draws, and the best state and stops that follow from it."""

    def loss(weights: PyTree, constants: PyTree, own: FixedDraws) -> Float[Array, ""]:
        model = eqx.combine(weights, constants, problem.frozen)
        return draws_loss(model, problem.objective, held.examples, own, problem.visit)

    if members:
        # One member at a time keeps memory at one member's draws.
        values = jax.lax.map(lambda xs: loss(*xs), (ema, problem.constants, held.draws))
    else:
        values = loss(ema, problem.constants, jtu.tree_map(lambda leaf: leaf[0], held.draws))[None]
    improved = best.active & (values < best.best_loss - margin)

    def keep(new: Array, old: Array) -> Array:
        chosen = improved.reshape((-1,) + (1,) * (new.ndim - 1)) if members else improved[0]
        return jnp.where(chosen, new, old)

    best_step = jnp.where(improved, step, best.best_step)
    return (
        Best(
            jtu.tree_map(keep, ema, best.best),
            jnp.where(improved, values, best.best_loss),
            best_step,
            best.active & (step - best_step < wait),
        ),
        values,
    )
