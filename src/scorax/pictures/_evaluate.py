"""What the report of a run of pictures shows, computed once at the end of the fit."""

import base64
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int, UInt8

from scorax import _write
from scorax._events import Event, Phase
from scorax._progress import uncounted
from scorax._sheet import sheet
from scorax.checkpoint import RunFolder, record_files
from scorax.metrics import frechet_distance, radial_spectrum
from scorax.networks import cost
from scorax.pictures._features import Features
from scorax.pictures._fitted import FittedPictures
from scorax.pictures._settings import RATE
from scorax.pictures._training import PictureFit
from scorax.records import PictureRecord, Records, Spectrum

_COLUMNS, _LINES, _PAIRS = 10, 10, 10
_MOST, _LEAST = 500, 40
_SHARE = 0.1
"""Of the minutes: what drawing for the numbers may take, at the rate that training is planned for."""
_RINGS = 16
_MOST_NEAREST = 10_000
"""Training pictures that the nearest is looked for in."""


def write_picture_records(
    run: RunFolder,
    fitted: FittedPictures,
    training: PictureFit,
    *,
    seed: int,
    on_event: Callable[[Event], None] = lambda event: None,
) -> None:
    """Draw pictures, compare them with those of the fit and the held-out ones, and write the record."""
    record = _record(fitted, training, seed, on_event)
    for name, content in record_files(Records(pictures=record)).items():
        _write.write_bytes(run.path / name, content)


def _record(
    fitted: FittedPictures, training: PictureFit, seed: int, on_event: Callable[[Event], None]
) -> PictureRecord:
    pictures, split, blueprint = training.pictures, training.split, fitted.blueprint
    train, held = pictures.take(split.train), pictures.take(split.held)
    count = min(_affordable(fitted), len(train.images))
    numbers = range(count)
    labels = fitted.classes(numbers, seed)
    with uncounted():
        drawn = fitted.draw(numbers, seed, labels=labels)
        shown, lines = _shown(fitted, seed)
    on_event(Phase("comparing them with the pictures of the fit"))
    features = Features.of(train.images, train.labels, seed)
    some = np.random.default_rng([seed, count]).permutation(len(train.images))[:count]
    nearest, distance = _nearest(drawn, train.images)
    _, held_distance = _nearest(held.images, train.images)
    classes = blueprint.schema.classes[:_LINES] if blueprint.conditional else ()
    pairs = np.concatenate([drawn[:_PAIRS], train.images[nearest[:_PAIRS]]])
    return PictureRecord(
        classes=classes,
        samples=_encoded(shown),
        data=_encoded(_examples(train.images, train.labels if classes else None, lines)),
        nearest=_encoded(pairs, min(_PAIRS, count)),
        sample_distance=float(np.median(distance)),
        held_distance=float(np.median(held_distance)),
        drawn=count,
        held=len(held.images),
        features=features.name,
        frechet=frechet_distance(features(drawn), features(held.images)),
        frechet_train=frechet_distance(features(train.images[some]), features(held.images)),
        agreement=features.share_of(drawn, labels),
        accuracy=features.share_of(held.images, held.labels),
        spectrum=_spectrum(held.images, drawn),
    )


def _affordable(fitted: FittedPictures) -> int:
    """Pictures that are drawn for the numbers: a function of the configuration, so runs repeat."""
    config = fitted.blueprint.config
    told = np.int32(0) if fitted.blueprint.conditional else None
    one = config.sampling.evaluations * cost(fitted.model.network, fitted.blueprint.schema.shape, told).flops
    return max(_LEAST, min(_MOST, int(60 * config.training.minutes * _SHARE * RATE / one)))


def _shown(fitted: FittedPictures, seed: int) -> tuple[UInt8[np.ndarray, "n h w c"], int]:
    """Pictures for a sheet, and its lines: one for each class."""
    classes = len(fitted.blueprint.schema.classes) if fitted.blueprint.conditional else 0
    lines = min(classes, _LINES) or 4
    labels = np.repeat(np.arange(lines), _COLUMNS) if classes else None
    return fitted.draw(range(lines * _COLUMNS), seed, labels=labels), lines


def _examples(
    images: UInt8[np.ndarray, "n h w c"], labels: Int[np.ndarray, " n"] | None, lines: int
) -> UInt8[np.ndarray, "m h w c"]:
    """Training pictures for a sheet like the one of drawn ones; the line of a class that has none is white."""
    if labels is None:
        return images[: lines * _COLUMNS]
    with_white = np.concatenate([images, np.full_like(images[:1], 255)])
    own = [np.flatnonzero(labels == k) for k in range(lines)]
    return with_white[np.concatenate([np.resize(places if len(places) else [-1], _COLUMNS) for places in own])]


def _nearest(
    images: UInt8[np.ndarray, "n h w c"], train: UInt8[np.ndarray, "m h w c"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The nearest training picture, and its distance: root mean square over numbers, on the scale of bytes."""
    from sklearn.metrics import pairwise_distances_argmin_min

    rows, reference = (x.reshape(len(x), -1).astype(np.float64) for x in (images, train[:_MOST_NEAREST]))
    places, distances = pairwise_distances_argmin_min(rows, reference)
    return np.asarray(places), np.asarray(distances) / np.sqrt(rows.shape[1])


def _spectrum(held: np.ndarray, drawn: np.ndarray) -> Spectrum:
    rings = min(_RINGS, min(held.shape[1:3]) // 2)
    frequency, data = radial_spectrum(held.astype(np.float64) / 255, rings)
    _, samples = radial_spectrum(drawn.astype(np.float64) / 255, rings)
    return Spectrum(tuple(frequency.tolist()), tuple(data.tolist()), tuple(samples.tolist()))


def _encoded(images: np.ndarray, columns: int = _COLUMNS) -> str:
    return base64.b64encode(sheet(images, columns)).decode()
