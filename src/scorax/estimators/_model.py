"""The field of a table: the laws it is built around, its network, its members and its cut-off."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from scorax._types import Key
from scorax.estimators._config import FitConfig
from scorax.estimators._starts import ABSENT, Start, moments_of, start_law
from scorax.models import Denoiser, Karras
from scorax.networks import AbstractNetwork, Ensemble, MixtureSkip, ResMLP
from scorax.processes import EDM, GaussianLaw
from scorax.targets import GaussianMixture


@dataclass(frozen=True)
class Laws:
    """The closed-form laws that a model is built around.

    Attributes:
        moments: Gaussian of all rows; the terminal law.
        members: the law each member starts from, stacked: the folds of the first start, then those of the next.
    """

    moments: GaussianLaw
    members: GaussianMixture

    @staticmethod
    def of(
        z: Float[np.ndarray, "n d"],
        widths: Float[np.ndarray, " d"],
        fold: Int[np.ndarray, " n"],
        config: FitConfig,
        *,
        seed: int,
    ) -> "Laws":
        """Laws of standardised rows, and of the share of them that each member trains on."""
        ensemble = config.ensemble
        own = [
            start_law(start, z[fold != k], widths, num_components(config), seed)
            for start in ensemble.starts
            for k in range(ensemble.folds)
        ]
        return Laws(moments_of(z, widths), jax.tree.map(lambda *leaves: jnp.stack(leaves), *own))


def num_members(config: FitConfig) -> int:
    """Networks trained side by side: one for each start and fold."""
    return len(config.ensemble.starts) * config.ensemble.folds


def num_components(config: FitConfig) -> int:
    """Components that the starting law of every member has room for."""
    return config.ensemble.components if "mixture" in config.ensemble.starts else 1


def blank_model(config: FitConfig, laws: Laws, *, key: Key) -> Denoiser:
    """Untrained model of a resolved configuration; its arrays have the shapes that a checkpoint must have."""
    shape = config.network
    dimension = laws.moments.mean.shape[0]
    members = num_members(config)

    def build(member_key: Key, law: GaussianMixture) -> AbstractNetwork:
        network = ResMLP(
            dimension,
            width=shape.width,
            depth=shape.depth,
            dropout=shape.dropout,
            num_frequencies=shape.num_frequencies,
            key=member_key,
        )
        if config.ensemble.starts == ("normal",):
            return network  # the skip of N(0, I) is zero
        parts = law.components
        return MixtureSkip(network, law.log_weights, parts.mean, parts.basis, parts.variances)

    stacked = eqx.filter_vmap(build)(jax.random.split(key, members), laws.members)
    network = Ensemble(stacked) if members > 1 else Ensemble(stacked).member(0)
    return Denoiser(
        network=network,
        process=EDM(t0=config.noise.sigma_min, t1=config.noise.sigma_max),
        parametrization=Karras(),
        moments=laws.moments,
    )


def member_models(model: Denoiser) -> list[Denoiser]:
    """One model per member of the ensemble, or the model itself."""
    network = model.network
    if not isinstance(network, Ensemble):
        return [model]
    return [dataclasses.replace(model, network=network.member(i)) for i in range(network.num_members)]


def restricted(config: FitConfig, laws: Laws, model: Denoiser, start: Start) -> tuple[FitConfig, Laws, Denoiser]:
    """The members of one start alone: their configuration, laws and mean field, as if no other had been trained."""
    ensemble = config.ensemble
    first = ensemble.starts.index(start) * ensemble.folds
    own = jax.tree.map(lambda leaf: leaf[first : first + ensemble.folds], laws.members)
    used = max(1, int(jnp.max(jnp.sum(own.log_weights > ABSENT / 2, axis=-1))))
    own = jax.tree.map(lambda leaf: leaf[:, :used], own)
    config = dataclasses.replace(config, ensemble=dataclasses.replace(ensemble, starts=(start,), components=used))
    kept = Laws(laws.moments, own)
    trained = [_learned(member.network) for member in member_models(model)[first : first + ensemble.folds]]
    blank = blank_model(config, kept, key=jax.random.key(0))  # for its structure: every array of it is replaced
    network = jax.tree.map(_stacked, *trained) if len(trained) > 1 else trained[0]
    return config, kept, dataclasses.replace(model, network=_with_learned(blank.network, network))


def _stacked(*leaves: Any) -> Any:
    return jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0]  # a dropout rate is a leaf, but no array


def _learned(network: AbstractNetwork) -> AbstractNetwork:
    return network.network if isinstance(network, MixtureSkip) else network


def _with_learned(blank: AbstractNetwork, learned: AbstractNetwork) -> AbstractNetwork:
    if isinstance(blank, Ensemble):
        return Ensemble(_with_learned(blank.members, learned))
    return eqx.tree_at(lambda skip: skip.network, blank, learned) if isinstance(blank, MixtureSkip) else learned


def cut_at(model: Denoiser, sigma: float) -> Denoiser:
    """The same field with its cut-off at ``sigma``, in standardised units."""
    return model.with_process(dataclasses.replace(model.process, t0=sigma))
