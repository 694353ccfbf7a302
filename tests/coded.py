"""Laws over categories, with Gaussian numbers beside them, for which a coded head is exact."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scorax.models import Denoiser
from scorax.networks import AbstractNetwork, CodedHead, encode_categories, log_ratio_of
from scorax.processes import EDM, GaussianLaw


class Exact(AbstractNetwork):
    """Outputs that make a :class:`CodedHead` exact: what the other coordinates say of each category, and F of the numbers.

    The codebooks are simplices. Cell i has the categories ``cells[i]`` and numbers N(means[i], variances[i] I).
    """

    log_cells: Any
    books: Any
    log_priors: Any
    means: Any
    variances: Any
    cells: tuple[tuple[int, ...], ...]

    def __call__(self, c_noise, x, condition=None, *, key=None):
        angle = jnp.arctan(jnp.exp(log_ratio_of(c_noise)))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        count, cells = self.means.shape[1], np.asarray(self.cells)
        numbers, at, likelihoods = x[:count], count, []
        tiny = jnp.finfo(x.dtype).tiny
        for j, book in enumerate(self.books):
            own = x[at : at + book.shape[1]]
            at += book.shape[1]
            # What a head shows of a noisy code is its mean by itself, and of a simplex c_k . D = K P_k - 1.
            posterior = jnp.maximum((1 + book @ own) / len(book), tiny)
            likelihoods.append((jnp.log(posterior) - self.log_priors[j])[cells[:, j]])
        variances = self.variances[:, None]
        noisy = cos**2 * variances + sin**2
        gap = numbers - cos * self.means
        joint = self.log_cells - 0.5 * jnp.sum(gap**2 / noisy + jnp.log(noisy), axis=-1)
        whole = jax.nn.softmax(joint + sum(likelihoods, jnp.zeros_like(joint)))
        outputs = [whole @ (sin * self.means + sin * cos * (variances - 1) / noisy * gap)]
        for j, log_prior in enumerate(self.log_priors):
            others = joint + sum((own for i, own in enumerate(likelihoods) if i != j), jnp.zeros_like(joint))
            picked = cells[:, j][None] == np.arange(len(log_prior))[:, None]
            outputs.append(jax.nn.logsumexp(jnp.where(picked, others, -jnp.inf), axis=1) - log_prior)
        return jnp.concatenate(outputs)


def exact(cells: np.ndarray, codebooks, *, means=None, variances=0.3, t0: float = 2e-3) -> Denoiser:
    """The exact model of a table of probabilities, one axis for each code, with the numbers of each cell about ``means``.

    Its moments are those of the law.
    """
    index = list(itertools.product(*map(range, cells.shape)))
    axes = range(cells.ndim)
    log_priors = [np.log(cells.sum(axis=tuple(set(axes) - {j}))) for j in axes]
    means = np.zeros((*cells.shape, 0)) if means is None else means
    books = tuple(jnp.asarray(own) for own in codebooks)
    network = Exact(
        jnp.log(jnp.asarray(cells.ravel())),
        books,
        tuple(jnp.asarray(own) for own in log_priors),
        jnp.asarray(means.reshape(cells.size, -1)),
        jnp.broadcast_to(jnp.asarray(variances, float), cells.shape).reshape(-1),
        tuple(index),
    )
    centres = np.concatenate(
        [means.reshape(cells.size, -1), encode_categories(codebooks, all_cells(cells.shape))], axis=1
    )
    weights = cells.ravel()
    spread, own = centres - weights @ centres, np.broadcast_to(variances, cells.shape).ravel()
    within = np.where(np.arange(centres.shape[1]) < means.shape[-1], weights @ own, 0)
    moments = GaussianLaw.from_moments(weights @ centres, (weights[:, None] * spread).T @ spread + np.diag(within))
    return Denoiser(CodedHead(network, codebooks, log_priors), EDM(t0=t0), moments=moments)


def laws() -> dict[str, np.ndarray]:
    """Three tables of probabilities over variables of 2, 3 and 2 categories: independent, a chain, a mixture of products."""
    random = np.random.default_rng(0)

    def law(count: int, *size: int) -> np.ndarray:
        return random.dirichlet(np.ones(count), size=size)

    def product() -> np.ndarray:
        return law(2)[:, None, None] * law(3)[:, None] * law(2)

    return {
        "independent": product(),
        "chain": law(2)[:, None, None] * law(3, 2)[:, :, None] * law(2, 3),
        "mixture": 0.4 * product() + 0.6 * product(),
    }


def all_cells(shape: tuple[int, ...]) -> np.ndarray:
    """Every combination of categories, a row each, in the order of ``ravel``."""
    return np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=1)
