"""What a notebook shows of log-densities."""

import numpy as np
import pytest

from scorax.likelihood import LogProb


def _answer(rows: int, probes: int) -> LogProb:
    errors = [np.full(rows, size) for size in (1e-3 if probes else 0.0, 2e-6, 3e-7)]
    value = -1.0 - np.arange(rows)
    return LogProb(value, *errors, np.full(rows, 0.25), np.full(rows, 44), np.arange(rows) > 0, np.full(rows, probes))


def test_a_notebook_shows_values_errors_and_what_they_are_made_of() -> None:
    page = _answer(12, probes=16)._repr_html_()
    for part in (
        "12 rows",
        "the first 5",
        "-1.0000",
        "-5.0000",
        "1.0e-03",
        "16 probes",
        "2.0e-06",
        "1 of 12 rows",
        "+2.5e-01",
    ):
        assert part in page
    assert "-6.0000" not in page
    assert "trace (exact)" in _answer(3, probes=0)._repr_html_()


def test_one_row_and_no_row_are_shown_too() -> None:
    one = LogProb(*(field[0] for field in _answer(1, probes=0)))
    assert "log-density of 1 row" in one._repr_html_()
    assert "log-density of 0 row" in _answer(0, probes=0)._repr_html_()


def test_a_confidence_is_a_probability() -> None:
    low, high = _answer(3, probes=16).interval(0.9)
    assert np.all(low < high)
    for wrong in (95, 0.0, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            _answer(3, probes=16).interval(wrong)
