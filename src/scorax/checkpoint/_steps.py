"""Saved steps: written whole, read back before an older one goes, verified before anything in them is believed."""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from scorax import _write
from scorax._errors import DivergedError, InputError, explain, refusal
from scorax._text import quote, shown_path
from scorax.checkpoint._folder import SEALED, RunFolder
from scorax.checkpoint._json import damaged, open_regular, read_bounded, seal, unseal
from scorax.checkpoint._tensors import Layout, not_finite, read_tensors, tensors_bytes
from scorax.spec import from_mapping, to_json

T = TypeVar("T")

FORMAT = 3
"""Format of a run folder: it stands in the manifest of every step, which is what a reader looks at first."""

MANIFEST = "MANIFEST.json"
_MAXIMUM_MANIFEST = 8 * 2**20
_LOOKS = 20


@dataclass(frozen=True)
class Notes:
    """What the recipe notes beside the arrays of a step.

    Attributes:
        start_loss: held-out loss of every member before the first step.
        sigma_min: the cut-off, once it is chosen; ``start`` the start whose members are kept.
    """

    start_loss: tuple[float, ...] | None = None
    sigma_min: float | None = None
    start: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What a step vouches for: its own files, those of the run that were written before it, the metrics up to it."""

    format: int
    step: int
    meta: Notes
    run: dict[str, _write.FileDigest]
    metrics: _write.FileDigest
    files: dict[str, _write.FileDigest]

    def __post_init__(self) -> None:
        if sorted(self.run) != sorted(SEALED):
            raise ValueError(f"expected the digests of {', '.join(SEALED)}, got others")
        if not self.files or not all(name.endswith(".safetensors") and "/" not in name for name in self.files):
            raise ValueError("expected names of safetensors files, got others")
        if self.metrics.size < 0:
            raise ValueError("expected a size of the metrics, got a negative one")


@dataclass(frozen=True)
class Step:
    """A saved step that was verified.

    Attributes:
        step: its number.
        arrays: for each group (weights, ema, ...) its named arrays.
        notes: what the recipe noted beside them.
        skipped: one line for each newer step that was damaged and passed over.
    """

    step: int
    arrays: dict[str, dict[str, np.ndarray]]
    notes: Notes
    skipped: tuple[str, ...] = ()


def digest_of(path: Path, size: int | None = None) -> _write.FileDigest:
    """Digest of a regular file, or of its first ``size`` bytes, in constant memory."""
    digest, total = hashlib.sha256(), 0
    with os.fdopen(open_regular(path), "rb") as file:
        while part := file.read(2**20 if size is None else min(2**20, size - total)):
            digest.update(part)
            total += len(part)
    return _write.FileDigest(total, digest.hexdigest())


def save_step(
    run: RunFolder,
    step: int,
    arrays: Mapping[str, Mapping[str, np.ndarray]],
    notes: Notes,
    keep: int = 3,
    *,
    may_be_infinite: Collection[str] = ("progress",),
) -> Path:
    """Saves a step as the newest of the run; needs the lock.

    The order is: what was appended to ``metrics.jsonl`` reaches the disk, the step is written under a temporary name,
    renamed, read back, and only then are steps beyond the newest ``keep`` removed. Steps with a higher number belong
    to a future that was given up when an older one was resumed, and are removed as well.

    Args:
        run: the run folder; its config, schema and transform have to be there.
        step: number of the step.
        arrays: groups of named arrays; each group becomes one file ``<group>.safetensors``.
        notes: written in the manifest.
        keep: how many steps stay.
        may_be_infinite: groups in which a float may be infinite or NaN (a best loss not found yet).

    Raises:
        DivergedError: an array of another group is not finite; nothing is written.
        EnvironmentFailure: the machine refused; the steps already saved are untouched.
    """
    require_finite({group: named for group, named in arrays.items() if group not in may_be_infinite}, step)
    files = {f"{group}.safetensors": tensors_bytes(named) for group, named in arrays.items()}
    sealed = {name: digest_of(run.path / name) for name in SEALED}
    metrics = _write.FileDigest.of(b"")
    if run.metrics.exists():
        _write.sync(run.metrics)
        metrics = digest_of(run.metrics)

    def manifest(digests: Mapping[str, _write.FileDigest]) -> bytes:
        return seal(to_json(Manifest(FORMAT, step, notes, sealed, metrics, dict(digests)), sparse=True))

    folder = _write.commit_folder(run.steps, run.step_path(step).name, files, manifest, MANIFEST)
    verify_step(run, step)
    saved = run.saved_steps()
    kept = [s for s in saved if s <= step][-max(keep, 1) :]
    for old in saved:
        if old not in kept:
            _write.remove_tree(run.step_path(old))
    return folder


def verify_step(run: RunFolder, step: int) -> Manifest:
    """The manifest of a step, if every byte it vouches for is there.

    Raises:
        InputError: a file is damaged, missing, or one too many; the line names it.
    """
    folder = run.step_path(step)
    require_folder(folder)
    file = folder / MANIFEST
    content = unseal(read_bounded(file, _MAXIMUM_MANIFEST), file)
    if content.get("format") != FORMAT:
        got = quote(content.get("format"), 20)
        raise damaged(file, f"format {FORMAT}", got, "use the scorax version that wrote the run")
    manifest = from_mapping(Manifest, content, shown_path(file), "restore the file from a copy")
    if manifest.step != step:
        raise damaged(file, f"step {step}", f"{manifest.step}")
    require_files(folder, manifest.files)
    for name, digest in manifest.run.items():
        require_digest(run.path / name, digest)
    metrics = manifest.metrics
    if metrics.size > 0 and digest_of(run.metrics, metrics.size) != metrics:
        raise damaged(run.metrics, f"its first {metrics.size} bytes as they were at step {step}", "others")
    return manifest


def require_finite(arrays: Mapping[str, Mapping[str, np.ndarray]], step: int) -> None:
    """Refuse to save groups of arrays that are not finite.

    Raises:
        DivergedError: an array is not; it is named.
    """
    for group, named in arrays.items():
        if (name := not_finite(named)) is not None:
            raise DivergedError(
                explain(
                    expected=f"finite numbers to save at step {step}",
                    got=f"NaN or infinity in {quote(f'{group}/{name}')}",
                    do="lower the learning rate; the last saved step is intact",
                )
            )


def require_folder(folder: Path) -> None:
    """Refuse what is no folder of a step, a link to one among it.

    Raises:
        InputError: it is none.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise damaged(folder, "the folder of a step", "a link or nothing")


def require_files(folder: Path, files: Mapping[str, _write.FileDigest]) -> None:
    """Refuse a folder that holds other files than those of its manifest, or other bytes in them.

    Raises:
        InputError: it does; the file is named.
    """
    try:
        extra = sorted(set(os.listdir(folder)) - set(files) - {MANIFEST})
    except OSError as error:
        raise damaged(folder, "the folder of a step", str(error.strerror)) from None
    if extra:
        raise damaged(folder / extra[0], "the files of the manifest only", "another file", "remove it")
    for name, digest in files.items():
        require_digest(folder / name, digest)


def require_digest(path: Path, digest: _write.FileDigest) -> None:
    """Refuse a file that is not the one of this size and SHA-256; the size is looked at before the content."""
    with os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
    if size != digest.size:
        raise damaged(path, f"{digest.size} bytes", f"{size}")
    if digest_of(path) != digest:
        raise damaged(path, "the SHA-256 it was written with", "another one")


def load_step(
    run: RunFolder,
    expected: Mapping[str, Layout] | None = None,
    *,
    fallback: bool,
    groups: Collection[str] | None = None,
    may_be_infinite: Collection[str] = ("progress",),
) -> Step:
    """Loads the newest step, after sizes and hashes, names, shapes and types, and finiteness were checked.

    Args:
        run: the run folder.
        expected: for each group the shape and type of every array (``layout_of``), as the config implies them.
        fallback: pass over a damaged step to the one before it (for ``--resume``) instead of refusing.
        groups: load only these groups; all files are verified all the same. With none of them, call it before the config is
            used to build anything: from then on the config is known to be the one written.
        may_be_infinite: as in ``save_step``.

    Raises:
        InputError: no step is whole; the line names the damaged file.
    """

    def load(step: int) -> tuple[dict[str, dict[str, np.ndarray]], Notes]:
        manifest = verify_step(run, step)
        folder = run.step_path(step)
        present = [name.removesuffix(".safetensors") for name in manifest.files]
        wanted = list(present if groups is None else groups)
        for group in set(wanted) | set(expected or ()):
            if group not in present:
                raise damaged(folder / f"{group}.safetensors", "the group of arrays", "none in the manifest")
        arrays = {}
        for group in wanted:
            path = folder / f"{group}.safetensors"
            arrays[group] = read_tensors(path, None if expected is None else expected.get(group))
            if group not in may_be_infinite and (name := not_finite(arrays[group])) is not None:
                raise damaged(path, "finite numbers", f"NaN or infinity in {quote(name)}", "train again")
        return arrays, manifest.meta

    step, (arrays, notes), skipped = _newest(run, fallback, load)
    return Step(step, arrays, notes, tuple(skipped))


def _newest(run: RunFolder, fallback: bool, attempt: Callable[[int], T]) -> tuple[int, T, list[str]]:
    first: InputError | None = None
    skipped: list[str] = []
    # A writer may remove the oldest steps while they are read: look again before anything is called damaged.
    for look in range(_LOOKS):
        first, skipped = None, []
        steps = run.saved_steps()
        for step in reversed(steps):
            try:
                return step, attempt(step), skipped
            except InputError as error:
                if not run.step_path(step).exists() and look < _LOOKS - 1:
                    break
                first = first or error
                skipped.append(f"step {step} passed over: {error}")
                if not fallback:
                    raise
        else:
            break
    if first is not None:
        raise first
    raise refusal(run.steps, expected="a saved step", got="none", do="run scorax fit on this folder")
