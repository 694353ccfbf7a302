"""Every method that exists on targets whose answer is known: the table of ``scorax check``."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax

from scorax.checks import (
    _guidance,
    _information,
    _jax,
    _levels,
    _likelihood,
    _losses,
    _objectives,
    _processes,
    _samplers,
)
from scorax.checks._names import check_names
from scorax.checks._record import Answer


class Check(NamedTuple):
    """One method against a closed form.

    Attributes:
        name: room and claim; ``only`` of :func:`run_checks` looks for a part of it.
        truth: the closed form.
        answer: what the method gave.
        error: their distance, absolute or in the unit that ``tolerance`` is in.
        tolerance: largest error that passes: rounding where the answer is deterministic, four standard errors where it is
            a mean over draws (fixed keys, so a check that passes once passes always on one machine).
        passed: whether the error is a number not above the tolerance.
        note: what a reader should know about this machine although the check passes; empty as a rule.
    """

    name: str
    truth: float
    answer: float
    error: float
    tolerance: float
    passed: bool
    note: str


CHECKS: dict[str, Callable[[], Answer]] = {
    **_jax.CHECKS,
    **_levels.CHECKS,
    **_losses.CHECKS,
    **_objectives.CHECKS,
    **_samplers.CHECKS,
    **_likelihood.CHECKS,
    **_information.CHECKS,
    **_processes.CHECKS,
    **_guidance.CHECKS,
}


def run_checks(only: str | None = None) -> Iterator[Check]:
    """Run the checks whose name contains ``only`` (all by default), one at a time, in float64 unless a name says float32."""
    for name in check_names(only):
        with jax.enable_x64(True):
            answer = CHECKS[name]()
        truth, value, tolerance = (float(number) for number in (answer.truth, answer.value, answer.tolerance))
        error = abs(value - truth) if answer.error is None else float(answer.error)
        yield Check(name, truth, value, error, tolerance, error <= tolerance, answer.note)
