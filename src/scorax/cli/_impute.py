"""`scorax impute`: the missing cells of a table filled from a run, all others as they were."""

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorax._errors import InputError, explain
from scorax._progress import RowProgress
from scorax._text import listing, shown_path
from scorax.cli._console import note
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._paths import refuse_overwriting, stream
from scorax.cli._pictures import impute as _impute_pictures
from scorax.cli._pictures import of_pictures, refuse_options
from scorax.cli._read_as import ReadAsOption, SizeOption, others
from scorax.cli._runtime import Devices, pin_threads
from scorax.cli._sample import BATCH

if TYPE_CHECKING:
    import numpy as np

    from scorax.data import TableWriter
    from scorax.tables import Schema, Spread

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
        _impute_pictures(run, table, mask, output, seed=seed, draws=draws or 1, size=size, devices=devices)
        return
    refuse_options("a table", mask=mask, size=size)
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
        refuse_overwriting(path, run, table, *([] if spread is None else [spread]))
    if spread is not None:
        refuse_overwriting(spread, run, table)
    from scorax.checkpoint import RunFolder
    from scorax.data import filled_writer, read_table
    from scorax.tables import open_run, require_masks, require_seen

    saved, rows = open_run(RunFolder(run)), read_table(table, missing="keep", others=others(read_as))
    schema = saved.schema
    require_masks(saved.config)
    values = schema.match(rows, shown_path(table))
    require_seen(values, schema, where=str(table))
    places = [rows.columns.index(name) for name in schema.names]
    formats = list(rows.formats)
    for place, form in zip(places, schema.formats, strict=True):
        formats[place] = form
    with ExitStack() as stack:
        writers = [
            stack.enter_context(filled_writer(stream(path), table, rows, formats, raw_names=raw_csv))
            for path in outputs
        ]
        spreads = None if spread is None else stack.enter_context(_spread_writer(spread, schema))
        pin_threads(run, devices)
        import numpy as np

        from scorax._sharding import on_devices
        from scorax.cli._rows import describe_unknown
        from scorax.tables import ScoreDensity, fill

        fitted = ScoreDensity.load(run).fitted_
        describe_unknown(rows, schema)
        holed = int(np.isnan(values).any(axis=1).sum())
        with on_devices(devices), RowProgress(holed * draws):
            filled = fill(fitted, values, method=method.value, draws=draws, seed=seed, at_once=batch)
        whole = rows.values.copy()
        for k, write in enumerate(writers):
            whole[:, places] = filled.table(k)
            write(whole)
        if spreads is not None and filled.spread is not None:
            spreads.write(_spread_rows(filled.spread, schema))
    still = [name for name, cells in zip(rows.columns, whole.T, strict=True) if np.isnan(cells).any()]
    if still:
        note(f"still with missing cells, no columns of the model: {listing(still)}")
    if len(outputs) > 1 and not saved.config.ensemble.bootstrap:
        note(
            "draws of one model differ by what it leaves open, not by what the rows of its fit leave open: intervals pooled over "
            "them are too narrow; fit with --set ensemble.bootstrap=true for intervals that hold"
        )
    note(f"{filled.cells.shape[1]:,} cells filled in {holed:,} of {rows.rows:,} rows: {listing(map(str, outputs))}")


def _numbered(output: Path, number: int) -> Path:
    if str(output) == "-":
        got, do = "-o - and several draws", "name a file with -o"
        raise InputError(explain(expected="a file for each completed table", got=got, do=do))
    return output.with_name(f"{output.stem}.{number}{output.suffix}")


def _spread_writer(path: Path, schema: "Schema") -> "TableWriter":
    from scorax.data import TableWriter, TextFormat

    names = TextFormat(tuple(sorted(schema.names)))
    return TableWriter(stream(path), COLUMNS, (0, names, *[None] * 6))


def _spread_rows(spread: "Spread", schema: "Schema") -> "np.ndarray":
    import numpy as np

    name = np.searchsorted(sorted(schema.names), np.array(schema.names)[spread.column])
    return np.column_stack([spread.row + 1, name, spread.mean, spread.deviation, spread.quantiles, spread.share])
