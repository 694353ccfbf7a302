"""`scorax info`: what a run folder holds, with every file checked against its manifest."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from scorax._text import shown_path
from scorax.cli._console import table
from scorax.cli._pictures import of_pictures, summary_of_pictures


@dataclass(frozen=True)
class Summary:
    """A run in a few words; ``None`` is not recorded."""

    state: str
    rows: int | None
    columns: int
    kinds: dict[str, int]
    members: int | None
    start: str | None
    step: int | None
    best_steps: tuple[int, ...] | None
    sigma_min: float | None
    held_out_nats: float | None
    seed: int
    threads: int | None
    device: str | None
    versions: dict[str, str] | None
    files: str


def info(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Say what a run is, and verify its files."""
    facts = asdict(summary_of_pictures(run) if of_pictures(run) else _summary(run))
    if as_json:
        import json

        print(json.dumps(facts, indent=2))  # ASCII: JSON escapes whatever a name holds
    else:
        table(f"run {shown_path(run)}", ("", ""), [(name.replace("_", " "), _words(facts[name])) for name in facts])


def _summary(path: Path) -> Summary:
    from scorax.checkpoint import RunFolder, read_metrics, read_records, verify_run
    from scorax.tables import read_config, read_schema

    run = RunFolder(path)
    facts = verify_run(run)
    schema, _ = read_schema(run), read_config(run)
    read_records(run)
    read_metrics(run)
    complete = facts.files is not None
    return Summary(
        state="finished" if complete else "unfinished: go on with scorax fit --resume",
        rows=None if facts.data is None else facts.data.rows,
        columns=len(schema.columns),
        kinds=dict(Counter(column.kind for column in schema.columns)),
        members=facts.members,
        start=facts.start,
        step=max(run.saved_steps(), default=None),
        best_steps=facts.best_steps,
        sigma_min=facts.sigma_min,
        held_out_nats=facts.out_of_fold_nats,
        seed=facts.seed,
        threads=facts.nproc,
        device=facts.device,
        versions=facts.versions,
        files="verified" if complete else "verified as far as the saved steps; the rest is sealed when the fit ends",
    )


def _words(value: Any) -> str:
    match value:
        case None:
            return "not recorded"
        case dict():
            return ", ".join(f"{key} {item}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(map(str, value))
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
