"""A log-density with everything that is known about its error."""

from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.stats import t as student

from scorax._errors import explain
from scorax._html import table

SHOWN = 5
"""Rows of which a notebook shows the value."""

Rows: TypeAlias = Float[Array, "*rows"] | Float[np.ndarray, "*rows"]


class LogProb(NamedTuple):
    """Log-densities with what is known about their error; one entry per row, all in nats.

    Errors of a ``row_log_prob(estimate_error=False)`` are NaN: not known.

    Attributes:
        value: log-density of the model's law at ``t0``.
        trace_error: standard error of a divergence that was estimated along random probes; zero where it is exact, NaN for
            a single probe, whose error nobody can tell.
        solver_error: bound of the error of the solve and of rounding; infinite where the solve did not end.
        terminal_error: bound of the error of the law assumed at ``t1``. Zero where the process has no scalar Gaussian kernel:
            its prior, or the image of the moments under a linear SDE, is taken as exact.
        truncation: first-order estimate of ``log p_0 - log p_{t0}``, what the noise at the cut-off hides. Not an error of
            ``value``, which is the density at ``t0``, and no part of ``total_error``.
        evaluations: evaluations of the field, of which one in four has its divergence taken.
        converged: whether the solve ended within its step limit and with a bound of at most one nat.
        probes: probes behind ``trace_error``; zero where the divergence is exact.
    """

    value: Rows
    trace_error: Rows
    solver_error: Rows
    terminal_error: Rows
    truncation: Rows
    evaluations: Int[Array, "*rows"] | Int[np.ndarray, "*rows"]
    converged: Bool[Array, "*rows"] | Bool[np.ndarray, "*rows"]
    probes: Int[Array, "*rows"] | Int[np.ndarray, "*rows"]

    @property
    def total_error(self) -> Rows:
        """Trace (one standard error) plus solver plus terminal."""
        return self.trace_error + self.solver_error + self.terminal_error

    def interval(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Ends of an interval for every row: Student's for the trace, with probes - 1 degrees of freedom, widened by the rest.

        Raises:
            ValueError: a confidence that is no probability between 0 and 1.
        """
        if not 0 < confidence < 1:
            raise ValueError(explain(expected="a confidence between 0 and 1", got=f"{confidence}", do="pass 0.95, say"))
        probes = np.asarray(self.probes)
        quantile = np.where(probes > 1, student.ppf(0.5 + confidence / 2, np.maximum(probes - 1, 1)), 1.0)
        half = np.asarray(self.trace_error, np.float64) * quantile
        half = half + np.asarray(self.solver_error) + np.asarray(self.terminal_error)
        value = np.asarray(self.value, np.float64)
        return value - half, value + half

    def _repr_html_(self) -> str:
        """The first rows with their errors, and what the errors are made of, for a notebook."""
        whole = [np.atleast_1d(np.asarray(field, np.float64)).ravel() for field in self]
        value, trace, solver, terminal, truncation, evaluations, converged, probes = whole
        rows = [(i, f"{value[i]:.4f}", f"{(trace + solver + terminal)[i]:.1e}") for i in range(min(len(value), SHOWN))]
        parts = {
            "mean": f"{np.mean(value):.4f} nats" if len(value) else "",
            "largest error": _largest(trace + solver + terminal),
            f"of the trace ({int(probes.max(initial=0))} probes)" if probes.any() else "of the trace (exact)": _largest(
                trace
            ),
            "of the solver": _largest(solver),
            "of the end of the flow": _largest(terminal),
            "hidden by the noise at the cut-off, mean": f"{np.mean(truncation):+.1e} nats" if len(value) else "",
            "evaluations a row": f"{np.mean(evaluations):.0f}" if len(value) else "",
            "not converged": f"{np.sum(converged == 0)} of {len(value)} rows",
        }
        of = "1 row" if len(value) == 1 else f"{len(value)} rows"
        caption = f"log-density of {of}, nats" + (f" (the first {SHOWN})" if len(value) > SHOWN else "")
        return table(caption, ("row", "log-density", "error"), rows) + table("all rows", ("", ""), parts.items())


def _largest(errors: np.ndarray) -> str:
    known = errors[np.isfinite(errors)]
    return f"{known.max():.1e} nats" if len(known) else "not known"
