"""Pictures side by side as one PNG."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from scorax import _write

_GAP, _SIDE = 2, 64


def png(image: UInt8[np.ndarray, "h w c"]) -> bytes:
    """One picture as a PNG file, the same bytes for the same picture."""
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(target, format="PNG")
    return target.getvalue()


def sheet(images: UInt8[np.ndarray, "n h w c"], columns: int) -> bytes:
    """A PNG of pictures line by line, each made larger by a whole factor until its height is about 64 pixels."""
    count, height, width, channels = images.shape
    factor = max(1, round(_SIDE / max(height, width)))
    large = images.repeat(factor, axis=1).repeat(factor, axis=2)
    high, wide = large.shape[1:3]
    lines = -(-count // columns)
    page = np.full((lines * (high + _GAP) + _GAP, columns * (wide + _GAP) + _GAP, channels), 255, np.uint8)
    for k, image in enumerate(large):
        top, left = _GAP + k // columns * (high + _GAP), _GAP + k % columns * (wide + _GAP)
        page[top : top + high, left : left + wide] = image
    return png(page)


def write_png(path: Path, content: bytes) -> None:
    """A PNG file, wholly or not at all."""
    _write.write_bytes(path, content)
