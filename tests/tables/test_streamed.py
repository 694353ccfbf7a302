"""A table fitted from its files: the sample shows all that columns hold, every row is visited, and nothing else changes."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tiny
from scorax._errors import InputError, Interrupted
from scorax.checkpoint import RunFolder
from scorax.cli import main
from scorax.data import TableSource, open_table, read_table
from scorax.tables import (
    EnsembleConfig,
    EvaluationRows,
    FitConfig,
    FitRows,
    Recipe,
    Streamed,
    TrainingConfig,
    _evaluation_rows,
    _streamed,
    fit_run,
    open_run,
)
from scorax.tables._streamed import first_rows

RANDOM = np.random.default_rng(3)
ROWS = 400
CONFIG = dataclasses.replace(
    tiny.TINY,
    training=TrainingConfig(max_steps=12, batch_size=32, validate_every=4, save_every=4, patience=9),
    ensemble=dataclasses.replace(tiny.TINY.ensemble, folds=1),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbers with two decimals, a class of which one level has a single row, and counts, in row groups of 50 rows."""
    path = tmp_path_factory.mktemp("streamed") / "t.parquet"
    a = RANDOM.normal(size=ROWS).round(2)
    k = np.array(["u", "v"])[(RANDOM.uniform(size=ROWS) < 0.4).astype(int)].astype(object)
    k[317] = "w"
    pq.write_table(pa.table({"a": a, "b": (a + RANDOM.normal(size=ROWS)).round(2), "k": k}), path, row_group_size=50)
    return path


def streamed(path: Path, folder: Path, **settings: object) -> FitRows:
    own, table = Streamed.of(open_table(path), folder, seed=0)
    return FitRows(table, streamed=own, **settings)  # type: ignore[arg-type]


def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty drawn rows are in memory, and those that show columns of at most twenty values."""
    monkeypatch.setattr(_streamed, "SAMPLED_ROWS", 60)
    monkeypatch.setattr(_streamed, "_MOST_LEVELS", 20)


def weights(config: FitConfig, rows: FitRows) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(Recipe(config, 0).fit(rows).last.state.best)]


def test_first_rows_show_every_level_and_both_ends(path: Path, tmp_path: Path) -> None:
    table = read_table(path)
    for source in (open_table(path), TableSource(table)):
        shown = table.values[first_rows(source)]
        for j in range(3):
            assert {*np.unique(table.values[:, j])} == {*np.unique(shown[:, j])}
    many = np.arange(3000.0)[RANDOM.permutation(3000)]
    holed = np.where(np.arange(3000) == 1234, np.nan, many)
    pq.write_table(pa.table({"many": many, "holed": pa.array(holed, from_pandas=True)}), tmp_path / "m.parquet")
    found = first_rows(open_table(tmp_path / "m.parquet"))
    assert sorted(found) == sorted([many.argmin(), many.argmax(), np.nanargmin(holed), np.nanargmax(holed), 1234])


@pytest.mark.bits
def test_a_sample_that_is_the_table_makes_the_fit_in_memory(path: Path, tmp_path: Path) -> None:
    """Where the rows are, and who reads them, is in no bit of the weights."""
    expected = weights(CONFIG, FitRows(read_table(path)))
    for own, other in zip(expected, weights(CONFIG, streamed(path, tmp_path)), strict=True):
        np.testing.assert_array_equal(own, other)
    assert not any(tmp_path.iterdir())


def test_all_rows_but_those_held_out_are_visited(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch)
    rows = streamed(path, tmp_path, holdout=0.2)
    seen = []
    Recipe(CONFIG, 0).fit(rows, begin=lambda training: seen.append(training))  # type: ignore[func-returns-value]
    (training,) = seen
    stored, whole = training.stored, read_table(path)
    assert stored is not None
    values = rows.found.schema.match(whole, "rows")
    expected = training.blueprint.coordinates.encode(values).astype(np.float32)
    numbers = RANDOM.permutation(ROWS).reshape(20, 20)
    np.testing.assert_array_equal(stored.take(numbers).x0, expected[numbers])
    sample = rows.streamed.numbers if rows.streamed is not None else np.zeros(0, int)
    assert 60 <= len(sample) < 200
    held = set(training.places(0, training.held_out(0)).tolist())
    visited = set(training.visited(0).tolist())
    report = set(sample.tolist()) - held - visited
    assert len(report) == round(0.2 * len(sample))
    assert held | visited | report == set(range(ROWS))
    assert not held & visited
    # Levels are counted in all rows that are trained on.
    counts = np.bincount(rows.found.schema.encode(values[sorted(visited)]).levels[:, 0], minlength=3)
    prior = np.asarray(training.blueprint.starts.log_priors[0][0])
    np.testing.assert_allclose(prior, np.log((counts + 0.5) / (counts.sum() + 1.5)), rtol=1e-6)


def test_a_stopped_fit_goes_on_to_the_same_bytes(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch)
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Interrupted("stopped", exit_code=130)

    folders = [tmp_path / "whole", tmp_path / "stopped"]
    fit_run(streamed(path, folders[0]), folders[0], CONFIG, seed=0, records=False)
    with pytest.raises(Interrupted):
        fit_run(streamed(path, folders[1]), folders[1], CONFIG, seed=0, records=False, poll=stop)
    fit_run(streamed(path, folders[1]), folders[1], CONFIG, seed=0, records=False, resume=True)
    for name in ("steps/00000012/best.safetensors", "metrics.jsonl", "transform.safetensors"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_what_needs_all_rows_in_memory_is_refused(path: Path, tmp_path: Path) -> None:
    bootstrap = dataclasses.replace(CONFIG, ensemble=EnsembleConfig(bootstrap=True))
    given = dataclasses.replace(CONFIG, training=dataclasses.replace(CONFIG.training, given=("a",)))
    for config, got in ((bootstrap, r"ensemble\.bootstrap"), (given, r"training\.given")):
        with pytest.raises(InputError, match=rf"members on whole rows as they are \(--stream\), got {got}"):
            streamed(path, tmp_path).split(config, 0)


def test_a_row_outside_of_the_sample_that_has_no_place_is_named_before_the_run_is_made(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few_rows(monkeypatch)
    monkeypatch.setattr(_streamed, "_MOST_LEVELS", 1)  # so that nothing shows the level of a single row
    run = tmp_path / "run"
    assert main(["fit", str(path), "-o", str(run), "--stream", "--max-steps", "2"]) == 2
    said = capsys.readouterr().err
    assert "t.parquet, after row 300: expected values of the fit in column 'k' (category), got another" in said
    assert "in row 18 (1 of 50 rows)" in said
    assert not run.exists()


def test_an_evaluation_takes_the_rows_that_the_fit_had_in_memory(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And as many of a test file, drawn by the seed; every row of it is looked at."""
    few_rows(monkeypatch)
    monkeypatch.setattr(_evaluation_rows, "SAMPLED_ROWS", 60)
    run, rows = tmp_path / "run", streamed(path, tmp_path / "run", holdout=0.2)
    fit_run(rows, run, CONFIG, seed=0, records=False)
    saved = open_run(RunFolder(run))
    asked = EvaluationRows.of(saved, open_table(path), open_table(path))
    np.testing.assert_array_equal(asked.fit, rows.split(CONFIG, 0).train)
    assert asked.partial
    assert asked.count == ROWS
    whole = {tuple(row) for row in rows.found.schema.match(read_table(path), "rows").tolist()}
    assert len(asked.held) == 60
    assert {tuple(row) for row in asked.held.tolist()} <= whole
    table = pq.read_table(path)
    pq.write_table(
        table.set_column(0, "a", pa.array([*(k / 8 for k in range(ROWS - 1)), None])), tmp_path / "t.parquet"
    )
    with pytest.raises(InputError, match=rf"column 'a', which .* a missing cell in row {ROWS}"):
        EvaluationRows.of(saved, open_table(tmp_path / "t.parquet"))
    with pytest.raises(InputError, match="the table of the fit"):
        EvaluationRows.of(saved, open_table(path), open_table(tmp_path / "t.parquet"))


def test_the_command_line_says_what_is_in_memory(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few_rows(monkeypatch)
    line = ["fit", str(path), "-o", str(tmp_path / "run"), "--stream", "--no-report", "--max-steps", "4"]
    sets = [
        "network.width=8",
        "network.depth=1",
        "ensemble.folds=1",
        "noise.candidates=[0.1]",
        "sampling.evaluations=4",
    ]
    assert main([*line, *[word for one in sets for word in ("--set", one)]]) == 0
    said = capsys.readouterr().err
    assert "t.parquet: 400 rows, 3 columns" in said
    assert "trained from its files" in said
    assert main(["sample", str(tmp_path / "run"), "-n", "5", "-o", str(tmp_path / "new.csv")]) == 0
    assert read_table(tmp_path / "new.csv").rows == 5
