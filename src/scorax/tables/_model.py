"""The field of a table: its network, its members and its cut-off."""

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from scorax._types import Key
from scorax.models import Denoiser, Karras
from scorax.networks import AbstractNetwork, CodedHead, Ensemble, MaskedInput, MaskedWaves, MixtureSkip, ResMLP
from scorax.processes import EDM, GaussianLaw
from scorax.tables._config import ResolvedConfig, ResolvedNetwork, Start
from scorax.tables._coordinates import Coordinates
from scorax.tables._settings import TableSize, num_inputs, num_members, num_outputs, num_waves, waves_apart
from scorax.tables._starts import ABSENT, StartLaws

Tree = TypeVar("Tree")


@dataclass(frozen=True)
class Blueprint:
    """What a model of a table is built in: all but what its members learn.

    Attributes:
        config: resolved configuration.
        coordinates: of the table.
        moments: of the states of all rows.
        starts: the laws that members start from, stacked.
    """

    config: ResolvedConfig
    coordinates: Coordinates
    moments: GaussianLaw
    starts: StartLaws

    @property
    def size(self) -> TableSize:
        """What of the table decides the shapes of the network; how many rows it has does not."""
        return self.coordinates.schema.size(0, holes=self.config.network.masks)

    def untrained(self, *, key: Key) -> Denoiser:
        """The model before training."""
        return self._model(_networks(self.config.network, self.size, num_members(self.config), key))

    def blank(self) -> Denoiser:
        """The model with zeros for its parameters: the shapes that a checkpoint must have.

        Nothing is drawn, so nothing is compiled for what a checkpoint will overwrite.
        """
        members, key = num_members(self.config), jax.random.key(0)
        shapes = eqx.filter_eval_shape(_networks, self.config.network, self.size, members, key)
        arrays, rest = eqx.partition(shapes, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
        zeros = jax.tree.map(lambda leaf: jnp.asarray(np.zeros(leaf.shape, leaf.dtype)), arrays)
        return self._model(eqx.combine(zeros, rest))

    def _model(self, networks: AbstractNetwork) -> Denoiser:
        noise = self.config.noise
        return Denoiser(
            network=_built_around(self, networks),
            process=EDM(t0=noise.sigma_min, t1=noise.sigma_max),
            parametrization=Karras(),
            moments=self.moments,
        )


@eqx.filter_jit  # one program: run by hand, every draw and every shape would be compiled on its own
def _networks(shape: ResolvedNetwork, size: TableSize, members: int, key: Key) -> AbstractNetwork:
    """What the members of a model learn, stacked."""

    def build(key: Key) -> AbstractNetwork:
        return ResMLP(
            num_inputs(shape, size),
            width=shape.width,
            depth=shape.depth,
            dropout=shape.dropout,
            num_frequencies=shape.num_frequencies,
            waves=num_waves(shape),
            outputs=num_outputs(size),
            key=key,
        )

    return Ensemble.create(build, members, key=key).members


def _built_around(blueprint: Blueprint, networks: AbstractNetwork) -> AbstractNetwork:
    """The network of a model from what its members learn, stacked, and the laws they start from."""
    config, starts = blueprint.config, blueprint.starts
    members = num_members(config)
    if waves_apart(config.network):
        networks = MaskedWaves(networks, config.network.waves)
    elif config.network.masks:
        networks = MaskedInput(networks)
    if starts.log_priors:
        books = [
            np.broadcast_to(own, (members, *own.shape)).astype(np.float32) for own in blueprint.coordinates.codebooks
        ]
        networks = CodedHead(networks, books, starts.log_priors)
    if config.ensemble.starts != ("normal",):  # the skip of N(0, I) is zero
        parts = starts.numbers.components
        numbers = blueprint.coordinates.num_numbers
        networks = MixtureSkip(networks, starts.numbers.log_weights, parts.mean, parts.basis, parts.variances, numbers)
    return Ensemble(networks) if members > 1 else _picked(networks, 0)


def _learned(network: AbstractNetwork) -> AbstractNetwork:
    """What the members of a network learn, stacked: what :func:`_built_around` was given."""
    stacked = network.members if isinstance(network, Ensemble) else _picked(network, None)
    while isinstance(stacked, MixtureSkip | CodedHead | MaskedInput | MaskedWaves):
        stacked = stacked.network
    return stacked


def member_models(model: Denoiser) -> list[Denoiser]:
    """One model per member of the ensemble, or the model itself."""
    network = model.network
    if not isinstance(network, Ensemble):
        return [model]
    return [dataclasses.replace(model, network=_picked(network.members, i)) for i in range(network.num_members)]


def restricted(blueprint: Blueprint, model: Denoiser, start: Start) -> tuple[Blueprint, Denoiser]:
    """The members of one start alone: their blueprint and their mean field, as if no other had been trained."""
    config, ensemble = blueprint.config, blueprint.config.ensemble
    first = ensemble.starts.index(start) * ensemble.folds
    members = slice(first, first + ensemble.folds)
    own = _picked(blueprint.starts, members)
    used = max(1, int(np.max(np.sum(np.asarray(own.numbers.log_weights) > ABSENT / 2, axis=-1))))
    kept = StartLaws(_picked(own.numbers, np.s_[:, :used]), own.log_priors)
    config = dataclasses.replace(config, ensemble=dataclasses.replace(ensemble, starts=(start,), components=used))
    alone = dataclasses.replace(blueprint, config=config, starts=kept)
    return alone, dataclasses.replace(model, network=_built_around(alone, _picked(_learned(model.network), members)))


def _picked(tree: Tree, index: Any) -> Tree:
    """Every array of a tree at an index, picked on the host: on the device each shape would be a program to compile."""
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[index]) if eqx.is_array(leaf) else leaf, tree)


def cut_at(model: Denoiser, sigma: float) -> Denoiser:
    """The same field with its cut-off at ``sigma``, in standardised units."""
    return model.with_process(dataclasses.replace(model.process, t0=sigma))
