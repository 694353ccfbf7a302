"""docs/cli.md names every command, option, exit code and configuration key there is.

``python tests/cli/test_docs.py`` writes the table of configuration keys anew.
"""

import dataclasses
import inspect
import re
import typing
from pathlib import Path

import pytest

from scorax.cli import main
from scorax.pictures import PictureConfig
from scorax.spec import Range
from scorax.tables import FitConfig

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
DOCS = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"(<!-- configuration: generated from (\w+).*?-->\n)(.*?)(<!-- end of configuration -->)", re.DOTALL)
CONFIGURATIONS = {"FitConfig": FitConfig, "PictureConfig": PictureConfig}
COMMANDS = (
    "demo",
    "schema",
    "fit",
    "sample",
    "logp",
    "impute",
    "infer",
    "evaluate",
    "simulate",
    "noise",
    "report",
    "info",
    "check",
    "launch",
)


def _meanings(cls: type) -> dict[str, str]:
    """Field -> description, from the ``Attributes:`` section of a docstring."""
    section = (inspect.getdoc(cls) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _rows(cls: type, prefix: str = "") -> list[str]:
    """One line of Markdown for each key of a configuration class."""
    hints, meanings, rows = typing.get_type_hints(cls, include_extras=True), _meanings(cls), []
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            rows += _rows(kind, f"{prefix}{field.name}.")
        else:
            default = "chosen" if field.default is None else field.default
            rows.append(f"| `{prefix}{field.name}` | {default} | {_range(kind)} | {meanings[field.name]} |")
    return rows


def _range(kind: typing.Any) -> str:
    """The range inside a type: of a number, of an optional one, of the numbers of a tuple."""
    if isinstance(kind, Range):
        return str(kind)
    parts = (*getattr(kind, "__metadata__", ()), *typing.get_args(kind))
    return next((text for part in parts if (text := _range(part))), "")


def configuration(name: str) -> str:
    return "\n".join(["| key | default | range | meaning |", "|---|---|---|---|", *_rows(CONFIGURATIONS[name])])


def test_every_configuration_key_is_documented() -> None:
    found = {block[2]: block[3].strip() for block in BLOCK.finditer(DOCS)}
    assert found == {name: configuration(name) for name in CONFIGURATIONS}, "run: python tests/cli/test_docs.py"


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


if __name__ == "__main__":
    PAGE.write_text(
        BLOCK.sub(lambda found: f"{found[1]}\n{configuration(found[2])}\n\n{found[4]}", DOCS), encoding="utf-8"
    )
