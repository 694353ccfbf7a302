"""`scorax infer`: the parameters of a simulator given what was observed, from a table of simulations."""

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorax._errors import InputError, explain
from scorax._progress import Progress, RowProgress, duration
from scorax._text import quote, shown_path
from scorax.cli._command_line import command_line
from scorax.cli._console import note, say
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._paths import (
    refuse_full_folder,
    refuse_inputs_inside,
    refuse_overwriting,
    require_folder,
    require_resumable,
)
from scorax.cli._runtime import pin_threads
from scorax.cli._signals import Signals

if TYPE_CHECKING:
    from scorax.data import Table
    from scorax.tables import Simulations

DRAWS, PAGE = "posterior.csv", "posterior.html"
_HELD, _MOST_HELD = 0.1, 1000
"""Share of the simulations that is kept for ranks, and how many at most."""
_RANKED = 100
_MOST = 10**7
"""Draws of one call: they are held in memory."""


def infer(
    simulations: Annotated[
        Path, typer.Argument(metavar="SIMULATIONS", help="A row is parameters, and what the simulator made of them.")
    ],
    observed: Annotated[
        Path, typer.Option("--observed", metavar="FILE", help="What was observed; each row has a posterior of its own.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="The run folder to write.")],
    parameters: Annotated[
        str | None,
        typer.Option("--parameters", metavar="A,B", help="Columns of parameters. Default: those of --prior."),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            "--prior",
            metavar="PRIORS",
            help="What the parameters were drawn from: 'a=uniform(-1,1), b=normal(0,2)'. Draws keep its support.",
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=1, max=10**6, metavar="N", help="Draws given each row of --observed.")
    ] = 1000,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate", metavar="FILE", help="Further simulations, whose ranks say whether posteriors hold."
        ),
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(
            "--holdout",
            metavar="FRACTION",
            help=f"Share of SIMULATIONS kept for ranks; 0 is none. Default: a tenth, {_MOST_HELD} at most, without --calibrate.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN, bit for bit.")] = False,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Every random number follows from it.")
    ] = 0,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", metavar="MINUTES", help="What the fit may take on two cores; steps follow from it."),
    ] = None,
    max_steps: Annotated[int | None, typer.Option("--max-steps", min=1, help="Upper limit of training steps.")] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One configuration key; repeatable.")
    ] = None,
) -> None:
    """Draw a simulator's parameters given observations."""
    given = locals()
    if calibrate is not None and holdout:
        raise InputError(explain(expected="--calibrate or --holdout", got="both", do="leave one out"))
    if holdout is not None and not 0 <= holdout < 1:
        raise InputError(explain(expected="--holdout between 0 and 1", got=f"{holdout:g}", do="try --holdout 0.1"))
    sources = [source for source in (simulations, observed, calibrate) if source is not None]
    refuse_inputs_inside(output, *sources)
    refuse_overwriting(output, *sources)
    if resume:
        require_folder(output)
    else:
        refuse_full_folder(output, do="add --resume to go on with it, or name another folder with -o")
    from scorax.cli._rows import NotFinite, describe_table, warn_of_rows_of_the_fit
    from scorax.data import fingerprint, read_table
    from scorax.spec import resolve
    from scorax.tables import FitConfig, Simulations, observations, outside_lines, read_priors, require_scorable

    priors = None if prior is None else read_priors(prior)
    names = _names(parameters, () if priors is None else tuple(priors))
    flags = {"training.minutes": minutes, "training.max_steps": max_steps}
    settings = resolve(FitConfig, sets=sets or (), flags=flags)
    table = read_table(simulations, missing="keep")
    seen = read_table(observed, missing="keep", texts=table.texts)
    asked = Simulations(table, names, priors, shown_path(simulations))
    settings, schema, seen = asked.asked(settings), asked.rows.found.schema, asked.named(seen)
    further = None
    if calibrate is not None:
        ranked_table = read_table(calibrate, missing="keep", texts=table.texts)
        warn_of_rows_of_the_fit(calibrate, ranked_table, fingerprint(table))
        further = schema.match(ranked_table, shown_path(calibrate))
    if seen.rows * samples > _MOST:
        got, do = f"{seen.rows} rows x {samples} draws", "ask for fewer with --samples, or in several calls"
        raise InputError(explain(expected=f"at most {_MOST:,} draws", got=got, do=do))
    if holdout is None:
        holdout = 0.0 if calibrate is not None else min(_HELD, _MOST_HELD / table.rows)
    rows = dataclasses.replace(asked.rows, holdout=holdout or None)
    if resume:
        require_resumable(output)
    split = rows.split(settings, seed)
    values = observations(schema, split.settings, names, seen, shown_path(observed))
    if calibrate is not None and further is not None:
        require_scorable(further, schema, split.settings, where=shown_path(calibrate))
    further = split.held if further is None else further
    describe_table(simulations, asked.observed)
    _describe(asked, seen)
    for line in outside_lines(schema, values):
        note(f"warning: {line}")
    if not resume:
        say(split.settings.summary)
    pin_threads(output if resume else None)
    import numpy as np

    from scorax.data import TableWriter
    from scorax.metrics import Calibration
    from scorax.report import write_posterior
    from scorax.tables import Posterior, fit_run

    def hint() -> str:
        return f"; what was saved is whole, go on with: {command_line(infer, given | {'resume': output.is_dir()})}"

    began = time.monotonic()
    with Signals(polled=True, hint=hint) as signals, Progress() as progress:
        fitted = fit_run(
            rows, output, settings, seed=seed, resume=resume, records=False, on_event=progress, poll=signals.poll
        )
    say(
        f"{fitted.steps} steps in {duration(time.monotonic() - began)}, sigma_min {fitted.choice.sigma_min:g}, "
        f"held-out log-density of the parameters {fitted.held_out_nats:.3f} nats per row"
    )
    law, not_finite = Posterior(fitted.fitted), NotFinite()
    ranked = 0 if further is None else len(further) * _RANKED
    with RowProgress(len(values) * samples + ranked):
        draws = law.draws(values, samples, seed)
        ranks = None if further is None else law.ranks(further, _RANKED, seed)
    not_finite.add(draws.reshape(-1, len(names)))
    number = np.repeat(np.arange(len(values)) + 1, samples)
    with TableWriter(output / DRAWS, ("observation", *law.parameters), (0, *[None] * len(names))) as writer:
        writer.write(np.column_stack([number, draws.reshape(-1, len(names))]))
    not_finite.warn("draws")
    found = None
    if ranks is not None and further is not None:
        found = Calibration.of(ranks, _RANKED, law.parameters, left_out=len(further) - len(ranks))
    facts = [
        ("simulations", f"{table.rows:,} of {shown_path(simulations)}"),
        ("observations", f"{len(values):,} of {shown_path(observed)}"),
        ("draws given each", f"{samples:,}"),
        ("parameters", "; ".join(f"{c.name}: {c.summary}" for c in schema.columns if c.name in law.parameters)),
        ("held-out log-density", f"{fitted.held_out_nats:.3f} nats per row"),
    ]
    write_posterior(output / PAGE, law.parameters, draws, facts, found)
    if found is not None:
        for line in str(found).splitlines():
            say(line)
    say(f"draws: {shown_path(output / DRAWS)}; page: {shown_path(output / PAGE)}")


def _names(parameters: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names of --parameters, or those of --prior."""
    names = known if parameters is None else tuple(name.strip() for name in parameters.split(","))
    if not names or not all(names) or len(set(names)) < len(names):
        got = "none" if parameters is None else quote(parameters)
        do = "write --parameters a,b, or state their priors with --prior"
        raise InputError(explain(expected="names of parameters, each once", got=got, do=do))
    return names


def _describe(asked: "Simulations", seen: "Table") -> None:
    """Say what is odd about priors, and what is passed over in --observed."""
    from scorax.cli._rows import describe_unknown

    if asked.priors is None:
        note("note: without --prior nothing keeps the parameters inside an interval")
    for line in asked.odd:
        note(f"warning: {line}")
    describe_unknown(seen, asked.rows.found.schema)
