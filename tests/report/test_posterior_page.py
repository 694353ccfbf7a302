"""The page of posteriors."""

from pathlib import Path

import numpy as np

from scorax.report import write_posterior


def test_draws_that_are_not_finite_are_counted_and_left_out(tmp_path: Path) -> None:
    """Of the second observation three are, of the third all: its table has a head only."""
    draws = np.random.default_rng(0).normal(size=(3, 200, 2))
    draws[1, :3, 1], draws[2] = np.nan, np.nan
    draws[1, 3:, 0] = 7.0
    write_posterior(tmp_path / "posterior.html", ("a", "b"), draws, [], None)
    first, second, third = (tmp_path / "posterior.html").read_text().split('<section id="observation-')[1:]
    assert "not finite" not in first
    assert "3 of 200 draws are not finite" in second
    assert "<td>a</td><td>7</td><td>0</td>" in second
    assert "200 of 200 draws are not finite" in third
    assert [part.count("<img") for part in (first, second, third)] == [1, 1, 0]
    assert [part.count("<tr>") for part in (first, second, third)] == [3, 3, 1]
