"""No training is lost, neither to a fault after it nor to a missing file; and what cannot be fitted leaves nothing behind."""

import hashlib
import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from scorax._errors import InputError
from scorax._events import Event, Phase, Saved
from scorax.data import Table
from scorax.tables import FitRows, fit_run
from scorax.tables._advance import Advance
from tiny import TINY

pytestmark = pytest.mark.reliability

# Three columns: the records of two hold a picture of the density, which takes longer than all else here.
TEST = Table.of(np.random.default_rng(1).normal(size=(20, 3)))
ROWS = FitRows(Table.of(np.random.default_rng(0).normal(size=(60, 3))), test=TEST)


class Fault(Exception):
    """What goes wrong on purpose."""


class Finished(NamedTuple):
    """A run that nothing interrupted, and what was said while it was made."""

    run: Path
    events: list[Event]


def digests(run: Path) -> dict[str, str]:
    """SHA-256 of every file but those that hold the time of day."""
    files = [p for p in run.rglob("*") if p.is_file() and p.name not in ("log.jsonl", "run.json", "lock.holder")]
    return {str(p.relative_to(run)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    run, events = tmp_path_factory.mktemp("kept") / "run", list[Event]()
    fit_run(ROWS, run, TINY, seed=0, on_event=events.append)
    return Finished(run, events)


def copying(run: Path, places: range, copies: Path) -> Callable[[Event], None]:
    """Hears events, copies the run as a kill at each of the places but the last would leave it, and goes wrong at that."""
    numbers = itertools.count()

    def hear(event: Event) -> None:
        number = next(numbers)
        if number in places[:-1]:
            shutil.copytree(run, copies / str(number))
        if number == places[-1]:
            raise Fault

    return hear


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(1, id="first"),
        pytest.param(None, marks=pytest.mark.slow, id="all"),  # a fit resumed at each: seconds of tracing; CI does them
    ],
)
def test_a_fault_after_the_training_loses_none_of_it(finished: Finished, tmp_path: Path, copied: int | None) -> None:
    """The run in which it happens, and a copy of it at every event after the training, end with the bytes of an unbroken one.

    Every run has the copy at the first of these events, at which the most is left to do.
    """
    kinds = [type(event) for event in finished.events]
    trained = len(kinds) - kinds[::-1].index(Advance)
    assert kinds[trained : trained + 3] == [Saved, Phase, Saved]
    assert set(kinds[trained + 3 :]) == {Phase}
    run, copies = tmp_path / "run", tmp_path / "copies"
    with pytest.raises(Fault):
        fit_run(ROWS, run, TINY, seed=0, on_event=copying(run, range(trained, len(kinds)), copies))
    for broken in (run, *sorted(copies.iterdir())[:copied]):
        resumed = list[Event]()
        fit_run(ROWS, broken, TINY, seed=0, resume=True, on_event=resumed.append)
        assert not any(isinstance(event, Advance) for event in resumed), "it trained again"
        assert digests(broken) == digests(finished.run)


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize(
    "name", ["config.json", "run.json", "schema.json", "transform.safetensors", "metrics.jsonl", "config.json run.json"]
)
def test_a_run_that_misses_a_file_is_refused_and_left_as_it_is(
    finished: Finished, tmp_path: Path, name: str, resume: bool
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.run, run)
    for missing in name.split():
        (run / missing).unlink()
    before = digests(run)
    with pytest.raises(InputError, match=name.split()[0] if resume or "config" in name else "a run"):
        fit_run(ROWS, run, TINY, seed=0, resume=resume)
    assert digests(run) == before


def test_what_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for resume in (True, False):
        with pytest.raises(InputError, match=r"thesis\.tex"):
            fit_run(ROWS, tmp_path, TINY, seed=0, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_fit_killed_before_its_run_was_begun_starts_again(finished: Finished, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for folder in ("steps/.tmp-0123456789abcdef", "records"):
        (run / folder).mkdir(parents=True)
    for name in ("lock", "run.json", ".tmp-scorax-0123456789abcdef"):
        (run / name).touch()
    fit_run(ROWS, run, TINY, seed=0, resume=True)
    assert digests(run) == digests(finished.run)


def _rows(values: np.ndarray, **settings: Any) -> FitRows:
    return FitRows(Table.of(values), "mine.csv", test_name="other.csv", **settings)


ONE_FOLD = replace(TINY, ensemble=replace(TINY.ensemble, folds=1, holdout=0.99))
MANY_FOLDS = replace(TINY, ensemble=replace(TINY.ensemble, folds=13))
RARE = np.column_stack([np.arange(40.0), np.arange(40) == 39])


@pytest.mark.parametrize(
    ("rows", "config", "words"),
    [
        (_rows(np.ones((20, 2))), TINY, "mine.csv: .*constant columns only"),
        (_rows(np.arange(18.0).reshape(9, 2)), TINY, "mine.csv: expected at least 10 rows to fit, got 9"),
        (_rows(np.arange(40.0).reshape(20, 2), holdout=0.8), TINY, "mine.csv: .*10 rows to fit, got 4"),
        (_rows(np.arange(40.0).reshape(20, 2), holdout=0.01), TINY, "mine.csv: .*a hold-out of at least one row"),
        (_rows(RARE, holdout=0.7), TINY, "mine.csv: .*'x1' with others in the hold-out only"),
        (_rows(np.arange(40.0).reshape(20, 2), test=Table.of(np.ones((5, 1)))), TINY, "other.csv"),
        (_rows(np.arange(24.0).reshape(12, 2)), MANY_FOLDS, "at most the 12 rows, got 13"),
        (_rows(np.arange(24.0).reshape(12, 2)), ONE_FOLD, "two rows or more to train on"),
    ],
)
def test_what_cannot_be_fitted_is_named_and_leaves_nothing(
    tmp_path: Path, rows: FitRows, config: Any, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        fit_run(rows, tmp_path / "run", config, seed=0)
    assert list(tmp_path.iterdir()) == []
