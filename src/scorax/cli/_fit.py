"""`scorax fit`: a table becomes a run folder."""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from scorax._equal_parts import require_equal_parts
from scorax._errors import InputError, explain
from scorax._progress import Progress, duration
from scorax._text import shown_path
from scorax.cli._cluster import Cluster, cluster, devices_of_all
from scorax.cli._column_options import Categories, ColumnKinds, Ignored
from scorax.cli._command_line import command_line
from scorax.cli._console import say
from scorax.cli._distributed import Distributed, Heartbeat, member_of_fit
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._paths import refuse_full_folder, refuse_overwriting, require_folder, require_resumable
from scorax.cli._pictures import fit as _fit_pictures
from scorax.cli._pictures import refuse_options
from scorax.cli._read_as import ReadAs, ReadAsOption, SizeOption, others
from scorax.cli._report import say_report
from scorax.cli._runtime import Devices, pin_threads
from scorax.cli._signals import Signals


def fit(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="A .csv (with header), .parquet, .npy or .npz; a folder of .parquet, or of pictures."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="The run folder to write.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN, bit for bit.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Configuration; docs/cli.md lists the keys.")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One configuration key; repeatable.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Every random number follows from it.")
    ] = 0,
    holdout: Annotated[
        float | None, typer.Option("--holdout", metavar="FRACTION", help="Keep this share of the rows for the report.")
    ] = None,
    test: Annotated[
        Path | None, typer.Option("--test", metavar="FILE", help="Rows for the report, never trained on.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option("--folds", min=1, help="Members of the ensemble; 1 is no ensemble.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", metavar="MINUTES", help="What the fit may take on two cores; steps follow from it."),
    ] = None,
    masks: Annotated[
        bool,
        typer.Option("--masks", help="Train under masks too: for any columns given any others, and for imputation."),
    ] = False,
    max_steps: Annotated[int | None, typer.Option("--max-steps", min=1, help="Upper limit of training steps.")] = None,
    columns: ColumnKinds = None,
    categories: Categories = None,
    ignored: Ignored = None,
    schema: Annotated[
        Path | None, typer.Option("--schema", metavar="FILE.json", help="The columns, as scorax schema -o writes them.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE.npy", help="Of pictures in a .npy: the class of each.")
    ] = None,
    read_as: ReadAsOption = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Train from a Parquet file as it lies; so is one larger than memory.")
    ] = False,
    size: SizeOption = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Of pictures: left and right may be exchanged. Not of letters and digits.")
    ] = False,
    devices: Devices = 1,
    distributed: Distributed = False,
    heartbeat: Heartbeat = 30,
    make_report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html at the end.")] = True,
) -> None:
    """Fit a table, or pictures: TABLE becomes the run folder RUN."""
    given = locals()
    if holdout is not None and test is not None:
        raise InputError(explain(expected="--holdout or --test", got="both", do="leave one out"))
    if holdout is not None and not 0 < holdout < 1:
        raise InputError(explain(expected="--holdout between 0 and 1", got=f"{holdout:g}", do="try --holdout 0.2"))
    if schema is not None and (columns or categories or ignored):
        got, do = "--schema beside another word on columns", "edit the file, or leave it out"
        raise InputError(explain(expected="--schema, or --column, --category and --ignore", got=got, do=do))
    refuse_overwriting(output, table)  # in a folder of files a run would be one of them
    if resume:
        require_folder(output)
    else:
        refuse_full_folder(output, do="add --resume to go on with it, or name another folder with -o")
    processes = cluster() if distributed else None
    from scorax.data import holds_pictures

    if holds_pictures(table) if read_as is None else read_as == "images":
        stated = {"column": columns, "category": categories, "ignore": ignored, "schema": schema}
        refuse_options("pictures", stream=stream, holdout=holdout, test=test, folds=folds, **stated)
        _fit_of_pictures(given, sets or (), processes)
        return
    refuse_options("a table", labels=labels, size=size, flip=flip)
    from scorax.cli._rows import describe_rows, describe_table, warn_of_rows_of_the_fit
    from scorax.data import Table, open_table, read_table
    from scorax.spec import resolve
    from scorax.tables import MASKS, Choices, FitConfig, FitRows, Schema, Streamed, require_whole_rows

    choices = Choices.read(columns or (), categories or (), ignored or ())
    given_schema = None
    if schema is not None:
        from scorax.checkpoint import read_json

        given_schema = Schema.from_json(read_json(schema), shown_path(schema))
    flags = {"ensemble.folds": folds, "training.minutes": minutes, "training.max_steps": max_steps}
    flags |= {"training.masks": MASKS if masks else None}
    settings = resolve(FitConfig, file=config, sets=sets or (), flags=flags)
    require_whole_rows(settings)
    if resume:
        require_resumable(output)
    other_files = others(read_as, ReadAs.table)
    skipped = choices.ignored if given_schema is None else given_schema.ignored
    known = choices.stated if given_schema is None else given_schema.names
    source, streamed = open_table(table, others=other_files, ignored=skipped, stated=known), None
    if stream or source.larger_than_memory:
        streamed, given_rows = Streamed.of(source, output, seed=seed, name=shown_path(table))
    else:
        held = source.held if isinstance(source.held, Table) else None  # but Parquet, all of it was read
        if held is None:
            held = read_table(table, missing="keep", others=other_files, ignored=skipped, stated=known)
        given_rows = held
    test_rows = None if test is None else read_table(test, missing="keep", texts=given_rows.texts, ignored=skipped)
    rows = FitRows(given_rows, shown_path(table), holdout, test_rows, shown_path(test), choices, given_schema, streamed)
    describe_table(table, rows)
    split = rows.split(settings, seed)
    sharing = devices_of_all(processes, devices)
    require_equal_parts(split.settings.training.batch_size, sharing, split.settings.training.accumulate)
    schema_of_fit = split.schema
    if test is not None and test_rows is not None:
        warn_of_rows_of_the_fit(test, test_rows, rows.facts)
        describe_rows(test_rows, schema_of_fit.match(test_rows, shown_path(test)), schema_of_fit)

    if not resume:
        say(split.settings.summary)

    pin_threads(output if resume else None, devices)
    from scorax._sharding import on_devices
    from scorax.tables import fit_run

    began = time.monotonic()
    with (
        member_of_fit(processes, output, heartbeat) as member,
        on_devices(devices),
        Signals(polled=True, hint=lambda: _hint(given)) as signals,
        Progress() as progress,
    ):
        if streamed is not None:  # every process has a file of encoded rows of its own
            rows = dataclasses.replace(rows, streamed=dataclasses.replace(streamed, folder=member.output))
        fitted = fit_run(
            rows,
            member.output,
            settings,
            seed=seed,
            resume=resume,
            records=make_report,
            on_event=progress if member.first else lambda event: None,
            poll=member.together(signals.poll),
        )
    if not member.first:
        return
    say(
        f"{fitted.steps} steps in {duration(time.monotonic() - began)}, sigma_min {fitted.choice.sigma_min:g}, "
        f"held-out log-density {fitted.held_out_nats:.3f} nats per row"
    )
    if fitted.improving:
        again = 2 * fitted.fitted.config.training.minutes
        say(f"held-out rows were likeliest at the end of the training: --minutes {again:g} may bring more")
    if make_report:
        say_report(output)
    say(f"next: scorax sample {shown_path(output)} -n 1000 -o new.csv")


def _fit_of_pictures(given: dict[str, Any], sets: Sequence[str], processes: Cluster | None) -> None:
    """Fit pictures with the options that were given."""
    from scorax.pictures import MASKS, PictureConfig
    from scorax.spec import resolve

    flags = {"training.minutes": given["minutes"], "training.max_steps": given["max_steps"]}
    flags |= {"training.masks": MASKS if given["masks"] else None, "training.flip": given["flip"] or None}
    settings = resolve(PictureConfig, file=given["config"], sets=sets, flags=flags)
    if given["resume"]:
        require_resumable(given["output"], "pictures")
    _fit_pictures(
        given["table"],
        given["output"],
        settings,
        seed=given["seed"],
        resume=given["resume"],
        labels=given["labels"],
        size=given["size"],
        others=others(given["read_as"], ReadAs.images),
        devices=given["devices"],
        processes=processes,
        heartbeat=given["heartbeat"],
        make_report=given["make_report"],
        hint=lambda: _hint(given),
    )


def _hint(given: dict[str, Any]) -> str:
    """How a stopped fit goes on."""
    again = command_line(fit, given | {"resume": given["output"].is_dir()})
    return f"; what was saved is whole, go on with: {again}"
