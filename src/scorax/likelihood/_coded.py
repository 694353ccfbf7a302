"""Log-probabilities of rows with discrete quantities, by importance sampling of the noisy codes at the cut-off."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from scorax._checked import require_count, require_key
from scorax._digest import row_digest
from scorax._errors import explain
from scorax._progress import parts_of_rows, uncounted
from scorax._rows import map_rows, one_or_each
from scorax._trees import cast
from scorax._types import Condition, Key
from scorax.likelihood._data import DataLogProb, over_draws
from scorax.likelihood._divergences import ExactDivergence
from scorax.likelihood._log_prob import PRODUCTS, log_prob
from scorax.models import AbstractScoreModel, Denoiser, Evidence, category_log_posteriors, require_codes
from scorax.networks import check_categories

_HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def coded_log_prob(
    model: AbstractScoreModel,
    numbers: Float[np.ndarray, "n numbers"],
    categories: Int[np.ndarray, "n codes"],
    condition: Condition = None,
    *,
    draws: int = 1,
    marginal: bool = False,
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
        condition: what the network is told, with a leading axis of 1 or n; or evidence, whose targets are what is asked for: of
            a code all coordinates or none. The category of a code that is not asked for may be -1.
        draws: K; at least 2 for a standard error.
        marginal: whether a category of -1 is one that is summed over, as that of a missing cell: the value is then that of the
            other cells. Its noisy code is drawn about the points with the probabilities of the model at high noise. Take more
            draws: one stands for all of its categories.
        key: of the draws (with the content of the row, so a row has the same alone and in any batch) and of probes.
        settings: those of :func:`log_prob`, with the exact divergence where there are several draws: noise of the trace would
            raise their mean weight above the truth. The precision is JAX's default.

    Raises:
        TypeError: the model has no codes, or the categories are no whole numbers.
        ValueError: a category that has no point, or -1 without ``marginal``; another number of rows or columns than there should
            be; an infinite number; or several draws with a random divergence.

    Reference: Burda, Grosse and Salakhutdinov (2016), *Importance weighted autoencoders*, eq. 8, for the estimate.
    """
    own = require_codes(model)
    numbers, categories, draws = np.asarray(numbers), np.asarray(categories), require_count(draws, "draws")
    require_key(key)
    check_categories(own.network.codebooks, categories, absent=marginal or isinstance(condition, Evidence))
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
    with uncounted():
        drawn = map_rows(eqx.Partial(_proposed, proposal), (numbers.astype(kind), categories, told), shape=(d,))
    states = np.asarray(drawn.state).reshape(-1, d)
    repeated = jax.tree.map(lambda leaf: np.repeat(leaf, draws, axis=0), told)
    with parts_of_rows(draws):
        answer = log_prob(own, states, repeated, key=probe_key, **settings)
    each = np.asarray(answer.value, np.float64) + np.asarray(drawn.log_weight, np.float64).ravel()
    parts = (np.asarray(part).reshape(-1, draws).T for part in (each, answer.total_error, answer.converged))
    random = len(own.network.codebooks) > 0 or bool(np.isnan(numbers).any())
    return over_draws(*parts, importance=True, random=random)


class _Drawn(NamedTuple):
    """States at ``t0`` for a row, and what turns the log-density of each into the log-weight of its draw."""

    state: Float[Array, "draws d"]
    log_weight: Float[Array, " draws"]


class _Proposal(eqx.Module):
    """How states are drawn for the numbers and categories of a row."""

    model: Denoiser
    key: Key
    draws: int

    @jax.default_matmul_precision(PRODUCTS)
    def __call__(self, numbers: Float[Array, " numbers"], categories: Int[Array, " codes"], told: Condition) -> _Drawn:
        dtype, process = numbers.dtype, self.model.process
        t0, t1 = (jnp.asarray(t, dtype) for t in (process.t0, process.t1))
        alpha, sigma = process.level(t0)
        codebooks = [book.astype(dtype) for book in self.model.network.codebooks]
        sizes = [len(book) for book in codebooks]
        d = len(numbers) + sum(book.shape[1] for book in codebooks)
        auxiliary, known = jnp.isnan(numbers), categories >= 0
        # What is not asked for is zero in a state, and has no density.
        asked = told.target if isinstance(told, Evidence) else jnp.ones(d, bool)
        firsts = np.cumsum([len(numbers), *(book.shape[1] for book in codebooks)])
        asked, codes_asked = asked[: len(numbers)], [asked[first] for first in firsts[:-1]]
        far = category_log_posteriors(self.model, t1, jnp.zeros(d, dtype), told)
        choices = [
            jnp.where(known[j], jnp.where(jnp.arange(size) == categories[j], 0, -jnp.inf), far[j])
            for j, size in enumerate(sizes)
        ]
        # Numbers that apply are where they are: nothing is drawn, and their density is per unit of clean data.
        radius = jnp.hypot(alpha, sigma)
        constant = jnp.sum(jnp.where(auxiliary, jnp.log(radius) + _HALF_LOG_2_PI, jnp.log(alpha)), where=asked)

        def one(noise: Float[Array, " d"], offsets: Float[Array, " choices"]) -> _Drawn:
            own = noise[: len(numbers)]
            parts = [jnp.where(asked, jnp.where(auxiliary, radius * own, alpha * numbers), 0)]
            log_weight, at, place = constant + 0.5 * jnp.sum(own**2, where=auxiliary & asked), len(numbers), 0
            for book, choice, wanted in zip(codebooks, choices, codes_asked, strict=True):
                count, m = book.shape
                picked = jnp.argmax(choice + offsets[place : place + count])
                code = alpha * book[picked] + sigma * noise[at : at + m]
                near = 0.5 * jnp.sum(((code - alpha * book) / sigma) ** 2, axis=-1)
                minus_log_q = m * (jnp.log(sigma) + _HALF_LOG_2_PI) - jax.nn.logsumexp(choice - near)
                parts.append(jnp.where(wanted, code, 0))
                log_weight += jnp.where(wanted, minus_log_q, 0)
                at, place = at + m, place + count
            state = jnp.concatenate(parts)
            for j, posterior in enumerate(category_log_posteriors(self.model, t0, state, told)):
                log_weight += jnp.where(known[j] & codes_asked[j], posterior[categories[j]], 0)
            return _Drawn(state, log_weight)

        digest = row_digest(jnp.concatenate([numbers, categories.astype(dtype)]))
        normal, gumbel = jax.random.split(jax.random.fold_in(self.key, digest))
        noise = jax.random.normal(normal, (self.draws, d), dtype)
        return jax.vmap(one)(noise, jax.random.gumbel(gumbel, (self.draws, sum(sizes)), dtype))


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
