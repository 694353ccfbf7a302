"""What the commands do where a run or a path is of pictures; `_fit`, `_sample` and the others ask first and come here."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorax._equal_parts import require_equal_parts
from scorax._errors import InputError, explain, refusal
from scorax._progress import Progress, RowProgress, duration
from scorax._text import listing, shown_path
from scorax.cli._cluster import Cluster, devices_of_all
from scorax.cli._console import note, say
from scorax.cli._distributed import member_of_fit
from scorax.cli._parts import part_of
from scorax.cli._paths import refuse_overwriting, refuse_unwritable, stream
from scorax.cli._picture_output import SHEET, picture_writer
from scorax.cli._runtime import pin_threads
from scorax.cli._signals import Signals

if TYPE_CHECKING:
    from scorax.data import Others, Pictures
    from scorax.pictures import PictureConfig

COLUMNS = ("picture", "log_probability", "bits", "error")
_PROBES = 4
_HELD = 4
"""Bytes of memory for each byte of the pictures that are drawn: pieces, the whole of them, and the file."""


@dataclass(frozen=True)
class PictureSummary:
    """A run of pictures in a few words; ``None`` is not recorded."""

    state: str
    kind: str
    pictures: int | None
    size: str
    classes: tuple[str, ...]
    masks: bool
    step: int | None
    best_steps: tuple[int, ...] | None
    sigma_min: float | None
    seed: int
    threads: int | None
    device: str | None
    versions: dict[str, str] | None
    files: str


def summary_of_pictures(path: Path) -> PictureSummary:
    """What a run of pictures is, whose files are verified."""
    from scorax.checkpoint import RunFolder, read_metrics, read_records, verify_run
    from scorax.pictures import read_picture_config, read_picture_schema

    run = RunFolder(path)
    facts = verify_run(run)
    schema, config = read_picture_schema(run), read_picture_config(run)
    read_records(run)
    read_metrics(run)
    complete = facts.files is not None
    return PictureSummary(
        state="finished" if complete else "unfinished: go on with scorax fit --resume",
        kind="pictures",
        pictures=None if facts.pictures is None else facts.pictures.pictures,
        size=schema.words,
        classes=schema.classes,
        masks=config.training.masks > 0,
        step=max(run.saved_steps(), default=None),
        best_steps=facts.best_steps,
        sigma_min=facts.sigma_min,
        seed=facts.seed,
        threads=facts.nproc,
        device=facts.device,
        versions=facts.versions,
        files="verified" if complete else "verified as far as the saved steps; the rest is sealed when the fit ends",
    )


def of_pictures(run: Path) -> bool:
    """Whether the run in a folder is of pictures."""
    from scorax.checkpoint import RunFolder, kind_of_run

    return kind_of_run(RunFolder(run)) == "pictures"


def refuse_options(kind: str, **given: Any) -> None:
    """Refuse options that mean nothing for pictures, or for a table; keywords are their names, and falsy what was not given."""
    said = [f"--{name.replace('_', '-')}" for name, value in given.items() if value not in (None, False, ())]
    if said:
        other = "a table" if kind == "pictures" else "pictures"
        got = ", ".join(said) + f", of {other}"
        raise InputError(explain(expected=f"options of {kind}", got=got, do="leave it out"))


def fit(
    path: Path,
    output: Path,
    settings: "PictureConfig",
    *,
    seed: int,
    resume: bool,
    labels: Path | None,
    size: int | None,
    others: "Others",
    devices: int,
    processes: Cluster | None,
    heartbeat: int,
    make_report: bool,
    hint: Callable[[], str],
) -> None:
    """Fit pictures, and say what is next."""
    from scorax.data import read_pictures
    from scorax.pictures import require_pictures

    pictures = read_pictures(path, labels=labels, size=size, others=others)
    require_pictures(pictures)
    describe(path, pictures)
    height, width, _ = pictures.shape
    batch = settings.training.batch_of(height, width)
    require_equal_parts(batch, devices_of_all(processes, devices), settings.training.accumulate)
    pin_threads(output if resume else None, devices)
    from scorax._sharding import on_devices
    from scorax.pictures import fit_pictures
    from scorax.report import write_report

    began = time.monotonic()
    with (
        member_of_fit(processes, output, heartbeat) as member,
        on_devices(devices),
        Signals(polled=True, hint=hint) as signals,
        Progress() as progress,
    ):
        done = fit_pictures(
            pictures,
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
    last = done.last
    say(
        f"{last.step:,} steps in {duration(time.monotonic() - began)}, held-out loss {last.state.best_loss[0]:.4g} "
        f"at step {done.best_step:,}"
    )
    if done.best_step > 0.95 * last.step:
        own = settings.training
        longer = f"--max-steps {2 * own.max_steps}" if own.max_steps else f"--minutes {2 * own.minutes:g}"
        say(f"the loss was least at the end: {longer} may bring more")
    if make_report:
        say(f"report: {shown_path(write_report(output))}")
    masks = settings.training.masks > 0
    say(
        f"next: scorax impute {shown_path(output)} picture.png --mask mask.png -o filled.png"
        if masks
        else f"next: scorax sample {shown_path(output)} -n 64 -o sheet.png"
    )


def describe(path: Path, pictures: "Pictures") -> None:
    """Say what was read."""
    height, width, channels = pictures.shape
    colour = "grey" if channels == 1 else "colour"
    classes = f", {len(pictures.classes)} classes ({listing(pictures.classes)})" if pictures.classes else ""
    note(f"{shown_path(path)}: {len(pictures.images):,} pictures of {width} x {height} in {colour}{classes}")
    for line in pictures.remarks:
        note(f"note: {line}")


def sample(
    run: Path,
    numbers: range,
    output: Path,
    *,
    seed: int,
    batch: int,
    evaluations: int | None,
    class_name: str | None,
    guidance: float,
    average: float | None,
    devices: int,
) -> None:
    """Draw pictures into a sheet, a file of arrays, or a folder of single files with a sheet beside them."""
    from scorax.checkpoint import RunFolder
    from scorax.data import Limits
    from scorax.pictures import open_pictures, require_averages

    if not 0 <= guidance < math.inf:
        got, do = f"{guidance:g}", "try --guidance 2; below 0 pictures are led away from their class"
        raise InputError(explain(expected="a finite --guidance of 0 or more", got=got, do=do))
    saved = open_pictures(RunFolder(run))
    most = Limits().total_bytes // (_HELD * saved.schema.size)
    if len(numbers) > most:
        got, do = f"{len(numbers):,}", "draw fewer, or several parts with --rows"
        raise InputError(explain(expected=f"at most {most:,} pictures of this size in memory", got=got, do=do))
    wanted = None if class_name is None else saved.schema.place_of(class_name)
    if guidance != 1:
        saved.schema.require_classes()
    if average is not None:
        require_averages(saved)
    write = picture_writer(output, saved.schema, numbers.start)
    pin_threads(run, devices)
    import numpy as np

    from scorax._sharding import on_devices
    from scorax.pictures import FittedPictures

    fitted = FittedPictures.load(run, average)
    labels = fitted.classes(numbers, seed) if wanted is None else np.full(len(numbers), wanted)
    parts = []
    with on_devices(devices), RowProgress(len(numbers)):
        for start in range(0, len(numbers), batch):
            own = slice(start, start + batch)
            told = None if labels is None else labels[own]
            parts.append(fitted.draw(numbers[own], seed, labels=told, guidance=guidance, evaluations=evaluations))
    write(np.concatenate(parts), labels)
    note(f"{len(numbers)} pictures: {shown_path(output)}")


def logp(
    run: Path,
    path: Path,
    output: Path,
    *,
    seed: int,
    probes: int | None,
    draws: int,
    batch: int,
    rows: str | None,
    size: int | None,
    others: "Others",
    devices: int,
) -> None:
    """Write the log-probability of every picture and its bits per number, with their error."""
    from scorax.checkpoint import RunFolder
    from scorax.data import TableWriter, TextFormat, read_pictures
    from scorax.pictures import open_pictures

    saved = open_pictures(RunFolder(run))
    pictures = read_pictures(path, size=size, others=others)
    labels = saved.schema.match(pictures, path)
    order = sorted(range(len(pictures.names)), key=lambda i: pictures.names[i])
    named = TextFormat(tuple(pictures.names[i] for i in order))
    asked = range(len(order)) if rows is None else part_of(rows, len(order))
    formats, first = (named, None, None, None), asked.start == 0
    writing = TableWriter(stream(output), COLUMNS, formats, rows=len(asked), header=first)
    pin_threads(run, devices)
    import numpy as np

    from scorax._sharding import on_devices
    from scorax.pictures import FittedPictures

    fitted = FittedPictures.load(run)
    place = np.argsort(order)
    unit = saved.schema.size * np.log(2)
    conditional = fitted.blueprint.conditional
    if conditional:
        note(f"log-probabilities {'given the class' if labels is not None else 'without a class'}")
    bits, converged = [], []
    with on_devices(devices), writing as writer, RowProgress(len(asked) * draws):
        for start in range(asked.start, asked.stop, batch):
            own = slice(start, min(start + batch, asked.stop))
            told = None if labels is None else labels[own]
            answer = fitted.bits(pictures.images[own], told, seed=seed, probes=probes or _PROBES, draws=draws)
            writer.write(np.column_stack([place[own], -answer.value * unit, answer.value, answer.error]))
            bits.append(answer.value)
            converged.append(answer.converged)
    value = np.concatenate(bits)
    spread = f" ± {value.std(ddof=1) / np.sqrt(len(value)):.4f}" if len(value) > 1 else ""
    say(f"mean {value.mean():.4f}{spread} bits per number ({len(value)} pictures)")
    note("an upper bound in the mean: noise inside the cells of the bytes was added; uniform noise has 8 bits")
    missed = int(np.sum(~np.concatenate(converged)))
    if missed:
        note(f"warning: the solve of {missed} pictures did not end within its limits")


def impute(
    run: Path,
    path: Path,
    mask: Path | None,
    output: Path,
    *,
    seed: int,
    draws: int,
    size: int | None,
    class_name: str | None,
    devices: int,
) -> None:
    """Draw the pixels that a mask asks for, given the others."""
    from scorax.checkpoint import RunFolder
    from scorax.pictures import open_pictures, require_masks

    saved = open_pictures(RunFolder(run))
    require_masks(saved)
    label = None if class_name is None else saved.schema.place_of(class_name)
    if mask is None:
        do = "add --mask mask.png: its white pixels are filled"
        raise InputError(explain(expected="a mask of the pixels to fill", got="none", do=do))
    refuse_overwriting(output, run, path, mask)
    if output.suffix.lower() != ".png":
        raise InputError(explain(expected="a .png", got=f"-o {shown_path(output)}", do="name one with -o"))
    refuse_unwritable(output)
    from scorax.data import read_pictures

    pictures, asked = read_pictures(path, size=size), read_pictures(mask, size=size)
    saved.schema.match(pictures, path)
    for found, where in ((pictures, path), (asked, mask)):
        if len(found.images) != 1:
            got = f"{len(found.images)} in {shown_path(where)}"
            raise InputError(explain(expected="one picture and one mask", got=got, do="name one file"))
    if asked.shape[:2] != saved.schema.shape[:2]:
        got = f"{asked.shape[1]} x {asked.shape[0]}"
        expected = f"a mask of {saved.schema.width} x {saved.schema.height}"
        raise refusal(mask, expected=expected, got=got, do="make it of the picture's size")
    wanted = asked.images[0].mean(axis=-1) >= 128
    if not wanted.any() or wanted.all():
        got = "none" if not wanted.any() else "all of them"
        do = "paint white what shall be filled, and black what stays; scorax sample draws whole pictures"
        raise refusal(mask, expected="white pixels and black ones", got=got, do=do)
    pin_threads(run, devices)
    import numpy as np

    from scorax._sharding import on_devices
    from scorax._sheet import png, sheet, write_png
    from scorax.pictures import FittedPictures

    fitted = FittedPictures.load(run)
    with on_devices(devices), RowProgress(draws):
        filled = fitted.fill(pictures.images[0], wanted, range(draws), seed, label=label)
    if draws == 1:
        write_png(output, png(filled[0]))
    else:
        shown = np.where(wanted[..., None], 128, pictures.images[0]).astype(np.uint8)
        write_png(output, sheet(np.concatenate([shown[None], filled]), SHEET))
    note(f"{int(wanted.sum()):,} of {wanted.size:,} pixels filled: {shown_path(output)}")
