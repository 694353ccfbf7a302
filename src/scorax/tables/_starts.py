"""Where members start from: the law whose exact field an untrained member is."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from scorax.baselines import MixtureBaseline
from scorax.processes import GaussianLaw
from scorax.tables._config import ResolvedConfig, Start
from scorax.tables._settings import num_components
from scorax.targets import GaussianMixture

ABSENT = -1e30
"""Log-weight of a component that only fills the shape; finite, so that no derivative meets infinity minus infinity."""


def moments_of(z: Float[np.ndarray, "n d"], widths: Float[np.ndarray, " d"]) -> GaussianLaw:
    """Mean and shrunk covariance (Ledoit and Wolf 2004) of standardised rows, with the variance of their bin noise."""
    from sklearn.covariance import ledoit_wolf

    covariance = ledoit_wolf(z)[0] + np.diag(np.square(widths) / 12)
    return GaussianLaw.from_moments(z.mean(axis=0).astype(np.float32), covariance)


def untrained_law(
    start: Start, z: Float[np.ndarray, "n d"], widths: Float[np.ndarray, " d"], components: int, seed: int
) -> GaussianMixture:
    """The law a member that trains on rows ``z`` starts from, filled up to ``components`` components.

    ``normal`` is N(0, I); ``gaussian`` has the rows' moments; ``mixture`` is the Gaussian mixture of the report's baselines, its
    settings cross-validated inside ``z``, on rows with bin noise.
    """
    if start == "mixture":
        random = np.random.default_rng([seed, len(z)])
        noisy = z + widths * (random.uniform(size=z.shape) - 0.5)
        with threadpool_limits(1):  # small matrices: threads cost more than they bring, and change the rounding
            baseline = MixtureBaseline(grid="small", max_components=components).fit(noisy, seed=seed)
        law = GaussianMixture.create(*baseline.parameters)
    else:
        one = moments_of(z, widths) if start == "gaussian" else GaussianLaw.standard(z.shape[1])
        law = GaussianMixture(jnp.zeros(1), jax.tree.map(lambda leaf: leaf[None], one))
    return _filled(law, components)


def member_laws(
    z: Float[np.ndarray, "n d"],
    widths: Float[np.ndarray, " d"],
    fold: Int[np.ndarray, " n"],
    config: ResolvedConfig,
    *,
    seed: int,
) -> GaussianMixture:
    """The laws that members start from, each of the standardised rows it trains on, stacked.

    The folds of the first start come first, then those of the next.
    """
    ensemble = config.ensemble
    own = [
        untrained_law(start, z[fold != k], widths, num_components(config), seed)
        for start in ensemble.starts
        for k in range(ensemble.folds)
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *own)


def _filled(law: GaussianMixture, components: int) -> GaussianMixture:
    missing = components - len(law.log_weights)
    weights = jnp.concatenate([law.log_weights, jnp.full(missing, ABSENT, law.log_weights.dtype)])
    laws = jax.tree.map(lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[:1], missing, axis=0)]), law.components)
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), GaussianMixture(weights, laws))
