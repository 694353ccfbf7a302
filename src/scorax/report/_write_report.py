"""From a run folder to its `report.html`."""

from pathlib import Path
from typing import Any

from scorax._errors import InputError, explain
from scorax._text import shown_path
from scorax._write import write_text
from scorax.checkpoint import parse_json, read_json
from scorax.report._page import render

_MAXIMUM_BYTES = 16 * 2**20
"""Largest file read: a table at the limit of 10,000 columns has two megabytes of numbers for its columns."""


def write_report(run_path: Path) -> Path:
    """Read `records/*.json`, `metrics.jsonl`, `config.json`, `schema.json`, `run.json`; write and return `report.html`.

    A file that is absent makes its section say "not computed"; a file that is damaged is an error that names it.
    """
    if not run_path.is_dir():
        raise InputError(
            explain(expected="a run folder", got=shown_path(run_path), do="pass the folder that scorax fit wrote")
        )
    records = {file.stem: _mapping(file) for file in sorted((run_path / "records").glob("*.json"))}
    info: dict[str, Any] = {"path": str(run_path), "title": run_path.resolve().name}
    for name in ("config", "schema", "run"):
        file = run_path / f"{name}.json"
        info[name] = _mapping(file) if file.exists() else {}
    target = run_path / "report.html"
    write_text(target, render(records, _lines(run_path / "metrics.jsonl"), info))
    return target


def _mapping(file: Path) -> dict[str, Any]:
    value = read_json(file, maximum=_MAXIMUM_BYTES)
    if not isinstance(value, dict):
        raise InputError(
            f"{shown_path(file)}: "
            + explain(expected="a JSON object", got=f"a {type(value).__name__}", do="restore the file or fit again")
        )
    return value


def _lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    texts = file.read_bytes().splitlines()
    lines = [parse_json(text, f"{file}, line {i}") for i, text in enumerate(texts, start=1) if text.strip()]
    return [line for line in lines if isinstance(line, dict)]
