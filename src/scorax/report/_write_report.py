"""From a run folder to its `report.html`."""

import json
from pathlib import Path
from typing import Any

from scorax._errors import InputError, explain
from scorax._text import shown_path
from scorax._write import write_text
from scorax.report._page import render


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
    value = _parse(file.read_text(encoding="utf-8"), shown_path(file))
    if not isinstance(value, dict):
        raise _damaged(shown_path(file), f"a {type(value).__name__}")
    return value


def _lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    texts = file.read_text(encoding="utf-8").splitlines()
    lines = [_parse(text, f"{shown_path(file)}, line {i}") for i, text in enumerate(texts, start=1) if text.strip()]
    return [line for line in lines if isinstance(line, dict)]


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _damaged(place, str(error)) from error


def _damaged(place: str, got: str) -> InputError:
    return InputError(f"{place}: " + explain(expected="a JSON object", got=got, do="restore the file or fit again"))
