"""The field of a table: its network, its members and its cut-off."""

import dataclasses
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from scorax._types import Key
from scorax.models import Denoiser, Karras
from scorax.networks import AbstractNetwork, Ensemble, MixtureSkip, ResMLP
from scorax.processes import EDM, GaussianLaw
from scorax.tables._config import ResolvedConfig, ResolvedNetwork, Start
from scorax.tables._settings import num_members
from scorax.tables._starts import ABSENT
from scorax.targets import GaussianMixture

Tree = TypeVar("Tree")


def initial_model(config: ResolvedConfig, moments: GaussianLaw, starts: GaussianMixture, *, key: Key) -> Denoiser:
    """Untrained model of a resolved configuration, from the moments of all rows and the laws its members start from."""
    networks = _networks(config.network, moments.mean.shape[0], num_members(config), key)
    return _model(config, moments, starts, networks)


def blank_model(config: ResolvedConfig, moments: GaussianLaw, starts: GaussianMixture) -> Denoiser:
    """The model of a resolved configuration with zeros for its parameters: the shapes that a checkpoint must have.

    Nothing is drawn, so nothing is compiled for what a checkpoint will overwrite.
    """
    dimension, key = moments.mean.shape[0], jax.random.key(0)
    shapes = eqx.filter_eval_shape(_networks, config.network, dimension, num_members(config), key)
    arrays, rest = eqx.partition(shapes, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    zeros = jax.tree.map(lambda leaf: jnp.asarray(np.zeros(leaf.shape, leaf.dtype)), arrays)
    return _model(config, moments, starts, eqx.combine(zeros, rest))


@eqx.filter_jit  # one program: run by hand, every draw and every shape would be compiled on its own
def _networks(shape: ResolvedNetwork, dimension: int, members: int, key: Key) -> AbstractNetwork:
    """What the members of a model learn, stacked."""

    def build(key: Key) -> AbstractNetwork:
        return ResMLP(
            dimension,
            width=shape.width,
            depth=shape.depth,
            dropout=shape.dropout,
            num_frequencies=shape.num_frequencies,
            waves=shape.waves,
            key=key,
        )

    return Ensemble.create(build, members, key=key).members


def _model(
    config: ResolvedConfig, moments: GaussianLaw, starts: GaussianMixture, networks: AbstractNetwork
) -> Denoiser:
    return Denoiser(
        network=_built_around(config, starts, networks),
        process=EDM(t0=config.noise.sigma_min, t1=config.noise.sigma_max),
        parametrization=Karras(),
        moments=moments,
    )


def _built_around(config: ResolvedConfig, starts: GaussianMixture, networks: AbstractNetwork) -> AbstractNetwork:
    """The network of a model from what its members learn, stacked, and the laws they start from."""
    if config.ensemble.starts != ("normal",):  # the skip of N(0, I) is zero
        parts = starts.components
        networks = MixtureSkip(networks, starts.log_weights, parts.mean, parts.basis, parts.variances)
    return Ensemble(networks) if num_members(config) > 1 else _picked(networks, 0)


def member_models(model: Denoiser) -> list[Denoiser]:
    """One model per member of the ensemble, or the model itself."""
    network = model.network
    if not isinstance(network, Ensemble):
        return [model]
    return [dataclasses.replace(model, network=_picked(network.members, i)) for i in range(network.num_members)]


def restricted(
    config: ResolvedConfig, starts: GaussianMixture, model: Denoiser, start: Start
) -> tuple[ResolvedConfig, GaussianMixture, Denoiser]:
    """The members of one start alone: their configuration, starting laws and mean field, as if no other had been trained."""
    ensemble = config.ensemble
    first = ensemble.starts.index(start) * ensemble.folds
    members = slice(first, first + ensemble.folds)
    own = _picked(starts, members)
    used = max(1, int(np.max(np.sum(np.asarray(own.log_weights) > ABSENT / 2, axis=-1))))
    kept = _picked(own, np.s_[:, :used])
    config = dataclasses.replace(config, ensemble=dataclasses.replace(ensemble, starts=(start,), components=used))
    stacked = _stacked(model.network)
    learned = stacked.network if isinstance(stacked, MixtureSkip) else stacked
    learned = _picked(learned, members)
    return config, kept, dataclasses.replace(model, network=_built_around(config, kept, learned))


def _stacked(network: AbstractNetwork) -> AbstractNetwork:
    """The members of a network with their leading axis, also where there is one."""
    if isinstance(network, Ensemble):
        return network.members
    return _picked(network, None)


def _picked(tree: Tree, index: Any) -> Tree:
    """Every array of a tree at an index, picked on the host: on the device each shape would be a program to compile."""
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[index]) if eqx.is_array(leaf) else leaf, tree)


def cut_at(model: Denoiser, sigma: float) -> Denoiser:
    """The same field with its cut-off at ``sigma``, in standardised units."""
    return model.with_process(dataclasses.replace(model.process, t0=sigma))
