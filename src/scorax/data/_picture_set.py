"""Pictures of one size in memory, their fingerprint, and what all readers of them share."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int, UInt8

from scorax._errors import refusal
from scorax.data._image import MOST_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

LEAST_SIDE = 4


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

    @cached_property
    def distinct(self) -> Int[np.ndarray, " n"]:
        """Of every picture a number that its copies have too: how many others come before the first of them."""
        seen: dict[bytes, int] = {}
        return np.array([seen.setdefault(hashlib.sha256(own.tobytes()).digest(), len(seen)) for own in self.images])

    def take(self, rows: Int[np.ndarray, " m"]) -> "Pictures":
        """Some of the pictures."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, images=self.images[rows], labels=labels, names=tuple(self.names[i] for i in rows))


@dataclass(frozen=True)
class PictureFacts:
    """Fingerprint of pictures: how many, and the SHA-256 of bytes and classes."""

    pictures: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.pictures:,} of them, SHA-256 {self.sha256[:12]}..."


def fingerprint_of_pictures(pictures: Pictures) -> PictureFacts:
    """What tells two sets of pictures apart and gives none away."""
    digest = hashlib.sha256(repr((pictures.images.shape, pictures.classes)).encode())
    digest.update(np.ascontiguousarray(pictures.images).tobytes())
    if pictures.labels is not None:
        digest.update(np.ascontiguousarray(pictures.labels, dtype="<i8").tobytes())
    return PictureFacts(len(pictures.images), digest.hexdigest())


def resized(sizes: Counter[tuple[int, int]], size: int) -> tuple[str, ...]:
    changed = sum(count for pair, count in sizes.items() if pair != (size, size))
    if not changed:
        return ()
    how = "the shorter side scaled, the middle cut out"
    return (f"{changed:,} of {sizes.total():,} pictures brought to {size} x {size}: {how}",)


def require_size(where: object, width: int, height: int) -> None:
    if min(width, height) < LEAST_SIDE or width * height > MOST_PIXELS:
        expected = f"pictures of {LEAST_SIDE} pixels or more a side, and at most {MOST_PIXELS} in all"
        raise refusal(where, expected, f"{width} x {height}", "scale them first")


def fitted(picture: "Image", size: int | None) -> "Image":
    from PIL import Image, ImageOps

    return picture if size is None else ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)


def array_of(picture: "Image") -> np.ndarray:
    array = np.asarray(picture, np.uint8)
    return array[..., None] if array.ndim == 2 else array
