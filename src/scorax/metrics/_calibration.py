"""Simulation-based calibration: are the ranks of parameters among draws of their posterior uniform?"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from scorax._errors import InputError, explain

Verdict = Literal["calibrated", "too narrow", "too wide", "too low", "too high"]
"""What ranks say of the draws: the last two are where draws lie beside the parameters, in the mean."""

_SIMULATED = 10_000
"""Samples of uniform ranks behind the bands: an error of .05 is known to .0022, one of .005 to .0007."""


class Bands(NamedTuple):
    """Bands of the share of ranks at most 0, 1, ..., L - 1; the share at most L is one."""

    low: Float[np.ndarray, " L"]
    high: Float[np.ndarray, " L"]


@dataclass(frozen=True, eq=False)
class Calibration:
    r"""Ranks of the parameters of n simulations among L draws given each, beside what the right posterior gives.

    Then ranks are uniform on 0, ..., L, and the number of those at most j is binomial, with n and (j+1)/(L+1). A sample of
    ranks is as odd as the smallest two-sided binomial probability over all j; how odd uniform ranks are is simulated, so the
    bands hold at all j at once. Over p parameters they are those of the confidence 1 - (1 - c)/p (Bonferroni): together they
    hold with probability c or more. They say nothing of how parameters hang together, nor of single observations.

    Reference: Sailynoja, Buerkner and Vehtari (2022), *Graphical test for discrete uniformity and its applications in goodness of
    fit evaluation and multiple sample comparison*; Talts et al. (2018), *Validating Bayesian inference algorithms with
    simulation-based calibration*.

    Attributes:
        names: of the parameters.
        ranks: of each simulation and parameter.
        draws: L.
        confidence: c.
        p_values: of every parameter the share of samples of uniform ranks that are as odd.
        bands: of every parameter.
        left_out: simulations without ranks, as some of their draws were not finite. Where draws fail depends on the simulation:
            if these are many, the verdicts are on the others only.
    """

    names: tuple[str, ...]
    ranks: Int[np.ndarray, "n p"]
    draws: int
    confidence: float
    p_values: Float[np.ndarray, " p"]
    bands: Bands
    left_out: int = 0

    @staticmethod
    def of(
        ranks: Int[np.ndarray, "n p"],
        draws: int,
        names: Sequence[str],
        *,
        confidence: float = 0.95,
        seed: int = 0,
        left_out: int = 0,
    ) -> "Calibration":
        """The calibration of ranks.

        Args:
            ranks: from 0 to ``draws``.
            draws: L.
            names: of the parameters.
            confidence: c.
            seed: of the simulated ranks.
            left_out: simulations besides, that have no ranks.

        Raises:
            InputError: no probability, no draws, ranks outside 0 to L, or another number of names.
        """
        ranks = np.asarray(ranks)
        _require(0 < confidence < 1, "a confidence between 0 and 1", f"{confidence!r}", "say .95")
        _require(draws > 0, "ranks among some draws", f"{draws} draws", "ask for more")
        got = f"none, and {left_out} simulations of which a draw is not finite"
        _require(
            len(ranks) > 0, "ranks of some simulations", got, "bring more of them" if not left_out else "train longer"
        )
        found = f"{ranks.min()} to {ranks.max()}"
        _require(ranks.min() >= 0 and ranks.max() <= draws, f"ranks from 0 to {draws}", found, "count draws below")
        _require(ranks.shape[1:] == (len(names),), f"ranks of {len(names)} parameters", f"{ranks.shape}", "name each")
        rows = len(ranks)
        oddness, simulated = _uniform(rows, draws, seed)
        counts = np.stack([np.bincount(own, minlength=draws + 1) for own in ranks.T])
        own = _oddest(oddness, np.cumsum(counts, axis=1)[:, :-1])
        # Never zero: the sample itself is one of those under the hypothesis.
        p_values = (1 + np.searchsorted(simulated, own, side="right")) / (_SIMULATED + 1)
        level = (1 - confidence) / len(names)
        limit = simulated[max(0, int(np.floor(level * (_SIMULATED + 1))) - 1)]
        inside = oddness > limit
        low, high = np.argmax(inside, axis=1), rows - np.argmax(inside[:, ::-1], axis=1)
        return Calibration(tuple(names), ranks, draws, confidence, p_values, Bands(low / rows, high / rows), left_out)

    @property
    def shares(self) -> Float[np.ndarray, "L p"]:
        """Of every parameter the share of ranks at most 0, 1, ..., L - 1."""
        counts = np.stack([np.bincount(own, minlength=self.draws + 1) for own in self.ranks.T], axis=1)
        return np.cumsum(counts, axis=0)[:-1] / len(self.ranks)

    @property
    def calibrated(self) -> Bool[np.ndarray, " p"]:
        """Of which parameters the ranks lie in the bands."""
        return self.p_values > (1 - self.confidence) / len(self.names)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of every parameter what the ranks say of the draws."""
        return tuple(
            "calibrated" if fine else _departure((own + 0.5) / (self.draws + 1))
            for own, fine in zip(self.ranks.T, self.calibrated, strict=True)
        )

    def __str__(self) -> str:
        rows = [
            f"{name}: {verdict} (p = {p:.2g})"
            for name, verdict, p in zip(self.names, self.verdicts, self.p_values, strict=True)
        ]
        lines = [f"ranks of {len(self.ranks):,} simulations among {self.draws:,} draws each", *rows]
        if self.left_out:
            lines.append(f"{self.left_out:,} more simulations are left out: some of their draws are not finite")
        return "\n".join(lines)


@functools.lru_cache(maxsize=4)
def _uniform(rows: int, draws: int, seed: int) -> tuple[Float[np.ndarray, "L counts"], Float[np.ndarray, " m"]]:
    """How odd counts of ranks are, and how odd samples of uniform ranks are, ascending."""
    oddness = _oddness(rows, draws)
    counts = np.random.default_rng(seed).multinomial(rows, np.full(draws + 1, 1 / (draws + 1)), size=_SIMULATED)
    return oddness, np.sort(_oddest(oddness, np.cumsum(counts, axis=1)[:, :-1]))


def _oddness(rows: int, draws: int) -> Float[np.ndarray, "L counts"]:
    """Two-sided probabilities of the counts 0, ..., n of ranks at most j: twice that of the tail a count lies in."""
    from scipy.stats import binom

    counts, share = np.arange(rows + 1), (np.arange(draws) + 1)[:, None] / (draws + 1)
    return 2 * np.minimum(binom.cdf(counts, rows, share), binom.sf(counts - 1, rows, share))


def _oddest(oddness: Float[np.ndarray, "L counts"], counts: Int[np.ndarray, "m L"]) -> Float[np.ndarray, " m"]:
    return np.min(oddness[np.arange(len(oddness)), counts], axis=1)


def _departure(u: Float[np.ndarray, " n"]) -> Verdict:
    """What is farther from uniform, in standard errors: the mean, or the spread."""
    mean = (u.mean() - 0.5) * np.sqrt(12 * len(u))
    spread = (np.square(u - 0.5).mean() - 1 / 12) * np.sqrt(180 * len(u))
    if abs(mean) > abs(spread):
        return "too low" if mean > 0 else "too high"
    return "too narrow" if spread > 0 else "too wide"


def _require(holds: bool, expected: str, got: str, do: str) -> None:
    if not holds:
        raise InputError(explain(expected=expected, got=got, do=do))
