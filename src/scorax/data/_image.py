"""A grey picture from a file, or the digit that comes with scikit-learn."""

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Float

from scorax._errors import InputError, explain
from scorax._text import shown_path
from scorax.data._embedded import embedded

MOST_PIXELS = 512 * 512


def read_image(path: Path | str) -> Float[np.ndarray, "height width"]:
    """Brightness in [-1, 1] of a PNG or JPEG file, colours made grey; ``"digit"`` is an 8 x 8 digit of scikit-learn.

    Raises:
        InputError: no such file, not such a picture, or one of more than 512 x 512 pixels (looked at before decoding).
    """
    if str(path) == "digit":
        return embedded("digits").values[0].reshape(8, 8) / 8 - 1
    from PIL import Image, UnidentifiedImageError

    place = shown_path(path)
    if not Path(path).is_file():
        raise InputError(
            f"{place}: " + explain(expected="a picture", got="no such file", do='check the path, or "digit"')
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about very large pictures, which are refused here
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                width, height = picture.size
                if not 2 <= width * height <= MOST_PIXELS:
                    raise InputError(
                        f"{place}: "
                        + explain(
                            expected=f"a picture of at most {MOST_PIXELS} pixels, and at least 2",
                            got=f"{width} x {height}",
                            do="make it smaller first",
                        )
                    )
                grey = np.asarray(picture.convert("L"), np.float64)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{place}: " + explain(expected="a PNG or JPEG picture", got="another or a damaged file", do="convert it")
        ) from error
    return grey / 127.5 - 1
