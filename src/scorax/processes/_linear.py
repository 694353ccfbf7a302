"""The rung of linear SDEs: their kernels are Gaussian."""

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.processes._abstract import AbstractExactSDE
from scorax.processes._kernel import GaussianKernel
from scorax.processes._law import GaussianLaw
from scorax.processes._normal import Normal


class AbstractLinearSDE(AbstractExactSDE):
    r"""Process $dX = (F(t) X + b(t)) dt + L(t) dW$, whose kernels are Gaussian with affine means.

    A subclass states :meth:`transition`; draws, conditional scores and laws follow. The noise never depends on the state.
    Where ``prior`` is ``None`` the law at ``t1`` is the image of the data's moments.

    Reference: Särkkä and Solin (2019), *Applied stochastic differential equations*, section 6.1.
    """

    @property
    def state_dependent(self) -> bool:
        return False

    @abc.abstractmethod
    def transition(self, s: Float[Array, ""], t: Float[Array, ""]) -> GaussianKernel:
        """Kernel from the state at ``s`` to the state at ``t``, ``s < t``."""

    def kernel(self, t: Float[Array, ""]) -> GaussianKernel:
        """Kernel from clean data to the state at ``t``."""
        return self.transition(jnp.zeros_like(t), t)

    def conditional_score(
        self, t: Float[Array, ""], x: Float[Array, "*shape"], x0: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        r"""$\nabla_x \log p_t(x \mid x_0) = -\Sigma(t)^{-1} (x - \Phi(t) x_0 - c(t))$, the target of denoising."""
        return self.kernel(t).score(x, x0)

    def law(self, t: Float[Array, ""], x0: Float[Array, "*shape"]) -> Normal | GaussianLaw:
        """Law of the state at ``t`` that started from ``x0``; mixed over draws of ``x0`` it is that of a random start."""
        return self.kernel(t).law(x0)

    def noise_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape  # the root of a kernel is square

    def advance(
        self, s: Float[Array, ""], t: Float[Array, ""], x: Float[Array, "*shape"], noise: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        return self.transition(s, t).draw(x, noise)
