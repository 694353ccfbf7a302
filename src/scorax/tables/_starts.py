"""Where members start from: the law whose exact field an untrained member is."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int64
from threadpoolctl import threadpool_limits

from scorax._rows import over_rows
from scorax._trees import cast
from scorax.baselines import MixtureBaseline
from scorax.models import Evidence
from scorax.processes import GaussianLaw
from scorax.tables._config import ResolvedConfig, Start
from scorax.tables._coordinates import States
from scorax.tables._likeliest import likeliest_gaussian
from scorax.tables._settings import num_components
from scorax.targets import GaussianMixture

ABSENT = -1e30
"""Log-weight of a component that only fills the shape; finite, so that no derivative meets infinity minus infinity."""


class StartLaws(eqx.Module):
    r"""Laws that members start from, stacked: a mixture of the numbers, and categories that no numbers tell.

    Attributes:
        numbers: law of the standardised numbers, and for ``joint`` of the codes behind them, which tell the numbers where known.
        log_priors: $\log \pi_k = \log((n_k + 1/2) / (n + K/2))$ of the categories of each discrete quantity.
    """

    numbers: GaussianMixture
    log_priors: tuple[Float[Array, "*members k"], ...]

    def mean_log_density(self, member: int, states: States, told: Bool[np.ndarray, "n d"] | None = None) -> float:
        r"""Mean log-density of states under the law of a member: of the cells that are there, and of numbers that apply.

        A number that does not apply is noise u with the log-density q, and counts $\log p - \log q$: a lower bound in the mean.
        Codes that are ``told`` count where the law of the numbers has them.
        """
        numbers = states.auxiliary.shape[1]
        rows, width = states.z[:, :numbers], self.numbers.components.mean.shape[-1]
        nats = 0.0
        if numbers:
            present = None if states.present is None else jnp.asarray(states.present[:, :numbers])
            if width > numbers:
                there = np.ones(rows.shape, bool) if states.present is None else states.present[:, :numbers]
                codes = np.zeros((len(states), width - numbers), bool) if told is None else told[:, numbers:width]
                rows, present = states.z[:, :width], jnp.asarray(np.hstack([there, codes]))
            nats += float(_mean_log_density(self.numbers, jnp.asarray(member), jnp.asarray(rows, jnp.float64), present))
        normal = 0.5 * (np.square(states.z[:, :numbers]) + math.log(2 * math.pi))
        nats += float(np.mean(np.sum(normal, axis=1, where=states.auxiliary)))
        for prior, own in zip(self.log_priors, states.categories.T, strict=True):
            nats += float(np.mean(np.append(np.asarray(prior[member], np.float64), 0.0)[own]))
        return nats


def moments_of(z: Float[np.ndarray, "n d"]) -> GaussianLaw:
    """Mean and shrunk covariance (Ledoit and Wolf 2004) of rows."""
    from sklearn.covariance import ledoit_wolf

    return GaussianLaw.from_moments(z.mean(axis=0).astype(np.float32), ledoit_wolf(z)[0])


def untrained_law(
    start: Start,
    z: Float[np.ndarray, "n d"],
    components: int,
    seed: int,
    present: Bool[np.ndarray, "n d"] | None = None,
) -> GaussianMixture:
    """The law of numbers that a member on rows ``z`` starts from, filled up to ``components`` components.

    ``normal`` is N(0, I); ``gaussian`` and ``joint`` have the rows' moments, or are the likeliest of what is ``present``;
    ``mixture`` is the Gaussian mixture of the report's baselines, its settings cross-validated inside ``z``.
    """
    if start == "mixture":
        with threadpool_limits(1):  # small matrices: threads cost more than they bring, and change the rounding
            baseline = MixtureBaseline(grid="small", max_components=components).fit(z, seed=seed)
        law = GaussianMixture.create(*baseline.parameters)
    else:
        if start == "normal":
            one = GaussianLaw.standard(z.shape[1])
        else:
            one = moments_of(z) if present is None or present.all() else likeliest_gaussian(z, present)
        law = GaussianMixture(jnp.zeros(1), jax.tree.map(lambda leaf: leaf[None], one))
    return _filled(law, components)


def log_priors(
    categories: Int64[np.ndarray, "n codes"], beside: Sequence[Int64[np.ndarray, " k"]]
) -> tuple[Float[Array, " k"], ...]:
    r"""$\log((n_k + 1/2) / (n + K/2))$ of the categories of each discrete quantity; -1 counts nowhere.

    ``beside`` are the counts in further rows, those of a file outside of the sample; zeros without.
    """
    priors = []
    for own, others in zip(categories.T, beside, strict=True):
        counts = others + np.bincount(own[own >= 0], minlength=len(others))
        priors.append(jnp.asarray(np.log((counts + 0.5) / (counts.sum() + 0.5 * len(counts))), jnp.float32))
    return tuple(priors)


def member_laws(
    states: States,
    beside: Sequence[Int64[np.ndarray, " k"]],
    rows: Sequence[Int[np.ndarray, " m"]],
    config: ResolvedConfig,
    *,
    seed: int,
) -> StartLaws:
    """The laws that members start from, each of the rows it trains on, stacked.

    The folds of the first start come first, then those of the next.

    Args:
        states: rows with noise inside their cells.
        beside: of each discrete quantity how many rows beside the states have each category: :func:`log_priors`.
        rows: of the member of every fold, those it trains on.
        config: starts, folds and components.
        seed: of the mixtures.
    """
    ensemble, count, numbers = config.ensemble, num_components(config), states.auxiliary.shape[1]

    def of(start: Start, own: States) -> StartLaws:
        width = own.z.shape[1] if start == "joint" else numbers
        present = None if own.present is None else own.present[:, :width]
        law = untrained_law(start, own.z[:, :width], count, seed, present)
        return StartLaws(law, log_priors(own.categories, beside))

    laws = [of(start, states.take(own)) for start in ensemble.starts for own in rows]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *laws)


def _filled(law: GaussianMixture, components: int) -> GaussianMixture:
    missing = components - len(law.log_weights)
    weights = jnp.concatenate([law.log_weights, jnp.full(missing, ABSENT, law.log_weights.dtype)])
    laws = jax.tree.map(lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[:1], missing, axis=0)]), law.components)
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), GaussianMixture(weights, laws))


@jax.jit
def _mean_log_density(
    laws: GaussianMixture, member: Int[Array, ""], rows: Float[Array, "n d"], present: Bool[Array, "n d"] | None
) -> Float[Array, ""]:
    """Mean log-density of rows, or of what is present of them."""
    law = cast(jax.tree.map(lambda leaf: leaf[member], laws), rows.dtype)
    if present is None:
        return jnp.mean(over_rows(law.log_density, rows))

    def marginal(row: Float[Array, " d"], there: Bool[Array, " d"]) -> Float[Array, ""]:
        own = law.conditional(Evidence(row, jnp.zeros_like(there), there))
        absent = jnp.sum(~there) * 0.5 * math.log(2 * math.pi)  # standard normal there, at zero
        return own.log_density(jnp.where(there, row, 0)) + absent

    return jnp.mean(over_rows(marginal, rows, present))
