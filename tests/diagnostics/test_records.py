"""Records against counts and numbers made by hand; none may hold a row of the data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from scorax import diagnostics
from scorax._errors import InputError
from scorax._mixed_rows import MixedRows
from scorax.checkpoint import RunFolder, read_records, record_files
from scorax.diagnostics import Axis
from scorax.records import HeldOut, Label, Marginals, Records, Sampling
from stand_in import correlated, moons, stand_in


def _numbers(value: Any) -> list[float]:
    """Every number of a JSON value."""
    if isinstance(value, dict | list):
        return [n for item in (value.values() if isinstance(value, dict) else value) for n in _numbers(item)]
    return [float(value)] if isinstance(value, int | float) else []


def axes_of(count: int) -> list[Axis]:
    return [Axis(f"c{j}", "continuous") for j in range(count)]


def test_histograms_count_every_row_inside_or_outside() -> None:
    data = np.column_stack([np.random.default_rng(0).standard_normal(400), np.arange(400) % 7])
    samples = np.column_stack([np.append(np.random.default_rng(1).standard_normal(299), 1e6), np.arange(300) % 7])
    axes = [Axis("a", "continuous"), Axis("b", "integer", 1.0)]
    columns = diagnostics.marginal_records(axes, data, samples).columns
    for j, column in enumerate(columns):
        assert column.edges is not None
        assert column.data is not None
        assert column.samples is not None
        assert column.outside is not None
        assert sum(column.data) + column.outside[0] == 400
        assert sum(column.samples) + column.outside[1] == 300
        expected = np.histogram(data[:, j], column.edges)[0]
        np.testing.assert_array_equal(column.data, expected)
    assert columns[0].outside is not None
    assert columns[0].outside[1] == 1, "one wild sample must not stretch the axis"
    np.testing.assert_allclose(columns[1].edges, np.arange(-0.5, 7.0))


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_bins_of_a_grid_hold_equally_many_grid_values(offset: float) -> None:
    data = offset + 0.1 * np.arange(1000)[:, None] % 100
    (column,) = diagnostics.marginal_records([Axis("a", "rounded", 0.1)], data, data).columns
    assert column.data is not None
    inner = column.data[1:-1]
    assert max(inner) == min(inner)


def test_the_distance_floor_holds_for_a_second_sample_of_the_same_law() -> None:
    generator = np.random.default_rng(0)

    def distances(shift: float) -> tuple[np.ndarray, np.ndarray]:
        data, samples = generator.standard_normal((300, 40)), generator.standard_normal((200, 40))
        columns = diagnostics.marginal_records(axes_of(40), data, shift + samples).columns
        return np.array([c.distance for c in columns]), np.array([c.floor for c in columns])

    same, floor = distances(0.0)
    # 5 % of 40 columns are expected beyond; 10 of 40 has probability 1e-5.
    assert np.sum(same > floor) < 10
    far, floor = distances(0.5)
    assert np.all(far > floor)
    assert np.mean(far) == pytest.approx(0.5, abs=0.06)


def test_correlations_are_spearmans_and_survive_a_constant_column() -> None:
    data = np.column_stack([correlated(0, 200, 4), np.full(200, 2.0)])
    record = diagnostics.correlation_records(list("abcde"), data, data[:100])
    np.testing.assert_allclose(np.array(record.data)[:4, :4].astype(float), spearmanr(data[:, :4])[0], atol=2e-3)
    assert record.names == tuple("abcd")
    assert record.total == 5
    assert record.largest is not None
    assert record.largest_pair is not None
    assert set(record.largest_pair) <= set("abcd")


def test_pairs_choose_the_strongest_columns_and_count_the_right_axes() -> None:
    generator = np.random.default_rng(0)
    base = generator.standard_normal((500, 1))
    data = generator.standard_normal((500, 9))
    data[:, [2, 7]] = base + 0.05 * generator.standard_normal((500, 2))
    record = diagnostics.pairwise_records(axes_of(9), data, data[:200], max_columns=4)
    assert {"c2", "c7"} <= set(record.names)
    assert len(record.names) == 4
    assert len(record.pairs) == 6
    pair = record.pairs[0]
    x, y = (int(record.names[place][1:]) for place in (pair.x, pair.y))
    expected = np.histogram2d(data[:, y], data[:, x], [record.edges[pair.y], record.edges[pair.x]])[0]
    np.testing.assert_array_equal(pair.data, expected)


def test_held_out_differences_are_paired() -> None:
    generator = np.random.default_rng(0)
    shared = 30 * generator.standard_normal(400)
    model, rival = shared + 0.5, shared + 0.1 * generator.standard_normal(400)
    record = diagnostics.held_out_records(
        model, {"Gaussian": rival - 2, "mixture": rival}, source="test file", log_scale=3.0
    )
    mixture = record.baselines[1]
    assert record.best == "mixture"
    assert mixture.difference == pytest.approx(0.5, abs=0.02)
    assert mixture.difference_error == pytest.approx(0.1 / 20, rel=0.2)
    assert record.model.error is not None
    assert record.model.error > 1
    assert mixture.gain == pytest.approx(2.0, abs=1e-9)
    assert record.model.standardised == pytest.approx(record.model.mean + 3, rel=1e-4)


def test_nats_at_deviation_one_do_not_depend_on_units() -> None:
    """Two numbers, of which the second is there in half of the scored rows; levels have no unit."""
    random = np.random.default_rng(3)
    numbers, levels = random.normal(size=(200, 2)), random.integers(0, 3, (200, 1))
    numbers[::2, 1] = np.nan
    rows, scored = (MixedRows(numbers[part], levels[part], (3,)) for part in (slice(0, 100), slice(100, None)))
    units = np.array([5.0, 0.01])
    other, asked = (MixedRows(units * own.numbers, own.levels, (3,)) for own in (rows, scored))
    apart = diagnostics.mean_log_scale(other, asked) - diagnostics.mean_log_scale(rows, scored)
    assert apart == pytest.approx(np.log(5.0) + 0.5 * np.log(0.01))  # what log-densities lose by the change of units
    none = MixedRows(np.full((4, 1), np.nan), np.zeros((4, 1), int), (2,))
    assert diagnostics.mean_log_scale(none, none) == 0


def test_failed_rows_are_counted_and_rows_in_no_fold_are_not_failures() -> None:
    model, rival = np.zeros(10), np.zeros(10)
    model[0], rival[1:3] = -np.inf, np.nan
    record = diagnostics.held_out_records(model, {"Gaussian": rival}, source="out-of-fold")
    assert (record.rows, record.failed) == (7, 1)
    topics = {s.topic: s.grade for s in diagnostics.verdict(Records(held_out=HeldOut((record,)))).sentences}
    assert topics["solver"] == "poor"
    with pytest.raises(InputError, match="finite log density"):
        diagnostics.held_out_records(np.full(10, np.nan), {"Gaussian": rival}, source="out-of-fold")


@pytest.mark.parametrize(("lead", "grade"), [(0.5, "good"), (0.0, "fair"), (-0.097, "fair"), (-0.5, "poor")])
def test_the_verdict_follows_the_paired_difference(lead: float, grade: str) -> None:
    noise = np.random.default_rng(0).standard_normal(500)
    record = diagnostics.held_out_records(noise * 0 + lead, {"Gaussian": noise - noise.mean()}, source="test file")
    result = diagnostics.verdict(Records(held_out=HeldOut((record,))))
    assert result.grade == grade
    assert result.key is not None
    assert result.key.value == pytest.approx(lead, abs=1e-9)


def test_copies_are_found_and_fresh_rows_are_not() -> None:
    generator = np.random.default_rng(0)
    train, fresh = generator.standard_normal((400, 5)), generator.standard_normal((400, 5))
    honest = diagnostics.nearest_records(train, fresh)
    copied = diagnostics.nearest_records(train, train + 0.01 * generator.standard_normal((400, 5)))
    exact = diagnostics.nearest_records(train, train)
    by_topic = [diagnostics.verdict(Records(nearest=r)).sentences[0].grade for r in (honest, copied, exact)]
    assert by_topic == ["good", "poor", "poor"]
    assert exact.exact == 1.0
    assert honest.small_table
    # A median has standard error 0.5 / sqrt(400) on either side.
    assert honest.shares[-1].closer == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("d", [1, 2, 13])
def test_evaluate_gives_records_that_are_read_as_they_were_written_and_hold_no_row(d: int, tmp_path: Path) -> None:
    train = moons(0, 150) if d == 2 else correlated(0, 150, d)
    records = diagnostics.evaluate(stand_in(train), train, seed=0)
    run = RunFolder(tmp_path / "run").create()
    files = record_files(records)
    for name, content in files.items():
        (run.path / name).write_bytes(content)
    assert read_records(run) == records
    assert (records.pairs is not None) == (d > 1)
    assert (records.field is not None) == (d == 2)
    assert records.held_out is not None
    assert records.held_out.comparisons[0].source == "out-of-fold"
    # Extremes are edges of bins; any other cell of a continuous column must be absent, at the digits records keep.
    cells = np.sort(train[:, -1 if d != 13 else 1])[1:-1]
    judged = [json.loads(content) for name, content in files.items() if Path(name).stem not in ("path", "field")]
    kept = {float(f"{n:.6g}") for n in _numbers(judged)}
    assert not kept & {float(f"{cell:.6g}") for cell in cells}


class _WithConstant:
    """A stand-in of two columns behind a third that is always 4 and has no part in the density."""

    out_of_fold_log_density_ = None
    fold_ = None

    def __init__(self, train: np.ndarray) -> None:
        self._plane = stand_in(train[:, :2], folds=None)
        self.axes_ = [*self._plane.axes_, Axis("same", "constant")]
        self.compared_ = train[:, :2]

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        return np.column_stack([self._plane.sample(n_samples, random_state), np.full(n_samples, 4.0)])

    def score_samples(self, x: np.ndarray) -> np.ndarray:
        return self._plane.score_samples(x[:, :2])

    def grad_log_density(self, x: np.ndarray) -> np.ndarray:
        return np.column_stack([self._plane.grad_log_density(x[:, :2]), np.zeros(len(x))])

    def sample_path(self, n_samples: int, num_frames: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
        levels, frames = self._plane.sample_path(n_samples, num_frames, random_state)
        return levels, np.concatenate([frames, np.full((*frames.shape[:2], 1), 4.0)], axis=2)


def test_evaluate_on_a_test_file_with_a_constant_column() -> None:
    rows = np.column_stack([moons(0, 200), np.full(200, 4.0)])
    model = _WithConstant(rows[:150])
    held_out = diagnostics.HeldOutRows(rows[150:, :2], lambda: model.score_samples(rows[150:]), "test file")
    records = diagnostics.evaluate(model, rows[:150], held_out=held_out, seed=0)
    assert records.held_out is not None
    (comparison,) = records.held_out.comparisons
    assert (comparison.source, comparison.rows, comparison.failed) == ("test file", 50, 0)
    assert records.pairs is not None
    assert records.pairs.names == ("column 0", "column 1")


def test_categories_are_bars_by_name_and_their_distance_is_total_variation() -> None:
    data = np.repeat([0.0, 1.0, 2.0, np.nan, 3.0], [50, 30, 16, 10, 4])[:, None]
    samples = np.repeat([0.0, 1.0, 2.0, 3.0], [40, 100, 50, 10])[:, None]
    axis = Axis("colour", "category", categories=("red", "green", "blue", "rare"))
    (column,) = diagnostics.marginal_records([axis], data, samples).columns
    # The level of four rows is not named, and counted all the same.
    assert column.labels == (Label(0, "red"), Label(1, "green"), Label(2, "blue"), Label(3, "1 more"))
    assert (column.bars, column.data, column.samples) == (True, (50, 30, 16, 4), (40, 100, 50, 10))
    assert column.missing == pytest.approx(10 / 110, rel=1e-5)
    assert (column.mean, column.deviation, column.measure) == ((None, None), (None, None), "total variation")
    assert column.distance == pytest.approx(0.5 * (0.3 + 0.2 + 0.09 + 0.01), rel=1e-5)
    assert {v.label: (v.data, v.samples) for v in column.values}["red"] == (0.5, 0.2)
    told = [s.text for s in diagnostics.verdict(Records(marginals=Marginals(110, 200, (column,)))).sentences]
    assert any("30 % of them would have to be in another category" in text for text in told)
    assert any("'red'" in text for text in told)


def test_samples_of_the_law_of_categories_are_rarely_beyond_the_floor_and_the_test() -> None:
    """Both at 5 % of 200 columns: more than 22 have a probability of 3e-4; the test is by a law that holds approximately."""
    generator = np.random.default_rng(0)
    shares = np.array([0.4, 0.3, 0.2, 0.06, 0.02, 0.02])
    draws = [generator.choice(6, size=(n, 200), p=shares).astype(float) for n in (150, 300)]
    axes = [Axis(f"c{j}", "category", categories=tuple("abcdef")) for j in range(200)]
    columns = diagnostics.marginal_records(axes, *draws).columns
    assert sum((c.distance or 0) > (c.floor or 0) for c in columns) <= 22
    assert sum(c.shape_p_value < 0.05 for c in columns) <= 22


def test_times_are_written_at_the_axis() -> None:
    days = np.arange(100.0)[:, None]
    axis = Axis("day", "time", 1.0, written=lambda values: [f"day {value:g}" for value in values])
    (column,) = diagnostics.marginal_records([axis], days, days).columns
    assert column.labels is not None
    assert all(label.text == f"day {label.at:g}" and 0 <= label.at <= 99 for label in column.labels)
    assert (column.bars, column.measure, column.mean) == (None, None, (None, None))


class _Mixed:
    """A stand-in that draws rows of its own table again, and fills their holes."""

    out_of_fold_log_density_ = None
    fold_ = None

    def __init__(self, axes: list[Axis], train: np.ndarray) -> None:
        self.axes_ = axes
        self._filled = np.where(np.isnan(train), 1.0, train)
        self.compared_ = MixedRows(np.empty((len(train), 0)), np.zeros((len(train), 1), int), (2,))

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        return self._filled[np.random.default_rng(random_state).integers(len(self._filled), size=n_samples)]

    def score_samples(self, x: np.ndarray) -> np.ndarray:
        raise AssertionError

    grad_log_density = score_samples

    def sample_path(self, n_samples: int, num_frames: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(num_frames, 0.0, -1), np.stack([self.sample(n_samples, random_state)] * num_frames)


def _mixed(kinds: str, holes: bool) -> Records:
    """Records of a table with a category for each ``c`` and a number for each ``n``; in every row a hole, or in none."""
    generator = np.random.default_rng(0)
    axes = [Axis(k, k, categories=tuple("xyz")) if k == "c" else Axis(k, k) for k in kinds]
    train = generator.integers(3, size=(120, len(kinds))).astype(float)
    if holes:
        train[np.arange(120), np.arange(120) % len(kinds)] = np.nan
    return diagnostics.evaluate(_Mixed(axes, train), train, seed=0)


@pytest.mark.parametrize(("kinds", "path"), [("c", None), ("cc", None), ("nc", 1), ("ncnn", 2)])
def test_categories_have_no_rank_and_no_way_through_noise(kinds: str, path: int | None) -> None:
    records = _mixed(kinds, holes=False)
    assert (records.path and len(records.path.names)) == path
    ranked = tuple("n" * kinds.count("n")) if kinds.count("n") > 1 else None
    assert (records.correlations and records.correlations.names) == ranked
    assert (records.pairs and records.pairs.names) == ranked
    assert records.field is None
    assert records.sampling == Sampling(500, 0)


def test_a_table_with_a_hole_in_every_row_has_records_of_single_columns_only() -> None:
    records = _mixed("ncn", holes=True)
    assert records.sampling == Sampling(500, 0, complete=0)
    assert (records.nearest, records.two_sample, records.correlations, records.pairs) == (None,) * 4
    assert records.marginals is not None
    assert [column.missing for column in records.marginals.columns] == pytest.approx([1 / 3] * 3, rel=1e-5)
