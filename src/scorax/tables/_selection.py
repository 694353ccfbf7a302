"""What held-out rows decide after training: the start, the cut-off, and how good the fit is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float, Int

from scorax.models import Denoiser
from scorax.tables._config import Start
from scorax.tables._densities import MEAN_TOLERANCE, state_values
from scorax.tables._divergences import CHOICE_PROBES, MEAN_PROBES, divergence_of_means
from scorax.tables._model import cut_at, member_models, restricted
from scorax.tables._training import Training


def held_out_rows(fold: Int[np.ndarray, " n"], limit: int) -> Int[np.ndarray, " rows"]:
    """Rows that some member never saw: all of them, or ``limit`` drawn once and for all."""
    rows = np.flatnonzero(fold >= 0)
    if len(rows) <= limit:
        return rows
    return np.sort(np.random.default_rng([len(rows), limit]).choice(rows, limit, replace=False))


def out_of_fold(
    training: Training,
    model: Denoiser,
    sigma: float,
    rows: Int[np.ndarray, " rows"],
    *,
    probes: int = MEAN_PROBES,
) -> Float[np.ndarray, " rows"]:
    """Log-density, in file units, of rows by the member that never saw them; smoothed at ``sigma``.

    ``model`` has the members of one start. Probes, where there are any, follow from the row alone.
    """
    divergence = divergence_of_means(training.blueprint.coordinates.dimension, probes)
    values = np.full(len(rows), np.nan)
    for member, own in enumerate(member_models(model)):
        mine = np.flatnonzero(training.fold[rows] == member)
        if mine.size:
            values[mine] = state_values(
                cut_at(own, sigma),
                training.scored.take(rows[mine]),
                divergence=divergence,
                tolerance=MEAN_TOLERANCE,
                estimate_error=False,
                key=jax.random.key(0),
            )
    return values


@dataclass(frozen=True)
class Choice:
    """What held-out rows decided.

    Attributes:
        start: the start whose members are kept.
        sigma_min: their cut-off, in standardised units.
        candidates: mean held-out log-density, in file units, of every start and cut-off that was tried.
    """

    start: Start
    sigma_min: float
    candidates: dict[Start, dict[float, float]]


def choose(training: Training, model: Denoiser) -> Choice:
    """The start and the cut-off under which held-out rows are likeliest.

    The cut-off acts as the width of a kernel on the training rows: too small a one keeps the field's overfitting at low
    noise. The mean is over at most ``choose_rows`` held-out rows, each scored by the member that never saw it. In many
    dimensions a few probes a row decide as well as the trace: all candidates share them, so differences have little noise.
    It rises to one cut-off and falls beyond it, so not all have to be tried.
    """
    noise = training.config.noise
    held = held_out_rows(training.fold, noise.choose_rows)
    sigmas = sorted(c for c in set(noise.candidates) if noise.sigma_min <= c < noise.sigma_max)
    sigmas = [c for c in sigmas if c <= training.blueprint.coordinates.largest_cut_off] or sigmas[:1]
    candidates: dict[Start, dict[float, float]] = {}
    for start in training.config.ensemble.starts:
        own = restricted(training.blueprint, model, start)[1]

        def mean(sigma: float, own: Denoiser = own) -> float:
            values = out_of_fold(training, own, sigma, held, probes=CHOICE_PROBES)
            return float(np.mean(values)) if np.all(np.isfinite(values)) else float("-inf")

        candidates[start] = climbed(mean, sigmas)
    start = max(candidates, key=lambda name: max(candidates[name].values()))
    return Choice(start, max(candidates[start], key=candidates[start].__getitem__), candidates)


def climbed(mean: Callable[[float], float], sigmas: Sequence[float]) -> dict[float, float]:
    """The means of the cut-offs between a small one and the best, and of those beside the best."""
    place = len(sigmas) // 4
    means = {sigmas[place]: mean(sigmas[place])}
    for step in (1, -1):
        while 0 <= place + step < len(sigmas) and (following := sigmas[place + step]) not in means:
            means[following] = mean(following)
            if means[following] < means[sigmas[place]]:
                break
            place += step
    return dict(sorted(means.items()))
