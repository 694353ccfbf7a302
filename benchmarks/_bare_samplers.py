"""The bound: every update of ``sampling_throughput`` as a hand-written ``lax.scan`` over whole blocks of rows, in plain JAX.

All that depends on the level alone is a table made beforehand in float64, one entry a step; the loop does the rest. Of scorax
it takes the grid, the arrays of the field and the order in which keys are split: without these it would draw other samples.
Noise levels are those of ``EDM()``, so alpha is one and the clock is sigma; a loop by hand makes use of that.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from _bare_fields import Entry, Field, Pair, Table


class Update(NamedTuple):
    """One step of a method.

    Attributes:
        table: coefficients of every step.
        step: ``step(field, coefficients, entry here, entry there, x, last pair, noise) -> (x, this pair)``.
        random: whether it draws noise.
        two_step: whether it remembers the last pair.
    """

    table: Table
    step: Callable[..., tuple[jax.Array, Pair | None]]
    random: bool = False
    two_step: bool = False


def ddim(s: np.ndarray) -> Update:
    """Song et al. (2021), eq. 12 without noise."""

    def step(field: Any, c: Entry, here: Entry, there: Entry, x: jax.Array, last: None, noise: None) -> Any:
        x0, z = field(here, x)
        return x0 + there["sigma"] * z, None

    return Update({}, step)


def heun(s: np.ndarray) -> Update:
    """Karras et al. (2022), algorithm 1 without the Euler step at the end."""

    def step(field: Any, c: Entry, here: Entry, there: Entry, x: jax.Array, last: None, noise: None) -> Any:
        x0, first = field(here, x)
        mean = (first + field(there, x0 + there["sigma"] * first)[1]) / 2
        return x0 + here["sigma"] * (first - mean) + there["sigma"] * mean, None

    return Update({}, step)


def dpm_solver(s: np.ndarray) -> Update:
    """Lu et al. (2022), algorithm 2."""
    h = np.log(s[:-1] / s[1:])
    share = np.append(0, 0.5 * h[1:] / h[:-1])

    def step(field: Any, c: Entry, here: Entry, there: Entry, x: jax.Array, last: Pair, noise: None) -> Any:
        now = field(here, x)
        return c["decay"] * x + c["gain"] * (now[0] + c["share"] * (now[0] - last[0])), now

    return Update({"decay": s[1:] / s[:-1], "gain": -np.expm1(-h), "share": share}, step, two_step=True)


def adams_bashforth(s: np.ndarray) -> Update:
    """The exponential Adams-Bashforth method in the angle; without slopes at the first step."""
    angle = np.arctan(s)
    h, here, there = np.diff(angle), angle[:-1], angle[1:]
    slope = np.hypot(1, s[1:]) / np.append(np.inf, h[:-1])
    of_noise = slope * (h * np.sin(there) + np.cos(there) - np.cos(here))
    of_x0 = slope * (h * np.cos(there) - np.sin(there) + np.sin(here))

    def step(field: Any, c: Entry, here: Entry, there: Entry, x: jax.Array, last: Pair, noise: None) -> Any:
        x0, z = field(here, x)
        moved = c["of_noise"] * (z - last[1]) + c["of_x0"] * (x0 - last[0])
        return x0 + there["sigma"] * z + moved, (x0, z)

    return Update({"of_noise": of_noise, "of_x0": of_x0}, step, two_step=True)


def ddpm(s: np.ndarray) -> Update:
    """Ho et al. (2020), eq. 7, with the posterior variance."""
    kept, spread = s[1:] ** 2 / s[:-1], s[1:] * np.sqrt(1 - (s[1:] / s[:-1]) ** 2)

    def step(field: Any, c: Entry, here: Entry, there: Entry, x: jax.Array, last: None, noise: jax.Array) -> Any:
        x0, z = field(here, x)
        return x0 + c["kept"] * z + c["spread"] * noise, None

    return Update({"kept": kept, "spread": spread}, step, random=True)


def euler_maruyama(s: np.ndarray) -> Update:
    """Song et al. (2021), eq. 6: no drift, g^2 = 2 sigma, and the score is minus the noise over sigma."""
    length = s[:-1] - s[1:]

    def step(field: Any, c: Entry, here: Entry, there: Entry, x: jax.Array, last: None, noise: jax.Array) -> Any:
        return x - c["drift"] * field(here, x)[1] + c["spread"] * noise, None

    return Update({"drift": 2 * length, "spread": np.sqrt(2 * s[:-1] * length)}, step, random=True)


UPDATES = {
    "DDIM": ddim,
    "Heun": heun,
    "DPMSolver": dpm_solver,
    "AdamsBashforth": adams_bashforth,
    "DDPM": ddpm,
    "EulerMaruyama": euler_maruyama,
}


def draws(field: Field, update: Update, blocks: int, block: int) -> Callable[[jax.Array], jax.Array]:
    """``draw(key) -> (blocks * block, d)``, one program for all rows; row k has the key ``fold_in(key, k)``."""
    dtype = jnp.result_type(float)
    levels = {name: jnp.asarray(column, dtype) for name, column in field.table.items()}
    tables = (
        {name: jnp.asarray(column, dtype) for name, column in update.table.items()},
        {name: column[:-1] for name, column in levels.items()},
        {name: column[1:] for name, column in levels.items()},
    )
    num_steps, d = len(levels["sigma"]) - 1, len(field.terminal[0])
    terminal = tuple(jnp.asarray(part, dtype) for part in field.terminal)
    given = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), field.arrays)
    normal = jax.vmap(lambda key: jax.random.normal(key, (d,), dtype))

    @jax.jit
    def all_rows(arrays: Any, tables: Any, terminal: Any, key: jax.Array) -> jax.Array:
        def predict(entry: Entry, x: jax.Array) -> Pair:
            return field.predict(arrays, entry, x)

        def body(state: Any, own: Any) -> Any:
            (x, last), (entries, keys) = state, own
            return update.step(predict, *entries, x, last, normal(keys) if update.random else None), None

        def one(first: jax.Array) -> jax.Array:
            rows = first + jnp.arange(block, dtype=jnp.uint32)
            pairs = jax.vmap(lambda row: jax.random.split(jax.random.fold_in(key, row)))(rows)
            mean, basis, scales = terminal
            x = mean + (scales * normal(pairs[:, 0])) @ basis.T
            last = (jnp.zeros_like(x), jnp.zeros_like(x)) if update.two_step else None
            keys = jax.vmap(lambda k: jax.random.split(k, num_steps))(pairs[:, 1]).T if update.random else None
            return jax.lax.scan(body, (x, last), (tables, keys))[0][0]

        return jax.lax.map(one, block * jnp.arange(blocks, dtype=jnp.uint32)).reshape(-1, d)

    return lambda key: all_rows(given, tables, terminal, key)
