"""The picture in a file, and a grey one for a process: from a file, or the digit that comes with scikit-learn."""

import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from scorax._errors import InputError, refusal
from scorax.data._embedded import embedded

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 512 * 512


def decoded(path: Path, require: Callable[[int, int], None]) -> "Image":
    """The picture of a PNG or JPEG file in 8 bits of grey or of colour, turned as the camera says.

    Args:
        path: file.
        require: refuses a width and height; it is asked before anything is decoded.

    Raises:
        InputError: another or a damaged file, or a picture that would lose something: an alpha channel, bits, frames.
        PermissionError: the file may not be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about very large pictures, which are refused here
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                require(*picture.size)
                mode = _mode(path, picture)
                return ImageOps.exif_transpose(picture).convert(mode)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        struct.error,  # of notes of the camera that are damaged
    ) as error:
        if isinstance(error, (InputError, PermissionError)):
            raise
        if isinstance(error, FileNotFoundError):
            raise refusal(path, "a picture", "a link to no file", "take it out of the folder") from error
        raise refusal(path, "a PNG or JPEG picture", "another or a damaged file", "save it again") from error


def _mode(path: Path, picture: "Image") -> str:
    """Grey or colour; what would lose something is refused."""
    mode = picture.mode
    if picture.format == "PNG" and getattr(picture, "is_animated", False):
        raise refusal(path, "a picture of one frame", "an animated one", "save a frame of it")
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        raise refusal(path, "a picture without an alpha channel", "one with it", "paste it on a background first")
    # Pillow keeps the upper half of 16 bits of colour and says so in the raw mode of the file only.
    if mode[0] in "IF" or (
        picture.format == "PNG" and any("16" in str(tile[3]) for tile in getattr(picture, "tile", ()))
    ):
        got = "16 bits or more a channel"
        raise refusal(path, "8 bits of grey, or of red, green and blue", got, "convert it")
    if mode in ("1", "L"):
        return "L"
    if mode in ("P", "RGB"):
        return "RGB"
    raise refusal(path, "8 bits of grey, or of red, green and blue", f"colours of {mode}", "convert it")


def read_image(path: Path | str) -> Float[np.ndarray, "height width"]:
    """Brightness in [-1, 1] of a PNG or JPEG file, colours made grey; ``"digit"`` is an 8 x 8 digit of scikit-learn.

    Raises:
        InputError: no such file, not a picture of 8 bits without an alpha channel, or one of more than 512 x 512 pixels (looked
            at before decoding).
    """
    if str(path) == "digit":
        return embedded("digits").values[0].reshape(8, 8) / 8 - 1
    path = Path(path)
    if not path.is_file():
        raise refusal(path, "a picture", "no such file", 'check the path, or "digit"')

    def require(width: int, height: int) -> None:
        if not 2 <= width * height <= MOST_PIXELS:
            expected = f"a picture of at most {MOST_PIXELS} pixels, and at least 2"
            raise refusal(path, expected, f"{width} x {height}", "make it smaller first")

    return np.asarray(decoded(path, require).convert("L"), np.float64) / 127.5 - 1
