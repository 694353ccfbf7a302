"""Samplers of diffusers and k-diffusion on the exact field of the same mixtures, started from the exact law."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler
from k_diffusion import sampling

from sampler_error import DRAWS, Done, distances, target

EVALUATIONS = (10, 20, 40)

torch.set_flush_denormal(True)  # far components otherwise cost torch an order of magnitude in time


class Mixture:
    """Posterior mean of the clean data at ``x = alpha x0 + sigma noise`` in torch, float32."""

    def __init__(self, dimension: int) -> None:
        law = target(dimension)
        parts = law.components
        self.mean, self.basis, self.variances = (
            torch.tensor(np.array(part)) for part in (parts.mean, parts.basis, parts.variances)
        )

    def draw(self, rng: np.random.Generator) -> torch.Tensor:
        """Clean draws."""
        which = rng.integers(len(self.mean), size=DRAWS)
        white = rng.standard_normal((DRAWS, self.mean.shape[1])).astype(np.float32)
        scaled = torch.sqrt(self.variances[which]) * torch.tensor(white)
        return self.mean[which] + torch.einsum("nij,nj->ni", self.basis[which], scaled)

    def clean(self, x: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """``E[x0 | x]``."""
        total = alpha**2 * self.variances + sigma**2
        white = torch.einsum("nkd,kde->nke", x[:, None] - alpha * self.mean, self.basis)
        log = -0.5 * (white**2 / total).sum(-1) - 0.5 * torch.log(total).sum(-1)
        pulled = self.mean + alpha * torch.einsum("kde,nke->nkd", self.basis, self.variances * white / total)
        return torch.einsum("nk,nkd->nd", torch.softmax(log, -1), pulled)


def _k_diffusion(law: Mixture, solve: Callable[..., torch.Tensor], steps: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    sigmas = sampling.get_sigmas_karras(steps, 0.002, 80.0)
    x = law.draw(rng) + sigmas[0] * torch.tensor(rng.standard_normal((DRAWS, law.mean.shape[1])).astype(np.float32))
    one = torch.ones(())
    return solve(lambda y, sigma, **_: law.clean(y, one, sigma[0]), x, sigmas, disable=True).numpy().astype(np.float64)


def _diffusers(law: Mixture, settings: dict[str, object], steps: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scheduler = DPMSolverMultistepScheduler(prediction_type="sample", solver_order=2, **settings)
    scheduler.set_timesteps(steps)
    first = scheduler.sigmas[0]
    alpha = 1 / torch.sqrt(1 + first**2)
    noise = torch.tensor(rng.standard_normal((DRAWS, law.mean.shape[1])).astype(np.float32))
    x = alpha * law.draw(rng) + alpha * first * noise
    for i, t in enumerate(scheduler.timesteps):
        alpha = 1 / torch.sqrt(1 + scheduler.sigmas[i] ** 2)
        x = scheduler.step(law.clean(x, alpha, alpha * scheduler.sigmas[i]), t, x).prev_sample
    return x.numpy().astype(np.float64)


def peers(dimension: int, seeds: int, done: Done) -> Iterator[tuple[str, int, list[float]]]:
    """Every peer at every number of evaluations; what is done is left out."""
    law = Mixture(dimension)
    draws: dict[str, Callable[[int, int], np.ndarray]] = {
        "k-diffusion dpmpp_2m": lambda n, seed: _k_diffusion(law, sampling.sample_dpmpp_2m, n, seed),
        "k-diffusion heun": lambda n, seed: _k_diffusion(law, sampling.sample_heun, (n + 1) // 2, seed),
        "diffusers DPM-Solver++, Karras": lambda n, seed: _diffusers(law, {"use_karras_sigmas": True}, n, seed),
        "diffusers DPM-Solver++, log-SNR": lambda n, seed: _diffusers(law, {"use_lu_lambdas": True}, n, seed),
    }
    for name, draw in draws.items():
        for count in (n for n in EVALUATIONS if str(n) not in done.get(name, {})):
            yield name, count, distances(lambda seed, f=draw, n=count: f(n, seed), dimension, seeds)
