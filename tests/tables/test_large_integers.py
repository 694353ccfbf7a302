"""A density does not depend on where integers start: a table of clocks has the bits of the same table from 0."""

from pathlib import Path

import numpy as np
import pytest

from scorax import ScoreDensity
from scorax._errors import InputError
from scorax.data import read_table, write_table
from tiny import TINY


def integers() -> np.ndarray:
    """Ticks from 0 on, most of them different, and counts that follow them."""
    generator = np.random.default_rng(0)
    ticks = np.sort(generator.choice(400, 300, replace=False))
    return np.stack([ticks - ticks.min(), generator.poisson(20 + ticks / 20)], axis=1)


@pytest.fixture(scope="module")
def near() -> ScoreDensity:
    return ScoreDensity(TINY, random_state=0).fit(integers())


@pytest.mark.parametrize("start", [4_539_578_763_621_400, 1_700_000_000_123_456_789, 2**64 - 10_000])
def test_large_integers_are_fitted_drawn_scored_and_written_exactly(
    near: ScoreDensity, start: int, tmp_path: Path
) -> None:
    kind = np.uint64 if start >= 2**63 else np.int64
    rows, shift = integers().astype(kind), np.array([start, 0], kind)
    far = ScoreDensity(TINY, random_state=0).fit(rows + shift)
    np.testing.assert_array_equal(far.score_samples(rows[:40] + shift), near.score_samples(rows[:40]))
    drawn, expected = far.sample(40, random_state=1), near.sample(40, random_state=1)
    assert (drawn.dtype, expected.dtype) == (kind, np.int64)
    assert drawn.tolist() == [[start + tick, count] for tick, count in expected.tolist()]
    far.save(tmp_path / "run")
    again = ScoreDensity.load(tmp_path / "run")
    schema = again.schema_
    for suffix in (".csv", ".parquet", ".npy"):
        write_table(tmp_path / f"t{suffix}", schema.names, again.sample_rows(0, 40, 3), schema.formats)
        table = read_table(tmp_path / f"t{suffix}")
        back = schema.matrix(schema.match(table, "t"))
        assert back.tolist() == schema.matrix(far.sample_rows(0, 40, 3)).tolist(), suffix


def test_integers_that_range_too_far_are_refused_by_name() -> None:
    rows = integers()
    rows[3, 1] = 2**54
    with pytest.raises(InputError, match="column 'x1'"):
        ScoreDensity(TINY).fit(rows)
