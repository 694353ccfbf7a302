"""`scorax impute`: the missing cells of a table filled from a run, all others as they were."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorax._errors import InputError, explain
from scorax._progress import RowProgress
from scorax._text import listing, shown_path
from scorax.cli._console import note
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._paths import refuse_overwriting, refuse_unwritable, stream
from scorax.cli._pictures import impute as _impute_pictures
from scorax.cli._pictures import of_pictures, refuse_options
from scorax.cli._read_as import ReadAs, ReadAsOption, SizeOption, others
from scorax.cli._runtime import Devices, pin_threads
from scorax.cli._sample import BATCH

if TYPE_CHECKING:
    import numpy as np

    from scorax.data import Format, Table, TableSource, TableWriter
    from scorax.tables import MatchedPiece, Schema, Spread

COLUMNS = ("row", "column", "mean", "deviation", "q05", "q50", "q95", "share")
_DRAWS = 100
_TABLES = 200
"""Completed tables that are written together, at most: each is an open file."""


class Method(StrEnum):
    """What a missing cell is filled with."""

    draw = "draw"
    mean = "mean"
    median = "median"


def impute(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder of fit --masks.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Rows with missing cells.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help=".csv, .tsv, .parquet or .npy, - is CSV on standard output; of a picture a .png.",
        ),
    ],
    mask: Annotated[
        Path | None, typer.Option("--mask", metavar="MASK.png", help="Of a picture: its white pixels are filled.")
    ] = None,
    size: SizeOption = None,
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Of a picture: its class; without it that is not known."),
    ] = None,
    method: Annotated[
        Method,
        typer.Option(
            "--method", help="draw: as the cell may be; mean, median: of many draws, and of levels the most frequent."
        ),
    ] = Method.draw,
    draws: Annotated[
        int | None,
        typer.Option(
            "--draws",
            min=1,
            max=10_000,
            metavar="D",
            help="Completed tables, FILE with .1, .2, ... before its ending (1); with mean and median the draws behind a cell "
            f"({_DRAWS}).",
        ),
    ] = None,
    spread: Annotated[
        Path | None,
        typer.Option(
            "--spread", metavar="FILE", help="Write for each filled cell how its draws spread; with mean and median."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Decides the draws.")] = 0,
    read_as: ReadAsOption = None,
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="Draws of rows held in memory at a time; does not change them.")
    ] = BATCH,
    devices: Devices = 1,
    raw_csv: Annotated[
        bool, typer.Option("--raw-csv", help="Column names as they are, also those a spreadsheet would run.")
    ] = False,
) -> None:
    """Fill the missing cells of a table from a run."""
    if of_pictures(run):
        refuse_options("pictures", method=method is not Method.draw, spread=spread, raw_csv=raw_csv)
        others(read_as, ReadAs.images)
        asked = draws or 1
        _impute_pictures(
            run, table, mask, output, seed=seed, draws=asked, size=size, class_name=class_name, devices=devices
        )
        return
    refuse_options("a table", mask=mask, size=size, **{"class": class_name})
    point = method is not Method.draw
    draws = draws or (_DRAWS if point else 1)
    if spread is not None and not point:
        got, do = "--method draw", "add --method mean or --method median"
        raise InputError(explain(expected="--spread beside a point of many draws", got=got, do=do))
    if not point and draws > _TABLES:
        got, do = f"--draws {draws}", "write the others with another --seed"
        raise InputError(explain(expected=f"at most {_TABLES} completed tables", got=got, do=do))
    outputs = [output] if point or draws == 1 else [_numbered(output, k + 1) for k in range(draws)]
    for path in outputs:
        refuse_overwriting(path, run, table)
        refuse_unwritable(path)
    if spread is not None:
        refuse_overwriting(spread, run, table, output, option="--spread")
        refuse_unwritable(spread, "--spread")
    from scorax.checkpoint import RunFolder
    from scorax.data import copied, filled_writer, open_table
    from scorax.tables import MatchedRows, open_run, require_masks, require_told, require_whole_rows

    saved = open_run(RunFolder(run))
    schema = saved.schema
    source = open_table(table, others=others(read_as, ReadAs.table), texts=schema.texts, ignored=schema.ignored)
    require_whole_rows(saved.config)
    require_masks(saved.config)
    matched, holed, first, left = MatchedRows(source, schema, shown_path(table)), 0, None, set[str]()
    finer = set[str]()
    for piece in matched.pieces():  # all of it, before JAX is imported
        require_told(piece.values, schema, where=piece.where)
        holed, first, left = holed + _holed(piece.values), first or piece.table, left | _left(piece.table, schema)
        finer |= _finer(piece.table, schema)
    formats = _formats(source, first, schema, finer)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(filled_writer(stream(path), table, source, formats, raw_names=raw_csv))
            for path in outputs
        ]
        spreads = None if spread is None else stack.enter_context(_spread_writer(spread, schema))
        pin_threads(run, devices)
        from scorax._sharding import on_devices
        from scorax.cli._rows import NotFinite, ReadAsMissing, describe_unknown
        from scorax.tables import FarOut, ScoreDensity, fill

        fitted = ScoreDensity.load(run).fitted_
        if first is not None:
            describe_unknown(first, schema)
            if copied(stream(output), table, source):
                left -= source.unread
            else:
                for line in first.remarks:
                    note(f"note: {line}")
        before, cells, not_finite, far, absent = 0, 0, NotFinite(), FarOut(schema), ReadAsMissing(output)
        with on_devices(devices), RowProgress(holed * draws):
            for piece in matched.pieces():
                filled = fill(
                    fitted, piece.values, method=method.value, draws=draws, seed=seed, at_once=batch, before=before
                )
                for k, write in enumerate(writers):
                    completed = filled.table(k)
                    not_finite.add(completed)
                    far.add(completed, filled.missing, start=piece.start)
                    write(whole := _whole(piece, completed, schema, formats))
                    absent.add(whole.columns, whole.values, whole.formats)
                if spreads is not None and filled.spread is not None:
                    spreads.write(_spread_rows(filled.spread, schema, piece.start))
                before, cells = before + _holed(piece.values), cells + filled.cells.shape[1]
    not_finite.warn("completed rows")
    for line in far.lines(shown_path(table)):
        note(f"warning: {line}")
    absent.warn()
    if left:
        note(
            f"still with missing cells, no columns of the model: {listing([name for name in formats if name in left])}"
        )
    if len(outputs) > 1 and not saved.config.ensemble.bootstrap:
        note(
            "draws of one model differ by what it leaves open, not by what the rows of its fit leave open: intervals pooled over "
            "them are too narrow; fit with --set ensemble.bootstrap=true for intervals that hold"
        )
    many = "cell" if cells == 1 else "cells"
    note(f"{cells:,} {many} filled in {holed:,} of {source.rows:,} rows: {listing(map(str, outputs))}")


def _numbered(output: Path, number: int) -> Path:
    if str(output) == "-":
        got, do = "-o - and several draws", "name a file with -o"
        raise InputError(explain(expected="a file for each completed table", got=got, do=do))
    return output.with_name(f"{output.stem}.{number}{output.suffix}")


def _holed(values: "np.ndarray") -> int:
    """Rows with a missing cell."""
    import numpy as np

    return int(np.isnan(values).any(axis=1).sum())


def _left(table: "Table", schema: "Schema") -> set[str]:
    """Columns with a missing cell that nothing fills: the model does not have them."""
    import numpy as np

    holed = np.flatnonzero(np.isnan(table.values).any(axis=0))
    return {table.columns[j] for j in holed.tolist()} - set(schema.names)


def _finer(table: "Table", schema: "Schema") -> set[str]:
    """Columns of the model that have cells which the format of the fit would round."""
    own = dict(zip(schema.names, schema.formats, strict=True))
    cells = zip(table.columns, table.values.T, table.formats, strict=True)
    return {name for name, values, form in cells if name in own and not own[name].keeps(values, form)}


def _formats(
    source: "TableSource", first: "Table | None", schema: "Schema", finer: "Collection[str]"
) -> "dict[str, Format]":
    """In which the columns of a table are written: those of the model as in the fit, others as all rows have them.

    So are those of the model that have ``finer`` cells than the fit had, which would else be rounded. Of CSV truth values have
    the words, and times the layout, of the cells that are there.
    """
    from scorax.data import Table

    names = () if first is None else first.columns
    own = {name: form for name, form in zip(schema.names, schema.formats, strict=True) if name not in finer}
    others = {} if set(names) <= set(own) else source.formats()
    if isinstance(source.held, Table):
        for name, cells, form in zip(source.held.columns, source.held.values.T, source.held.formats, strict=True):
            if name in own and (cells == cells).any():  # not of missing cells alone
                own[name] = own[name].written_as(form)
    return {name: own[name] if name in own else others[name] for name in names}


def _whole(piece: "MatchedPiece", filled: "np.ndarray", schema: "Schema", formats: "Mapping[str, Format]") -> "Table":
    """Rows of the table with the columns of the model filled, and others as they are, in the formats of all rows."""
    import numpy as np

    own, columns, found = dict(zip(schema.names, filled.T, strict=True)), [], []
    model = dict(zip(schema.names, schema.formats, strict=True))
    for name, cells, form in zip(piece.table.columns, piece.table.values.T, piece.table.formats, strict=True):
        to = form if form.kind == "text" and name not in own else formats[name]
        if name not in own:
            made = to.taken(cells, form)
        elif to == model[name]:
            made = own[name]
        else:  # cells that are there are finer than those of the fit, or written otherwise
            made = np.where(np.isnan(cells), to.taken(own[name], model[name]), to.taken(cells, form))
        columns.append(made)
        found.append(to)
    return replace(piece.table, values=np.column_stack(columns), formats=tuple(found))


def _spread_writer(path: Path, schema: "Schema") -> "TableWriter":
    from scorax.data import TableWriter, TextFormat

    names = TextFormat(tuple(sorted(schema.names)))
    return TableWriter(stream(path), COLUMNS, (0, names, *[None] * 6))


def _spread_rows(spread: "Spread", schema: "Schema", start: int) -> "np.ndarray":
    import numpy as np

    name = np.searchsorted(sorted(schema.names), np.array(schema.names)[spread.column])
    rows = start + spread.row + 1
    return np.column_stack([rows, name, spread.mean, spread.deviation, spread.quantiles, spread.share])
