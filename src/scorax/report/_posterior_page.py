"""The page of posteriors: draws given each observation, and whether ranks are calibrated."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from scorax._write import write_bytes
from scorax.metrics import Calibration
from scorax.report import _posterior_figures
from scorax.report._template import template
from scorax.report._text import label

_SHOWN = 3
"""Observations with a picture."""

_QUANTILES = (0.05, 0.5, 0.95)


class _Posterior(NamedTuple):
    """What the page says of one observation, of those draws that are finite.

    Attributes:
        number: of the observation.
        finite: draws that are finite.
        draws: all of them.
        rows: of every parameter name, mean, deviation and quantiles; none without a draw.
        figure: a corner.
    """

    number: int
    finite: int
    draws: int
    rows: list[tuple[str, float, float, float, float, float]]
    figure: str | None

    @staticmethod
    def of(number: int, names: tuple[str, ...], draws: Float[np.ndarray, "n p"]) -> "_Posterior":
        kept = draws[np.isfinite(draws).all(axis=1)]
        if not len(kept):
            return _Posterior(number, 0, len(draws), [], None)
        rows = []
        for name, own in zip(names, kept.T, strict=True):
            low, middle, high = map(float, np.quantile(own, _QUANTILES))
            rows.append((name, float(own.mean()), float(own.std()), low, middle, high))
        figure = _posterior_figures.corner(names, kept) if number <= _SHOWN else None
        return _Posterior(number, len(kept), len(draws), rows, figure)


def write_posterior(
    page: Path,
    names: tuple[str, ...],
    draws: Float[np.ndarray, "k n p"],
    facts: list[tuple[str, str]],
    calibration: Calibration | None,
) -> None:
    """Write the page of posteriors; it is whole or the one that was there.

    Args:
        page: the file.
        names: of the parameters.
        draws: given each observation.
        facts: what the page begins with.
        calibration: of the parameters of further simulations.
    """
    text = template("posterior.html").render(
        title=label(page.resolve().parent.name, 60),
        facts=facts,
        posteriors=[_Posterior.of(k + 1, names, own) for k, own in enumerate(draws)],
        calibration=calibration,
        judged=() if calibration is None else _judged(calibration),
        figure=None if calibration is None else _posterior_figures.ranks(calibration),
    )
    write_bytes(page, text.encode())


def _judged(found: Calibration) -> list[tuple[str, str, float]]:
    return list(zip(found.names, found.verdicts, found.p_values.tolist(), strict=True))
