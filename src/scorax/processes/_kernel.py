"""The Gaussian kernel of a linear SDE: an affine mean and a covariance, each a number, a diagonal or a matrix."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.processes._diffusion import Diffusion, Matrix, Scalar
from scorax.processes._law import AbstractGaussianLaw, GaussianLaw
from scorax.processes._level import Level
from scorax.processes._normal import Normal


class GaussianKernel(NamedTuple):
    r"""Law of the state given an earlier one, $x_t \mid x_s \sim N(\Phi x_s + c, R R^T)$.

    Attributes:
        mean_map: $\Phi$.
        shift: $c$, a number or a state.
        root: $R$, square.
    """

    mean_map: Diffusion
    shift: Float[Array, "*shape"]
    root: Diffusion

    def mean(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Mean of the later state given the earlier one."""
        return self.mean_map.times(x) + self.shift

    def draw(self, x: Float[Array, "*shape"], noise: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The later state that standard normal ``noise`` makes of the earlier one."""
        return self.mean(x) + self.root.times(noise)

    def score(self, later: Float[Array, "*shape"], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        r"""$\nabla_{x_t} \log p(x_t \mid x_s) = -(R R^T)^{-1} (x_t - \Phi x_s - c)$."""
        return -self.root.covariance_solve(later - self.mean(x))

    def law(self, x: Float[Array, "*shape"]) -> Normal | GaussianLaw:
        """Law of the later state: independent coordinates, or jointly normal ones where the root is a matrix."""
        mean = self.mean(x)
        if isinstance(self.root, Matrix):
            return _of_root(mean, self.root.value)
        return Normal(mean, jnp.broadcast_to(jnp.abs(self.root.value), x.shape))

    def image(self, law: AbstractGaussianLaw) -> AbstractGaussianLaw:
        """Law of the later state where the earlier one has a normal law: of its kind where the kernel is one of scalars."""
        if isinstance(self.mean_map, Scalar) and isinstance(self.root, Scalar):
            return law.at(Level(self.mean_map.value, self.root.value)).shifted(jnp.ravel(self.shift))
        size = law.mean.shape[0]
        through = self.mean_map.dense(size)
        mean = through @ law.mean + jnp.ravel(self.shift)
        return _of_root(mean, jnp.concatenate([through @ law.root, self.root.dense(size)], axis=1))


def _of_root(mean: Float[Array, " d"], root: Float[Array, "d m"]) -> GaussianLaw:
    """``N(mean, root root^T)`` by the singular values of the root: a product would lose those below the root of the precision."""
    basis, values, _ = jnp.linalg.svd(root, full_matrices=False)
    return GaussianLaw(mean, basis, values**2)
