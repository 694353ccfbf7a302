"""Reading records and metrics: fields, kinds and shapes are checked before anything is drawn from them."""

from typing import Any

from scorax._text import shown_path
from scorax.checkpoint._folder import RunFolder
from scorax.checkpoint._json import damaged, parse_json, read_bounded, read_json
from scorax.checkpoint._records import RECORDS, MetricsLine
from scorax.spec import from_mapping

_MAXIMUM_BYTES = 16 * 2**20
"""Largest file read: a table at the limit of 10,000 columns has two megabytes of numbers for its columns."""
_MAXIMUM_METRICS = 256 * 2**20
_DO = "restore the file from a copy, or finish the fit again with --resume"


def read_records(run: RunFolder) -> dict[str, Any]:
    """The records of a run by name, as they stand in their files; one that is not there was not computed.

    Raises:
        InputError: a file is damaged, is none of the known records, or has other fields or shapes than its record.
    """
    found: dict[str, Any] = {}
    for file in sorted(run.records.iterdir()) if run.records.is_dir() else []:
        if file.suffix != ".json" or file.stem not in RECORDS:
            raise damaged(file, f"the records {', '.join(RECORDS)}", "another file", "remove it")
        found[file.stem] = read_json(file, maximum=_MAXIMUM_BYTES)
        from_mapping(RECORDS[file.stem], found[file.stem], shown_path(file), _DO)
    if {"verdict", "marginals"} <= set(found):
        graded, columns = len(found["verdict"]["columns"]), len(found["marginals"]["columns"])
        if graded != columns:
            raise damaged(run.records / "verdict.json", f"a grade for each of {columns} columns", f"{graded}", _DO)
    return found


def read_metrics(run: RunFolder) -> list[dict[str, Any]]:
    """The lines of ``metrics.jsonl``; none where there is no such file.

    Raises:
        InputError: a line is damaged; it is named.
    """
    if not run.metrics.exists():
        return []
    lines = []
    for number, text in enumerate(read_bounded(run.metrics, _MAXIMUM_METRICS).splitlines(), start=1):
        where = f"{shown_path(run.metrics)}, line {number}"
        lines.append(parse_json(text, where))
        from_mapping(MetricsLine, lines[-1], where, _DO)
    return lines
