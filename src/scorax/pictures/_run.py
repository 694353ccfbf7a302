"""A fit of pictures in a run folder: resumable, observed through events, ended by signals between calls."""

import base64
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from scorax._errors import refusal
from scorax._events import Event, Note, Phase
from scorax._progress import uncounted
from scorax._sheet import sheet
from scorax.checkpoint import (
    Keeper,
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
from scorax.data import Pictures, fingerprint_of_pictures
from scorax.pictures._config import PictureConfig, ResolvedPictureConfig
from scorax.pictures._evaluate import write_picture_records
from scorax.pictures._files import load_state, save_snapshot, save_state, write_facts
from scorax.pictures._fitted import FittedPictures
from scorax.pictures._saved import begun_pictures
from scorax.pictures._schema import PictureSchema, require_pictures
from scorax.pictures._settings import resolved
from scorax.pictures._training import PictureAdvance, PictureFit, averaged_model, best_model
from scorax.records import MetricsLine
from scorax.spec import to_json
from scorax.training import trained_arrays

_SHOWN = 20
"""Pictures of a sheet along the training."""


@dataclass(frozen=True)
class FittedRun:
    """A finished fit.

    Attributes:
        fitted: the model.
        last: the end of the training.
    """

    fitted: FittedPictures
    last: PictureAdvance

    @property
    def best_step(self) -> int:
        """Step of the weights kept."""
        return int(self.last.state.best_step[0])


def fit_pictures(
    pictures: Pictures,
    run_path: Path,
    config: PictureConfig,
    *,
    seed: int,
    resume: bool = False,
    records: bool = True,
    on_event: Callable[[Event], None] = lambda event: None,
    poll: Callable[[], str | None] = lambda: None,
) -> FittedRun:
    """Fit pictures into the run folder ``run_path``.

    Resuming needs the same pictures, seed and configuration; the result is then bit for bit that of a run that was never
    interrupted (same machine kind, thread count and JAX version).

    Args:
        pictures: of one size.
        run_path: the run folder.
        config: configuration; what it leaves out is chosen.
        seed: root of all randomness.
        resume: go on from the newest whole step.
        records: whether to compute what the report shows.
        on_event: hears what is done, every state of the training, notes, and what was saved.
        poll: called between jitted calls; returns ``"save"`` to ask for a checkpoint, raises ``Interrupted`` to stop.

    Raises:
        InputError: the pictures cannot be fitted, or differ from those the run was begun with; the folder holds something else.
        DivergedError: training left the finite numbers; the last saved step is intact.
        FolderInUseError: another process fits into the folder.
        Interrupted: ``poll`` said so; the state is saved.
    """
    began = time.monotonic()
    require_pictures(pictures)
    run = RunFolder(run_path)
    run.require_free()
    require_place(run, resume)
    with jax.enable_x64(False), run.create().lock():
        require_place(run, resume)  # somebody may have begun a run meanwhile
        for line in run.recover():
            on_event(Note(line))
        schema = PictureSchema.of(pictures)
        settings = resolved(config, schema)
        facts = begun_facts(seed, kind="pictures", pictures=fingerprint_of_pictures(pictures))
        if run.exists():
            facts = _same_run(run, facts, schema, settings, on_event)
        else:
            on_event(Note(settings.summary))
        training = PictureFit.of(pictures, schema, settings, seed=seed)
        if training.averages is not None and not run.kept_averages():
            on_event(Note(_size_of_averages(training)))
        keeper = Keeper(run, on_event, poll)
        last = _trained(training, keeper, facts, seed)
        keeper.save(last.step, lambda: save_state(run, last.state, sigma_min=settings.noise.sigma_min))
        poll()
        fitted = FittedPictures(training.blueprint, best_model(training, last.state))
        if records:
            on_event(Phase("drawing pictures for the report"))
            write_picture_records(run, fitted, training, seed=seed, on_event=on_event)
        finished = FittedRun(fitted, last)
        seconds = round(time.monotonic() - began, 1)
        best_steps = (finished.best_step,)
        cut_off = settings.noise.sigma_min
        seal_run(run, dataclasses.replace(facts, best_steps=best_steps, sigma_min=cut_off, seconds=seconds))
    return finished


def _trained(training: PictureFit, keeper: Keeper, facts: RunFacts, seed: int) -> PictureAdvance:
    """The end of a training; one that has ended already has no further states."""
    run, on_event, last = keeper.run, keeper.on_event, None
    if keeper.begin(facts, lambda: write_facts(run, training.blueprint)):
        state, step = load_state(run, training)
        keeper.resume(step)
        last = PictureAdvance(training, state)
    on_event(Phase("compiling the training step"))
    for state in training.states(None if last is None else last.state):
        last = PictureAdvance(training, state)
        on_event(last)
        if training.averages is not None and last.kept:
            save_snapshot(run, state, training.averages)
        line = _measured(last, seed) if last.validated else None
        due = last.step == 0 or last.step % training.config.training.save_every == 0
        keeper.reached(last.step, line, lambda state=state: save_state(run, state), due=due, skipped=last.skipped)
    assert last is not None  # a training without a state to go on from yields one at step 0
    return last


def _size_of_averages(training: PictureFit) -> str:
    own = training.config.training
    each = 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(trained_arrays(training.model)))
    count = min(own.snapshots, -(-own.max_steps // own.validate_every))
    return f"{count} snapshots of two averages of the weights will take {count * each / 2**20:,.0f} MiB in averages/"


def _measured(now: PictureAdvance, seed: int) -> MetricsLine:
    """What is recorded of a state; now and then with pictures drawn from its average."""
    shown = None
    if now.shown:
        fitted = FittedPictures(now.training.blueprint, averaged_model(now.training, now.state))
        classes = len(fitted.blueprint.schema.classes)
        labels = np.arange(_SHOWN) % classes if fitted.blueprint.conditional else None
        with uncounted():
            images = fitted.draw(range(_SHOWN), seed, labels=labels)
        shown = base64.b64encode(sheet(images, columns=10)).decode()
    return MetricsLine(
        step=now.step,
        train_loss=now.loss if np.isfinite(now.loss) else None,
        validation_loss=now.validation_loss,
        active=now.active,
        sheet=shown,
    )


def _same_run(
    run: RunFolder,
    facts: RunFacts,
    schema: PictureSchema,
    settings: ResolvedPictureConfig,
    on_event: Callable[[Event], None],
) -> RunFacts:
    """What the run was begun with; other pictures, or another seed or configuration, are refused.

    From here on the run is not complete.
    """
    begun_config, begun_schema, begun = begun_pictures(run)
    require_same(run, begun, facts, ("seed", "pictures"), "pictures")
    if begun_schema != schema:
        raise refusal(
            run.schema,
            expected=f"pictures of {begun_schema.words}",
            got=schema.words,
            do="resume with the options of the first fit",
        )
    require_same_settings(run, to_json(begun_config), to_json(settings))
    for line in other_machine(begun, facts):
        on_event(Note(line))
    write_run_facts(run, begun)
    return begun
