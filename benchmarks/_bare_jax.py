"""The bound: the same training as one hand-written ``lax.scan`` over all steps, in one jitted function."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from _setting import Setting

Layers = list[tuple[jax.Array, jax.Array]]


class BareState(NamedTuple):
    """Everything a step changes."""

    weights: Layers
    ema: Layers
    optimizer: Any


class BareLoop:
    """The hand-written loop; ``run`` trains ``num_steps`` steps from the start and returns the mean loss."""

    def __init__(self, setting: Setting, rows: np.ndarray) -> None:
        self._setting, self._rows = setting, jnp.asarray(rows)
        schedule = optax.warmup_cosine_decay_schedule(
            0.0, setting.learning_rate, setting.warmup_steps, setting.schedule_steps
        )
        self._optimizer = optax.chain(
            optax.clip_by_global_norm(setting.clip_norm), optax.adamw(schedule, weight_decay=setting.weight_decay)
        )
        self._train = jax.jit(self._scan, donate_argnums=0)

    def start(self) -> BareState:
        """State before the first step."""
        random = np.random.default_rng(0)
        sizes = self._setting.sizes
        weights = [
            (jnp.asarray(random.uniform(-1, 1, (m, n)) / m**0.5, jnp.float32), jnp.zeros(n))
            for m, n in itertools.pairwise(sizes)
        ]
        weights[-1] = (jnp.zeros_like(weights[-1][0]), weights[-1][1])
        return BareState(weights, jax.tree.map(jnp.copy, weights), self._optimizer.init(weights))

    def run(self, state: BareState) -> float:
        """Train from ``state``, whose arrays are donated."""
        state, loss = jax.block_until_ready(self._train(state, self._rows, jax.random.key(1)))
        return float(loss)

    def _scan(self, state: BareState, rows: jax.Array, key: jax.Array) -> tuple[BareState, jax.Array]:
        def body(state: BareState, step: jax.Array) -> tuple[BareState, jax.Array]:
            loss, gradient = jax.value_and_grad(self._loss)(state.weights, rows, jax.random.fold_in(key, step))
            updates, optimizer = self._optimizer.update(gradient, state.optimizer, state.weights)
            weights: Any = optax.apply_updates(state.weights, updates)
            decay = jnp.minimum(self._setting.ema_decay, (1 + step) / (10 + step))
            ema = jax.tree.map(lambda a, b: decay * a + (1 - decay) * b, state.ema, weights)
            return BareState(weights, ema, optimizer), loss

        state, losses = jax.lax.scan(body, state, jnp.arange(self._setting.num_steps))
        return state, jnp.mean(losses[-100:])

    def _loss(self, weights: Layers, rows: jax.Array, key: jax.Array) -> jax.Array:
        size, (low, high) = self._setting.batch_size, self._setting.log_sines
        row_key, level_key, noise_key = jax.random.split(key, 3)
        x0 = rows[jax.random.randint(row_key, (size,), 0, len(rows))]
        noise = jax.random.normal(noise_key, x0.shape)
        u = (jnp.arange(size) + jax.random.uniform(level_key)) / size
        log_sine = low + (high - low) * u
        log_sigma = log_sine - 0.5 * jnp.log(-jnp.expm1(2 * log_sine))
        sigma = jnp.exp(log_sigma)[:, None]
        radius = jnp.sqrt(1 + sigma**2)
        output = self._network(weights, 8 * jnp.tanh(log_sigma / 8), (x0 + sigma * noise) / radius)
        # The velocity in the angle is (noise - sigma x0) / R, and the network's output is minus it (Karras at sd 1).
        return (high - low) * jnp.mean(jnp.sum((output + (noise - sigma * x0) / radius) ** 2, axis=1))

    def _network(self, weights: Layers, c_noise: jax.Array, x: jax.Array) -> jax.Array:
        phase = c_noise[:, None] * jnp.asarray(self._setting.frequencies, jnp.float32)
        h = jnp.concatenate([x, jnp.sin(phase), jnp.cos(phase)], axis=1)
        for matrix, bias in weights[:-1]:
            h = jax.nn.silu(h @ matrix + bias)
        return h @ weights[-1][0] + weights[-1][1]
