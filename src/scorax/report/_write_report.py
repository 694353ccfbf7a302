"""From a run folder to its `report.html`."""

from pathlib import Path

from scorax.checkpoint import RunFacts, RunFolder, read_metrics, read_records, replace_files
from scorax.report._page import render
from scorax.spec import to_json


def write_report(run_path: Path) -> Path:
    """Write and return `report.html` of a run, from its records, metrics, configuration, schema and `run.json`.

    A record that is absent makes its section say "not computed".

    Raises:
        InputError: a file of the run is damaged; it is named.
    """
    run = RunFolder(run_path)

    def page(facts: RunFacts) -> dict[str, bytes]:
        info = {
            "path": str(run_path),
            "title": run_path.resolve().name,
            "config": run.read_json(run.config.name),
            "schema": run.read_json(run.schema.name),
            "run": to_json(facts),
        }
        return {run.report.name: render(read_records(run), read_metrics(run), info).encode()}

    replace_files(run, (run.report.name,), page)
    return run.report
