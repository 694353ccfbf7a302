"""Records and metrics of a run as files: fields, kinds and shapes are checked before anything is drawn from them."""

from dataclasses import replace
from typing import get_args, get_type_hints

from scorax._text import shown_path
from scorax._write import json_bytes
from scorax.checkpoint._folder import RunFolder
from scorax.checkpoint._json import damaged, parse_json, read_bounded, read_json
from scorax.records import MetricsLine, Records
from scorax.spec import from_mapping, to_json

_MAXIMUM_BYTES = 16 * 2**20
"""Largest file read: a table at the limit of 10,000 columns has two megabytes of numbers for its columns."""
_MAXIMUM_METRICS = 256 * 2**20
_DO = "restore the file from a copy, or finish the fit again with --resume"
_KINDS = {name: get_args(hint)[0] for name, hint in get_type_hints(Records).items()}
"""Name of a record -> its class."""


def record_files(records: Records) -> dict[str, bytes]:
    """The files of the records that were computed, by their names in the run."""
    computed = {name: record for name in _KINDS if (record := getattr(records, name)) is not None}
    return {f"records/{name}.json": json_bytes(to_json(record, sparse=True)) for name, record in computed.items()}


def read_records(run: RunFolder) -> Records:
    """The records of a run; one that has no file was not computed.

    Raises:
        InputError: a file is damaged, is none of the known records, or has other fields or shapes than its record.
    """
    records = Records()
    for file in sorted(run.records.iterdir()) if run.records.is_dir() else []:
        if file.suffix != ".json" or file.stem not in _KINDS:
            raise damaged(file, f"the records {', '.join(_KINDS)}", "another file", "remove it")
        content = read_json(file, maximum=_MAXIMUM_BYTES)
        records = replace(records, **{file.stem: from_mapping(_KINDS[file.stem], content, shown_path(file), _DO)})
    if records.verdict is not None and records.marginals is not None:
        graded, columns = len(records.verdict.columns), len(records.marginals.columns)
        if graded != columns:
            raise damaged(run.records / "verdict.json", f"a grade for each of {columns} columns", f"{graded}", _DO)
    return records


def read_metrics(run: RunFolder) -> list[MetricsLine]:
    """The lines of ``metrics.jsonl``; none where there is no such file.

    Raises:
        InputError: a line is damaged; it is named.
    """
    if not run.metrics.exists():
        return []
    lines = []
    for number, text in enumerate(read_bounded(run.metrics, _MAXIMUM_METRICS).splitlines(), start=1):
        where = f"{shown_path(run.metrics)}, line {number}"
        lines.append(from_mapping(MetricsLine, parse_json(text, where), where, _DO))
    return lines
