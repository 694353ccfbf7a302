"""Samplers by name, as configurations and the command line call them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from scorax.diagnostics import SamplerChoice, choose_sampler
from scorax.models import Denoiser
from scorax.samplers import (
    DDIM,
    DDPM,
    AbstractSampler,
    AdamsBashforth,
    AnnealedLangevin,
    DPMSolver,
    EulerMaruyama,
    Heun,
    PredictorCorrector,
    ProbabilityFlow,
    ReverseSDE,
    UniPC,
)
from scorax.tables._config import SamplerName
from scorax.tables._starts import StartLaws
from scorax.targets import GaussianMixture

SAMPLERS: dict[SamplerName, Callable[[int], AbstractSampler]] = {
    "adams-bashforth": AdamsBashforth,
    "dpm-solver": DPMSolver,
    "dpm-solver-sde": lambda n: DPMSolver(n, stochastic=True),
    "unipc": UniPC,
    "heun": lambda n: Heun(max(1, n // 2)),
    "ddim": DDIM,
    "ddpm": DDPM,
    "euler-maruyama": EulerMaruyama,
    "predictor-corrector": lambda n: PredictorCorrector(max(1, n // 2)),
    "annealed-langevin": lambda n: AnnealedLangevin(max(1, n // 5)),
    "probability-flow": lambda n: ProbabilityFlow(),
    "reverse-sde": lambda n: ReverseSDE(),
}
"""Name -> sampler for a number of evaluations a draw; the last two take as many as their tolerance asks."""


def measured(model: Denoiser, starts: StartLaws, evaluations: int) -> SamplerChoice:
    """The most accurate sampler on the mixture that members start from, or on the moments of the table without one."""
    if starts.numbers.log_weights.shape[-1] > 1 and not starts.log_priors:
        target = jax.tree.map(lambda leaf: leaf[0], starts.numbers)
    else:
        moments = jax.tree.map(lambda leaf: leaf[None], model.moments)
        target = GaussianMixture(jnp.zeros(1, moments.mean.dtype), moments)
    return choose_sampler(target, model.process, evaluations, key=jax.random.key(0))


def sampler_of(
    model: Denoiser, starts: StartLaws, name: SamplerName, evaluations: int
) -> tuple[AbstractSampler, str | None]:
    """The sampler of a name; ``auto`` measures first and says what it found."""
    if name == "auto":
        choice = measured(model, starts, evaluations)
        return choice.sampler, choice.reason
    return SAMPLERS[name](evaluations), None
