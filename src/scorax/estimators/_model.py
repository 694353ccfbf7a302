"""The field of a table: the Gaussians it is built around, its network, its members and its cut-off."""

import dataclasses
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from scorax._types import Key
from scorax.estimators._config import FitConfig
from scorax.models import Denoiser, Karras
from scorax.networks import AbstractNetwork, Ensemble, GaussianSkip, ResMLP
from scorax.processes import EDM, GaussianLaw


def moments_of(z: Float[np.ndarray, "n d"], widths: Float[np.ndarray, " d"]) -> GaussianLaw:
    """Mean and shrunk covariance (Ledoit and Wolf 2004) of standardised rows, with the variance of their bin noise."""
    from sklearn.covariance import ledoit_wolf

    covariance = ledoit_wolf(z)[0] + np.diag(np.square(widths) / 12)
    return GaussianLaw.from_moments(z.mean(axis=0).astype(np.float32), covariance)


@dataclass(frozen=True)
class Laws:
    """The Gaussians that a model is built around.

    Attributes:
        moments: of all rows; the terminal law.
        members: of the rows each member trains on, stacked; where its network starts from.
    """

    moments: GaussianLaw
    members: GaussianLaw

    @staticmethod
    def of(
        z: Float[np.ndarray, "n d"], widths: Float[np.ndarray, " d"], fold: Int[np.ndarray, " n"], members: int
    ) -> "Laws":
        """Laws of standardised rows and of each member's share of them."""
        own = [moments_of(z[fold != member], widths) for member in range(members)]
        return Laws(moments_of(z, widths), jax.tree.map(lambda *leaves: jnp.stack(leaves), *own))


def blank_model(config: FitConfig, laws: Laws, *, key: Key) -> Denoiser:
    """Untrained model of a resolved configuration; its arrays have the shapes that a checkpoint must have."""
    shape = config.network
    dimension = laws.moments.mean.shape[0]

    def build(member_key: Key, law: GaussianLaw) -> AbstractNetwork:
        network = ResMLP(
            dimension,
            width=shape.width,
            depth=shape.depth,
            dropout=shape.dropout,
            num_frequencies=shape.num_frequencies,
            key=member_key,
        )
        return GaussianSkip(network, law.mean, law.basis, law.variances) if shape.gaussian_skip == "always" else network

    keys = jax.random.split(key, config.ensemble.folds)
    stacked = eqx.filter_vmap(build)(keys, laws.members)
    network = Ensemble(stacked) if config.ensemble.folds > 1 else Ensemble(stacked).member(0)
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


def cut_at(model: Denoiser, sigma: float) -> Denoiser:
    """The same field with its cut-off at ``sigma``, in standardised units."""
    return model.with_process(dataclasses.replace(model.process, t0=sigma))
