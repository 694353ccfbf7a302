"""The line that a stopped fit asks to be pasted means what was asked for first."""

import inspect
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from scorax.cli._command_line import command_line
from scorax.cli._fit import fit
from scorax.cli._infer import infer
from scorax.cli._logp import logp
from scorax.cli._sample import sample

PLAIN: dict[str, Any] = {
    "table": Path("a.csv"), "output": Path("run"), "resume": False, "config": None, "sets": None, "seed": 0,
    "holdout": None, "test": None, "folds": None, "minutes": None, "masks": False, "max_steps": None, "columns": None,
    "categories": None, "ignored": None, "schema": None, "make_report": True,
    "labels": None, "read_as": None, "size": None, "flip": False, "devices": 1, "distributed": False,
    "heartbeat": 30, "stream": False,
}  # fmt: skip
INFER: dict[str, Any] = {
    "simulations": Path("a.csv"), "observed": Path("x.csv"), "output": Path("run"), "parameters": None, "prior": None,
    "samples": 1000, "calibrate": None, "holdout": None, "resume": False, "seed": 0, "minutes": None, "max_steps": None,
    "sets": None,
}  # fmt: skip
SETS = ["noise.candidates=[0.1, 0.3]", 'ensemble.starts=["gaussian"]', "a=$HOME `id` 'x' \\ !"]


def understood(command: Callable[..., None], line: str) -> dict[str, Any]:
    """What a shell and the argument parser make of the line."""
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True).stdout
    program, name, *arguments = [word.decode(errors="surrogateescape") for word in words.split(b"\0")[:-1]]
    assert (program, name) == ("scorax", command.__name__)
    alone = typer.Typer(add_completion=False)
    alone.command()(command)
    context = typer.main.get_command(alone).make_context("scorax", arguments)
    return {key: value or None if isinstance(value, list | tuple) else value for key, value in context.params.items()}


def words_of(found: dict[str, object]) -> dict[str, str]:
    """Values as text; what may be given several times is a list, which some versions of the parser give as a tuple."""
    return {key: str(list(value) if isinstance(value, tuple) else value) for key, value in found.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"resume": True, "seed": 7},
        {"config": Path("my config.toml"), "sets": SETS, "make_report": False},
        {"holdout": 0.1, "folds": 3, "max_steps": 10},
        {"test": Path("test's.csv"), "table": Path("two words.csv"), "output": Path("-run")},
        {"table": Path("-a.csv"), "output": Path("line\nbreak\x1b[31m/\udcff"), "config": Path("ü/日本.toml")},
    ],
)
def test_a_line_of_fit_is_understood_as_it_was_meant(changes: dict[str, Any]) -> None:
    line = command_line(fit, PLAIN | changes)
    assert line.isprintable()
    found = understood(fit, line)
    assert words_of(found) == {k: str(v) for k, v in (PLAIN | changes).items()}


def test_a_line_of_infer_is_understood_as_it_was_meant() -> None:
    changes = {
        "prior": "a=uniform(-1,1), b c=normal(0,2)",
        "parameters": "b c,a",
        "resume": True,
        "sets": SETS,
        "samples": 3,
    }
    found = understood(infer, command_line(infer, INFER | changes))
    assert words_of(found) == {k: str(v) for k, v in (INFER | changes).items()}


@pytest.mark.parametrize("command", [fit, infer, sample, logp])
def test_every_option_is_written_down(command: Callable[..., None]) -> None:
    values = {name: _other(parameter) for name, parameter in inspect.signature(command).parameters.items()}
    alone = typer.Typer(add_completion=False)
    alone.command()(command)
    line = command_line(command, values)
    for declared in typer.main.get_command(alone).params:
        if declared.param_type_name == "option":
            assert any(f" {name}" in line for name in (*declared.opts, *declared.secondary_opts)), declared.name


def _other(parameter: Any) -> Any:
    """A value that is not the default."""
    return not parameter.default if isinstance(parameter.default, bool) else "7"
