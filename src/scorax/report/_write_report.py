"""From a run folder to its `report.html`."""

from pathlib import Path

from scorax._errors import InputError, explain
from scorax._text import shown_path
from scorax.checkpoint import RunFacts, RunFolder, read_metrics, read_records, replace_files
from scorax.report._page import render
from scorax.report._picture_page import render_pictures


def write_report(run_path: Path) -> Path:
    """Write and return `report.html` of a run, from its records, metrics, schema and `run.json`.

    A record that is absent makes its section say "not computed".

    Raises:
        InputError: a file of the run is damaged; it is named.
    """
    run = RunFolder(run_path)

    def page(facts: RunFacts) -> dict[str, bytes]:
        if facts.kind == "pictures":
            record = read_records(run).pictures
            return {run.report.name: render_pictures(record, read_metrics(run), facts, _words(run), run_path).encode()}
        text = render(read_records(run), read_metrics(run), facts, _kinds(run), run_path)
        return {run.report.name: text.encode()}

    replace_files(run, (run.report.name,), page)
    return run.report


def _words(run: RunFolder) -> str:
    """Size and classes of the pictures of a run."""
    match run.read_json(run.schema.name):
        case {"height": int(height), "width": int(width), "channels": int(channels), "classes": list(classes)}:
            known = f", {len(classes)} classes" if classes else ""
            return f"{width} x {height} in {'grey' if channels == 1 else 'colour'}{known}"
        case _:
            what = explain(expected="a size of pictures", got="something else", do="restore the file from a copy")
            raise InputError(f"{shown_path(run.schema)}: {what}")


def _kinds(run: RunFolder) -> dict[str, str]:
    """Name of a column -> its kind; these two stand in schemas of every version."""
    match run.read_json(run.schema.name):
        case {"columns": list(columns)} if all(map(_is_column, columns)):
            return {column["name"]: column["kind"] for column in columns}
        case _:
            expected = "columns with a name and a kind each"
            what = explain(expected=expected, got="something else", do="restore the file from a copy")
            raise InputError(f"{shown_path(run.schema)}: {what}")


def _is_column(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("name", "kind"))
