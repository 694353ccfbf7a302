"""`scorax info`: what a run folder holds, with every file checked against its manifest."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from scorax._text import shown_path
from scorax.cli._console import table


def info(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Say what a run is, and verify its files."""
    facts = _facts(run)
    if as_json:
        import json

        print(json.dumps(facts, indent=2))  # ASCII: JSON escapes whatever a name holds
    else:
        table(f"run {shown_path(run)}", ("", ""), [(name.replace("_", " "), _words(facts[name])) for name in facts])


def _facts(path: Path) -> dict[str, Any]:
    from scorax.checkpoint import RunFolder, verify_step
    from scorax.data import Schema

    run = RunFolder(path).require()
    step, _ = verify_step(run, fallback=False)
    schema = Schema.from_json(run.read_json(run.schema.name), shown_path(run.schema))
    record = run.read_json(run.run.name)
    finished = _entry(record, "sigma_min") is not None
    return {
        "state": "finished" if finished else "unfinished: go on with scorax fit --resume",
        "rows": _entry(record, "data", "rows"),
        "columns": len(schema.columns),
        "kinds": dict(Counter(column.kind for column in schema.columns)),
        "members": _entry(record, "members"),
        "start": _entry(record, "start"),
        "step": step,
        "best_steps": _entry(record, "best_steps"),
        "sigma_min": _entry(record, "sigma_min"),
        "held_out_nats": _entry(record, "out_of_fold_nats"),
        "seed": _entry(record, "seed"),
        "threads": _entry(record, "nproc"),
        "device": _entry(record, "device"),
        "versions": _entry(record, "versions"),
        "files": "verified",
    }


def _entry(record: Any, *keys: str) -> Any:
    """An entry of nested objects, or None where there is none: run.json is a note, nothing is built from it."""
    for key in keys:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _words(value: Any) -> str:
    match value:
        case None:
            return "not recorded"
        case dict():
            return ", ".join(f"{key} {item}" for key, item in value.items())
        case list():
            return ", ".join(map(str, value))
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
