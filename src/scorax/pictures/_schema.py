"""What pictures of a run are: their size, channels and classes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scorax._errors import InputError, explain, refusal
from scorax._text import listing, quote, suggest
from scorax.data import Pictures

_LEAST, _LEAST_DIFFERENT = 20, 3
"""Pictures that a fit wants at least: two of those that differ are held out."""


@dataclass(frozen=True)
class PictureSchema:
    """What stands in ``schema.json`` of a run of pictures.

    Attributes:
        height, width, channels: of every picture; one channel is grey, three are red, green and blue.
        classes: their names, none where the model knows none.
        counts: pictures of each class in the fit, those held out among them.
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    kind: Literal["pictures"] = "pictures"

    @staticmethod
    def of(pictures: Pictures) -> "PictureSchema":
        """That of pictures, with their classes where they have some."""
        if pictures.labels is None:
            return PictureSchema(*pictures.shape)
        counts = np.bincount(pictures.labels, minlength=len(pictures.classes))
        return PictureSchema(*pictures.shape, pictures.classes, tuple(map(int, counts)))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture."""
        return self.height, self.width, self.channels

    @property
    def size(self) -> int:
        """Numbers of one picture."""
        return self.height * self.width * self.channels

    @property
    def words(self) -> str:
        """Size, colour and classes."""
        colour = "grey" if self.channels == 1 else "colour"
        known = f", {len(self.classes)} classes" if self.classes else ""
        return f"{self.width} x {self.height} in {colour}{known}"

    def require_classes(self) -> None:
        """Refuse a model that knows no classes.

        Raises:
            InputError: it knows none.
        """
        if not self.classes:
            do = "leave --class and --guidance out, or fit a folder with a folder for each class"
            raise InputError(explain(expected="a model that knows classes", got="one without", do=do))

    def place_of(self, name: str) -> int:
        """The number of a class.

        Raises:
            InputError: there is no such class, or none at all.
        """
        self.require_classes()
        if name not in self.classes:
            got = f"{quote(name)}{suggest(name, self.classes)}"
            raise InputError(
                explain(expected="the name of a class", got=got, do=f"ask for {listing(self.classes, 12)}")
            )
        return self.classes.index(name)

    def match(self, pictures: Pictures, where: object) -> np.ndarray | None:
        """The number of the class of each picture, ``None`` where they or the model have none.

        Raises:
            InputError: they have another size or other channels, or a class that the model does not know.
        """
        if pictures.shape != self.shape:
            own, other = (PictureSchema(*shape).words for shape in (self.shape, pictures.shape))
            raise refusal(where, expected=f"pictures of {own}", got=other, do=self._way_out(pictures))
        if pictures.labels is None or not self.classes:
            return None
        strange = [name for name in pictures.classes if name not in self.classes]
        if strange:
            raise refusal(
                where,
                expected=f"classes of the run ({listing(self.classes)})",
                got=listing(strange),
                do="name them as the run does, or give the pictures without classes",
            )
        places = np.array([self.classes.index(name) for name in pictures.classes])
        return places[pictures.labels]

    def _way_out(self, pictures: Pictures) -> str:
        square = self.height == self.width and pictures.shape[2] == self.channels
        return f"add --size {self.height}: they are scaled, and the middle cut out" if square else "convert them first"


def require_pictures(pictures: Pictures) -> None:
    """Refuse pictures that there is nothing to learn from.

    Raises:
        InputError: they are too few, or the same ones.
    """
    count = len(pictures.images)
    if count < _LEAST:
        raise InputError(explain(expected=f"{_LEAST} pictures or more", got=f"{count}", do="fit more of them"))
    if pictures.images.min() == pictures.images.max():
        got = f"{count} of the one value {pictures.images.flat[0]}"
        raise InputError(explain(expected="pictures that differ", got=got, do="check the files"))
    different = int(pictures.distinct.max()) + 1
    if different < _LEAST_DIFFERENT:
        got, do = f"{different} among {count}", "check the files"
        raise InputError(explain(expected=f"{_LEAST_DIFFERENT} pictures or more that differ", got=got, do=do))
