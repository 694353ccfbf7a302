"""The training loop: a generator, so that logging, checkpoints and signals live outside it."""

import dataclasses
import math
from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from scorax._checked import require_count, require_kind
from scorax._equal_parts import require_equal_parts
from scorax._sharding import Sharding, put
from scorax._trees import copied, network_arrays, rows_at, trainable
from scorax._types import Key
from scorax.data import RowOrder
from scorax.models import AbstractNetworkModel, check_told, require_state
from scorax.objectives import AbstractObjective
from scorax.training._averages import PowerAverages
from scorax.training._entry import check_fit, check_precision, check_state, rows_of_members
from scorax.training._fault import raise_fault, raise_held_out
from scorax.training._options import FitOptions, Nan
from scorax.training._rows import AbstractRows, Examples, Rows
from scorax.training._state import TrainState, member_axis, single_model, trained_arrays
from scorax.training._steps import Batches, Best, Carry, HeldOut, Problem, Program, train_call, validate_call
from scorax.training._validation import FixedDraws, Validation

_CALL_BYTES = 2**26
"""Most bytes of the rows of one compiled call."""


def fit(
    model: AbstractNetworkModel,
    objective: AbstractObjective,
    rows: AbstractRows | Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    optimizer: optax.GradientTransformation,
    *,
    key: Key,
    num_steps: int,
    options: FitOptions | None = None,
    state: TrainState | None = None,
) -> Iterator[TrainState]:
    """Train ``model.network`` on ``rows``; yields the state at step 0, after every ``options.every`` steps, and after the last.

    Nothing is trained at step 0, so its ``loss`` is NaN; with validation its ``validation_loss`` is that of the untrained model.
    A resumed run begins with the state after the one it was given. Fewer steps between states cost time: they are one compiled
    call, or a few where the rows of their batches come from the host and are more than 64 MiB. A step on states with a grid
    is a call of its own.

    An :class:`~scorax.networks.Ensemble` is trained as one mapped axis: every member has its own rows, its own noise and
    its own stop. All randomness is a function of ``key`` and the step, so a run resumed from any yielded state continues
    bit for bit (on the same machine kind, thread count and JAX version).

    The arrays of a yielded state are *donated* to the next call: take what you need (``state.model(model)``, or host copies)
    before asking for the next state.

    Args:
        model: the score model; its own arrays are left alone.
        objective: loss of one example.
        rows: what is trained on, in the model's units; an array is ``Rows(array)``. The network's embedder drops conditions at
            its own rate in training only, so the validation loss is that of the conditional model.
        optimizer: Optax transformation over the trainable arrays; mapped over members, so clipping is per member.
        key: root of all randomness.
        num_steps: optimiser steps in all, counted from 0 also after a resume.
        options: batch, average, validation, members' rows and mesh; ``FitOptions()`` by default.
        state: where to resume.

    Raises:
        TypeError: the model has no network, the network has no use for a condition or nothing to train, the rows are no array
            of floating-point numbers, or another argument is of another kind.
        ValueError: no rows, rows that are not finite, that are wider than the weights or that the model has no scores for, rows
            for another number of members, conditions outside what the network's embedder knows, a number below its least, or a
            ``state`` of another model or optimiser.
        DivergedError: a loss, a gradient or a number of the state is not finite, as ``options.nan`` has it; the last
            yielded state was. Its ``fault`` is the record of it.
    """
    check_fit(model, objective, optimizer, key=key)
    num_steps = require_count(num_steps, "num_steps", least=0)
    require_kind(options, FitOptions | None, what="options")
    options = options or FitOptions()
    rows = rows if isinstance(rows, AbstractRows) else Rows(rows)
    members, validation = member_axis(model), options.validation
    own_rows = rows_of_members(options, members or 1, len(rows))
    check_told(model, rows.condition, rows.shape)
    check_precision(model, rows.dtype)
    require_state(model, rows.shape, rows.dtype, rows_at(rows.condition, np.zeros((), int)))
    if state is not None:
        check_state(state, jax.eval_shape(lambda: initial_state(model, optimizer, options.averages, options.nan)))
    sharding = Sharding.of_training(options.mesh)
    require_equal_parts(options.batch_size, len(sharding.devices), options.accumulate)
    replicated, shared = sharding.replicated, sharding.shared(1 if members is None else 2)

    single = single_model(model)
    weights, rest = eqx.partition(single, trainable(single))
    constants, frozen = eqx.partition(rest, network_arrays(rest))
    arrays, rest = eqx.partition(Problem(objective, rows.visit, constants, frozen), eqx.is_array)
    problem = eqx.combine(put(arrays, replicated), rest)
    powers = () if options.averages is None else options.averages.powers
    program = Program(
        optimizer,
        options.ema_decay,
        members is not None,
        validation is not None,
        options.accumulate,
        options.most_skipped,
        rows.dtype,
        powers,
    )
    order_key, step_key, draw_key = jax.random.split(key, 3)
    seed = int(jax.random.bits(order_key))
    orders = [RowOrder(own, options.batch_size, seed, stream) for stream, own in enumerate(own_rows)]
    held = None if validation is None else put(_held_out(rows, validation, key=draw_key), replicated)
    # a step on a grid is a call of its own: convolutions want no loop around them (train_call)
    looped = len(rows.shape) == 1
    stride = options.every or (_affordable(weights, options) if looped else 1)

    now: TrainState = put(
        initial_state(model, optimizer, options.averages, options.nan) if state is None else copied(state), replicated
    )
    if state is None:
        if validation is not None and held is not None:
            now = _validated(now, problem, held, validation, program.members)
        yield now

    resident = None if rows.resident is None else put(rows.resident, replicated)

    def calls(step: int) -> Iterator[tuple[int, Examples, Array]]:
        """Where each call ends, rows and the places of its steps' rows there; a resumed run falls back into the same calls."""
        bytes_of_step = len(own_rows) * options.batch_size * math.prod(rows.shape) * rows.dtype.itemsize
        longest = stride if resident is not None else -(-stride // -(-stride * bytes_of_step // _CALL_BYTES))
        longest = longest if looped else 1
        while step < num_steps:
            place = step % stride
            length = min(longest - place % longest, stride - place, num_steps - step)
            picked = np.stack([order.batches(step, length) for order in orders], axis=1)
            picked, source, step = picked if program.members else picked[:, 0], resident, step + length
            if source is None:
                source = put(rows.take(picked.reshape(-1)), replicated)
                picked = np.arange(picked.size, dtype=np.int32).reshape(picked.shape)
            yield step, source, put(picked, shared)

    shown = step = int(now.step)
    following = calls(step)
    call = next(following, None)
    while call is not None and bool(np.any(now.active)):
        end, source, places = call
        carry, watch, loss, finite = train_call(
            (program, problem, Batches(source, places, now.step, now.active, now.skipped, step_key)),
            Carry(now.weights, now.ema, now.optimizer, now.averages),
        )
        step, call = end, next(following, None)  # read while the device works
        raise_fault(watch, finite, step, orders)
        now = dataclasses.replace(  # eqx.tree_at takes milliseconds
            now,
            step=put(np.int32(step), replicated),  # placed as at the start, or the next call compiles again
            weights=carry.weights,
            ema=carry.ema,
            optimizer=carry.optimizer,
            averages=carry.averages,
            skipped=None if now.skipped is None else watch.counts,
            loss=loss,
        )
        if step % stride and step < num_steps:
            continue
        if validation is None or held is None:
            now = dataclasses.replace(now, best=carry.ema)
        elif step // validation.every > shown // validation.every or step >= num_steps:
            now = _validated(now, problem, held, validation, program.members)
        shown = step
        yield now


def initial_state(
    model: AbstractNetworkModel,
    optimizer: optax.GradientTransformation,
    averages: PowerAverages | None = None,
    nan: Nan = "stop",
) -> TrainState:
    """State before the first step; also the shapes that a checkpoint of such a run must have."""
    weights, members = trained_arrays(model), member_axis(model)
    init = optimizer.init if members is None else jax.vmap(optimizer.init)
    count = members or 1
    # a weak type would be another program to jit after the first call
    dtype = jnp.result_type(*jax.tree.leaves(weights))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        weights=copied(weights),
        ema=copied(weights),
        best=copied(weights),
        optimizer=init(weights),
        best_loss=jnp.full(count, jnp.inf, dtype),
        best_step=jnp.zeros(count, jnp.int32),
        active=jnp.ones(count, bool),
        loss=jnp.full(count, jnp.nan, dtype),
        validation_loss=jnp.full(count, jnp.nan, dtype),
        averages=() if averages is None else tuple(copied(weights) for _ in averages.lengths),
        skipped=None if nan == "stop" else jnp.zeros((count, 2), jnp.int32),
    )


def _held_out(rows: AbstractRows, validation: Validation, *, key: Key) -> HeldOut:
    """Held-out rows, each once, and draws that count in them."""
    numbers = np.unique(np.concatenate(validation.rows))
    places = tuple(np.searchsorted(numbers, own) for own in validation.rows)
    draws = FixedDraws.create(dataclasses.replace(validation, rows=places), key=key)
    return HeldOut(rows.take(numbers), draws)


def _validated(state: TrainState, problem: Problem, held: HeldOut, validation: Validation, members: bool) -> TrainState:
    best, values = validate_call(
        members,
        Best(state.best, state.best_loss, state.best_step, state.active),
        state.ema,
        problem._replace(objective=validation.objective or problem.objective),
        held,
        state.step,
        jnp.asarray(validation.patience * validation.every),
        jnp.asarray(validation.min_improvement),
    )
    raise_held_out(values, state)
    return dataclasses.replace(state, **best._asdict(), validation_loss=values)


def _affordable(weights: PyTree, options: FitOptions) -> int:
    """Steps of about half a second at forty billion operations a second: a fixed function of shapes, so runs repeat."""
    size = sum(leaf.size for leaf in jax.tree.leaves(weights))
    longest = min(max(1, int(2e10 / (6 * size * options.batch_size))), 100)
    if options.validation is None:
        return longest
    every = options.validation.every
    return max(k for k in range(1, min(longest, every) + 1) if every % k == 0)
