"""Pictures in a folder of PNG or JPEG files, or of a folder of them for each class."""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scorax._errors import InputError
from scorax._text import quote
from scorax.data._picture_set import LEAST_SIDE, Pictures, array_of, fitted, refusal, require_size, resized
from scorax.data._table import Limits, check_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg")
_TABLES = (".csv", ".tsv", ".parquet", ".npy", ".npz")


def pictures_of_folder(path: Path, size: int | None) -> Pictures:
    top = _entries(path)
    folders = [entry.name for entry in top.shown if entry.is_dir()]
    files = [entry.name for entry in top.shown if not entry.is_dir()]
    _require_pictures(path, files)
    if folders and files:
        got, do = (
            f"{quote(files[0])} beside the folder {quote(folders[0])}",
            "put every picture in a folder of its class",
        )
        raise refusal(path, "pictures, or a folder of them for each class", got, do)
    if not folders and not files:
        raise refusal(path, "PNG or JPEG pictures", "an empty folder", "check the path")
    hidden = top.hidden
    found: list[tuple[str, int | None]] = [(name, None) for name in files]
    for place, folder in enumerate(folders):
        own = _entries(path / folder)
        deeper = next((entry.name for entry in own.shown if entry.is_dir()), None)
        if deeper is not None:
            got = f"another folder {quote(deeper)} in it"
            raise refusal(path / folder, "the pictures of one class", got, "leave one level of folders")
        names = [entry.name for entry in own.shown]
        _require_pictures(path / folder, names)
        if not names:
            raise refusal(path / folder, "the pictures of a class", "an empty folder", "remove it")
        hidden += own.hidden
        found += [(f"{folder}/{name}", place) for name in names]
    remarks = (f"{hidden} hidden file{'s' if hidden > 1 else ''} passed over",) if hidden else ()
    return pictures_of_files(path, found, tuple(folders), size, remarks)


@dataclass(frozen=True)
class _Entries:
    shown: list[os.DirEntry[str]]
    hidden: int


def _entries(path: Path) -> _Entries:
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise refusal(path, "a folder that can be read", str(error.strerror), "check its permissions") from None
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    return _Entries(shown, len(entries) - len(shown))


def _require_pictures(path: Path, names: Sequence[str]) -> None:
    other = next((name for name in names if not name.lower().endswith(ENDINGS)), None)
    if other is None:
        return
    table = other.lower().endswith(_TABLES)
    if len([name for name in names if name.lower().endswith(ENDINGS)]) == 0 and table:
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
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about very large pictures, which are refused here
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                require_size(path, *picture.size)
                mode = _mode(path, picture)
                turned = ImageOps.exif_transpose(picture).convert(mode)
                return array_of(fitted(turned, size)), turned.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise refusal(path, "a PNG or JPEG picture", "another or a damaged file", "save it again") from error


def _mode(path: Path, picture: "Image") -> str:
    """Grey or colour; what would lose something is refused."""
    mode = picture.mode
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        raise refusal(path, "a picture without an alpha channel", "one with it", "paste it on a background first")
    if mode in ("1", "L"):
        return "L"
    if mode in ("P", "RGB"):
        return "RGB"
    kind = "16 bits or more a channel" if mode[0] in "IF" else f"colours of {mode}"
    raise refusal(path, "8 bits of grey, or of red, green and blue", kind, "convert it")
