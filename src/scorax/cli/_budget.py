"""What `scorax logp` says about the errors of its answers. Imports JAX: the command imports this module inside."""

import jax
import numpy as np

from scorax.cli._console import note
from scorax.likelihood import LogProb


class ErrorBudget:
    """What is known about the errors of log-densities, over all rows of a file.

    Args:
        tolerance: what was asked for by name, if anything was.
    """

    def __init__(self, tolerance: float | None) -> None:
        self._tolerance = tolerance
        self._parts: list[LogProb] = []

    def add(self, answer: LogProb) -> None:
        self._parts.append(answer)

    def say(self) -> None:
        """The largest of each error, what the noise at the cut-off hides, and whether the tolerance was met."""
        whole = jax.tree.map(lambda *leaves: np.concatenate(leaves), *self._parts)
        failed = int(np.count_nonzero(~whole.converged))
        if failed:
            note(f"warning: the solver did not converge on {failed} of {len(whole.value)} rows; see the error column")
        probes = int(np.max(whole.probes))
        trace = f"divergence by {probes} probes, {_largest(whole.trace_error)}" if probes else "divergence exact"
        note(
            f"largest error in nats: solver {_largest(whole.solver_error)}, end of the flow "
            f"{_largest(whole.terminal_error)}; {trace}"
        )
        if np.isfinite(whole.truncation).any():
            note(
                f"hidden by the noise at the cut-off: {np.nanmean(whole.truncation):+.2g} nats on average, not counted as error"
            )
        above = int(np.count_nonzero(whole.solver_error > self._tolerance)) if self._tolerance is not None else 0
        if above:
            note(
                f"warning: the solver's error is above --tolerance {self._tolerance:g} on {above} of {len(whole.value)} rows: "
                "it is a bound, while the tolerance limits estimates, which are smaller; try a smaller one, or "
                "--precision float64"
            )


def _largest(errors: np.ndarray) -> str:
    finite = np.asarray(errors)[np.isfinite(errors)]
    return f"{finite.max():.1e}" if len(finite) else "not known"
