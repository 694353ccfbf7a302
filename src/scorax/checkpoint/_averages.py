"""Snapshots of averages of the weights, beside the steps: all of them stay, and each vouches for its own files."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scorax import _write
from scorax._text import quote, shown_path
from scorax.checkpoint._folder import RunFolder
from scorax.checkpoint._json import damaged, read_bounded, seal, unseal
from scorax.checkpoint._steps import FORMAT, MANIFEST, require_files, require_finite, require_folder
from scorax.checkpoint._tensors import Layout, read_tensors, tensors_bytes
from scorax.spec import from_mapping, to_json

_MAXIMUM_MANIFEST = 2**20


@dataclass(frozen=True)
class AveragesManifest:
    """What a snapshot vouches for: averages of one step, ``average_0.safetensors`` of the first relative length, and so on."""

    format: int
    step: int
    lengths: tuple[float, ...]
    files: dict[str, _write.FileDigest]

    def __post_init__(self) -> None:
        if sorted(self.files) != sorted(f"{average_name(k)}.safetensors" for k in range(len(self.lengths))):
            raise ValueError("expected a file for each length, got others")


def average_name(place: int) -> str:
    """The group of arrays of the average with this place among the lengths."""
    return f"average_{place}"


def save_averages(run: RunFolder, step: int, averages: Mapping[float, Mapping[str, np.ndarray]]) -> None:
    """Keep a snapshot of averages, by relative length; one of the same step is replaced. Needs the lock.

    Raises:
        DivergedError: an array is not finite; nothing is written.
        EnvironmentFailure: the machine refused; the snapshots already kept are untouched.
    """
    groups = {average_name(k): named for k, named in enumerate(averages.values())}
    require_finite(groups, step)
    files = {f"{name}.safetensors": tensors_bytes(named) for name, named in groups.items()}
    lengths = tuple(averages)

    def manifest(digests: Mapping[str, _write.FileDigest]) -> bytes:
        return seal(to_json(AveragesManifest(FORMAT, step, lengths, dict(digests))))

    _write.make_folder(run.averages)
    _write.commit_folder(run.averages, run.average_path(step).name, files, manifest, MANIFEST)


def verify_averages(run: RunFolder, step: int) -> AveragesManifest:
    """The manifest of a snapshot, if every byte it vouches for is there.

    Raises:
        InputError: a file is damaged, missing, or one too many; the line names it.
    """
    folder = run.average_path(step)
    require_folder(folder)
    file = folder / MANIFEST
    content = unseal(read_bounded(file, _MAXIMUM_MANIFEST), file)
    manifest = from_mapping(AveragesManifest, content, shown_path(file), "restore the file from a copy")
    if (manifest.format, manifest.step) != (FORMAT, step):
        raise damaged(
            file, f"step {step} in format {FORMAT}", f"step {manifest.step} in format {quote(manifest.format, 20)}"
        )
    require_files(folder, manifest.files)
    return manifest


def load_averages(run: RunFolder, expected: Layout) -> dict[tuple[int, float], dict[str, np.ndarray]]:
    """Arrays of all snapshots by step and relative length.

    Raises:
        InputError: a snapshot is damaged, or its arrays are not those expected.
    """
    found = {}
    for step in run.kept_averages():
        for k, length in enumerate(verify_averages(run, step).lengths):
            found[step, length] = read_tensors(run.average_path(step) / f"{average_name(k)}.safetensors", expected)
    return found
