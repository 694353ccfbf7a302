"""A network that starts from the exact field of a Gaussian mixture and learns the rest."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from scorax._trees import Frozen
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork, AbstractNetworkWrapper, log_ratio_of
from scorax.networks._masks import Masks

_KNOWN = 1e-5
"""Variance of the noise on what is known, in standardised units; without any float32 could not factorise the covariance."""


class MixtureSkip(AbstractNetworkWrapper):
    r"""``network(c_noise, x) + F_M(c_noise, x)`` with the output $F_M$ that makes the model exact for a Gaussian mixture.

    With $S_k = U_k \mathrm{diag}(\ell_k) U_k^T$, the angle $a$ of the level and the scaled input $y = x / R$,

    $$ F_M = \sum_k r_k(y) \left[\sin(a)\, m_k + U_k \,\mathrm{diag}\!\left(\frac{\sin a \cos a\, (\ell_{kj} - 1)}
       {\cos^2 a\, \ell_{kj} + \sin^2 a}\right) U_k^T (y - \cos(a)\, m_k)\right], $$

    where $r_k$ are the responsibilities of $\sum_k w_k N(\cos(a) m_k, \cos^2(a) S_k + \sin^2(a) I)$ at $y$. This is the
    meaning of F under ``Karras`` with unit data scale; it is wrong under other parametrizations. With a zero last layer the
    untrained model is the mixture itself: the network has to learn what is left, which on small tables is worth tenths of a
    nat. The mixture is not trained.

    Told :class:`Masks` it is exact for the law of the targets given the known coordinates: what is known is seen with next to no
    noise and what is absent not at all. With $C = \mathrm{diag}(c)$ and $T = \mathrm{diag}(t)$, where $(c_i, t_i)$ is
    $(\cos a, \sin^2 a)$ at a target, $(1, 10^{-5})$ where the value stands in the place of $y_i$, and $(0, 1)$ with $y_i = 0$
    elsewhere,

    $$ F_M = \sum_k r_k(y) \left[\sin(a)\, (m_k + S_k C p_k) - \cos(a) \sin(a)\, p_k\right], \quad
       p_k = (C S_k C + T)^{-1} (y - C m_k). $$

    A law of fewer dimensions than the state has is that of its first coordinates, the numbers before the codes of a
    :class:`CodedHead`; nothing is added to the output of the others. With ``numbers`` a law has codes behind so
    many numbers, and tells the numbers what known codes say of them. A code that is not known counts as absent, so that the
    numbers alone have their own law.

    Args:
        network: what is learned.
        log_weights: log w, normalised; a very negative one is a component that is not there.
        mean: m, in standardised units.
        basis: U, the eigenvectors as columns.
        variances: the eigenvalues.
        numbers: how many coordinates of the law are numbers, with codes behind them; all where it is ``None``.
    """

    network: AbstractNetwork
    law: Frozen
    numbers: int | None = eqx.field(static=True, default=None)

    def __init__(
        self,
        network: AbstractNetwork,
        log_weights: Float[Array, "*members k"] | Float[np.ndarray, "*members k"],
        mean: Float[Array, "*members k d"] | Float[np.ndarray, "*members k d"],
        basis: Float[Array, "*members k d d"] | Float[np.ndarray, "*members k d d"],
        variances: Float[Array, "*members k d"] | Float[np.ndarray, "*members k d"],
        numbers: int | None = None,
    ) -> None:
        self.network = network
        self.numbers = numbers
        self.law = Frozen(tuple(jnp.asarray(leaf) for leaf in (log_weights, mean, basis, variances)))

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " outputs"]:
        angle = jnp.arctan(jnp.exp(log_ratio_of(c_noise)))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        dimension = self.law.value[1].shape[-1]
        count = dimension if self.numbers is None else self.numbers
        if isinstance(condition, Masks):
            exact = self._told(cos, sin, x[:dimension], condition)[:count]
        elif count == dimension:
            exact = self._whole(cos, sin, x[:dimension])
        else:
            none = jnp.zeros(x.shape, bool)
            exact = self._told(cos, sin, x[:dimension], Masks(x, none, ~none))[:count]
        learned = self.network(c_noise, x, condition, key=key)
        return jnp.pad(exact, (0, learned.size - count)) + learned

    def _whole(self, cos: Float[Array, ""], sin: Float[Array, ""], y: Float[Array, " n"]) -> Float[Array, " n"]:
        log_weights, mean, basis, variances = self.law.value
        noisy = cos**2 * variances + sin**2
        along = jnp.einsum("kij,ki->kj", basis, y - cos * mean)
        outputs = sin * mean + jnp.einsum("kij,kj->ki", basis, sin * cos * (variances - 1) / noisy * along)
        joint = log_weights - 0.5 * jnp.sum(along**2 / noisy + jnp.log(noisy), axis=-1)
        return jax.nn.softmax(joint) @ outputs

    def _told(
        self, cos: Float[Array, ""], sin: Float[Array, ""], y: Float[Array, " n"], masks: Masks
    ) -> Float[Array, " n"]:
        log_weights, mean, basis, variances = self.law.value
        target, known = masks.target[: y.size], masks.known[: y.size]
        if self.numbers is not None:
            target &= jnp.arange(y.size) < self.numbers
        seen = jnp.where(target, y, jnp.where(known, masks.value[: y.size].astype(y.dtype), 0))
        scale, noise = jnp.where(target, cos, known), jnp.where(target, sin**2, jnp.where(known, _KNOWN, 1))
        covariance = jnp.einsum("kij,kj,klj->kil", basis, variances, basis)
        root = jnp.linalg.cholesky(scale[:, None] * covariance * scale + jnp.diag(noise))
        white = solve_triangular(root, (seen - scale * mean)[..., None], lower=True)
        pull = solve_triangular(root, white, lower=True, trans="T")[..., 0]
        outputs = sin * (mean + jnp.einsum("kij,kj->ki", covariance, scale * pull) - cos * pull)
        spread = jnp.sum(jnp.log(jnp.diagonal(root, axis1=-2, axis2=-1)), axis=-1)
        return jax.nn.softmax(log_weights - 0.5 * jnp.sum(white**2, axis=(-2, -1)) - spread) @ outputs
