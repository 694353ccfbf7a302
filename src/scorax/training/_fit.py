"""The training loop: a generator, so that logging, checkpoints and signals live outside it."""

import dataclasses
from collections.abc import Iterator, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, PyTree

from scorax._checked import require_count, require_kind
from scorax._errors import DivergedError, explain
from scorax._trees import copied, network_arrays, require_rows, rows_at, trainable
from scorax._types import Key
from scorax.data import RowOrder
from scorax.models import AbstractNetworkModel, require_state
from scorax.networks import check_conditions
from scorax.objectives import AbstractObjective
from scorax.training._entry import check_fit, check_state
from scorax.training._state import TrainState, member_axis, single_model
from scorax.training._steps import Batches, Best, Carry, Problem, Program, train_call, validate_call
from scorax.training._validation import FixedDraws, Validation
from scorax.transforms import AbstractTransform


def fit(
    model: AbstractNetworkModel,
    objective: AbstractObjective,
    data: Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    optimizer: optax.GradientTransformation,
    *,
    key: Key,
    num_steps: int,
    conditions: PyTree = None,
    batch_size: int = 256,
    every: int | None = None,
    ema_decay: float = 0.999,
    validation: Validation | None = None,
    member_rows: Sequence[np.ndarray] | None = None,
    dequantize: AbstractTransform | None = None,
    state: TrainState | None = None,
    mesh: Mesh | None = None,
) -> Iterator[TrainState]:
    """Train ``model.network`` on ``data``; yields the state at step 0, after every ``every`` steps, and after the last.

    Nothing is trained at step 0, so its ``loss`` is NaN; with validation its ``validation_loss`` is that of the untrained model.
    A resumed run begins with the state after the one it was given. Fewer steps between states cost time: they are one compiled
    call.

    An :class:`~scorax.networks.Ensemble` is trained as one mapped axis: every member has its own rows, its own noise and
    its own stop. All randomness is a function of ``key`` and the step, so a run resumed from any yielded state continues
    bit for bit (on the same machine kind, thread count and JAX version).

    The arrays of a yielded state are *donated* to the next call: take what you need (``state.model(model)``, or host copies)
    before asking for the next state.

    Args:
        model: the score model; its own arrays are left alone.
        objective: loss of one example.
        data: examples on the leading axis, in the model's units.
        optimizer: Optax transformation over the trainable arrays; mapped over members, so clipping is per member.
        key: root of all randomness.
        num_steps: optimiser steps in all, counted from 0 also after a resume.
        conditions: PyTree of arrays with one row for each row of ``data``: what the network is told of it, in training and
            in validation. The network's embedder drops them at its own rate in training only, so the validation loss is
            that of the conditional model.
        batch_size: rows per step and member.
        every: steps from one yielded state to the next; by default as many as take about half a second, at most 100, and a
            divisor of ``validation.every``. Validations fall on the first state that is at their step or after it.
        ema_decay: decay of the average of the weights after its warm-up.
        validation: held-out rows, and the stop they decide; trains all ``num_steps`` without it.
        member_rows: rows each member trains on; by default all rows for every member.
        dequantize: transform with noise that is drawn anew whenever a row is visited.
        state: where to resume.
        mesh: device mesh with one axis ``data``; the first device by default.

    Raises:
        TypeError: the model has no network, the network has no use for a condition, the rows are no array of floating-point
            numbers, or another argument is of another kind.
        ValueError: no rows, rows that are not finite or that the model has no scores for, rows for another number of members,
            conditions for another number of rows or outside what the network's embedder knows, a number below its least, or a
            ``state`` of another model or optimiser.
        DivergedError: a loss or a weight is not finite; the last yielded state was.
    """
    check_fit(model, objective, data, optimizer, key=key)
    num_steps, batch_size = require_count(num_steps, "num_steps", least=0), require_count(batch_size, "batch_size")
    every = None if every is None else require_count(every, "every")
    require_kind(validation, Validation | None, what="validation")
    if not 0 <= ema_decay < 1:
        raise ValueError(
            explain(expected="ema_decay in [0, 1)", got=f"{ema_decay}", do="pass 0.999; 0 averages nothing")
        )
    members = member_axis(model)
    count = members or 1
    rows = [np.arange(len(data))] * count if member_rows is None else list(member_rows)
    for what, given in (("member_rows", rows), ("validation.rows", rows if validation is None else validation.rows)):
        if len(given) != count:
            raise ValueError(
                explain(
                    expected=f"{what} for {count} members", got=f"{len(given)}", do="give one index array per member"
                )
            )
    require_rows(conditions, len(data), what="conditions")
    check_conditions(model.network, conditions)
    require_state(model, data.shape[1:], jnp.asarray(data[:1]).dtype, rows_at(conditions, np.zeros((), int)))
    if state is not None:
        check_state(state, jax.eval_shape(lambda: initial_state(model, optimizer)))
    mesh = mesh or jax.make_mesh((1,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:1])
    replicated = NamedSharding(mesh, PartitionSpec())
    batches = NamedSharding(mesh, PartitionSpec(*([None] * (1 if members is None else 2)), "data"))

    single = single_model(model)
    weights, rest = eqx.partition(single, trainable(single))
    facts, frozen = eqx.partition(rest, network_arrays(rest))
    told = jax.tree.map(jnp.asarray, conditions)
    problem = eqx.filter_shard(Problem(objective, jnp.asarray(data), dequantize, facts, frozen, told), replicated)
    program = Program(optimizer, ema_decay, members is not None, validation is not None)
    order_key, step_key, draw_key = jax.random.split(key, 3)
    seed = int(jax.random.bits(order_key))
    orders = [RowOrder(own, batch_size, seed, stream) for stream, own in enumerate(rows)]
    draws = None if validation is None else jax.device_put(FixedDraws.create(validation, key=draw_key), replicated)
    stride = _affordable(weights, batch_size, validation) if every is None else every

    now: TrainState = jax.device_put(initial_state(model, optimizer) if state is None else copied(state), replicated)
    if state is None:
        if validation is not None and draws is not None:
            now = _validated(now, problem, draws, validation, program.members)
        yield now

    def rows_from(step: int) -> Array:
        """Rows of the call that begins at ``step``; none at the end."""
        length = min(stride - step % stride, num_steps - step)  # a resumed run falls back into the same calls
        picked = np.stack([order.batches(step, length) for order in orders], axis=1)
        return jax.device_put(picked if program.members else picked[:, 0], batches)

    step = int(now.step)
    following = rows_from(step) if step < num_steps else None
    while following is not None and bool(np.any(now.active)):
        picked, length = following, len(following)
        carry, loss, finite = train_call(
            (program, problem, Batches(picked, now.step, now.active, step_key)),
            Carry(now.weights, now.ema, now.optimizer),
        )
        step += length
        following = rows_from(step) if step < num_steps else None  # shuffled while the device works
        if not bool(finite):
            raise DivergedError(
                explain(
                    expected="finite losses and weights",
                    got=f"a value that is not finite between steps {step - length} and {step}",
                    do="lower the learning rate, or look for extreme values in the data",
                )
            )
        now = dataclasses.replace(  # eqx.tree_at takes milliseconds
            now,
            step=jax.device_put(np.int32(step), replicated),  # placed as at the start, or the next call compiles again
            weights=carry.weights,
            ema=carry.ema,
            optimizer=carry.optimizer,
            loss=loss,
        )
        if validation is None or draws is None:
            now = dataclasses.replace(now, best=carry.ema)
        elif step // validation.every > (step - length) // validation.every or step >= num_steps:
            now = _validated(now, problem, draws, validation, program.members)
        yield now


def initial_state(model: AbstractNetworkModel, optimizer: optax.GradientTransformation) -> TrainState:
    """State before the first step; also the shapes that a checkpoint of such a run must have."""
    single, members = single_model(model), member_axis(model)
    weights = eqx.partition(single, trainable(single))[0]
    init = optimizer.init if members is None else jax.vmap(optimizer.init)
    count = members or 1
    dtype = jnp.result_type(
        *jax.tree.leaves(weights)
    )  # a weak type would be another program to jit after the first call
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
    )


def _validated(
    state: TrainState, problem: Problem, draws: FixedDraws, validation: Validation, members: bool
) -> TrainState:
    best, values = validate_call(
        members,
        Best(state.best, state.best_loss, state.best_step, state.active),
        state.ema,
        problem,
        draws,
        state.step,
        jnp.asarray(validation.patience * validation.every),
        jnp.asarray(validation.min_improvement),
    )
    return dataclasses.replace(state, **best._asdict(), validation_loss=values)


def _affordable(weights: PyTree, batch_size: int, validation: Validation | None) -> int:
    """Steps of about half a second at forty billion operations a second: a fixed function of shapes, so runs repeat."""
    size = sum(leaf.size for leaf in jax.tree.leaves(weights))
    longest = min(max(1, int(2e10 / (6 * size * batch_size))), 100)
    if validation is None:
        return longest
    return max(k for k in range(1, min(longest, validation.every) + 1) if validation.every % k == 0)
