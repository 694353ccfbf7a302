"""When `logp` warns about the errors of its answers, and what it proposes."""

import numpy as np
import pytest

from scorax.cli._budget import ErrorBudget
from scorax.likelihood import LogProb


def _answer(*, trace: float = 0.0, solver: float = 0.0, terminal: float = 0.0, dtype: type = np.float64) -> LogProb:
    """Two rows: one without error worth a word, one with these."""
    errors = [np.array([1e-12, error], dtype) for error in (trace, solver, terminal)]
    probes = np.full(2, 16 if trace else 0)
    return LogProb(np.zeros(2), *errors, np.zeros(2), np.full(2, 40), np.ones(2, bool), probes)


def _lines(answer: LogProb, tolerance: float | None) -> list[str]:
    budget = ErrorBudget(tolerance)
    budget.add(answer)
    return budget.lines()


def _warnings(answer: LogProb, tolerance: float | None = 1e-6) -> list[str]:
    return [line for line in _lines(answer, tolerance) if line.startswith("warning")]


@pytest.mark.parametrize("error", [1e-12, 1e-9, 1e-6, 9e-3])
@pytest.mark.parametrize("part", ["trace", "solver", "terminal"])
@pytest.mark.parametrize("tolerance", [1e-10, 1e-3])
def test_an_error_that_is_small_beside_what_matters_is_not_warned_about(
    part: str, error: float, tolerance: float
) -> None:
    assert _warnings(_answer(**{part: error}), tolerance) == []


def test_an_error_within_the_tolerance_that_was_asked_for_is_not_warned_about() -> None:
    assert _warnings(_answer(solver=0.05), 0.1) == []
    assert "more than 0.1 nats (11 % of the density)" in _warnings(_answer(solver=0.2), 0.1)[0]


@pytest.mark.parametrize(
    ("answer", "tolerance", "words", "never"),
    [
        (_answer(solver=0.5), None, ["--tolerance 1e-08"], "float64"),
        (_answer(solver=0.5, dtype=np.float32), None, ["--tolerance 1e-06", "--precision float64"], "--exact"),
        (_answer(trace=0.5), 1e-6, ["--exact", "--probes 64"], "--tolerance"),
        (_answer(solver=0.5), 1e-6, ["--tolerance 1e-08"], "float64"),
        (_answer(solver=0.5, dtype=np.float32), 1e-6, ["--tolerance 1e-08", "--precision float64"], "--exact"),
        (_answer(solver=0.5), 1e-10, ["too steep"], "--tolerance"),
        (_answer(terminal=0.5), 1e-6, ["noise.sigma_max"], "--tolerance"),
    ],
)
def test_the_warning_says_the_number_and_what_to_type(
    answer: LogProb, tolerance: float | None, words: list[str], never: str
) -> None:
    (warning,) = _warnings(answer, tolerance)
    for word in ["1 of 2 log-densities", "5.0e-01 nats", *words]:
        assert word in warning
    assert never not in warning


def test_rows_without_a_solution_are_named_and_an_error_without_bound_is_called_so() -> None:
    answer = _answer(solver=np.inf)._replace(converged=np.array([True, False]))
    lines = _lines(answer, 1e-6)
    assert "largest error without bound" in lines[0]
    assert any("step limit on 1 of 2 rows" in line for line in lines)
