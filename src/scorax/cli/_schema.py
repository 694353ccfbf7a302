"""`scorax schema`: what the columns of a table are taken for, and why."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from scorax._text import quote, shown_path
from scorax.cli._column_options import Categories, ColumnKinds, Ignored
from scorax.cli._console import note, say
from scorax.cli._paths import refuse_overwriting, refuse_unwritable


def schema(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A .csv (with header), .parquet, .npy or .npz file.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.json", help="Write it, to be edited and given to fit."),
    ] = None,
    columns: ColumnKinds = None,
    categories: Categories = None,
    ignored: Ignored = None,
) -> None:
    """Say what every column of a table is taken for, and why: a line each."""
    if output is not None:
        refuse_overwriting(output, table)
        refuse_unwritable(output)
    from scorax._errors import InputError
    from scorax._write import write_json
    from scorax.data import read_table
    from scorax.tables import Choices, examine

    choices = Choices.read(columns or (), categories or (), ignored or ())
    rows = read_table(table, missing="keep", ignored=choices.ignored, stated=choices.stated)
    try:
        found = examine(rows, choices)
    except InputError as error:
        raise InputError(f"{shown_path(table)}: {error}") from error
    remarks = defaultdict(list)
    for remark in found.remarks:
        remarks[remark.column].append(remark.text)
    lines = {column.name: (column.kind, column.summary) for column in found.schema.columns}
    lines |= {one.name: ("left out", one.why) for one in found.schema.left_out}
    shown = {name: name if name.isprintable() else quote(name) for name in rows.columns}
    wide = min(max(map(len, shown.values())), 32)
    for name in rows.columns:
        kind, summary = lines[name]
        more = [text for text in remarks[name] if kind != "left out"]
        say(f"{shown[name]:<{wide}}  {kind:<10}  {summary}" + (f"  ({'; '.join(more)})" if more else ""))
    for line in rows.remarks:
        note(f"note: {line}")
    if output is not None:
        write_json(output, found.schema.to_json())
        note(f"{shown_path(output)}: edit it and fit with --schema {shown_path(output)}")
