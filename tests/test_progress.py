"""What fit says while it works."""

from dataclasses import dataclass

import jax
import numpy as np
import pytest

from coded import exact
from scorax import _rows
from scorax._events import AbstractAdvance, Note, Phase, Saved
from scorax._progress import Bar, Lines, Progress, RowProgress, View, describe, duration
from scorax._rows import RowKeys, map_rows
from scorax.likelihood import coded_log_prob, log_prob
from scorax.networks import line_codebook
from scorax.processes import VP
from scorax.targets import ExactDenoiser, gaussian
from scorax.transforms import Standardize, encode_rows


class Recorder(View):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.last: tuple[int, int, str] | None = None
        self.all: list[str] = []

    def start(self) -> None:
        self.said.append("start")

    def stop(self) -> None:
        self.said.append("stop")

    def line(self, text: str) -> None:
        self.said.append(text)

    def phase(self, text: str) -> None:
        self.said.append(f"phase {text}")

    def steps(self, step: int, max_steps: int, detail: str, what: str = "step") -> None:
        self.last = (step, max_steps, detail)
        self.all.append(f"{what} {step}/{max_steps} {detail}".strip())


@dataclass(frozen=True)
class Advance(AbstractAdvance):
    step: int = 0
    max_steps: int = 1000
    loss: float = 1.25
    held_out_nats: float | None = None
    active: int = 1
    members: int = 1


def test_time_left_is_promised_once_and_leaves_the_compile_out() -> None:
    clock = iter([0.0, 10.0, 12.0])
    view = Recorder()
    with Progress(view, clock=lambda: next(clock)) as progress:
        progress(Phase("compiling"))
        progress(Advance(0, loss=float("nan"), held_out_nats=-3.0))
        assert view.last == (0, 1000, "held-out -3.000 nats")
        progress(Advance(100))
        assert view.last == (100, 1000, "loss 1.25")
        progress(Advance(200))  # 100 steps in 10 s, 800 to go
        assert view.last == (200, 1000, "loss 1.25, at most 80 s left")
        progress(Advance(300))  # 200 steps in 12 s, 700 to go
        assert view.last == (300, 1000, "loss 1.25, at most 42 s left")
        progress(Saved(300))
        progress(Note("a note"))
    promised = [line for line in view.said if line.startswith("about")]
    assert promised == ["about 80 s at most; training ends sooner when held-out rows stop improving"]
    assert [line for line in view.said if line not in promised] == ["start", "phase compiling", "a note", "stop"]


def test_members_and_held_out_nats_are_described() -> None:
    event = Advance(0, loss=0.5, held_out_nats=-16.4567, members=5, active=3)
    assert describe(event) == "loss 0.5, held-out -16.457 nats, 3 of 5 members training"
    before = Advance(0, loss=0.5, held_out_nats=float("nan"), members=5, active=3)
    assert describe(before) == "loss 0.5, 3 of 5 members training"


@pytest.mark.parametrize(("seconds", "words"), [(3.4, "3 s"), (89.0, "89 s"), (150.0, "2 min"), (7200.0, "2.0 h")])
def test_durations_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_plain_lines_are_few_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    view = Lines(every=60.0)
    for step in range(1, 100):
        view.steps(step, 100, "loss 1")
    view.steps(100, 100, "loss 2")
    view.line("name \x1b[2J")
    assert capsys.readouterr().err.splitlines() == ["step 1/100: loss 1", "step 100/100: loss 2", r"name \x1b[2J"]


def test_bar_shows_data_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(Bar()) as progress:
        progress(Phase("[red]reading\x1b"))
        progress(Note("[bold]note\x1b"))
        progress(Advance(100))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert r"[bold]note\x1b" in captured.err


def _twice(row: jax.Array, key: jax.Array | None) -> jax.Array:
    return 2 * row


def test_rows_are_counted_where_they_are_mapped_and_their_time_left_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls of a block of 128 rows, then 16 blocks as they are quick; encodings are a part of the work and not counted."""
    monkeypatch.setattr(_rows, "SHOWN_EVERY", 1e9)
    clock, view = iter(10.0 * k for k in range(9)), Recorder()
    rows = np.ones((5000, 2), np.float32)
    keys = RowKeys(jax.random.key(0), range(5000))
    with RowProgress(5000, view, clock=lambda: next(clock)):
        encode_rows(Standardize(np.zeros(2), np.ones(2)), rows[:10], key=jax.random.key(0))
        map_rows(_twice, rows, keys, shape=(2,))
    done = [128, 256, 2304, 4352, 5000]
    left = ["", " about 6 min left", " about 25 s left", " about 5 s left", ""]
    assert view.all == [f"row {rows}/5000{seconds}" for rows, seconds in zip(done, left, strict=True)]
    map_rows(_twice, rows[:10], RowKeys(jax.random.key(0), range(10)), shape=(2,))
    assert len(view.all) == 5
    assert view.said == ["start", "stop"]


@pytest.mark.parametrize(("seconds", "calls"), [(0.0, [64, 128, 192, 256, 300]), (1e9, [64, 128, 300])])
def test_rows_that_are_counted_are_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, seconds: float, calls: list[int]
) -> None:
    """Slow rows come a block a call. Their bits are those of rows that nobody waits for."""
    monkeypatch.setattr(_rows, "SHOWN_EVERY", seconds)
    rows, view = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32), Recorder()
    model = ExactDenoiser.create(gaussian(np.zeros(2), np.eye(2)), VP())
    with RowProgress(300, view):
        shown = log_prob(model, rows, tolerance=0.1)
    assert [line.split()[1] for line in view.all] == [f"{rows}/300" for rows in calls]
    assert np.array_equal(shown.value, log_prob(model, rows, tolerance=0.1).value)


def test_draws_of_a_row_are_parts_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five draws of 1,000 rows, in calls of 64, 64 and 1,024: a row is done when its draws are."""
    monkeypatch.setattr(_rows, "SHOWN_EVERY", 1e9)
    view = Recorder()
    model = exact(np.array([0.3, 0.7]), [line_codebook(2)])
    with RowProgress(2000, view):
        coded_log_prob(
            model, np.zeros((1000, 0)), np.zeros((1000, 1), int), draws=5, key=jax.random.key(0), tolerance=0.1
        )
    assert [line.split()[1] for line in view.all] == [f"{rows}/2000" for rows in (12, 25, 230, 435, 640, 844, 1000)]


def test_a_line_without_more_to_say_ends_with_the_count(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(every=0.0).steps(5, 10, "", "row")
    assert capsys.readouterr().err == "row 5/10\n"


def test_quick_work_on_rows_leaves_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with RowProgress(10, Lines(begun=True)) as progress:
        progress.advance(10)
    assert capsys.readouterr().err == ""
