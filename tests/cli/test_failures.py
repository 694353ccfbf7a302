"""From an exception to one line and an exit code."""

import errno
from pathlib import Path

import pytest

from scorax._errors import DivergedError, EnvironmentFailure, FolderInUseError, InputError, Interrupted, ScoraxError
from scorax.cli import _app, main
from scorax.cli._console import clean, one_line
from scorax.cli._failures import explain_failure


class XlaRuntimeError(RuntimeError):
    """Named as XLA names its own."""


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ScoraxError("plain"), 1, "plain"),
        (InputError("bad"), 2, "bad"),
        (EnvironmentFailure("full"), 3, "full"),
        (DivergedError("NaN"), 4, "NaN"),
        (FolderInUseError("busy"), 5, "busy"),
        (Interrupted("stopped", exit_code=143), 143, "stopped"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 3, "--batch"),
        (XlaRuntimeError("RESOURCE_EXHAUSTED: 1 TB"), 3, "--batch"),
        (XlaRuntimeError("INTERNAL: broken"), 1, "bug"),
        (OSError(errno.ENOSPC, "No space left on device", "out.csv"), 3, "out.csv"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 3, "closed pipe"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.csv"), 2, "a.csv"),
        (KeyError("x"), 1, "bug"),
    ],
)
def test_every_error_has_its_code_and_one_line(error: BaseException, code: int, words: str) -> None:
    got, text = explain_failure(error)
    assert got == code
    assert words in text
    assert "\n" not in text


def test_names_from_files_cannot_move_the_cursor() -> None:
    hostile = "a\x1b[31mred\x07\u202ebidi\u2028line\x00[bold]"
    assert clean(hostile) == r"a\x1b[31mred\x07\u202ebidi\u2028line\x00[bold]"
    assert one_line("first\n\n  second\x1b\n") == r"first; second\x1b"


def _raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(path: Path) -> None:
        raise error

    monkeypatch.setattr("scorax.cli._info._facts", explode)


def test_a_bug_says_how_to_report_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _raising(ZeroDivisionError("oops\n[red]"), monkeypatch)
    assert main(["info", "run"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("scorax: error: this is a bug in scorax (ZeroDivisionError: oops; [red])")
    assert "--debug" in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("line", [["--debug", "info", "run"], ["info", "run", "--debug"]])
def test_debug_shows_the_traceback(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raising(ZeroDivisionError("oops"), monkeypatch)
    assert main(line) == 1
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "in explode" in err
    assert err.splitlines()[-1].startswith("scorax: error: this is a bug")


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (BrokenPipeError(errno.EPIPE, "Broken pipe"), 3), (EOFError("end"), 1)],
)
def test_errors_that_parsers_like_to_take_reach_us(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raising(error, monkeypatch)
    assert main(["info", "run"]) == code
    assert capsys.readouterr().err.startswith("scorax: error: ")


def test_global_flags_may_stand_anywhere_but_after_two_dashes() -> None:
    assert _app._split_flags(["fit", "--debug", "a", "--", "--debug"]) == ({"--debug"}, ["fit", "a", "--", "--debug"])
