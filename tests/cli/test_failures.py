"""From an exception to one line and an exit code."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scorax._errors import DivergedError, EnvironmentFailure, FolderInUseError, InputError, Interrupted, ScoraxError
from scorax._text import clean
from scorax.checkpoint import RunFolder
from scorax.cli import _app, main
from scorax.cli._console import one_line
from scorax.cli._failures import explain_failure

pytestmark = pytest.mark.reliability


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
    def explode(run: RunFolder) -> None:
        raise error

    monkeypatch.setattr("scorax.checkpoint.verify_run", explode)


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
    [(KeyboardInterrupt(), 130), (EOFError("end"), 1)],
)
def test_errors_that_parsers_like_to_take_reach_us(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raising(error, monkeypatch)
    assert main(["info", "run"]) == code
    assert capsys.readouterr().err.startswith("scorax: error: ")


@pytest.mark.parametrize("command", [["--help"], ["--version"], ["fit", "--help"]])
def test_a_reader_who_has_had_enough_is_no_error(command: list[str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "scorax", *command]
    done = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_work_goes_on_where_nobody_reads_about_it(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    script = "from scorax.cli._console import note; note('going on'); open('done', 'w').close()"
    subprocess.run([sys.executable, "-c", script], stderr=writer, timeout=60, check=True, cwd=tmp_path)
    os.close(writer)
    assert (tmp_path / "done").exists()


def test_global_flags_may_stand_anywhere_but_after_two_dashes() -> None:
    assert _app._split_flags(["fit", "--debug", "a", "--", "--debug"]) == ({"--debug"}, ["fit", "a", "--", "--debug"])
