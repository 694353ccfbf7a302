"""A fit in a run folder: resumable, observed through events, ended by signals between calls."""

import dataclasses
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np

from scorax import _write
from scorax._errors import InputError, Interrupted, explain
from scorax._text import shown_path
from scorax.checkpoint import RunFacts, RunFolder, cut_metrics, seal_run, write_run_facts
from scorax.spec import to_json
from scorax.tables._config import FitConfig, ResolvedConfig
from scorax.tables._evaluate import write_records
from scorax.tables._files import load_state, save_state, write_facts
from scorax.tables._fitting import Job, finish, prepare, validation_loss
from scorax.tables._precision import in_own_precision
from scorax.tables._recipe import train
from scorax.tables._rows import FitRows
from scorax.tables._saved import begun_run, table_facts
from scorax.training import TrainState

Event = dict[str, Any]


@dataclass(frozen=True)
class FitSummary:
    """What a finished fit has to say.

    Attributes:
        steps: optimiser steps taken.
        best_steps: step of the weights kept, per member.
        start: the start whose members are kept.
        sigma_min: chosen cut-off, in standardised units.
        held_out_nats: mean log-density of rows by the member that never saw them, per row in file units.
        seconds: time this process spent.
    """

    steps: int
    best_steps: list[int]
    start: str
    sigma_min: float
    held_out_nats: float
    seconds: float


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
) -> FitSummary:
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
        records: whether to compare with baselines and write what the report shows.
        on_event: receives ``phase``, ``progress``, ``note`` and ``saved`` events.
        poll: called between jitted calls; returns ``"save"`` to ask for a checkpoint, raises ``Interrupted`` to stop.

    Raises:
        InputError: the table cannot be fitted, or differs from the one the run was begun with; the folder holds something
            else, or a run whose configuration is missing. Nothing was created or changed.
        DivergedError: training left the finite numbers; the last saved step is intact.
        FolderInUseError: another process fits into the folder.
        Interrupted: ``poll`` said so; the state is saved.
    """
    began = time.monotonic()
    parts = rows.parts(config, seed)
    facts = _facts(rows, seed)
    run = RunFolder(run_path)
    _require_place(run, resume)
    with run.create().lock():
        _require_place(run, resume)  # somebody may have begun a run meanwhile
        for line in run.recover():
            on_event({"kind": "note", "text": line})
        if run.exists():
            facts = _same_run(run, facts, parts.settings, on_event)
        if "mixture" in parts.settings.ensemble.starts:
            on_event({"kind": "phase", "text": "fitting the mixtures that members start from"})
        job = prepare(parts.train, parts.schema, config, seed=seed)
        state, start_loss = _resume(run, job, on_event) if run.saved_steps() else _begin(run, job, facts)
        state, start_loss = _train(run, job, state, start_loss, on_event, poll)
        on_event({"kind": "phase", "text": "choosing start and sigma_min on held-out rows"})
        outcome = finish(job, state)
        sigma_min = float(outcome.fitted.model.process.t0)  # the clock of EDM is sigma
        start = outcome.fitted.config.ensemble.starts[0]
        save_state(run, state, {**_meta(start_loss), "sigma_min": sigma_min, "start": start})
        on_event({"kind": "saved", "step": int(state.step)})
        poll()
        if records:
            on_event({"kind": "phase", "text": "comparing with baselines, drawing samples, writing records"})
            write_records(run, outcome, parts.train, parts.held, rows.source, seed=seed)
        summary = FitSummary(
            int(state.step),
            np.asarray(state.best_step).tolist(),
            start,
            sigma_min,
            float(np.nanmean(outcome.out_of_fold)),
            time.monotonic() - began,
        )
        candidates = {
            name: {str(sigma): nats if np.isfinite(nats) else None for sigma, nats in table.items()}
            for name, table in outcome.candidates.items()
        }
        seal_run(
            run,
            dataclasses.replace(
                facts,
                members=job.plan.members,
                best_steps=tuple(summary.best_steps),
                start=start,
                sigma_min=sigma_min,
                candidates=candidates,
                out_of_fold_nats=summary.held_out_nats,
                seconds=round(summary.seconds, 1),
            ),
        )
    return summary


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


def _begin(run: RunFolder, job: Job, facts: RunFacts) -> tuple[None, None]:
    """Write what the run is made of; a run that was killed before its first step begins again."""
    write_run_facts(run, facts)
    # config.json comes last and says that a run was begun: one killed before it has nothing to resume.
    write_facts(run, job.plan.config, job.coordinates, job.plan.laws)
    cut_metrics(run, -1)
    return None, None


def _train(
    run: RunFolder,
    job: Job,
    state: TrainState | None,
    start_loss: np.ndarray | None,
    on_event: Callable[[Event], None],
    poll: Callable[[], str | None],
) -> tuple[TrainState, np.ndarray]:
    training = job.plan.config.training
    on_event({"kind": "phase", "text": "compiling the training step"})
    latest, saved = state, -1 if state is None else int(state.step)
    for latest in train(job.plan, state):
        step = int(latest.step)
        if start_loss is None:
            start_loss = np.asarray(latest.validation_loss, np.float64)
        nats = job.held_out_nats(latest, start_loss)
        event = job.progress(latest, nats)
        on_event(event)
        if job.validated(step):
            _write.append_json_line(run.metrics, _metrics(event, nats, validation_loss(latest)))
            _write.append_json_line(run.log, {"step": step, "time": round(time.time(), 3)})
        try:
            wanted = poll()
        except Interrupted:
            if step != saved:
                save_state(run, latest, _meta(start_loss))
            raise
        if (wanted == "save" or step == 0 or step % training.save_every == 0) and step != saved:
            save_state(run, latest, _meta(start_loss))
            saved = step
            on_event({"kind": "saved", "step": step})
    assert latest is not None  # train yields at least the state it starts from
    assert start_loss is not None
    if int(latest.step) != saved:  # whatever comes after the training may fail
        save_state(run, latest, _meta(start_loss))
        on_event({"kind": "saved", "step": int(latest.step)})
    return latest, start_loss


def _metrics(event: Event, nats: np.ndarray, held_out_loss: float) -> dict[str, Any]:
    loss = event["loss"]
    return {
        "step": event["step"],
        "train_loss": loss if np.isfinite(loss) else None,
        "validation_loss": held_out_loss,
        "held_out_nats": event["held_out_nats"],
        "held_out_nats_members": nats.tolist(),
        "active": event["active"],
    }


def _meta(start_loss: np.ndarray) -> dict[str, Any]:
    return {"start_loss": start_loss.tolist()}


def _resume(run: RunFolder, job: Job, on_event: Callable[[Event], None]) -> tuple[TrainState, np.ndarray]:
    """The newest whole state, and the metrics as they were then."""
    state, step = load_state(run, job.plan)
    for line in step.skipped:
        on_event({"kind": "note", "text": f"warning: {line}"})
    cut_metrics(run, step.step)
    on_event({"kind": "note", "text": f"resuming at step {step.step}"})
    return state, np.asarray(step.meta["start_loss"], np.float64)


def _same_run(run: RunFolder, facts: RunFacts, config: ResolvedConfig, on_event: Callable[[Event], None]) -> RunFacts:
    """What the run was begun with; other data, or another seed, hold-out or configuration is refused.

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
    before, now = to_json(begun_config), to_json(config)
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
            on_event(
                {"kind": "note", "text": f"warning: {name} differs from the run's: not equal bit for bit from here on"}
            )
    write_run_facts(run, begun)
    return begun


def _facts(rows: FitRows, seed: int) -> RunFacts:
    return RunFacts(
        seed=seed,
        data=table_facts(rows.table),
        holdout=rows.holdout,
        test=None if rows.test is None else table_facts(rows.test),
        nproc=int(os.environ["NPROC"]) if os.environ.get("NPROC", "").isdigit() else os.cpu_count(),
        versions={name: metadata.version(name) for name in ("scorax", "jax", "jaxlib", "numpy", "equinox", "optax")},
        python=platform.python_version(),
        device=jax.devices()[0].device_kind,
    )
