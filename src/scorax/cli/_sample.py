"""`scorax sample`: rows in the units, columns and rounding of the table that was fitted."""

from pathlib import Path
from typing import Annotated

import typer

from scorax._errors import InputError, explain
from scorax._progress import RowProgress
from scorax._text import percent, shown_path
from scorax.cli._console import note
from scorax.cli._numbers import LARGEST_SEED, MOST_ROWS
from scorax.cli._parts import rows_to_draw
from scorax.cli._paths import refuse_overwriting, refuse_unwritable, stream
from scorax.cli._pictures import of_pictures, refuse_options
from scorax.cli._pictures import sample as _sample_pictures
from scorax.cli._runtime import Devices, pin_threads

BATCH = 8192


def sample(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help=".csv, .tsv, .parquet or .npy, - is CSV on standard output; of pictures a .png, .npy, .npz or a folder.",
        ),
    ],
    number: Annotated[
        int | None,
        typer.Option("-n", "--number", min=1, max=MOST_ROWS, help="How many rows; or name them with --rows."),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--rows", metavar="A:B", help="Rows A to B - 1 of the endless table of the seed: a part of a job."
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            "--sampler", metavar="NAME", help="Method; auto measures which is best here. Default: that of the run."
        ),
    ] = None,
    evaluations: Annotated[
        int | None,
        typer.Option(
            "--evaluations", min=1, max=100_000, help="Evaluations of the network a row. Default: that of the run."
        ),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--given", metavar="CONDITIONS", help="What holds for the rows: 'class=g, age>=65, colour in {red, blue}'."
        ),
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Of pictures: the class to draw. Default: as in the fit."),
    ] = None,
    guidance: Annotated[
        float,
        typer.Option(
            "--guidance", metavar="W", help="Of pictures: above 1 draws what is typical of its class; 0 or more."
        ),
    ] = 1.0,
    average: Annotated[
        float | None,
        typer.Option(
            "--average",
            metavar="L",
            min=0.001,
            max=0.27,
            help="Of pictures: length of the average of the weights, as a share of the training. Default: the best one.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Row k depends on the seed and k only.")
    ] = 0,
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="Rows held in memory at a time; does not change them.")
    ] = BATCH,
    devices: Devices = 1,
    raw_csv: Annotated[
        bool, typer.Option("--raw-csv", help="Column names as they are, also those a spreadsheet would run.")
    ] = False,
) -> None:
    """Draw new rows, or new pictures, from a run."""
    refuse_overwriting(output, run)
    asked = rows_to_draw(number, part)
    if of_pictures(run):
        refuse_options("pictures", sampler=sampler, given=given, raw_csv=raw_csv)
        _sample_pictures(
            run,
            asked,
            output,
            seed=seed,
            batch=batch,
            evaluations=evaluations,
            class_name=class_name,
            guidance=guidance,
            average=average,
            devices=devices,
        )
        return
    refuse_options("a table", **{"class": class_name, "guidance": guidance != 1, "average": average})
    refuse_unwritable(output)
    from scorax.checkpoint import RunFolder
    from scorax.cli._rows import NotFinite, ReadAsMissing
    from scorax.data import TableWriter
    from scorax.tables import FarOut, checked_name, kept, open_run, require_whole_rows, told

    saved, not_finite, absent = open_run(RunFolder(run)), NotFinite(), ReadAsMissing(output)
    schema = saved.schema
    require_whole_rows(saved.config)
    known, rest = told(given, schema, saved.config)
    if part is not None and rest is not None:
        expected = "--rows of draws of which all are kept"
        got = "conditions that draws are passed over for: which row is row A follows from those before it"
        raise InputError(explain(expected=expected, got=got, do="take -n, with another --seed on each machine"))
    writing = TableWriter(
        stream(output),
        schema.names,
        schema.formats,
        rows=len(asked),
        dialect=schema.dialect,
        raw_names=raw_csv,
        header=asked.start == 0,
    )
    if sampler is not None:
        checked_name(sampler)
    pin_threads(run, devices)
    import numpy as np

    from scorax._sharding import on_devices
    from scorax.tables import ScoreDensity

    density = ScoreDensity.load(run)
    method, why = density.named_sampler(sampler, evaluations)
    if why is not None:
        note(f"sampler: {why}")

    def draw(start: int, count: int) -> np.ndarray:
        return density.sample_rows(asked.start + start, count, seed, sampler=method, known=known)

    piece, far = None, FarOut(schema)
    with on_devices(devices), writing as writer, RowProgress(len(asked)):
        for piece in kept(draw, rest, len(asked), batch):
            not_finite.add(piece.rows)
            if known is not None:
                far.add(piece.rows, np.isnan(known)[None], start=writer.rows)
            writer.write(piece.rows)
            absent.add(schema.names, piece.rows, schema.formats)
    not_finite.warn("rows")
    for line in far.lines(shown_path(stream(output))):
        note(f"warning: {line}")
    absent.warn()
    if rest is not None and piece is not None:
        share = percent(piece.met / piece.looked)
        note(
            f"{piece.met:,} of {piece.looked:,} draws meet the conditions ({share}); "
            f"the first {len(asked):,} of them are kept"
        )
    note(f"{len(asked)} rows: {shown_path(stream(output))}")
