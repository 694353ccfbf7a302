"""One door for pictures of one size: a folder of PNG or JPEG files, one file of them, or an array of bytes."""

from pathlib import Path
from typing import Any

import numpy as np

from scorax._errors import InputError, refusal
from scorax.data._folders import PICTURES, Others, is_folder_of_pictures
from scorax.data._numpy import archive_members, header_in, opened_archive, shape_of_npy
from scorax.data._picture_arrays import pictures_of_array
from scorax.data._picture_files import pictures_of_files, pictures_of_folder
from scorax.data._picture_set import Pictures
from scorax.data._table import Limits


def holds_pictures(path: Path) -> bool:
    """Whether a path is to be read as pictures and not as a table: a PNG or JPEG file, an array of 3 axes or more, or a folder.

    A folder whose files are all Parquet is a table. Files that are damaged or missing are none: whoever reads them as a table
    says what is wrong.

    Raises:
        InputError: a folder holds Parquet files and others.
    """
    if path.is_dir():
        return is_folder_of_pictures(path)
    if path.suffix.lower() in PICTURES:
        return True
    try:
        match path.suffix.lower():
            case ".npy":
                return len(shape_of_npy(path)) > 2
            case ".npz":
                with opened_archive(path) as archive:
                    members = archive_members(path, archive, Limits())
                    return any(len(header_in(archive, info, path).shape) > 2 for info in members.values())
    except (InputError, OSError, ValueError):
        return False
    return False


def embedded_digits() -> Pictures:
    """The 1,797 handwritten digits of scikit-learn, 8 x 8 in grey, with their classes; their 17 levels are spread over bytes."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    images = (np.asarray(bunch["images"]) * 255 / 16).round().astype(np.uint8)[..., None]
    labels = np.asarray(bunch["target"], np.int64)
    names = tuple(f"{label}/{k:04d}.png" for k, label in enumerate(labels))
    return Pictures(images, labels, tuple(str(k) for k in range(10)), names)


def read_pictures(
    path: Path, *, labels: Path | None = None, size: int | None = None, others: Others = "refuse"
) -> Pictures:
    """Reads pictures of one size.

    - A folder holds PNG or JPEG files, or a folder of them for each class. Hidden files are passed over.
    - A ``.npy`` is an array of bytes, (n, height, width) or (n, height, width, channels), with the classes in a file ``labels``.
    - A ``.npz`` has such an array named ``images``, ``x`` or ``X``, or as its only one of three axes or more, and may have
      classes named ``labels`` or ``y``: one integer, text or truth value for each picture.

    Args:
        path: folder or file.
        labels: ``.npy`` of one class for each picture of an array.
        size: height and width to bring every picture to: its shorter side is scaled, and the middle cut out.
        others: whether a folder with other files is refused, or they are passed over.

    Raises:
        InputError: anything else, with the file and what was found.
    """
    if path.is_dir():
        if labels is not None:
            raise refusal(labels, "labels beside an array", "labels beside a folder", "make a folder for each class")
        return pictures_of_folder(path, size, others)
    ending = path.suffix.lower()
    if not path.is_file():
        raise refusal(path, "pictures", "no such file or folder", "check the path")
    if ending in PICTURES:
        return pictures_of_files(path.parent, [(path.name, None)], (), size, ())
    if labels is not None and not labels.is_file():
        raise refusal(labels, "a .npy of the classes", "no such file", "check the path")
    if ending not in (".npy", ".npz"):
        raise refusal(path, "a folder of PNG or JPEG files, a .npy or a .npz", f"the ending {ending}", "convert it")
    return pictures_of_array(path, labels, size)
