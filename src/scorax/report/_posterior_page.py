"""The page of posteriors: draws given each observation, and whether ranks are calibrated."""

from pathlib import Path

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
    cuts = np.quantile(draws, _QUANTILES, axis=1)
    posteriors = [
        (
            k + 1,
            [
                (name, float(draws[k, :, j].mean()), float(draws[k, :, j].std()), *map(float, cuts[:, k, j]))
                for j, name in enumerate(names)
            ],
            _posterior_figures.corner(names, draws[k]) if k < _SHOWN else None,
        )
        for k in range(len(draws))
    ]
    text = template("posterior.html").render(
        title=label(page.resolve().parent.name, 60),
        facts=facts,
        posteriors=posteriors,
        calibration=calibration,
        judged=() if calibration is None else _judged(calibration),
        figure=None if calibration is None else _posterior_figures.ranks(calibration),
    )
    write_bytes(page, text.encode())


def _judged(found: Calibration) -> list[tuple[str, str, float]]:
    return list(zip(found.names, found.verdicts, found.p_values.tolist(), strict=True))
