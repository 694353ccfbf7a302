"""docs/cli.md names every command, option, exit code and configuration key there is."""

import dataclasses
import inspect
import re
import typing
from pathlib import Path

import pytest

from scorax.cli import main
from scorax.estimators import FitConfig

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS = ("demo", "fit", "sample", "logp", "report", "info", "check")


def _meanings(cls: type) -> dict[str, str]:
    """Field -> description, from the ``Attributes:`` section of a docstring."""
    section = (inspect.getdoc(cls) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _rows(cls: type, prefix: str = "") -> list[str]:
    """One line of Markdown for each key of a configuration class."""
    hints, meanings, rows = typing.get_type_hints(cls), _meanings(cls), []
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            rows += _rows(kind, f"{prefix}{field.name}.")
        else:
            rows.append(f"| `{prefix}{field.name}` | {field.default} | {meanings[field.name]} |")
    return rows


def configuration() -> str:
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *_rows(FitConfig)])


def test_every_configuration_key_is_documented() -> None:
    block = re.search(r"<!-- configuration:.*?-->\n(.*?)\n*<!-- end of configuration -->", DOCS, re.DOTALL)
    assert block is not None
    assert block[1].strip() == configuration(), f"paste this between the markers of docs/cli.md:\n{configuration()}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    section = re.search(rf"^## scorax {command}\n(.*?)^## ", DOCS, re.DOTALL | re.MULTILINE)
    assert section is not None
    assert main([command, "--help"]) == 0
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    missing = {option for option in options if not re.search(rf"{option}\b", section[1])}
    assert not missing


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 130, 143])
def test_every_exit_code_is_documented(code: int) -> None:
    assert re.search(rf"^\| {code} \| \w", DOCS, re.MULTILINE)
