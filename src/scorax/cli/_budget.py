"""What `scorax logp` says about the errors of its answers. Imports JAX: the command imports this module inside."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from scorax._text import percent
from scorax.cli._console import note
from scorax.likelihood import DataLogProb, LogProb, default_tolerance

MATTERS = 0.01
"""Nats from which on the error of a row is worth a warning: a hundredth of its density. Means over rows and differences between
models are seldom known as well as that."""

_LEAST_TOLERANCE = 1e-10
"""No smaller tolerance is proposed: rounding is larger."""


class _Largest:
    """The largest known of many errors: NaN without any, and infinite where one is without bound."""

    def __init__(self) -> None:
        self.value = np.nan

    def add(self, errors: Any) -> None:
        self.value = float(np.fmax(self.value, np.fmax.reduce(np.asarray(errors, np.float64), initial=np.nan)))

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "not known"
        return f"{self.value:.1e} nats" if np.isfinite(self.value) else "without bound"


class _DrawErrors:
    """The errors of rows with categories: of the solver, and of the draws of noisy codes."""

    def __init__(self) -> None:
        self.numerical, self.drawn, self.rows, self.failed, self.draws = _Largest(), _Largest(), 0, 0, 1

    def add(self, answer: DataLogProb) -> None:
        self.numerical.add(answer.numerical_error)
        self.drawn.add(answer.standard_error)
        self.rows += len(answer.value)
        self.failed += int(np.count_nonzero(~answer.converged))
        self.draws = answer.draws

    def lines(self) -> list[str]:
        """Sentences about them."""
        known = f"largest standard error {self.drawn}"
        if self.draws == 1:
            known = "error of a single draw not known: --draws 4"
        lines = [f"numerical error at most {self.numerical}; {self.draws} draws a row, {known}"]
        if self.failed:
            lines.append(
                f"warning: no solution within the step limit on {self.failed} of {self.rows} rows: do not use them"
            )
        return lines


class _SolveErrors:
    """The errors of rows solved at a tolerance; that of the precision where it is ``None``."""

    def __init__(self, tolerance: float | None) -> None:
        self.tolerance = tolerance
        self.total, self.solver, self.terminal, self.trace = _Largest(), _Largest(), _Largest(), _Largest()
        self.rows = self.failed = self.bad = self.probes = 0
        self.hidden, self.hiding, self.wide = 0.0, 0, False
        self.parts = np.zeros(3, int)
        """In how many of the bad rows the error of the trace, of the solver and of the end of the flow is the largest."""

    def add(self, answer: LogProb) -> None:
        kind = np.asarray(answer.solver_error).dtype
        self.tolerance = default_tolerance(kind) if self.tolerance is None else self.tolerance
        self.wide = kind == np.float64
        self.total.add(answer.total_error)
        self.solver.add(answer.solver_error)
        self.terminal.add(answer.terminal_error)
        self.trace.add(answer.trace_error)
        self.rows += len(answer.value)
        self.failed += int(np.count_nonzero(~answer.converged))
        self.probes = max(self.probes, int(np.max(answer.probes)))
        hidden = np.asarray(answer.truncation, np.float64)
        self.hidden += float(np.nansum(hidden))
        self.hiding += int(np.count_nonzero(~np.isnan(hidden)))
        bad = np.asarray(answer.total_error) > self.limit
        if bad.any():
            errors = (answer.trace_error, answer.solver_error, answer.terminal_error)
            part = np.argmax(np.stack([np.nan_to_num(error[bad]) for error in errors]), axis=0)
            self.parts += np.bincount(part, minlength=3)
            self.bad += int(bad.sum())

    @property
    def limit(self) -> float:
        """Nats from which on an error is worth a warning."""
        return max(MATTERS, self.tolerance or 0.0)

    def lines(self) -> list[str]:
        """Sentences about them; a warning is the last, and only where an error matters."""
        lines = [
            f"largest error {self.total}: solver {self.solver}, end of the flow {self.terminal}, "
            f"divergence {f'{self.probes} probes, ' if self.probes else 'exact, '}{self.trace}"
        ]
        if self.hiding and np.isfinite(self.hidden):
            mean = self.hidden / self.hiding
            lines.append(f"hidden by the noise at the cut-off: {mean:+.2g} nats on average, not counted as error")
        if self.failed:
            lines.append(
                f"warning: no solution within the step limit on {self.failed} of {self.rows} rows: do not use these values"
            )
        if self.bad:
            lines.append(
                f"warning: {self.bad} of {self.rows} log-densities may be off by more than {self.limit:g} nats "
                f"({percent(np.expm1(self.limit), 2)} of the density), the worst by {self.total}; do not read "
                f"differences smaller than the error column; {self._remedy()}"
            )
        return lines

    def _remedy(self) -> str:
        """What to type against the part of the error that is largest in most of the bad rows."""
        part, tolerance = int(self.parts.argmax()), self.tolerance or _LEAST_TOLERANCE
        if part == 0:
            return f"try --exact, or --probes {4 * self.probes}, which halves the error"
        if part == 2:
            return "the noise the model was fitted with ends too early for these rows: fit again with a larger noise.sigma_max"
        options: Sequence[str] = [
            *([f"--tolerance {max(tolerance / 100, _LEAST_TOLERANCE):.0e}"] if tolerance > _LEAST_TOLERANCE else []),
            *([] if self.wide else ["--precision float64"]),
        ]
        return (
            f"try {' and '.join(options)}"
            if options
            else "these rows lie where the model is too steep to be solved better"
        )


class ErrorBudget:
    """What is known about the errors of log-densities, over all rows of a file; it takes no more memory for more of them.

    Args:
        tolerance: of the solver; that of the precision where it is ``None``.
    """

    def __init__(self, tolerance: float | None) -> None:
        self._solved, self._drawn = _SolveErrors(tolerance), _DrawErrors()

    def add(self, answer: LogProb | DataLogProb) -> None:
        if isinstance(answer, DataLogProb):
            self._drawn.add(answer)
        else:
            self._solved.add(answer)

    def lines(self) -> list[str]:
        """The largest of each error, what the noise at the cut-off hides, and a warning, the last, where an error matters."""
        return self._drawn.lines() if self._drawn.rows else self._solved.lines()

    def say(self) -> None:
        """Say them."""
        for line in self.lines():
            note(line)
