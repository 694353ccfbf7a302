"""`scorax logp`: the log-density of every row, in the units of the file, with its error."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorax._errors import InputError, explain
from scorax._progress import RowProgress, duration
from scorax._text import listing, percent, quote, shown_path
from scorax.cli._console import note, say
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._parts import part_of
from scorax.cli._paths import refuse_overwriting, refuse_unwritable, stream
from scorax.cli._pictures import logp as _logp_pictures
from scorax.cli._pictures import of_pictures, refuse_options
from scorax.cli._read_as import ReadAs, ReadAsOption, SizeOption, others
from scorax.cli._runtime import Devices, pin_threads
from scorax.cli._sample import BATCH

if TYPE_CHECKING:
    import numpy as np

    from scorax.tables import MatchedRows, ScoreDensity

COLUMNS = ("row", "log_density", "error")

_CALIBRATION = 200
"""Rows on which the consistency of conditional densities is measured, at most."""

_SECONDS = 0.03
"""Time of one processor for a draw of the codes of a row, about, and as much again for every hundred coordinates."""
_LONG = 60
"""Work that takes more seconds than this is announced."""


class Precision(StrEnum):
    """Arithmetic of the likelihood; auto is float64 on CPU and float32 elsewhere."""

    auto = "auto"
    float32 = "float32"
    float64 = "float64"


def logp(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Rows with the columns of the run, and others.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help=".csv, .tsv, .parquet or .npy; - is CSV on standard output."
        ),
    ],
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Decides the noise in rounded columns.")
    ] = 0,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance", help="Wanted error of the solver, in nats; by default that of the run, or by precision."
        ),
    ] = None,
    precision: Annotated[
        Precision, typer.Option("--precision", help="auto: float64 on CPU, else float32.")
    ] = Precision.auto,
    exact: Annotated[
        bool, typer.Option("--exact", help="The exact divergence, whatever the number of columns (default up to 100).")
    ] = False,
    probes: Annotated[
        int | None,
        typer.Option("--probes", min=2, metavar="N", help="Estimate the divergence along N random directions instead."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(
            "--draws",
            min=1,
            metavar="K",
            help="Draws of noisy codes a row (4); more are closer, above all beside what was never seen. Of pictures, draws of "
            "the noise inside bytes (1).",
        ),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--given", metavar="COLUMNS", help="Columns that are known, joined by commas: of the others given these."
        ),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            "--rank", min=1, metavar="N", help="Print the N least likely rows and the columns that make them so."
        ),
    ] = None,
    size: SizeOption = None,
    part: Annotated[
        str | None, typer.Option("--rows", metavar="A:B", help="Rows A to B - 1 of TABLE alone: a part of a job.")
    ] = None,
    read_as: ReadAsOption = None,
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="Rows computed at a time; does not change the answers.")
    ] = BATCH,
    devices: Devices = 1,
) -> None:
    """Write the log-density of each row and its error."""
    if tolerance is not None and not 0 < tolerance < 1:
        raise InputError(explain(expected="--tolerance between 0 and 1", got=f"{tolerance:g}", do="try 1e-6"))
    if exact and probes is not None:
        raise InputError(explain(expected="--exact or --probes N", got="both", do="leave one of them out"))
    if part is not None:
        part_of(part)
        if rank is not None:
            do = "leave one of them out"
            raise InputError(explain(expected="--rank N among all rows, or --rows A:B", got="both", do=do))
    refuse_overwriting(output, run, table)
    refuse_unwritable(output)
    if of_pictures(run):
        other = {"tolerance": tolerance, "precision": precision is not Precision.auto, "exact": exact, "given": given}
        refuse_options("pictures", **other, rank=rank)
        _logp_pictures(
            run,
            table,
            output,
            seed=seed,
            probes=probes,
            draws=draws or 1,
            batch=batch,
            rows=part,
            size=size,
            others=others(read_as, ReadAs.images),
            devices=devices,
        )
        return
    refuse_options("a table", size=size)
    draws = draws or 4
    import numpy as np

    from scorax.checkpoint import RunFolder
    from scorax.data import TableWriter, open_table
    from scorax.tables import (
        MatchedRows,
        Unseen,
        given_columns,
        open_run,
        require_masks,
        require_near,
        require_scorable,
        require_told,
        require_whole_rows,
    )

    saved = open_run(RunFolder(run))
    schema = saved.schema
    source = open_table(table, others=others(read_as, ReadAs.table), texts=schema.texts, ignored=schema.ignored)
    require_whole_rows(saved.config)
    known = [] if given is None else given_columns(given, schema)
    if known or rank is not None:
        require_masks(saved.config)
    asked = range(source.rows) if part is None else part_of(part, source.rows)
    matched, unseen, unknown = MatchedRows(source, schema, shown_path(table)), Unseen(0, ()), None
    for piece in matched.pieces(asked):  # all of it, before JAX is imported
        require_scorable(piece.values, schema, saved.config, where=piece.where)
        if known:
            require_told(np.where(np.isin(schema.names, known), piece.values, np.nan), schema, where=piece.where)
        if rank is not None:  # to say why a row is unlikely its cells are told
            require_near(piece.values, schema, where=piece.where)
        unseen, unknown = unseen + Unseen.of(piece.table, piece.values, schema), unknown or piece.table
    writing = TableWriter(stream(output), COLUMNS, (0, None, None), rows=len(asked), header=asked.start == 0)
    pin_threads(run, devices)
    from scorax._sharding import on_devices
    from scorax.cli._budget import ErrorBudget
    from scorax.cli._rows import MeanDensity, NotFinite, describe_unknown, describe_unseen
    from scorax.likelihood import ExactDivergence, Hutchinson
    from scorax.tables import ScoreDensity

    divergence = ExactDivergence() if exact else None if probes is None else Hutchinson(probes)
    density = ScoreDensity.load(run)
    fitted = density.fitted_
    if fitted.coded and probes is not None and draws > 1:
        got = f"{draws} draws: the noise of probes would raise their mean"
        raise InputError(explain(expected="one draw of noisy codes beside --probes", got=got, do="add --draws 1"))
    if unknown is not None:
        describe_unknown(unknown, schema)
    describe_unseen(unseen, len(asked))
    seconds = _SECONDS * (1 + fitted.dimension / 100) * draws * len(asked)
    if fitted.coded and seconds > _LONG:
        note(
            f"{len(asked)} rows with categories, {draws} draws each: about {duration(seconds)} of one processor; "
            "--draws 1 is quickest"
        )
    tolerance = fitted.config.sampling.tolerance if tolerance is None else tolerance
    not_finite, budget, mean = NotFinite(), ErrorBudget(tolerance), MeanDensity()
    ranked: list[np.ndarray] = []
    with on_devices(devices), writing as writer, RowProgress(len(asked)):
        for piece in matched.pieces(asked):
            for start in range(0, len(piece.values), batch):
                answer = density.log_prob_rows(
                    piece.values[start : start + batch],
                    seed=seed,
                    tolerance=tolerance,
                    precision=precision.value,
                    divergence=divergence,
                    draws=draws,
                    given=known,
                )
                number = piece.start + start + np.arange(len(answer.value))
                rows = np.column_stack([number, answer.value, answer.total_error])
                writer.write(rows)
                not_finite.add(rows[:, :2] if fitted.coded and draws == 1 else rows)  # of one draw no error is known
                budget.add(answer)
                mean.add(rows[:, 1])
                if rank is not None:
                    ranked.append(rows[:, 1])
    mean.say(schema)
    not_finite.warn("log-densities or errors")
    budget.say()
    if known:
        few = matched.take(np.array(asked[:_CALIBRATION]))
        _say_consistency(fitted.inconsistency(few, known, draws=draws))
        if levels := fitted.levels_asked(known):
            _say_looks(levels, fitted.distance_of_looks(few, known, draws=draws))
    if rank is not None:
        _say_unlikely(density, matched, np.concatenate(ranked), rank, draws)
    note(f"{len(asked)} rows: {shown_path(stream(output))}")


def _say_unlikely(
    density: "ScoreDensity", rows: "MatchedRows", log_density: "np.ndarray", rank: int, draws: int
) -> None:
    """Say which rows are least likely, and which of their cells are unlikely given the others."""
    import numpy as np

    from scorax.tables import reasons

    least = np.argsort(log_density, kind="stable")[:rank]
    rest = np.setdiff1d(np.arange(len(log_density)), least)
    beside = np.random.default_rng(len(log_density)).permutation(rest)[:_CALIBRATION]
    found = reasons(density.fitted_, rows.take(least), range(len(least)), rows.take(beside), draws=draws)
    say(
        f"least likely of {len(log_density)} rows, and cells that few of {len(beside)} others have as unlikely given the rest:"
    )
    for k, row in enumerate(least.tolist()):
        why = "; ".join(f"{quote(name)} {value:.2f} nats ({percent(share)})" for name, value, share in found.of(k))
        say(f"  row {row}: {log_density[row]:.3f} nats; {why or 'no cell alone'}")


def _say_looks(levels: "tuple[str, ...]", distances: "np.ndarray") -> None:
    """Say that probabilities are those of looks of the network, and how far the sampler's are."""
    import numpy as np

    order = "" if len(levels) == 1 else ", each given those before it"
    note(
        f"one look of the network a column tells the probabilities of {listing(levels)}{order}; those of the sampler's law "
        f"differ by {np.median(distances):.2g} nats in the median of {len(distances)} rows, by {distances.max():.2g} at most"
    )


def _say_consistency(gaps: "np.ndarray") -> None:
    """Say how far the answers of the model are from those of one law."""
    import numpy as np

    from scorax.metrics import conformal_quantile

    most = conformal_quantile(gaps, 0.99)
    most = f"{most:.2g} nats in 99 % of rows" if np.isfinite(most) else f"{gaps.max():.2g} nats"
    note(
        f"consistency: log p(a, b) and log p(a) + log p(b | a), a the given columns, differ by at most {most} "
        f"({np.median(gaps):.2g} in the median of {len(gaps)} rows); add it to the error"
    )
