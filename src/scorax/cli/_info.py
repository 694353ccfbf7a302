"""`scorax info`: what a run folder holds, with every file checked against its manifest."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from scorax._text import shown_path
from scorax.cli._console import say, table


def info(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Say what a run is, and verify its files."""
    facts = _facts(run)
    if as_json:
        import json

        say(json.dumps(facts, indent=2))
    else:
        table(f"run {shown_path(run)}", ("", ""), [(name, _words(value)) for name, value in facts.items()])


def _facts(path: Path) -> dict[str, Any]:
    from scorax.checkpoint import RunFolder, verify_step
    from scorax.data import Schema

    run = RunFolder(path).require()
    step, _ = verify_step(run, fallback=False)
    record = run.read_json(run.run.name)
    schema = Schema.from_json(run.read_json(run.schema.name), str(run.schema))
    kinds = Counter(column.kind for column in schema.columns)
    return {
        "rows": record.get("data", {}).get("rows"),
        "columns": len(schema.columns),
        "kinds": dict(kinds),
        "step": step,
        "seed": record.get("seed"),
        "threads": record.get("nproc"),
        "versions": record.get("versions"),
        "files": "verified",
    }


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return "unknown" if value is None else str(value)
