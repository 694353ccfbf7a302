"""A fit in a run folder: resumable, observed through events, ended by signals between calls."""

import dataclasses
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import jax
import numpy as np

from scorax import _write
from scorax._errors import InputError, Interrupted, explain
from scorax._events import Event, Note, Saved
from scorax._text import quote, shown_path
from scorax.checkpoint import Notes, RunFacts, RunFolder, cut_metrics, seal_run, write_run_facts
from scorax.data import fingerprint
from scorax.records import MetricsLine
from scorax.spec import to_json
from scorax.tables._config import FitConfig
from scorax.tables._evaluate import write_records
from scorax.tables._files import load_state, save_state, write_facts
from scorax.tables._precision import in_own_precision
from scorax.tables._recipe import Fit, Recipe, Resumed, TrainingEnded
from scorax.tables._rows import FitRows, Split
from scorax.tables._saved import begun_run, read_schema
from scorax.tables._scorable import require_whole_rows
from scorax.tables._selection import Choice
from scorax.tables._training import Advance, Training


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
    _require_place(run, resume)
    with run.create().lock():
        _require_place(run, resume)  # somebody may have begun a run meanwhile
        for line in run.recover():
            on_event(Note(line))
        if run.exists():
            facts = _same_run(run, facts, split, on_event)
        keeper = _Keeper(run, facts, on_event, poll)
        fit = Recipe(config, seed).fit(rows, keeper.hear, keeper.begin)
        keeper.save(fit.last, fit.choice)
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


def _require_place(run: RunFolder, resume: bool) -> None:
    """Refuse a folder in which a fit would replace what it does not make again."""
    if run.exists():
        if not resume:
            raise InputError(
                f"{shown_path(run.path)}: "
                + explain(expected="a new or empty folder", got="a run", do="resume it, or name another folder")
            )
    elif (foreign := run.foreign()) is not None:
        raise InputError(
            f"{shown_path(run.config)}: "
            + explain(
                expected="the configuration of a run, or a new or empty folder",
                got=f"none, beside {shown_path(foreign)}",
                do="put config.json back, or name another folder with -o",
            )
        )


@dataclass
class _Keeper:
    """Keeps a training in its run folder: what it is made of, its metrics, and states to go on from."""

    run: RunFolder
    facts: RunFacts
    on_event: Callable[[Event], None]
    poll: Callable[[], str | None]
    saved: int | None = None

    def begin(self, training: Training) -> Resumed | None:
        """The newest whole state, with the metrics as they were then; a run killed before its first step begins again."""
        run = self.run
        if not run.saved_steps():
            write_run_facts(run, self.facts)
            # config.json comes last and says that a run was begun: one killed before it has nothing to resume.
            write_facts(run, training.blueprint)
            cut_metrics(run, -1)
            return None
        state, own, step = load_state(run, training)
        for line in step.skipped:
            self.on_event(Note(f"warning: {line}"))
        cut_metrics(run, step.step)
        self.on_event(Note(f"resuming at step {step.step}"))
        if step.notes.start_loss is None:
            got, do = "none in the step to resume", "fit again into another folder"
            raise InputError(f"{shown_path(run.path)}: " + explain(expected="losses of the start", got=got, do=do))
        self.saved = step.step
        return Resumed(state, np.asarray(step.notes.start_loss, np.float64), own)

    def hear(self, event: Event | TrainingEnded) -> None:
        """Record and save what training reaches."""
        if isinstance(event, TrainingEnded):
            if event.last.step != self.saved:  # whatever comes after the training may fail
                self.save(event.last)
            return
        self.on_event(event)
        if isinstance(event, Advance):
            self._advance(event)

    def save(self, now: Advance, choice: Choice | None = None) -> None:
        """Save a state, and what was chosen after the training where it was."""
        self._write(now, choice)
        self.on_event(Saved(now.step))

    def _advance(self, now: Advance) -> None:
        step = now.step
        if now.validated:
            _write.append_json_line(self.run.metrics, to_json(_metrics(now)))
            _write.append_json_line(self.run.log, {"step": step, "time": round(time.time(), 3)})
        try:
            wanted = self.poll()
        except Interrupted:
            if step != self.saved:
                self._write(now)
            raise
        due = wanted == "save" or step == 0 or step % now.training.config.training.save_every == 0
        if due and step != self.saved:
            self.save(now)

    def _write(self, now: Advance, choice: Choice | None = None) -> None:
        notes = Notes(tuple(now.start_loss.tolist()))
        if choice is not None:
            notes = dataclasses.replace(notes, sigma_min=choice.sigma_min, start=choice.start)
        save_state(self.run, now.state, now.training, notes)
        self.saved = now.step


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
    for name in ("seed", "data", "holdout", "test"):
        if getattr(begun, name) != getattr(facts, name):
            raise InputError(
                f"{shown_path(run.path)}: "
                + explain(
                    expected=f"the {name} the run was begun with ({getattr(begun, name)})",
                    got=str(getattr(facts, name)),
                    do="resume with the same table and options, or name another folder with -o",
                )
            )
    begun_columns = {column.name: column for column in read_schema(run).columns}
    now_columns = {column.name: column for column in split.schema.columns}
    other = next((n for n in {**begun_columns, **now_columns} if begun_columns.get(n) != now_columns.get(n)), None)
    if other is not None:
        expected, got = (
            "none" if column is None else f"one of kind {column.kind}: {column.summary}"
            for column in (begun_columns.get(other), now_columns.get(other))
        )
        raise InputError(
            f"{shown_path(run.schema)}: "
            + explain(
                expected=f"the column {quote(other)} the run was begun with ({expected})",
                got=got,
                do="resume with the columns and ends the run was begun with",
            )
        )
    before, now = to_json(begun_config), to_json(split.settings)
    for section in now:
        for key, value in now[section].items():
            if before[section][key] != value:
                raise InputError(
                    f"{shown_path(run.config)}: "
                    + explain(
                        expected=f"{section}.{key} = {before[section][key]}",
                        got=str(value),
                        do="resume with the configuration the run was begun with",
                    )
                )
    for name in ("nproc", "versions", "device"):
        if getattr(begun, name) != getattr(facts, name):
            on_event(Note(f"warning: {name} differs from the run's: not equal bit for bit from here on"))
    write_run_facts(run, begun)
    return begun


def _facts(rows: FitRows, seed: int) -> RunFacts:
    return RunFacts(
        seed=seed,
        data=fingerprint(rows.table),
        holdout=rows.holdout,
        test=None if rows.test is None else fingerprint(rows.test),
        nproc=int(os.environ["NPROC"]) if os.environ.get("NPROC", "").isdigit() else os.cpu_count(),
        versions={name: metadata.version(name) for name in ("scorax", "jax", "jaxlib", "numpy", "equinox", "optax")},
        python=platform.python_version(),
        device=jax.devices()[0].device_kind,
    )
