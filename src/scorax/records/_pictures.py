"""What is computed about fitted pictures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spectrum:
    """Mean power of pictures over their spatial frequency, in turns of the shorter side.

    Attributes:
        frequency: middle of each ring of frequencies.
        data: mean power of held-out pictures.
        samples: of drawn ones.
    """

    frequency: tuple[float, ...]
    data: tuple[float, ...]
    samples: tuple[float, ...]


@dataclass(frozen=True)
class PictureRecord:
    """Fitted pictures beside drawn ones. Unlike the records of a table it shows pictures of the fit: sheets are PNGs in base64.

    Attributes:
        classes: names of the classes, one for each line of the two sheets; none where the model knows none.
        samples: drawn pictures; of a model that knows classes a line of each.
        data: training pictures in the same order.
        nearest: drawn pictures, and under each the training picture nearest to it.
        sample_distance: median distance of drawn pictures to the nearest training picture, per pixel on the scale of bytes.
        held_distance: that of held-out pictures.
        drawn: pictures that were drawn for the numbers, and ``held`` those held out they are compared with.
        features: what the Frechet distance is taken in.
        frechet: distance of the features of drawn and held-out pictures.
        frechet_train: that of training pictures, as many as drawn ones, and held-out pictures: what a perfect model has.
        agreement: share of drawn pictures of which the classifier says the class that was asked for.
        accuracy: share of held-out pictures of which it says their class.
        spectrum: mean power over spatial frequency.
    """

    classes: tuple[str, ...]
    samples: str
    data: str
    nearest: str
    sample_distance: float
    held_distance: float
    drawn: int
    held: int
    features: str
    frechet: float
    frechet_train: float
    agreement: float | None
    accuracy: float | None
    spectrum: Spectrum
