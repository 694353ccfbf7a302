"""A fit in a run folder: resumable, observed through events, ended by signals between calls."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scorax._errors import refusal
from scorax._events import Event, Note, Saved  # noqa: F401  a name of the room
from scorax._text import quote
from scorax.checkpoint import (
    Keeper,
    Notes,
    RunFacts,
    RunFolder,
    begun_facts,
    other_machine,
    require_place,
    require_same,
    require_same_settings,
    seal_run,
    write_run_facts,
)
from scorax.data import fingerprint
from scorax.records import MetricsLine
from scorax.spec import to_json
from scorax.tables._advance import Advance
from scorax.tables._config import FitConfig
from scorax.tables._evaluate import write_records
from scorax.tables._files import load_state, save_state, write_facts
from scorax.tables._precision import in_own_precision
from scorax.tables._recipe import Fit, Recipe, Resumed, RoundEnded
from scorax.tables._rows import FitRows, Split
from scorax.tables._saved import begun_run, read_schema
from scorax.tables._scorable import require_whole_rows
from scorax.tables._selection import Choice
from scorax.tables._training import Training


@in_own_precision
def fit_run(
    rows: FitRows,
    run_path: Path,
    config: FitConfig,
    *,
    seed: int,
    resume: bool = False,
    records: bool = True,
    on_event: Callable[[Event], None] = lambda event: None,
    poll: Callable[[], str | None] = lambda: None,
) -> Fit:
    """Fit a table into the run folder ``run_path``.

    Resuming needs the same table, seed, configuration and hold-out; the result is then bit for bit that of a run that was
    never interrupted (same machine kind, thread count and JAX version). Whatever ends a fit after its training, the trained
    state is saved, and resuming goes on from there.

    Args:
        rows: the table, and the rows its report is held against.
        run_path: the run folder.
        config: configuration; what it leaves out is chosen from the size of the table.
        seed: root of all randomness.
        resume: go on from the newest whole step.
        records: whether to compare with baselines and write what the report shows, of a model of whole rows.
        on_event: hears what is done, every state of the training, notes, and what was saved.
        poll: called between jitted calls; returns ``"save"`` to ask for a checkpoint, raises ``Interrupted`` to stop.

    Raises:
        InputError: the table cannot be fitted, or differs from the one the run was begun with; the folder holds something
            else, or a run whose configuration is missing. Nothing was created or changed.
        DivergedError: training left the finite numbers; the last saved step is intact.
        FolderInUseError: another process fits into the folder.
        Interrupted: ``poll`` said so; the state is saved.
    """
    began = time.monotonic()
    if records:
        require_whole_rows(config)
    split = rows.split(config, seed)
    facts = _facts(rows, seed)
    run = RunFolder(run_path)
    run.require_free()
    require_place(run, resume)
    if rows.streamed is not None:
        rows.streamed.require(split.schema, split.settings)
    with run.create().lock():
        require_place(run, resume)  # somebody may have begun a run meanwhile
        for line in run.recover():
            on_event(Note(line))
        if run.exists():
            facts = _same_run(run, facts, split, on_event)
        kept = _Kept(Keeper(run, on_event, poll), facts)
        fit = Recipe(config, seed).fit(rows, kept.hear, kept.begin)
        kept.save(fit.last, fit.choice)
        poll()
        if records:
            write_records(run, fit, split.train, split.held, rows.source, seed=seed, on_event=on_event)
        candidates = {
            name: {str(sigma): nats if np.isfinite(nats) else None for sigma, nats in table.items()}
            for name, table in fit.choice.candidates.items()
        }
        seal_run(
            run,
            dataclasses.replace(
                facts,
                members=len(fit.best_steps),
                best_steps=fit.best_steps,
                start=fit.choice.start,
                sigma_min=fit.choice.sigma_min,
                candidates=candidates,
                out_of_fold_nats=fit.held_out_nats,
                seconds=round(time.monotonic() - began, 1),
            ),
        )
    return fit


class _Kept:
    """A training of a table as its keeper hears it."""

    def __init__(self, keeper: Keeper, facts: RunFacts) -> None:
        self._keeper, self._facts = keeper, facts

    def begin(self, training: Training) -> Resumed | None:
        """The newest whole state, with the metrics as they were then."""
        run = self._keeper.run
        if not self._keeper.begin(self._facts, lambda: write_facts(run, training.blueprint)):
            return None
        state, own, step = load_state(run, training)
        self._keeper.resume(step)
        if step.notes.start_loss is None:
            got, do = "none in the step to resume", "fit again into another folder"
            raise refusal(run.path, expected="losses of the start", got=got, do=do)
        return Resumed(state, np.asarray(step.notes.start_loss, np.float64), own)

    def hear(self, event: Event | RoundEnded) -> None:
        """Record and save what training reaches."""
        if isinstance(event, RoundEnded):
            if event.last.step != self._keeper.saved:  # whatever comes after it may fail, or be stopped
                self.save(event.last)
            return
        self._keeper.on_event(event)
        if isinstance(event, Advance):
            due = event.step == 0 or event.step % event.training.config.training.save_every == 0
            line = _metrics(event) if event.validated else None
            self._keeper.reached(event.step, line, lambda: self._write(event), due=due, skipped=event.skipped)

    def save(self, now: Advance, choice: Choice | None = None) -> None:
        """Save a state, and what was chosen after the training where it was."""
        self._keeper.save(now.step, lambda: self._write(now, choice))

    def _write(self, now: Advance, choice: Choice | None = None) -> None:
        notes = Notes(tuple(now.start_loss.tolist()))
        if choice is not None:
            notes = dataclasses.replace(notes, sigma_min=choice.sigma_min, start=choice.start)
        save_state(self._keeper.run, now.state, now.training, notes)


def _metrics(now: Advance) -> MetricsLine:
    return MetricsLine(
        step=now.step,
        train_loss=now.loss if np.isfinite(now.loss) else None,
        validation_loss=now.validation_loss,
        held_out_nats=now.held_out_nats,
        held_out_nats_members=tuple(now.member_nats.tolist()),
        active=now.active,
    )


def _same_run(run: RunFolder, facts: RunFacts, split: Split, on_event: Callable[[Event], None]) -> RunFacts:
    """What the run was begun with; other data, or another seed, hold-out, schema or configuration is refused.

    From here on the run is not complete.
    """
    begun_config, begun = begun_run(run)
    require_same(run, begun, facts, ("seed", "data", "holdout", "test"), "table")
    begun_columns = {column.name: column for column in read_schema(run).columns}
    now_columns = {column.name: column for column in split.schema.columns}
    other = next((n for n in {**begun_columns, **now_columns} if begun_columns.get(n) != now_columns.get(n)), None)
    if other is not None:
        expected, got = (
            "none" if column is None else f"one of kind {column.kind}: {column.summary}"
            for column in (begun_columns.get(other), now_columns.get(other))
        )
        raise refusal(
            run.schema,
            expected=f"the column {quote(other)} the run was begun with ({expected})",
            got=got,
            do="resume with the columns and ends the run was begun with",
        )
    require_same_settings(run, to_json(begun_config), to_json(split.settings))
    for line in other_machine(begun, facts):
        on_event(Note(line))
    write_run_facts(run, begun)
    return begun


def _facts(rows: FitRows, seed: int) -> RunFacts:
    test = None if rows.test is None else fingerprint(rows.test)
    return begun_facts(seed, data=rows.facts, holdout=rows.holdout, test=test)
