"""Pictures in arrays of bytes, with or without classes."""

import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scorax._errors import refusal
from scorax._text import listing, quote
from scorax._write import write_bytes
from scorax.data._numpy import archive_members, array_in, header_in, opened_archive
from scorax.data._picture_set import Pictures, array_of, fitted, require_size, resized
from scorax.data._table import Limits, check_bytes

_IMAGES, _LABELS = ("images", "x", "X"), ("labels", "y")


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a ``.npz`` of named arrays, or a ``.npy`` of the one there is, wholly or not at all."""
    target = io.BytesIO()
    if path.suffix.lower() == ".npz":
        np.savez(target, allow_pickle=False, **arrays)
    else:
        (array,) = arrays.values()
        np.save(target, array)
    write_bytes(path, target.getvalue())


def pictures_of_array(path: Path, labels_path: Path | None, size: int | None) -> Pictures:
    if path.suffix.lower() == ".npy":
        array = array_in(path, Limits())
        labels, remarks = (None if labels_path is None else array_in(labels_path, Limits())), ()
    else:
        if labels_path is not None:
            got, do = "labels in a file beside a .npz", "put them into the archive, as labels"
            raise refusal(path, "labels in the archive", got, do)
        array, labels, remarks = _of_archive(path)
    images = _bytes_of(array, path)
    require_size(path, images.shape[2], images.shape[1])
    check_bytes(4 * images.size, path, Limits(), "the pictures as float32")
    if size is not None:
        from PIL import Image

        pair = (images.shape[2], images.shape[1])
        remarks += resized(Counter({pair: len(images)}), size)
        whole = [Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image) for image in images]
        images = np.stack([array_of(fitted(one, size)) for one in whole])
    names = tuple(str(i) for i in range(len(images)))
    if labels is None:
        return Pictures(images, None, (), names, remarks)
    places, classes = _classes(labels, len(images), labels_path or path)
    return Pictures(images, places, classes, names, remarks)


def _of_archive(path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Pictures, their classes where there are some, and what of the archive is passed over."""
    with opened_archive(path) as archive:
        members = archive_members(path, archive, Limits())
        axes = {name: len(header_in(archive, info, path).shape) for name, info in members.items()}
        many = [name for name in _IMAGES if name in members] or [name for name, n in axes.items() if n > 2]
        if len(many) != 1:
            shown = ", ".join(f"{quote(name)} of {n} axes" for name, n in list(axes.items())[:5])
            raise refusal(path, "one array named images or x", shown or "no array", "name the pictures images")
        told = [name for name in _LABELS if name in members]
        if len(told) > 1:
            raise refusal(path, "classes named labels or y", "both", "leave one out")
        images = array_in(path, Limits(), archive, members[many[0]])
        labels = array_in(path, Limits(), archive, members[told[0]]) if told else None
        others = [name for name in members if name not in (*many, *told)]
        if not others:
            return images, labels, ()
        how = "" if told else ": classes are named labels or y"
        return images, labels, (f"passed over in the archive: {listing(others)}{how}",)


def _bytes_of(array: np.ndarray, path: Path) -> np.ndarray:
    shape = f"shape {array.shape} of {array.dtype}"
    expected = "8-bit pictures, (n, height, width) or (n, height, width, channels) of uint8"
    if array.dtype != np.uint8:
        raise refusal(path, expected, shape, f"scale them to 0 to 255 and save them as bytes{_scaled(array)}")
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        do = "reshape it"
        if array.ndim == 4 and array.shape[-1] in (2, 4):
            do = "leave the alpha channel out"
        elif array.ndim == 4 and array.shape[1] in (1, 3):
            do = "put the channels last: x.transpose(0, 2, 3, 1)"
        raise refusal(path, expected, shape, do)
    if len(array) == 0:
        raise refusal(path, "one picture or more", "none", "check the file")
    return array


def _scaled(array: np.ndarray) -> str:
    """How numbers become bytes, where their ends tell."""
    if array.dtype.kind not in "fiub" or not array.size:
        return ""
    low, high = float(array.min()), float(array.max())
    if 0 <= low <= high <= 1 and array.dtype.kind in "fb":
        return ": (255 * x).round().astype('uint8')"
    if 0 <= low <= high <= 255:
        return ": x.astype('uint8')" if array.dtype.kind in "iu" else ": x.round().astype('uint8')"
    if -1 <= low <= high <= 1:
        return ": (127.5 * (x + 1)).round().astype('uint8')"
    return f", they are {low:g} to {high:g}"


def _classes(labels: np.ndarray, count: int, where: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    if labels.ndim != 1 or labels.dtype.kind not in "iubU" or len(labels) != count:
        got = f"shape {labels.shape} of {labels.dtype}"
        do = (
            "check the labels"
            if labels.size != count
            else "save y.ravel()"
            if labels.ndim != 1
            else "save y.astype(int)"
        )
        raise refusal(where, f"an integer, text or truth value for each of {count} pictures", got, do)
    values, places = np.unique(labels, return_inverse=True)
    return places.astype(np.int64), tuple(str(value) for value in values)
