"""A network that starts from the exact field of a Gaussian and learns the rest."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._trees import Frozen
from scorax._types import Condition, Key
from scorax.networks._abstract import AbstractNetwork, log_ratio_of


class GaussianSkip(AbstractNetwork):
    r"""``network(c_noise, x) + F_G(c_noise, x)`` with the output $F_G$ that makes the model exact for $N(m, S)$.

    With $S = U \mathrm{diag}(\ell) U^T$, the angle $a$ of the level and the scaled input $y = x / R$,

    $$ F_G = \sin(a)\, m + U \,\mathrm{diag}\!\left(\frac{\sin a \cos a\, (\ell_j - 1)}{\cos^2 a\, \ell_j
       + \sin^2 a}\right) U^T (y - \cos(a)\, m). $$

    This is the meaning of F under ``Karras`` with unit data scale; it is wrong under other parametrizations. With a zero last
    layer the untrained model is the Gaussian itself, correlations included: the network has to learn what is not Gaussian,
    which on small tables is worth tenths of a nat. The law is a fact, not a parameter: training leaves it alone.

    Args:
        network: what is learned.
        mean: m, in standardised units.
        basis: U, the eigenvectors as columns.
        variances: the eigenvalues.
    """

    network: AbstractNetwork
    law: Frozen

    def __init__(
        self,
        network: AbstractNetwork,
        mean: Float[Array, "*members d"] | Float[np.ndarray, "*members d"],
        basis: Float[Array, "*members d d"] | Float[np.ndarray, "*members d d"],
        variances: Float[Array, "*members d"] | Float[np.ndarray, "*members d"],
    ) -> None:
        self.network = network
        self.law = Frozen((jnp.asarray(mean), jnp.asarray(basis), jnp.asarray(variances)))

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, " d"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, " d"]:
        mean, basis, variances = self.law.value
        angle = jnp.arctan(jnp.exp(log_ratio_of(c_noise)))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        gain = sin * cos * (variances - 1) / (cos**2 * variances + sin**2)
        gaussian = sin * mean + basis @ (gain * (basis.T @ (x - cos * mean)))
        return gaussian + self.network(c_noise, x, condition, key=key)
