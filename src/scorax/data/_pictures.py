"""Pictures of one size from a folder of PNG or JPEG files, one file of them, or an array of bytes."""

import hashlib
import io
import os
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int, UInt8

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax._write import write_bytes
from scorax.data._image import MOST_PIXELS
from scorax.data._numpy import archive_members, array_in, header_in, shape_of_npy
from scorax.data._table import Limits, check_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg")
_TABLES = (".csv", ".tsv", ".parquet", ".npy", ".npz")
_LEAST_SIDE = 4
_IMAGES, _LABELS = ("images", "x", "X"), ("labels", "y")


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size, with the class of each where they have classes.

    Attributes:
        images: bytes, 0 is dark; one channel of grey, or red, green and blue.
        labels: of each picture the place of its class, ``None`` without classes.
        classes: names of the classes.
        names: of each picture: its file in the folder, or its number in the array, counted from 0.
        remarks: what the reader passed over or changed, one line each.
    """

    images: UInt8[np.ndarray, "n height width channels"]
    labels: Int[np.ndarray, " n"] | None
    classes: tuple[str, ...]
    names: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def take(self, rows: Int[np.ndarray, " m"]) -> "Pictures":
        """Some of the pictures."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, images=self.images[rows], labels=labels, names=tuple(self.names[i] for i in rows))


@dataclass(frozen=True)
class PictureFacts:
    """Fingerprint of pictures: how many, and the SHA-256 of bytes and classes."""

    pictures: int
    sha256: str


def fingerprint_of_pictures(pictures: Pictures) -> PictureFacts:
    """What tells two sets of pictures apart and gives none away."""
    digest = hashlib.sha256(repr((pictures.images.shape, pictures.classes)).encode())
    digest.update(np.ascontiguousarray(pictures.images).tobytes())
    if pictures.labels is not None:
        digest.update(np.ascontiguousarray(pictures.labels, dtype="<i8").tobytes())
    return PictureFacts(len(pictures.images), digest.hexdigest())


def holds_pictures(path: Path) -> bool:
    """Whether a path is to be read as pictures and not as a table: a folder, a PNG or JPEG file, or an array of 3 axes or more.

    Files that are damaged or missing are none: whoever reads them as a table says what is wrong.
    """
    if path.is_dir() or path.suffix.lower() in ENDINGS:
        return True
    try:
        match path.suffix.lower():
            case ".npy":
                return len(shape_of_npy(path)) > 2
            case ".npz":
                with zipfile.ZipFile(path) as archive:
                    members = archive_members(path, archive, Limits())
                    return any(len(header_in(archive, info, path).shape) > 2 for info in members.values())
    except (InputError, OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError):
        return False
    return False


def read_pictures(path: Path, *, labels: Path | None = None, size: int | None = None) -> Pictures:
    """Reads pictures of one size.

    - A folder holds PNG or JPEG files, or a folder of them for each class. Hidden files are passed over.
    - A ``.npy`` is an array of bytes, (n, height, width) or (n, height, width, channels), with the classes in a file ``labels``.
    - A ``.npz`` has such an array named ``images``, ``x`` or ``X``, or as its only one of three axes or more, and may have
      classes named ``labels`` or ``y``: one integer or text for each picture.

    Args:
        path: folder or file.
        labels: ``.npy`` of one class for each picture of an array.
        size: height and width to bring every picture to: its shorter side is scaled, and the middle cut out.

    Raises:
        InputError: anything else, with the file and what was found.
    """
    if path.is_dir():
        if labels is not None:
            raise _refusal(labels, "labels beside an array", "labels beside a folder", "make a folder for each class")
        return _of_folder(path, size)
    ending = path.suffix.lower()
    if not path.is_file():
        raise _refusal(path, "pictures", "no such file or folder", "check the path")
    if ending in ENDINGS:
        return _of_files(path.parent, [(path.name, None)], (), size, ())
    if ending not in (".npy", ".npz"):
        raise _refusal(path, "a folder of PNG or JPEG files, a .npy or a .npz", f"the ending {ending}", "convert it")
    return _of_array(path, labels, size)


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a ``.npz`` of named arrays, or a ``.npy`` of the one there is, wholly or not at all."""
    target = io.BytesIO()
    if path.suffix.lower() == ".npz":
        np.savez(target, **arrays)
    else:
        (array,) = arrays.values()
        np.save(target, array)
    write_bytes(path, target.getvalue())


def _of_folder(path: Path, size: int | None) -> Pictures:
    top = _entries(path)
    folders = [entry.name for entry in top.shown if entry.is_dir()]
    files = [entry.name for entry in top.shown if not entry.is_dir()]
    _require_pictures(path, files)
    if folders and files:
        got, do = (
            f"{quote(files[0])} beside the folder {quote(folders[0])}",
            "put every picture in a folder of its class",
        )
        raise _refusal(path, "pictures, or a folder of them for each class", got, do)
    if not folders and not files:
        raise _refusal(path, "PNG or JPEG pictures", "an empty folder", "check the path")
    hidden = top.hidden
    found: list[tuple[str, int | None]] = [(name, None) for name in files]
    for place, folder in enumerate(folders):
        own = _entries(path / folder)
        deeper = next((entry.name for entry in own.shown if entry.is_dir()), None)
        if deeper is not None:
            got = f"another folder {quote(deeper)} in it"
            raise _refusal(path / folder, "the pictures of one class", got, "leave one level of folders")
        names = [entry.name for entry in own.shown]
        _require_pictures(path / folder, names)
        if not names:
            raise _refusal(path / folder, "the pictures of a class", "an empty folder", "remove it")
        hidden += own.hidden
        found += [(f"{folder}/{name}", place) for name in names]
    remarks = (f"{hidden} hidden file{'s' if hidden > 1 else ''} passed over",) if hidden else ()
    return _of_files(path, found, tuple(folders), size, remarks)


@dataclass(frozen=True)
class _Entries:
    shown: list[os.DirEntry[str]]
    hidden: int


def _entries(path: Path) -> _Entries:
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise _refusal(path, "a folder that can be read", str(error.strerror), "check its permissions") from None
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    return _Entries(shown, len(entries) - len(shown))


def _require_pictures(path: Path, names: Sequence[str]) -> None:
    other = next((name for name in names if not name.lower().endswith(ENDINGS)), None)
    if other is None:
        return
    table = other.lower().endswith(_TABLES)
    if len([name for name in names if name.lower().endswith(ENDINGS)]) == 0 and table:
        raise _refusal(path, "pictures, or a data file", f"a folder with {quote(other)}", "name a file in it")
    do = "name the table itself, or take it out of the folder" if table else "take it out of the folder"
    raise _refusal(path, "PNG and JPEG files only", quote(other), do)


def _of_files(
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
        raise _refusal(folder, "pictures all in grey or all in colour", got, "convert the ones to the other")
    if size is not None:
        remarks += _resized(sizes, size)
    labels = np.array([place for _, place in found], np.int64) if classes else None
    return Pictures(np.stack(images), labels, classes, tuple(name for name, _ in found), remarks)


def _refuse_sizes(folder: Path, sizes: Counter[tuple[int, int]]) -> None:
    shown = [f"{count} of {width} x {height}" for (width, height), count in sizes.most_common(3)]
    more = len(sizes) - len(shown)
    got = ", ".join(shown) + (f" and {more} more sizes" if more else "")
    side = min(min(pair) for pair in sizes)
    do = f"bring them to one, as --size {max(_LEAST_SIDE, side // 4 * 4)} does"
    raise _refusal(folder, "pictures of one size", got, do)


def _resized(sizes: Counter[tuple[int, int]], size: int) -> tuple[str, ...]:
    changed = sum(count for pair, count in sizes.items() if pair != (size, size))
    if not changed:
        return ()
    how = "the shorter side scaled, the middle cut out"
    return (f"{changed:,} of {sizes.total():,} pictures brought to {size} x {size}: {how}",)


def _decoded(path: Path, size: int | None) -> tuple[np.ndarray, tuple[int, int]]:
    """Bytes of a picture file with a channel axis, and its width and height before it was resized."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about very large pictures, which are refused here
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                _require_size(path, *picture.size)
                mode = _mode(path, picture)
                turned = ImageOps.exif_transpose(picture).convert(mode)
                return _array(_fitted(turned, size)), turned.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _refusal(path, "a PNG or JPEG picture", "another or a damaged file", "save it again") from error


def _mode(path: Path, picture: "Image") -> str:
    """Grey or colour; what would lose something is refused."""
    mode = picture.mode
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        raise _refusal(path, "a picture without an alpha channel", "one with it", "paste it on a background first")
    if mode in ("1", "L"):
        return "L"
    if mode in ("P", "RGB"):
        return "RGB"
    kind = "16 bits or more a channel" if mode[0] in "IF" else f"colours of {mode}"
    raise _refusal(path, "8 bits of grey, or of red, green and blue", kind, "convert it")


def _require_size(where: object, width: int, height: int) -> None:
    if min(width, height) < _LEAST_SIDE or width * height > MOST_PIXELS:
        expected = f"pictures of {_LEAST_SIDE} pixels or more a side, and at most {MOST_PIXELS} in all"
        raise _refusal(where, expected, f"{width} x {height}", "scale them first")


def _fitted(picture: "Image", size: int | None) -> "Image":
    from PIL import Image, ImageOps

    return picture if size is None else ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)


def _array(picture: "Image") -> np.ndarray:
    array = np.asarray(picture, np.uint8)
    return array[..., None] if array.ndim == 2 else array


def _of_array(path: Path, labels_path: Path | None, size: int | None) -> Pictures:
    if path.suffix.lower() == ".npy":
        array = array_in(path, Limits())
        labels = None if labels_path is None else array_in(labels_path, Limits())
    else:
        if labels_path is not None:
            got, do = "labels in a file beside a .npz", "put them into the archive, as labels"
            raise _refusal(path, "labels in the archive", got, do)
        array, labels = _of_archive(path)
    images = _bytes_of(array, path)
    _require_size(path, images.shape[2], images.shape[1])
    check_bytes(4 * images.size, path, Limits(), "the pictures as float32")
    remarks: tuple[str, ...] = ()
    if size is not None:
        from PIL import Image

        pair = (images.shape[2], images.shape[1])
        remarks = _resized(Counter({pair: len(images)}), size)
        whole = [Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image) for image in images]
        images = np.stack([_array(_fitted(one, size)) for one in whole])
    names = tuple(str(i) for i in range(len(images)))
    if labels is None:
        return Pictures(images, None, (), names, remarks)
    places, classes = _classes(labels, len(images), labels_path or path)
    return Pictures(images, places, classes, names, remarks)


def _of_archive(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive_members(path, archive, Limits())
            axes = {name: len(header_in(archive, info, path).shape) for name, info in members.items()}
            many = [name for name in _IMAGES if name in members] or [name for name, n in axes.items() if n > 2]
            if len(many) != 1:
                shown = ", ".join(f"{quote(name)} of {n} axes" for name, n in list(axes.items())[:5])
                raise _refusal(path, "one array named images or x", shown or "no array", "name the pictures images")
            told = [name for name in _LABELS if name in members]
            if len(told) > 1:
                raise _refusal(path, "classes named labels or y", "both", "leave one out")
            images = array_in(path, Limits(), archive, members[many[0]])
            return images, array_in(path, Limits(), archive, members[told[0]]) if told else None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        got = f"a damaged or unknown one ({type(error).__name__})"
        raise _refusal(path, "an archive of numpy.savez", got, "save it again") from None


def _bytes_of(array: np.ndarray, path: Path) -> np.ndarray:
    shape = f"shape {array.shape} of {array.dtype}"
    expected = "8-bit pictures, (n, height, width) or (n, height, width, channels) of uint8"
    if array.dtype != np.uint8:
        do = "scale them to 0 to 255 and save them as bytes: (255 * x).round().astype('uint8')"
        raise _refusal(path, expected, shape, do)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        do = "reshape it"
        if array.ndim == 4 and array.shape[-1] in (2, 4):
            do = "leave the alpha channel out"
        elif array.ndim == 4 and array.shape[1] in (1, 3):
            do = "put the channels last: x.transpose(0, 2, 3, 1)"
        raise _refusal(path, expected, shape, do)
    if len(array) == 0:
        raise _refusal(path, "one picture or more", "none", "check the file")
    return array


def _classes(labels: np.ndarray, count: int, where: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    if labels.ndim != 1 or labels.dtype.kind not in "iuU" or len(labels) != count:
        got = f"shape {labels.shape} of {labels.dtype}"
        raise _refusal(where, f"an integer or text for each of {count} pictures", got, "check the labels")
    values, places = np.unique(labels, return_inverse=True)
    return places.astype(np.int64), tuple(str(value) for value in values)


def _refusal(where: Any, expected: str, got: str, do: str) -> InputError:
    return InputError(f"{shown_path(where)}: " + explain(expected=expected, got=got, do=do))
