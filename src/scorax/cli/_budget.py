"""What `scorax logp` says about the errors of its answers. Imports JAX: the command imports this module inside."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from scorax._text import percent
from scorax.cli._console import note
from scorax.likelihood import DataLogProb, LogProb, default_tolerance

MATTERS = 0.01
"""Nats from which on the error of a row is worth a warning: a hundredth of its density. Means over rows and differences between
models are seldom known as well as that."""

_LEAST_TOLERANCE = 1e-10
"""No smaller tolerance is proposed: rounding is larger."""


def draw_lines(answers: Sequence[DataLogProb]) -> list[str]:
    """Sentences about the errors of rows with categories: of the solver, and of the draws of noisy codes."""
    numerical, drawn = (np.concatenate([getattr(a, part) for a in answers]) for part in _PARTS)
    draws = answers[0].draws
    known = f"largest standard error {_largest(drawn)}" if draws > 1 else "error of a single draw not known: --draws 4"
    lines = [f"numerical error at most {_largest(numerical)}; {draws} draws a row, {known}"]
    failed = sum(int(np.count_nonzero(~a.converged)) for a in answers)
    if failed:
        lines.append(
            f"warning: no solution within the step limit on {failed} of {len(numerical)} rows: do not use them"
        )
    return lines


_PARTS = ("numerical_error", "standard_error")


class ErrorBudget:
    """What is known about the errors of log-densities, over all rows of a file.

    Args:
        tolerance: of the solver; that of the precision where it is ``None``.
    """

    def __init__(self, tolerance: float | None) -> None:
        self._tolerance = tolerance
        self._parts: list[LogProb] = []
        self._drawn: list[DataLogProb] = []

    def add(self, answer: LogProb | DataLogProb) -> None:
        if isinstance(answer, DataLogProb):
            self._drawn.append(answer)
        else:
            self._parts.append(answer)

    def say(self) -> None:
        """The largest of each error, what the noise at the cut-off hides, and a warning where an error matters."""
        if self._drawn:
            lines = draw_lines(self._drawn)
        else:
            whole = jax.tree.map(lambda *leaves: np.concatenate(leaves), *self._parts)
            lines = budget_lines(whole, self._tolerance)
        for line in lines:
            note(line)


def budget_lines(answer: LogProb, tolerance: float | None) -> list[str]:
    """Sentences about the errors of rows solved at a tolerance; a warning is the last, and only where an error matters."""
    tolerance = default_tolerance(np.asarray(answer.solver_error).dtype) if tolerance is None else tolerance
    probes = int(np.max(answer.probes))
    lines = [
        f"largest error {_largest(answer.total_error)}: solver {_largest(answer.solver_error)}, end of the flow "
        f"{_largest(answer.terminal_error)}, divergence {f'{probes} probes, ' if probes else 'exact, '}"
        f"{_largest(answer.trace_error)}"
    ]
    if np.isfinite(answer.truncation).any():
        lines.append(
            f"hidden by the noise at the cut-off: {np.nanmean(answer.truncation):+.2g} nats on average, not counted as error"
        )
    failed = int(np.count_nonzero(~answer.converged))
    if failed:
        lines.append(
            f"warning: no solution within the step limit on {failed} of {len(answer.value)} rows: do not use these values"
        )
    limit = max(MATTERS, tolerance)
    bad = np.asarray(answer.total_error) > limit
    if bad.any():
        lines.append(
            f"warning: {int(bad.sum())} of {len(answer.value)} log-densities may be off by more than {limit:g} nats "
            f"({percent(np.expm1(limit), 2)} of the density), the worst by {_largest(answer.total_error)}; do not read "
            f"differences smaller than the error column; {_remedy(answer, bad, tolerance)}"
        )
    return lines


def _remedy(answer: LogProb, bad: np.ndarray, tolerance: float) -> str:
    """What to type against the part of the error that is largest in most of these rows."""
    parts = np.stack([np.nan_to_num(e[bad]) for e in (answer.trace_error, answer.solver_error, answer.terminal_error)])
    part = int(np.bincount(np.argmax(parts, axis=0), minlength=3).argmax())
    if part == 0:
        return f"try --exact, or --probes {4 * int(np.max(answer.probes))}, which halves the error"
    if part == 2:
        return (
            "the noise the model was fitted with ends too early for these rows: fit again with a larger noise.sigma_max"
        )
    wide = np.asarray(answer.solver_error).dtype == np.float64
    options: Sequence[str] = [
        *([f"--tolerance {max(tolerance / 100, _LEAST_TOLERANCE):.0e}"] if tolerance > _LEAST_TOLERANCE else []),
        *([] if wide else ["--precision float64"]),
    ]
    return (
        f"try {' and '.join(options)}" if options else "these rows lie where the model is too steep to be solved better"
    )


def _largest(errors: Any) -> str:
    known = np.asarray(errors)
    known = known[~np.isnan(known)]
    return "not known" if not len(known) else f"{known.max():.1e} nats" if np.isfinite(known).all() else "without bound"
