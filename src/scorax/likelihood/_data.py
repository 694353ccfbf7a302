"""Log-densities in the units of the data, and bounds on the log-probabilities of rounded, integer and 8-bit data."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.special import logsumexp

from scorax._errors import explain
from scorax._types import Key
from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence
from scorax.likelihood._log_prob import log_prob
from scorax.likelihood._result import LogProb
from scorax.models import AbstractScoreModel, gaussian_process, num_targets
from scorax.transforms import AbstractTransform, Dequantize, encode_rows


def smoothed_log_prob(
    model: AbstractScoreModel, z: Float[np.ndarray, "n *shape"] | Float[Array, "n *shape"], **settings: Any
) -> LogProb:
    r"""Log-density of clean data blurred by $\tan a_0 = \sigma_0 / \alpha_0$: $\log p_{t_0}(\alpha_0 z) + d \log \alpha_0$.

    This is the density to report for data: its argument is a row of the data, not a state of the process, and it tends to
    that of the data as the cut-off goes to zero (``truncation`` says how far it is).

    Args:
        model: score model of a process with scalar Gaussian kernels.
        z: rows in the coordinates of the model.
        settings: those of :func:`log_prob`.

    Raises:
        TypeError: the process has no scalar Gaussian kernels; or as for :func:`log_prob`.
    """
    process = gaussian_process(model.process)
    alpha = float(process.alpha(jnp.asarray(process.t0)))
    answer = log_prob(model, alpha * jnp.asarray(z), **settings)
    count = num_targets(model, settings.get("condition"), z.shape[1:])
    return answer._replace(value=answer.value + count * math.log(alpha))


class DataLogProb(NamedTuple):
    """Log-densities of rows in their own units, or bounds on log-probabilities; one entry per row, in nats.

    Attributes:
        value: log-density, per unit of the continuous columns; of rounded columns the log-probability of their bins.
        standard_error: of ``value`` over the draws of the noise inside the bins, or of noisy codes; zero where nothing is drawn,
            NaN for a single draw.
        numerical_error: bound of the error of the likelihoods behind it (``total_error``), averaged over the draws.
        converged: whether all solves ended within their step limit.
        lower_bound: whether ``value`` is in the mean a lower bound, by Jensen's inequality, and not the quantity itself.
        draws: draws per row.
    """

    value: Float[np.ndarray, " n"]
    standard_error: Float[np.ndarray, " n"]
    numerical_error: Float[np.ndarray, " n"]
    converged: Bool[np.ndarray, " n"]
    lower_bound: bool
    draws: int

    @property
    def total_error(self) -> Float[np.ndarray, " n"]:
        """The numerical error and three standard errors over the draws; of one draw, whose error is not known, NaN."""
        return self.numerical_error + 3 * self.standard_error


def data_log_prob(
    model: AbstractScoreModel,
    transform: AbstractTransform,
    rows: Float[np.ndarray, "n *shape"],
    *,
    widths: Float[np.ndarray, "*shape"] | None = None,
    draws: int = 1,
    importance: bool = False,
    key: Key,
    **settings: Any,
) -> DataLogProb:
    r"""Log-densities of rows in the units they come in, with every log-weight of the transform counted.

    Rounded columns of bin width $w_j$ are dequantised inside, $x + w u$ with $u \sim U(-\tfrac12, \tfrac12)$ and ``draws``
    independent draws. With $p$ the density of the dequantised row and $W = \prod w_j$,

    $$ \frac1K \sum_k \log \left( W\, p(x + w u_k) \right) \quad\text{or, importance-weighted,}\quad
       \log \frac1K \sum_k W\, p(x + w u_k) $$

    estimates a lower bound on $\log P(x)$; the second bound is tighter and closes as $K \to \infty$. Noise of the trace would
    bias it upward, by about half its variance (trap 48), so it demands the exact divergence.

    Args:
        model: score model in the coordinates of the transform.
        transform: a fitted diffeomorphism.
        rows: rows in their own units, in float64.
        widths: bin width of every column, 0 where it is continuous; all are where it is ``None``.
        draws: draws of the noise per row; at least 2 for a standard error.
        importance: whether to take the second form.
        key: of the noise (with the content of the row, so a row has the same alone and in any batch) and of probes.
        settings: those of :func:`log_prob`, with the exact divergence for importance weights; its precision is JAX's default.

    Raises:
        ValueError: no draws; widths that are negative, not finite or not one for each column; several draws of rows without bins;
            or importance weights with a random divergence.

    Reference: Theis, van den Oord and Bethge (2016), *A note on the evaluation of generative models*, section 3.1; Ho et al.
    (2019), *Flow++*, section 3.1, for importance weights.
    """
    widths = np.zeros(rows.shape[1:]) if widths is None else np.asarray(widths, np.float64)
    if widths.shape != rows.shape[1:] or not np.all(np.isfinite(widths)):
        raise ValueError(
            explain(
                expected=f"finite widths of shape {rows.shape[1:]}, one for each column",
                got=f"shape {widths.shape}"
                if widths.shape != rows.shape[1:]
                else f"{np.count_nonzero(~np.isfinite(widths))} that are not",
                do="pass 0 for a continuous column",
            )
        )
    rounded = bool(np.any(widths > 0))
    _check(widths, draws, rounded, settings.get("divergence") if importance else None)
    if importance and settings.get("divergence") is None:
        settings["divergence"] = ExactDivergence()
    noise_key, transform_key, probe_key = jax.random.split(key, 3)
    noise = Dequantize(widths)
    noisy = [
        encode_rows(noise, rows, key=jax.random.fold_in(noise_key, k))[0] if rounded else rows for k in range(draws)
    ]
    z, log_weight = encode_rows(transform, np.concatenate(noisy), key=transform_key)
    answer = smoothed_log_prob(model, z.astype(jax.dtypes.canonicalize_dtype(float)), key=probe_key, **settings)
    value = np.asarray(answer.value, np.float64) + log_weight + noise.log_bin
    parts = (np.asarray(part).reshape(draws, -1) for part in (value, answer.total_error, answer.converged))
    return over_draws(*parts, importance=importance, random=rounded)


def over_draws(
    each: Float[np.ndarray, "draws n"],
    total_error: Float[np.ndarray, "draws n"],
    converged: Bool[np.ndarray, "draws n"],
    *,
    importance: bool,
    random: bool,
) -> DataLogProb:
    """What the draws of each row say together: the logarithm of their mean weight, or the mean of their logarithms.

    Args:
        each: log-weight of every draw.
        total_error: of the likelihood in it.
        converged: whether its solve did.
        importance: whether weights are averaged, and not their logarithms.
        random: whether anything was drawn.
    """
    draws, n = each.shape
    value = np.asarray(logsumexp(each, axis=0)) - math.log(draws) if importance else each.mean(axis=0)
    ratio = np.exp(each - value) if importance else each  # the delta method: relative deviation of the mean weight
    nothing = np.full(n, np.nan if random else 0.0)
    error = ratio.std(axis=0, ddof=1) / math.sqrt(draws) if draws > 1 else nothing
    numerical = total_error.astype(np.float64).mean(axis=0)
    return DataLogProb(value, error, numerical, np.asarray(converged.all(axis=0)), random, draws)


def bits_per_dim(
    log_probability: Float[np.ndarray, " n"], widths: Float[np.ndarray, "*shape"] | None
) -> Float[np.ndarray, " n"]:
    r"""$-\log_2 P / d$: the bits that a coder built on the model would spend on a column, by log-probabilities in nats.

    Args:
        log_probability: from :func:`data_log_prob`; a lower bound on it is an upper bound on the bits.
        widths: the bin widths it was computed with, in the shape of a row: d is how many there are.

    Raises:
        ValueError: some column is continuous, as a density has no bits, or one width stands for all.
    """
    widths = np.zeros(()) if widths is None else np.asarray(widths)
    if not (widths.ndim and np.all(widths > 0)):
        raise ValueError(
            explain(
                expected="a declared bin width of every column",
                got=f"{np.count_nonzero(widths > 0)} for {widths.size} columns"
                if widths.ndim
                else "one number or none",
                do="pass one for each; report nats for continuous data, whose bits depend on the unit",
            )
        )
    return -np.asarray(log_probability) / (widths.size * math.log(2))


def _check(widths: np.ndarray, draws: int, rounded: bool, weighted_by: AbstractDivergence | None) -> None:
    if draws < 1 or (draws > 1 and not rounded):
        raise ValueError(
            explain(
                expected="one draw or more, and one only where no column is rounded",
                got=f"draws = {draws} with {np.count_nonzero(widths)} rounded columns",
                do="pass widths=, or draws=1",
            )
        )
    if np.any(widths < 0):
        raise ValueError(explain(expected="widths of 0 or more", got=f"{widths.min():g}", do="pass 0 for continuous"))
    if weighted_by is not None and weighted_by.random:
        raise ValueError(
            explain(
                expected="the exact divergence for importance weights",
                got=type(weighted_by).__name__,
                do="pass ExactDivergence(): noise of the trace would raise the bound above the truth",
            )
        )
