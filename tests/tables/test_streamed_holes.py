"""Missing cells of a table fitted from its files: every round fills all rows, as in memory, and a stopped fit goes on."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tiny
from scorax._errors import Interrupted
from scorax.data import open_table, read_table
from scorax.models import Evidence
from scorax.tables import FitConfig, FitRows, Recipe, Resumed, Streamed, TrainingConfig, _streamed, fit_run
from scorax.tables._advance import Advance
from scorax.tables._model import member_models
from scorax.tables._training import Training
from scorax.training import TrainState

ROWS = 400
CONFIG = dataclasses.replace(
    tiny.TINY,
    training=TrainingConfig(max_steps=12, batch_size=32, validate_every=2, save_every=2, patience=9, filling_rounds=3),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbers with two decimals, a number, and a class; a fifth of the cells is missing; row groups of 50 rows."""
    path, random = tmp_path_factory.mktemp("holes") / "t.parquet", np.random.default_rng(5)
    a, c = random.normal(size=ROWS).round(2), random.normal(size=ROWS)
    columns = {"a": a, "b": (a + random.normal(size=ROWS)).round(2), "c": c, "k": random.integers(0, 3, ROWS)}
    gone = random.uniform(size=(4, ROWS)) < 0.2
    gone[0, gone.all(axis=0)] = False
    texts = {0: "u", 1: "v", 2: "w"}
    cells = [[texts[v] for v in own.tolist()] if name == "k" else own.tolist() for name, own in columns.items()]
    table = {
        name: pa.array([None if hole else cell for cell, hole in zip(own, hides, strict=True)])
        for name, own, hides in zip(columns, cells, gone.tolist(), strict=True)
    }
    pq.write_table(pa.table(table), path, row_group_size=50)
    return path


def streamed(path: Path, folder: Path, **settings: object) -> FitRows:
    own, table = Streamed.of(open_table(path), folder, seed=0)
    return FitRows(table, streamed=own, **settings)  # type: ignore[arg-type]


def weights(config: FitConfig, rows: FitRows) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(Recipe(config, 0).fit(rows).last.state.best)]


@pytest.mark.bits
@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.slow)])  # CI runs both, as claims about bits
def test_a_sample_that_is_the_table_makes_the_fit_in_memory(path: Path, tmp_path: Path, rounds: int) -> None:
    """Where the rows are, and who fills them, is in no bit of the weights."""
    training = dataclasses.replace(CONFIG.training, filling_rounds=rounds)
    config = dataclasses.replace(CONFIG, training=training)
    expected = weights(config, FitRows(read_table(path, missing="keep"), holdout=0.2))
    for own, other in zip(expected, weights(config, streamed(path, tmp_path, holdout=0.2)), strict=True):
        np.testing.assert_array_equal(own, other)
    assert not any(tmp_path.iterdir())


def second_round(rows: FitRows) -> tuple[Training, Training, TrainState]:
    """The first and the second round of a fit, and the untrained state of the second."""
    seen: list[Training] = []

    def keep(training: Training) -> Resumed | None:
        seen.append(training)
        raise Interrupted("stopped", exit_code=130)

    with pytest.raises(Interrupted):
        Recipe(CONFIG, 0).fit(rows, begin=keep)
    (first,) = seen
    *_, last = first.states(None)
    return first, *first.next_round(last)


def test_every_member_sees_all_rows_filled_and_what_is_there_stays(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also rows outside of the sample, by draws of the law given the cells that are there; those of the report never."""
    monkeypatch.setattr(_streamed, "SAMPLED_ROWS", 60)
    monkeypatch.setattr(_streamed, "_MOST_LEVELS", 20)
    rows = streamed(path, tmp_path, holdout=0.2)
    first, training, _ = second_round(rows)
    stored, whole = training.stored, rows.found.schema.match(read_table(path, missing="keep"), "rows")
    assert first.stored is not None
    assert stored is not None
    table, coordinates = stored.table, training.blueprint.coordinates
    assert len(table.fitted) < 200, "the sample is a part"
    sampled = np.zeros(ROWS, bool)
    sampled[table.streamed.numbers] = True
    visited = table.beside | np.isin(np.arange(ROWS), table.fitted)
    assert np.count_nonzero(~visited) == round(0.2 * np.count_nonzero(sampled))
    holed = np.isnan(whole).any(axis=1)
    np.testing.assert_array_equal(table.holed, np.flatnonzero(holed & visited))
    assert training.num_missing == np.count_nonzero(np.isnan(whole[visited]))

    encoded = coordinates.encode(whole).astype(np.float32)
    there = ~np.isnan(whole)[:, coordinates.columns]
    for member in range(training.members):
        numbers = np.flatnonzero(table.beside)
        places = stored._seen(member, numbers.copy())
        before, after = first.rows.take(places), training.rows.take(places)
        np.testing.assert_array_equal(before.x0, encoded[numbers])
        assert isinstance(before.condition, Evidence)
        assert isinstance(after.condition, Evidence)
        np.testing.assert_array_equal(before.condition.target, there[numbers])
        assert after.condition.target.all()
        width = 2 * coordinates.num_numbers
        known = np.concatenate(
            [there[:, : coordinates.num_numbers]] * 2 + [there[:, coordinates.num_numbers :]], axis=1
        )
        np.testing.assert_array_equal(after.x0[known[numbers]], encoded[numbers][known[numbers]])
        assert np.all(np.abs(after.x0[:, width:]).max(axis=1) > 0), "a class is drawn for every row"
        # The sample knows its own draws: the law of the start of a round is held against them.
        own = training.held_out(member)
        seen = training.rows.take(training.places(member, own)).x0
        np.testing.assert_array_equal(seen, coordinates.encode(training.filled(member, own)).astype(np.float32))
    assert set(training.visited(0).tolist()).isdisjoint(np.flatnonzero(~visited).tolist())


def test_filling_in_any_blocks_draws_the_same(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The draws of a row follow from its cells, its number among the rows that are filled, and the key."""
    first, training, _ = second_round(streamed(path, tmp_path))
    assert first.stored is not None
    pq.write_table(pq.read_table(path), tmp_path / "one.parquet")  # one row group
    one = dataclasses.replace(first.stored.table.streamed, source=open_table(tmp_path / "one.parquet"))
    table = dataclasses.replace(first.stored.table, streamed=one)
    assert training.round.model is not None
    again, draws = type(first.stored)(table).refilled(
        member_models(training.round.model), training._filler, key=training._filling(2)
    )
    np.testing.assert_array_equal(draws, training.round.draws)
    places = np.arange(ROWS, len(again))
    np.testing.assert_array_equal(again.take(places).x0, training.rows.take(places).x0)


@pytest.mark.reliability
@pytest.mark.parametrize("polls", [4, pytest.param(7, marks=pytest.mark.slow)])  # a fit more; CI runs it
def test_a_fit_that_is_stopped_in_any_round_goes_on_to_the_same_bytes(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, polls: int
) -> None:
    """In the first step of the second round, and in the third: the cells are filled again by the weights of the round before."""
    monkeypatch.setattr(_streamed, "SAMPLED_ROWS", 60)
    monkeypatch.setattr(_streamed, "_MOST_LEVELS", 20)
    calls, rounds = [], []

    def stop() -> None:
        calls.append(1)
        if len(calls) == polls:
            raise Interrupted("stopped", exit_code=130)

    def hear(event: object) -> None:
        if isinstance(event, Advance):
            rounds.append(event.training.round.number)

    folders = [tmp_path / "whole", tmp_path / "stopped"]
    fit_run(streamed(path, folders[0]), folders[0], CONFIG, seed=0, records=False)
    with pytest.raises(Interrupted):
        fit_run(streamed(path, folders[1]), folders[1], CONFIG, seed=0, records=False, poll=stop, on_event=hear)
    assert rounds[-1] == {4: 2, 7: 3}[polls]
    fit_run(streamed(path, folders[1]), folders[1], CONFIG, seed=0, records=False, resume=True)
    names = ["best", "filler", "optimizer", "round"]
    for name in (*(f"steps/00000012/{name}.safetensors" for name in names), "metrics.jsonl", "transform.safetensors"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
