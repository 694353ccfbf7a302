"""The exact field of the mixtures of ``_sampler_target.py`` in torch, from the same float32 arrays."""

import numpy as np
import torch

from scorax.targets import GaussianMixture


class Mixture:
    """Posterior means given ``x = alpha x0 + sigma noise``, float32; the components are equally likely."""

    def __init__(self, law: GaussianMixture) -> None:
        parts = law.components
        self.mean, self.basis, self.variances = (
            torch.tensor(np.array(part)) for part in (parts.mean, parts.basis, parts.variances)
        )
        components, d = self.mean.shape
        # All components in one matrix product each way: (d, components * d), and its transpose.
        self._into = self.basis.permute(1, 0, 2).reshape(d, components * d).contiguous()
        self._back = self._into.T.contiguous()
        self._turned_mean = torch.einsum("kd,kde->ke", self.mean, self.basis)

    def draw(self, count: int, rng: np.random.Generator) -> torch.Tensor:
        """Clean draws."""
        which = rng.integers(len(self.mean), size=count)
        white = rng.standard_normal((count, self.mean.shape[1])).astype(np.float32)
        scaled = torch.sqrt(self.variances[which]) * torch.tensor(white)
        return self.mean[which] + torch.einsum("nij,nj->ni", self.basis[which], scaled)

    def clean(self, x: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """``E[x0 | x]``."""
        return self.velocity(x, alpha, sigma, 1.0, 0.0)

    def velocity(
        self,
        x: torch.Tensor,
        alpha: torch.Tensor,
        sigma: torch.Tensor,
        alpha_rate: torch.Tensor | float,
        sigma_rate: torch.Tensor | float,
    ) -> torch.Tensor:
        """``alpha_rate E[x0 | x] + sigma_rate E[noise | x]``, without a division by sigma or alpha."""
        total = alpha**2 * self.variances + sigma**2
        centred = (x @ self._into).unflatten(-1, self.mean.shape) - alpha * self._turned_mean
        pull = centred / total
        log = -0.5 * (centred * pull).sum(-1) - 0.5 * torch.log(total).sum(-1)
        weights = torch.softmax(log, -1)
        gain = alpha_rate * alpha * self.variances + sigma_rate * sigma
        pulled = (weights[..., None] * gain * pull).flatten(-2) @ self._back
        return alpha_rate * (weights @ self.mean) + pulled
