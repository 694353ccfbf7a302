"""Saved steps: written whole, read back before an older one goes, verified before anything in them is believed."""

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scorax import _write
from scorax._errors import DivergedError, InputError, explain
from scorax._text import quote, shown_path
from scorax.checkpoint._folder import SEALED, RunFolder
from scorax.checkpoint._json import damaged, open_regular, read_bounded, seal, unseal
from scorax.checkpoint._tensors import Layout, not_finite, read_tensors, tensors_bytes

FORMAT = 3
"""Format of a run folder: it stands in the manifest of every step, which is what a reader looks at first."""

MANIFEST = "MANIFEST.json"
_MAXIMUM_MANIFEST = 8 * 2**20
_LOOKS = 20


@dataclass(frozen=True)
class Step:
    """A saved step that was verified.

    Attributes:
        step: its number.
        arrays: for each group (weights, ema, ...) its named arrays.
        meta: what the trainer noted beside them.
        skipped: one line for each newer step that was damaged and passed over.
    """

    step: int
    arrays: dict[str, dict[str, np.ndarray]]
    meta: dict[str, Any]
    skipped: list[str] = field(default_factory=list)


def digest_of(path: Path, size: int | None = None) -> _write.FileDigest:
    """Digest of a regular file, or of its first ``size`` bytes, in constant memory."""
    digest, total = hashlib.sha256(), 0
    with os.fdopen(open_regular(path), "rb") as file:
        while part := file.read(2**20 if size is None else min(2**20, size - total)):
            digest.update(part)
            total += len(part)
    return _write.FileDigest(total, digest.hexdigest())


def _as_json(digest: _write.FileDigest) -> dict[str, Any]:
    return {"size": digest.size, "sha256": digest.sha256}


def save_step(
    run: RunFolder,
    step: int,
    arrays: Mapping[str, Mapping[str, np.ndarray]],
    meta: Mapping[str, Any],
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
        meta: JSON noted in the manifest.
        keep: how many steps stay.
        may_be_infinite: groups in which a float may be infinite or NaN (a best loss not found yet).

    Raises:
        DivergedError: an array of another group is not finite; nothing is written.
        EnvironmentFailure: the machine refused; the steps already saved are untouched.
    """
    for group, named in arrays.items():
        if group not in may_be_infinite and (name := not_finite(named)) is not None:
            raise DivergedError(
                explain(
                    expected=f"finite numbers to save at step {step}",
                    got=f"NaN or infinity in {quote(f'{group}/{name}')}",
                    do="lower the learning rate; the last saved step is intact",
                )
            )
    files = {f"{group}.safetensors": tensors_bytes(named) for group, named in arrays.items()}
    body: dict[str, Any] = {"format": FORMAT, "step": step, "meta": dict(meta)}
    body["run"] = {name: _as_json(digest_of(run.path / name)) for name in SEALED}
    if run.metrics.exists():
        _write.sync(run.metrics)
        body["metrics"] = _as_json(digest_of(run.metrics))
    else:
        body["metrics"] = _as_json(_write.FileDigest.of(b""))

    def manifest(digests: Mapping[str, _write.FileDigest]) -> bytes:
        return seal({**body, "files": {name: _as_json(digest) for name, digest in digests.items()}})

    folder = _write.commit_folder(run.steps, run.step_path(step).name, files, manifest, MANIFEST)
    verify_step(run, step)
    saved = run.saved_steps()
    kept = [s for s in saved if s <= step][-max(keep, 1) :]
    for old in saved:
        if old not in kept:
            _write.remove_tree(run.step_path(old))
    return folder


def verify_step(run: RunFolder, step: int) -> dict[str, Any]:
    """The manifest of a step, if every byte it vouches for is there.

    Raises:
        InputError: a file is damaged, missing, or one too many; the line names it.
    """
    folder = run.step_path(step)
    if folder.is_symlink() or not folder.is_dir():
        raise damaged(folder, "the folder of a step", "a link or nothing")
    manifest = unseal(read_bounded(folder / MANIFEST, _MAXIMUM_MANIFEST), folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise damaged(
            folder / MANIFEST,
            f"format {FORMAT}",
            f"{quote(manifest.get('format'), 20)}",
            "use the scorax version that wrote the run",
        )
    if manifest.get("step") != step:
        raise damaged(folder / MANIFEST, f"step {step}", f"{quote(manifest.get('step'), 20)}")
    if not isinstance(manifest.get("meta"), dict):
        raise damaged(folder / MANIFEST, "an object under 'meta'", "something else")
    listed = _listing(manifest, "files", folder / MANIFEST)
    if not all(name.endswith(".safetensors") and "/" not in name for name in listed):
        raise damaged(folder / MANIFEST, "names of safetensors files", "others")
    try:
        extra = sorted(set(os.listdir(folder)) - set(listed) - {MANIFEST})
    except OSError as error:
        raise damaged(folder, "the folder of a step", str(error.strerror)) from None
    if extra:
        raise damaged(folder / extra[0], "the files of the manifest only", "another file", "remove it")
    places = [(folder / name, digest) for name, digest in listed.items()]
    sealed = _listing(manifest, "run", folder / MANIFEST)
    if sorted(sealed) != sorted(SEALED):
        raise damaged(folder / MANIFEST, f"the digests of {', '.join(SEALED)}", "others")
    places += [(run.path / name, digest) for name, digest in sealed.items()]
    for path, digest in places:
        require_digest(path, digest)
    metrics = _listing({"m": {"metrics": manifest.get("metrics")}}, "m", folder / MANIFEST)["metrics"]
    if metrics.size > 0 and digest_of(run.metrics, metrics.size) != metrics:
        raise damaged(run.metrics, f"its first {metrics.size} bytes as they were at step {step}", "others")
    return manifest


def require_digest(path: Path, digest: _write.FileDigest) -> None:
    """Refuse a file that is not the one of this size and SHA-256; the size is looked at before the content."""
    with os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
    if size != digest.size:
        raise damaged(path, f"{digest.size} bytes", f"{size}")
    if digest_of(path) != digest:
        raise damaged(path, "the SHA-256 it was written with", "another one")


def _listing(manifest: Mapping[str, Any], key: str, where: Path) -> dict[str, _write.FileDigest]:
    entries = manifest.get(key)
    try:
        found = {n: _write.FileDigest(e["size"], e["sha256"]) for n, e in entries.items()}  # type: ignore[union-attr]
    except (AttributeError, KeyError, TypeError):
        found = {}
    if not found or any(type(d.size) is not int or d.size < 0 or not isinstance(d.sha256, str) for d in found.values()):
        raise damaged(where, f"sizes and digests under {key!r}", "something else")
    return found


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

    def load(step: int) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
        manifest = verify_step(run, step)
        folder = run.step_path(step)
        present = [name.removesuffix(".safetensors") for name in manifest["files"]]
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
        return arrays, manifest["meta"]

    step, (arrays, meta), skipped = _newest(run, fallback, load)
    return Step(step, arrays, meta, skipped)


def _newest(run: RunFolder, fallback: bool, attempt: Any) -> tuple[int, Any, list[str]]:
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
    raise InputError(
        f"{shown_path(run.steps)}: " + explain(expected="a saved step", got="none", do="run scorax fit on this folder")
    )
