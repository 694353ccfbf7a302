"""Which sampler is most accurate for a number of evaluations: measured on a law like the data's, not guessed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scorax._errors import InputError, explain
from scorax._types import Key
from scorax.processes import AbstractGaussianProcess
from scorax.samplers import (
    DDIM,
    AbstractSampler,
    AdamsBashforth,
    DPMSolver,
    Heun,
    KarrasGrid,
    LogNormalGrid,
    LogRatioGrid,
    sample,
)
from scorax.targets import ExactDenoiser, GaussianMixture

_STARTS = 256
_REFERENCE_STEPS = 400
_LEAST = 4

CANDIDATES: dict[str, Callable[[int], AbstractSampler]] = {
    "AdamsBashforth on LogNormalGrid": lambda n: AdamsBashforth(n, LogNormalGrid()),
    "AdamsBashforth on KarrasGrid": lambda n: AdamsBashforth(n, KarrasGrid()),
    "AdamsBashforth on LogRatioGrid": lambda n: AdamsBashforth(n, LogRatioGrid()),
    "DPMSolver on LogNormalGrid": lambda n: DPMSolver(n, LogNormalGrid()),
    "DPMSolver on LogRatioGrid": lambda n: DPMSolver(n, LogRatioGrid()),
    "Heun on KarrasGrid": lambda n: Heun(n // 2, KarrasGrid()),
    "DDIM on KarrasGrid": lambda n: DDIM(n, KarrasGrid()),
}
"""Deterministic samplers and their grids, by evaluations. Stochastic ones converge at order one and lose at any budget."""


@dataclass(frozen=True)
class SamplerChoice:
    """The most accurate sampler of those measured.

    Attributes:
        sampler: the sampler.
        name: what it is, with its grid.
        evaluations: the most evaluations of the field a draw may take, as asked; :class:`~scorax.samplers.Heun` takes an even
            number.
        errors: name -> root mean square distance of its draws from those of the exact flow with the same starts, per
            coordinate; an upper bound of the Wasserstein distance of the two laws, divided by the root of d.
        surrogate: what it was measured on.
    """

    sampler: AbstractSampler
    name: str
    evaluations: int
    errors: dict[str, float]
    surrogate: str

    @property
    def reason(self) -> str:
        """One line: what was chosen, and against what."""
        ranked = sorted(self.errors, key=self.errors.__getitem__)
        others = ", ".join(f"{name} {self.errors[name]:.2g}" for name in ranked[1:3])
        return (
            f"{self.name}, {self.evaluations} evaluations: error {self.errors[self.name]:.2g} "
            f"on {self.surrogate} (then {others})"
        )


def choose_sampler(
    target: GaussianMixture, process: AbstractGaussianProcess, evaluations: int, *, key: Key
) -> SamplerChoice:
    """The sampler whose draws are nearest to the exact flow of ``target`` under ``process``.

    Args:
        target: a law like that of the data, with its field in closed form: a fitted Gaussian or mixture.
        process: the process and its cut-off.
        evaluations: how many evaluations of the field a draw may cost.
        key: of the starts, the same for all.

    Raises:
        InputError: fewer than four evaluations, where no method of order two has begun.
    """
    if evaluations < _LEAST:
        raise InputError(
            explain(expected=f"at least {_LEAST} evaluations", got=f"{evaluations}", do="allow more, or name a sampler")
        )
    model = ExactDenoiser.create(target, process)
    steps = max(_REFERENCE_STEPS, 4 * evaluations)
    exact = np.asarray(sample(model, Heun(steps, LogRatioGrid()), _STARTS, key=key), np.float64)
    errors = {}
    built = {name: build(evaluations) for name, build in CANDIDATES.items()}
    for name, sampler in built.items():
        draws = np.asarray(sample(model, sampler, _STARTS, key=key), np.float64)
        gap = float(np.sqrt(np.mean((draws - exact) ** 2)))
        errors[name] = gap if np.isfinite(gap) else float("inf")
    best = min(errors, key=errors.__getitem__)
    count = target.log_weights.shape[-1]
    surrogate = "a Gaussian with the moments of the data" if count == 1 else f"a mixture of {count} Gaussians"
    return SamplerChoice(built[best], best, evaluations, errors, surrogate)
