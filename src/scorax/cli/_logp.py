"""`scorax logp`: the log-density of every row, in the units of the file, with its error."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scorax._errors import InputError, explain
from scorax._text import shown_path
from scorax.cli._console import note
from scorax.cli._paths import refuse_overwriting, stream
from scorax.cli._runtime import pin_threads
from scorax.cli._sample import BATCH

COLUMNS = ("row", "log_density", "error")


class Precision(StrEnum):
    """Arithmetic of the likelihood; auto is float64 on CPU and float32 elsewhere."""

    auto = "auto"
    float32 = "float32"
    float64 = "float64"


def logp(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Rows with the columns of the run.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help=".csv, .parquet or .npy; - is CSV on standard output."),
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides the noise that dequantises rounded columns.")] = 0,
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="Of the solver; by default that of the run."),
    ] = None,
    precision: Annotated[
        Precision, typer.Option("--precision", help="auto: float64 on CPU, else float32.")
    ] = Precision.auto,
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="Rows computed at a time; does not change the answers.")
    ] = BATCH,
) -> None:
    """Write the log-density of each row and its error."""
    if tolerance is not None and not 0 < tolerance < 1:
        raise InputError(explain(expected="--tolerance between 0 and 1", got=f"{tolerance:g}", do="try 1e-6"))
    refuse_overwriting(output, run, table)
    from scorax.data import TableWriter, read_table

    rows = read_table(table)
    pin_threads(run)
    import numpy as np

    from scorax.cli._rows import NotFinite, summarise_density
    from scorax.estimators import ScoreDensity

    density = ScoreDensity.load(run)
    values = density.schema_.match(rows, shown_path(table))
    log_density, not_finite, unconverged = np.empty(len(values)), NotFinite(), 0
    with TableWriter(stream(output), COLUMNS, (0, None, None), rows=len(values)) as writer:
        for start in range(0, len(values), batch):
            part = values[start : start + batch]
            answer = density.log_prob_rows(part, seed=seed, tolerance=tolerance, precision=precision.value)
            piece = np.column_stack([np.arange(start, start + len(answer.value)), answer.value, answer.total_error])
            writer.write(piece)
            log_density[start : start + batch] = answer.value
            not_finite.add(piece)
            unconverged += int(np.count_nonzero(~np.asarray(answer.converged)))
    summarise_density(log_density, density.schema_)
    not_finite.warn("log-densities or errors")
    if unconverged:
        note(f"warning: the solver did not converge on {unconverged} of {len(values)} rows; see the error column")
    note(f"{len(values)} rows: {shown_path(stream(output))}")
