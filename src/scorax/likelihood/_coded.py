"""Log-probabilities of rows with discrete quantities, by importance sampling of the noisy codes at the cut-off."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.special import logsumexp

from scorax._checked import require_count, require_key
from scorax._digest import row_digest
from scorax._errors import explain
from scorax._rows import map_rows, one_or_each
from scorax._trees import cast
from scorax._types import Condition, Key
from scorax.likelihood._data import DataLogProb
from scorax.likelihood._divergences import ExactDivergence
from scorax.likelihood._log_prob import log_prob
from scorax.models import AbstractScoreModel, Denoiser, category_log_posteriors, require_codes
from scorax.networks import check_categories


def coded_log_prob(
    model: AbstractScoreModel,
    numbers: Float[np.ndarray, "n numbers"],
    categories: Int[np.ndarray, "n codes"],
    condition: Condition = None,
    *,
    draws: int = 1,
    key: Key,
    **settings: Any,
) -> DataLogProb:
    r"""Log-probabilities of categories together with the log-density of the numbers beside them, as draws have them.

    With $p$ the density of the deterministic flow at ``t0`` and $r_j$ the posteriors of the codes there
    (:func:`~scorax.models.category_log_posteriors`), the law of ``sample(..., end=CategoryDraw())`` is

    $$ P(c, z) = \alpha_0^d \int p(x, u, \alpha_0 z) \prod_j r_j(c_j \mid x, u, \alpha_0 z)\, dx\, du, $$

    over the noisy codes x and the auxiliary numbers u, with d the count of the other numbers z. It is a probability of the
    categories and a density in z, blurred by the cut-off as in :func:`smoothed_log_prob`; with all categories summed and z
    integrated it is one. The integral is estimated by K draws of $q(x) = \prod_j N(\alpha_0 c_j, \sigma_0^2 I)$ and of auxiliary
    numbers $q(u) = N(0, R_0^2)$,

    $$ \log \frac1K \sum_k \frac{p(x_k, u_k, \alpha_0 z) \prod_j r_j}{q(x_k)\, q(u_k)} + d \log \alpha_0. $$

    Its exponential is unbiased, so in the mean it is a lower bound. Where points are far apart beside the noise of the cut-off
    and the model is exact, all draws have the same weight, and one is enough.

    It is a statement about the flow. The bound of :func:`elbo` is one about another law, that of the reverse SDE: never mix them.

    Args:
        model: a denoiser around a network with a :class:`~scorax.networks.CodedHead`.
        numbers: the numbers of each row in the coordinates of the model; NaN is auxiliary, a number that does not apply.
        categories: of every code of each row, from 0.
        condition: what the network is told, with a leading axis of 1 or n.
        draws: K; at least 2 for a standard error.
        key: of the draws (with the content of the row, so a row has the same alone and in any batch) and of probes.
        settings: those of :func:`log_prob`, with the exact divergence where there are several draws: noise of the trace would
            raise their mean weight above the truth. The precision is JAX's default.

    Raises:
        TypeError: the model has no codes, or the categories are no whole numbers.
        ValueError: a category that has no point, another number of rows or columns than there should be, infinite numbers, or
            several draws with a random divergence.

    Reference: Burda, Grosse and Salakhutdinov (2016), *Importance weighted autoencoders*, eq. 8, for the estimate.
    """
    own = require_codes(model)
    numbers, categories, draws = np.asarray(numbers), np.asarray(categories), require_count(draws, "draws")
    require_key(key)
    check_categories(own.network.codebooks, categories)
    _check(numbers, categories)
    if draws > 1:
        settings = {"divergence": ExactDivergence(), **settings}
        if settings["divergence"] is not None and settings["divergence"].random:
            raise ValueError(
                explain(
                    expected="the exact divergence where weights are averaged",
                    got=type(settings["divergence"]).__name__,
                    do="pass draws=1, or ExactDivergence(): noise of the trace would raise the value above the truth",
                )
            )
    kind = jax.dtypes.canonicalize_dtype(float)
    told = one_or_each(condition, len(numbers))
    noise_key, probe_key = jax.random.split(key)
    d = numbers.shape[1] + sum(book.shape[1] for book in own.network.codebooks)
    proposal = _Proposal(cast(own, kind), noise_key, draws)
    drawn = map_rows(eqx.Partial(_proposed, proposal), (numbers.astype(kind), categories, told), shape=(d,))
    states = np.asarray(drawn.state).reshape(-1, d)
    repeated = jax.tree.map(lambda leaf: np.repeat(leaf, draws, axis=0), told)
    answer = log_prob(own, states, repeated, key=probe_key, **settings)
    each = (np.asarray(answer.value, np.float64) + np.asarray(drawn.log_weight, np.float64).ravel()).reshape(-1, draws)
    value = np.asarray(logsumexp(each, axis=1)) - math.log(draws)
    random = len(own.network.codebooks) > 0 or bool(np.isnan(numbers).any())
    nothing = np.full(len(each), np.nan if random else 0.0)
    # The delta method: relative deviation of the mean weight.
    error = np.exp(each - value[:, None]).std(axis=1, ddof=1) / math.sqrt(draws) if draws > 1 else nothing
    return DataLogProb(
        value,
        error,
        np.asarray(answer.total_error, np.float64).reshape(-1, draws).mean(axis=1),
        np.all(np.asarray(answer.converged).reshape(-1, draws), axis=1),
        random,
        draws,
    )


class _Drawn(NamedTuple):
    """States at ``t0`` for a row, and what turns the log-density of each into the log-weight of its draw."""

    state: Float[Array, "draws d"]
    log_weight: Float[Array, " draws"]


class _Proposal(eqx.Module):
    """How states are drawn for the categories and numbers of a row."""

    model: Denoiser
    key: Key
    draws: int

    def __call__(self, numbers: Float[Array, " numbers"], categories: Int[Array, " codes"], told: Condition) -> _Drawn:
        dtype, process = numbers.dtype, self.model.process
        t0 = jnp.asarray(process.t0, dtype)
        alpha, sigma = process.level(t0)
        codebooks = self.model.network.codebooks
        codes = [book[categories[j]].astype(dtype) for j, book in enumerate(codebooks)]
        auxiliary = jnp.isnan(numbers)
        mean = alpha * jnp.concatenate([jnp.where(auxiliary, 0, numbers), *codes])
        beside = jnp.zeros(mean.size - numbers.size, dtype)
        spread = jnp.concatenate([jnp.where(auxiliary, jnp.hypot(alpha, sigma), 0), beside + sigma])
        # Numbers that apply are where they are: nothing is drawn, and their density is per unit of clean data.
        constant = jnp.where(
            spread > 0, jnp.log(jnp.where(spread > 0, spread, 1)) + 0.5 * math.log(2 * math.pi), jnp.log(alpha)
        )
        digest = row_digest(jnp.concatenate([numbers, categories.astype(dtype)]))
        noise = jax.random.normal(jax.random.fold_in(self.key, digest), (self.draws, mean.size), dtype)

        def one(noise: Float[Array, " d"]) -> _Drawn:
            state = mean + spread * noise
            posteriors = category_log_posteriors(self.model, t0, state, told)
            chosen = sum((own[categories[j]] for j, own in enumerate(posteriors)), jnp.zeros((), dtype))
            return _Drawn(state, chosen + jnp.sum(constant + jnp.where(spread > 0, 0.5 * noise**2, 0)))

        return jax.vmap(one)(noise)


def _proposed(proposal: _Proposal, row: tuple[Array, Array, Condition], key: Key | None) -> _Drawn:
    return proposal(*row)


def _check(numbers: np.ndarray, categories: np.ndarray) -> None:
    if numbers.ndim != 2 or len(numbers) != len(categories):
        raise ValueError(
            explain(
                expected=f"numbers of {len(categories)} rows, as the categories",
                got=f"shape {numbers.shape}",
                do="pass an array of (rows, numbers), (n, 0) where all columns are categories",
            )
        )
    if np.isinf(numbers).any():
        raise ValueError(explain(expected="finite numbers, or NaN", got="an infinity", do="leave out such rows"))
