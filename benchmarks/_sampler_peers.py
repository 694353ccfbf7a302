"""Samplers of diffusers and k-diffusion on the exact field of the same mixtures, started from the exact law."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler
from k_diffusion import sampling

from _sampler_target import DRAWS, Done, distances, target
from _torch_mixture import Mixture

EVALUATIONS = (10, 20, 40)

torch.set_flush_denormal(True)  # far components otherwise cost torch an order of magnitude in time


def _k_diffusion(law: Mixture, solve: Callable[..., torch.Tensor], steps: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    sigmas = sampling.get_sigmas_karras(steps, 0.002, 80.0)
    x = law.draw(DRAWS, rng) + sigmas[0] * torch.tensor(
        rng.standard_normal((DRAWS, law.mean.shape[1])).astype(np.float32)
    )
    one = torch.ones(())
    return solve(lambda y, sigma, **_: law.clean(y, one, sigma[0]), x, sigmas, disable=True).numpy().astype(np.float64)


def _diffusers(law: Mixture, settings: dict[str, object], steps: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scheduler = DPMSolverMultistepScheduler(prediction_type="sample", solver_order=2, **settings)
    scheduler.set_timesteps(steps)
    first = scheduler.sigmas[0]
    alpha = 1 / torch.sqrt(1 + first**2)
    noise = torch.tensor(rng.standard_normal((DRAWS, law.mean.shape[1])).astype(np.float32))
    x = alpha * law.draw(DRAWS, rng) + alpha * first * noise
    for i, t in enumerate(scheduler.timesteps):
        alpha = 1 / torch.sqrt(1 + scheduler.sigmas[i] ** 2)
        x = scheduler.step(law.clean(x, alpha, alpha * scheduler.sigmas[i]), t, x).prev_sample
    return x.numpy().astype(np.float64)


def peers(dimension: int, seeds: int, done: Done) -> Iterator[tuple[str, int, list[float]]]:
    """Every peer at every number of evaluations; what is done is left out."""
    law = Mixture(target(dimension))
    draws: dict[str, Callable[[int, int], np.ndarray]] = {
        "k-diffusion dpmpp_2m": lambda n, seed: _k_diffusion(law, sampling.sample_dpmpp_2m, n, seed),
        "k-diffusion heun": lambda n, seed: _k_diffusion(law, sampling.sample_heun, (n + 1) // 2, seed),
        "diffusers DPM-Solver++, Karras": lambda n, seed: _diffusers(law, {"use_karras_sigmas": True}, n, seed),
        "diffusers DPM-Solver++, log-SNR": lambda n, seed: _diffusers(law, {"use_lu_lambdas": True}, n, seed),
    }
    for name, draw in draws.items():
        for count in (n for n in EVALUATIONS if str(n) not in done.get(name, {})):
            yield name, count, distances(lambda seed, f=draw, n=count: f(n, seed), dimension, seeds)
