"""The mixtures that samplers are measured on, exact draws of them, and the distance of others."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from scorax.metrics import sliced_wasserstein
from scorax.processes import EDM
from scorax.targets import GaussianMixture

DRAWS = 10_000
DIRECTIONS = 100
PROCESS = EDM()

Done = dict[str, dict[str, list[float]]]
"""Distances that are measured already, by method and evaluations."""


def target(dimension: int) -> GaussianMixture:
    """Eight equal components: a ring of narrow ones in the plane, correlated ones around random means elsewhere."""
    generator = np.random.default_rng(0)
    if dimension == 2:
        angles = np.arange(8) * np.pi / 4
        means = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        covariances = np.stack([0.04 * np.eye(2)] * 8)
    else:
        means = generator.standard_normal((8, dimension))
        factors = generator.standard_normal((8, dimension, dimension)) / np.sqrt(dimension)
        covariances = 0.25 * factors @ factors.transpose(0, 2, 1) + 0.02 * np.eye(dimension)
    return GaussianMixture.create(np.ones(8) / 8, means, covariances)


@functools.cache
def exact_rows(dimension: int, seed: int) -> np.ndarray:
    """Draws of the law at ``t0``."""
    law = target(dimension).at(PROCESS.level(jnp.asarray(PROCESS.t0)))
    keys = jax.random.split(jax.random.key(1000 + seed), DRAWS)
    return np.asarray(jax.jit(jax.vmap(lambda key: law.sample(key=key)))(keys), np.float64)


def distances(draw: Callable[[int], np.ndarray], dimension: int, seeds: int) -> list[float]:
    """Sliced distance to exact draws, one for each seed."""
    return [
        sliced_wasserstein(draw(seed), exact_rows(dimension, seed), num_projections=DIRECTIONS, seed=seed)
        for seed in range(seeds)
    ]
