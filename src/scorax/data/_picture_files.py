"""Pictures in a folder of PNG or JPEG files, or of a folder of them for each class."""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from scorax._errors import refusal
from scorax._text import quote
from scorax.data._folders import PICTURES, Entries, Others, entries
from scorax.data._image import decoded
from scorax.data._picture_set import LEAST_SIDE, Pictures, array_of, fitted, require_size, resized
from scorax.data._table import Limits, check_bytes

_TABLES = (".csv", ".tsv", ".parquet", ".npy", ".npz")


def pictures_of_folder(path: Path, size: int | None, others: Others = "refuse") -> Pictures:
    """The pictures of a folder, or of the folders of its classes, brought to one size where it is given."""
    top = _pictures_in(path, others)
    if top.folders and top.read:
        got, do = (
            f"{quote(top.read[0])} beside the folder {quote(top.folders[0])}",
            "put every picture in a folder of its class",
        )
        raise refusal(path, "pictures, or a folder of them for each class", got, do)
    if not top.folders and not top.read:
        raise refusal(path, "PNG or JPEG pictures", "an empty folder", "check the path")
    hidden, passed = top.hidden, len(top.others)
    found: list[tuple[str, int | None]] = [(name, None) for name in top.read]
    for place, folder in enumerate(top.folders):
        own = _pictures_in(path / folder, others)
        if own.folders:
            got = f"another folder {quote(own.folders[0])} in it"
            raise refusal(path / folder, "the pictures of one class", got, "leave one level of folders")
        if not own.read:
            raise refusal(path / folder, "the pictures of a class", "an empty folder", "remove it")
        hidden, passed = hidden + own.hidden, passed + len(own.others)
        found += [(f"{folder}/{name}", place) for name in own.read]
    counted = ((hidden, "hidden"), (passed, "other"))
    remarks = tuple(f"{n} {kind} file{'s' if n > 1 else ''} passed over" for n, kind in counted if n)
    return pictures_of_files(path, found, tuple(top.folders), size, remarks)


def _pictures_in(path: Path, others: Others) -> Entries:
    found = entries(path, PICTURES)
    if found.others and others == "refuse":
        _refuse_others(path, found)
    return found


def _refuse_others(path: Path, found: Entries) -> None:
    other = found.others[0]
    table = other.lower().endswith(_TABLES)
    if not found.read and table:
        raise refusal(path, "pictures, or a data file", f"a folder with {quote(other)}", "name a file in it")
    do = "name the table itself, or take it out of the folder" if table else "take it out of the folder"
    raise refusal(path, "PNG and JPEG files only", quote(other), do)


def pictures_of_files(
    folder: Path,
    found: list[tuple[str, int | None]],
    classes: tuple[str, ...],
    size: int | None,
    remarks: tuple[str, ...],
) -> Pictures:
    images: list[np.ndarray] = []
    sizes: Counter[tuple[int, int]] = Counter()
    first_of: dict[int, str] = {}
    total = 0
    for name, _ in found:
        image, before = _decoded(folder / name, size)
        sizes[before] += 1
        first_of.setdefault(image.shape[-1], name)
        total += image.size
        check_bytes(4 * total, folder, Limits(), "the pictures as float32")
        images.append(image)
    if size is None and len(sizes) > 1:
        _refuse_sizes(folder, sizes)
    if len(first_of) > 1:
        got = f"{quote(first_of[1])} in grey and {quote(first_of[3])} in colour"
        raise refusal(folder, "pictures all in grey or all in colour", got, "convert the ones to the other")
    if size is not None:
        remarks += resized(sizes, size)
    labels = np.array([place for _, place in found], np.int64) if classes else None
    return Pictures(np.stack(images), labels, classes, tuple(name for name, _ in found), remarks)


def _refuse_sizes(folder: Path, sizes: Counter[tuple[int, int]]) -> None:
    shown = [f"{count} of {width} x {height}" for (width, height), count in sizes.most_common(3)]
    more = len(sizes) - len(shown)
    got = ", ".join(shown) + (f" and {more} more sizes" if more else "")
    side = min(min(pair) for pair in sizes)
    do = f"bring them to one, as --size {max(LEAST_SIDE, side // 4 * 4)} does"
    raise refusal(folder, "pictures of one size", got, do)


def _decoded(path: Path, size: int | None) -> tuple[np.ndarray, tuple[int, int]]:
    """Bytes of a picture file with a channel axis, and its width and height before it was resized."""
    picture = decoded(path, partial(require_size, path))
    return array_of(fitted(picture, size)), picture.size
