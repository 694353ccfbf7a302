"""Pictures that `sample` drew, into a sheet, a file of arrays, or a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.cli._paths import refuse_unwritable

if TYPE_CHECKING:
    import numpy as np

    from scorax.pictures import PictureSchema

SHEET = 10
"""Pictures in a line of a sheet."""


def picture_writer(
    output: Path, schema: "PictureSchema", first: int
) -> "Callable[[np.ndarray, np.ndarray | None], None]":
    """How pictures, numbered from ``first``, and their classes are written to ``output``; what cannot be is refused at once."""
    ending = output.suffix.lower()
    if ending not in ("", ".png", ".npy", ".npz") or str(output) == "-":
        got = f"-o {shown_path(output)}"
        raise InputError(explain(expected="a .png, .npy, .npz or a folder", got=got, do="name one of these with -o"))
    if ending == "" and output.exists() and (not output.is_dir() or any(output.iterdir())):
        got = f"{shown_path(output)}, which holds something"
        raise InputError(explain(expected="a new or empty folder", got=got, do="name another folder with -o"))
    if ending:
        refuse_unwritable(output)
    else:
        _require_folders(schema)

    def write(images: "np.ndarray", labels: "np.ndarray | None") -> None:
        from scorax._sheet import sheet, write_png
        from scorax.data import save_arrays

        if ending == ".png":
            write_png(output, sheet(images, SHEET))
        elif ending == ".npy":
            save_arrays(output, {"images": images})
        elif ending == ".npz":
            named = {} if labels is None else {"labels": _names(schema, labels)}
            save_arrays(output, {"images": images} | named)
        else:
            _write_folder(output, images, None if labels is None else _names(schema, labels), first)

    return write


def _require_folders(schema: "PictureSchema") -> None:
    """Refuse classes that are no names of folders: a picture would stand elsewhere, or be read as one of another class.

    Raises:
        InputError: there is one.
    """
    odd = next((name for name in schema.classes if "/" in name or "\0" in name or name[:1] in ("", ".")), None)
    if odd is not None:
        got, do = quote(odd), "write an .npz, which holds any name"
        raise InputError(explain(expected="classes that can name folders", got=got, do=do))


def _names(schema: "PictureSchema", labels: "np.ndarray") -> "np.ndarray":
    import numpy as np

    return np.array(schema.classes)[labels]


def _write_folder(folder: Path, images: "np.ndarray", names: "np.ndarray | None", first: int) -> None:
    """``sheet.png``, and single files in ``pictures`` or in a folder of each class there, which ``scorax fit`` reads."""
    from scorax._sheet import png, sheet, write_png
    from scorax._write import make_folder

    inside = folder / "pictures"
    for name in [""] if names is None else sorted(set(map(str, names))):
        make_folder(inside / name)
    write_png(folder / "sheet.png", sheet(images, SHEET))
    for k, image in enumerate(images):
        write_png(inside / ("" if names is None else str(names[k])) / f"{first + k:05d}.png", png(image))
