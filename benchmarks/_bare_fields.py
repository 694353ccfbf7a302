"""Fields of the hand-written sampling loops: the exact one of a Gaussian mixture and that of a perceptron, in plain JAX.

All that depends on the level alone is a table made beforehand in float64. Noise levels are those of ``EDM()``, alpha is one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Table = dict[str, np.ndarray]
Entry = dict[str, jax.Array]
Pair = tuple[jax.Array, jax.Array]


class Field(NamedTuple):
    """Posterior means of clean data and noise, for a block of rows at one level.

    Attributes:
        arrays: weights of the network or of the mixture.
        table: what it needs of every level.
        predict: ``predict(arrays, entry of the table, x) -> (x0, noise)``.
        terminal: mean, eigenvectors and standard deviations of the law at the first level.
    """

    arrays: Any
    table: Table
    predict: Callable[[Any, Entry, jax.Array], Pair]
    terminal: tuple[np.ndarray, np.ndarray, np.ndarray]


def mixture(
    weights: np.ndarray, means: np.ndarray, bases: np.ndarray, variances: np.ndarray, sigma: np.ndarray
) -> dict[str, Any]:
    """The exact field of a Gaussian mixture with eigenvectors ``bases`` (k, d, d) and eigenvalues ``variances`` (k, d)."""
    count, d = means.shape
    noisy = variances + sigma[:, None, None] ** 2
    table = {"sigma": sigma, "noisy": noisy, "log_scale": np.log(weights) - 0.5 * np.log(noisy).sum(axis=2)}
    flat = bases.transpose(1, 0, 2).reshape(d, count * d)
    centres = np.einsum("kd,kde->ke", means, bases)

    def predict(arrays: Any, entry: Entry, x: jax.Array) -> Pair:
        flat, centres, means, variances = arrays
        turned = (x @ flat).reshape(-1, count, d) - centres
        white = turned / entry["noisy"]
        near = jax.nn.softmax(entry["log_scale"] - 0.5 * jnp.sum(turned * white, axis=2))
        pull = near[:, :, None] * white
        noise = entry["sigma"] * (pull.reshape(-1, count * d) @ flat.T)
        return near @ means + (variances * pull).reshape(-1, count * d) @ flat.T, noise

    return {"arrays": (flat, centres, means, variances), "table": table, "predict": predict}


def network(layers: list[Pair], sigma: np.ndarray, frequencies: np.ndarray) -> dict[str, Any]:
    """A perceptron under the preconditioning of Karras et al. for data of unit scale."""
    radius = np.sqrt(1 + sigma**2)
    phase = (8 * np.tanh(np.log(sigma) / 8))[:, None] * frequencies
    table = {"sigma": sigma, "radius": radius, "features": np.concatenate([np.sin(phase), np.cos(phase)], axis=1)}

    def predict(layers: Any, entry: Entry, x: jax.Array) -> Pair:
        sigma, radius = entry["sigma"], entry["radius"]
        scaled = x / radius
        features = jnp.broadcast_to(entry["features"], (len(x), len(entry["features"])))
        h = jnp.concatenate([scaled, features], axis=1)
        for matrix, bias in layers[:-1]:
            h = jax.nn.silu(h @ matrix + bias)
        output = h @ layers[-1][0] + layers[-1][1]
        return (scaled + sigma * output) / radius, (sigma * scaled - output) / radius

    return {"arrays": layers, "table": table, "predict": predict}
