"""How the log-densities of a table get their divergence: exactly in few dimensions, along random probes beyond."""

import math

import jax

from scorax.likelihood import EXACT_UP_TO, AbstractDivergence, ExactDivergence, Hutchinson, choose_divergence
from scorax.models import Denoiser

CHOICE_PROBES = 4
"""Probes of a row where candidates are compared: their mean is over many rows, and all candidates see the same probes."""

MEAN_PROBES = 8
"""Probes of a row where means over rows are recorded: they share one solve of the state, and rows average out their noise."""

_EXACT_TIMES = 4
"""The trace takes a product for each dimension: it is taken up to four times as many as the probes."""

ROW_SHARE = 0.1
"""Standard error of the log-density of a row, as a share of how much those of a Gaussian differ from row to row."""


def divergence_of_means(dimension: int, probes: int = MEAN_PROBES) -> AbstractDivergence:
    """The divergence for log-densities that are averaged over rows.

    The noise of a row's probes is independent of that of other rows, so a mean over rows averages it out with theirs.
    """
    return ExactDivergence() if dimension <= _EXACT_TIMES * probes else Hutchinson(probes)


def divergence_of_rows(model: Denoiser, dimension: int) -> AbstractDivergence:
    r"""The divergence for the log-density of one row: beyond a hundred columns as many probes as its size calls for.

    The log-density of a Gaussian in $d$ dimensions has the standard deviation $\sqrt{d/2}$ over its own draws, whatever its
    covariance. A tenth of that is asked for, and how many probes it takes is measured
    (:func:`~scorax.likelihood.choose_divergence`); a fixed error in nats would take thousands in a thousand columns.
    """
    if dimension <= EXACT_UP_TO:
        return ExactDivergence()
    wanted = ROW_SHARE * math.sqrt(dimension / 2)
    return choose_divergence(model, (dimension,), standard_error=wanted, key=jax.random.key(0)).divergence
