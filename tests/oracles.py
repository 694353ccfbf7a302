"""Small targets and models with known answers, and the jitted functions that several tests share."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from scorax.networks import AbstractNetwork
from scorax.objectives import AbstractObjective
from scorax.targets import GaussianMixture, gaussian


def mixture(dimension: int = 2, seed: int = 0) -> GaussianMixture:
    """Two correlated components of unequal weight, of about unit scale; in the precision of the context."""
    generator = np.random.default_rng(seed)
    factors = 0.3 * generator.standard_normal((2, dimension, dimension))
    covariances = factors @ factors.transpose(0, 2, 1) + 0.1 * np.eye(dimension)
    means = np.stack([np.full(dimension, 0.8), np.full(dimension, -0.6)])
    return GaussianMixture.create(np.array([0.3, 0.7]), means, covariances)


def centred(variance: float, dimension: int = 1) -> GaussianMixture:
    return gaussian(np.zeros(dimension), variance * np.eye(dimension))


def awake(network: AbstractNetwork, *, key, size: float = 0.3) -> AbstractNetwork:
    """The network with its zero arrays (the last layer, biases) drawn at random: it computes something."""
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))  # on the host: each shape would be a program

    def filled(leaf):
        if not eqx.is_inexact_array(leaf) or np.any(leaf):
            return leaf
        return jnp.asarray(size * random.standard_normal(leaf.shape), leaf.dtype)

    return jax.tree.map(filled, network)


@eqx.filter_jit
def rows_of(law: GaussianMixture, count: int, *, key) -> jax.Array:
    return jax.vmap(lambda k: law.sample(key=k))(jax.random.split(key, count))


@eqx.filter_jit
def log_densities(law: GaussianMixture, x) -> jax.Array:
    """Of rows; operation by operation it would be thirty programs for each shape."""
    return jax.vmap(law.log_density)(x)


def noisy(law: GaussianMixture, process, t=None) -> GaussianMixture:
    """The law of the process at ``t`` (default: ``t0``)."""
    return law.at(process.level(jnp.asarray(process.t0 if t is None else t)))


@eqx.filter_jit
def losses(objective, model, x0, u, keys, training=False):
    """Per-example values of an objective, or of every objective of a tuple: one program, that draws and evaluates once."""

    def one(x, v, k):
        return jax.tree.map(lambda o: o(model, x, v, key=k, training=training), objective, is_leaf=_is_objective)

    return jax.vmap(one)(x0, u, keys)


def _is_objective(node) -> bool:
    return isinstance(node, AbstractObjective)


@eqx.filter_jit
def strata(count: int, *, key) -> tuple[jax.Array, jax.Array]:
    """Stratified quantiles and keys of ``count`` examples."""
    offsets, keys = jax.random.split(key)
    return (jnp.arange(count) + jax.random.uniform(offsets, (count,))) / count, jax.random.split(keys, count)


def standard_error(values) -> float:
    return float(np.std(np.asarray(values), ddof=1) / np.sqrt(len(values)))
