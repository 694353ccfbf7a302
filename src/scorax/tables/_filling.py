"""Missing cells filled by draws of a model, for the next round of a fit."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

from scorax._types import Key
from scorax.models import AbstractDenoiser, Denoiser, Evidence
from scorax.samplers import AbstractSampler, CategoryDraw, Stop, sample
from scorax.tables._coordinates import States


@dataclass(frozen=True, eq=False)
class Round:
    """A round of a fit: with which states it begins, and on what it trains.

    Attributes:
        number: from 1.
        start: optimiser steps that the rounds before it took.
        draws: of every member the missing coordinates of all rows, one row after the other; zeros in the first round, which
            fills none.
        model: that drew them, where a table is fitted from its files; ``None`` in the first round.
    """

    number: int
    start: int
    draws: Float32[np.ndarray, "members coordinates"]
    model: Denoiser | None = None

    @staticmethod
    def first(members: int, states: States) -> "Round":
        """The round before anything is drawn."""
        count = 0 if states.present is None else int(np.count_nonzero(~states.present))
        return Round(1, 0, np.zeros((members, count), np.float32))


def drawn(
    model: AbstractDenoiser, states: States, sampler: AbstractSampler, *, key: Key, numbers: range | None = None
) -> Float32[np.ndarray, " coordinates"]:
    """Draws of the missing coordinates of states that all lack some, given the others; row ``numbers[k]`` of the key is row k."""
    assert states.present is not None
    evidence = Evidence(states.z.astype(np.float32), states.present, ~states.present)
    end = CategoryDraw() if states.categories.shape[1] else Stop()
    x = sample(model, sampler, numbers or range(len(states)), key=key, condition=evidence, end=end)
    alpha = float(model.process.alpha(jnp.asarray(model.process.t0)))
    return (np.asarray(x) / alpha)[~states.present]
