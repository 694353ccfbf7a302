"""Fits of small pictures: bits, draws that depend on nothing but their number, a resumed fit, and closed forms."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from scorax._errors import InputError, Interrupted
from scorax._trees import named_arrays
from scorax._types import Condition, Key
from scorax.checkpoint import RunFolder, read_metrics, read_records, read_tensors, verify_run
from scorax.data import Pictures
from scorax.models import Denoiser
from scorax.networks import AbstractNetwork, log_ratio_of
from scorax.pictures import (
    FittedPictures,
    PictureBlueprint,
    PictureConfig,
    PictureNetwork,
    PictureNoise,
    PictureSchema,
    PictureTraining,
    bits_per_number,
    fit_pictures,
    resolved,
)
from scorax.pictures._evaluate import _examples
from scorax.pictures._training import PictureSplit
from scorax.training import trained_arrays

RANDOM = np.random.default_rng(11)
LABELS = np.arange(40) % 2
IMAGES = (60 * LABELS[:, None, None, None] + RANDOM.integers(0, 90, (40, 8, 8, 1))).astype(np.uint8)
PICTURES = Pictures(IMAGES, LABELS, ("dark", "light"), tuple(f"{i}.png" for i in range(40)))
CONFIG = PictureConfig(
    PictureNetwork(width=4, multiples=(1, 1)),
    PictureTraining(max_steps=4, batch_size=8, validate_every=2, save_every=2, sheets=2, minutes=0.01),
)


class Uniform(AbstractNetwork):
    """The exact output, under ``Karras()``, for a law that is uniform on [-half, half] in every coordinate."""

    half: float

    def __call__(
        self, c_noise: Float[Array, ""], x: Float[Array, "*s"], condition: Condition = None, *, key: Key | None = None
    ) -> Float[Array, "*s"]:
        sigma = jnp.exp(log_ratio_of(c_noise))
        radius = jnp.sqrt(1 + sigma**2)
        state = x * radius
        low, high = (-self.half - state) / sigma, (self.half - state) / sigma
        mass = jax.scipy.special.ndtr(high) - jax.scipy.special.ndtr(low)
        tilt = (jax.scipy.stats.norm.pdf(low) - jax.scipy.stats.norm.pdf(high)) / jnp.maximum(mass, 1e-30)
        return (state + sigma * tilt - state / radius**2) * radius / sigma


def test_uniform_noise_has_eight_bits() -> None:
    """Under the exact field of the uniform law; what is blurred at its ends is .001 bits, and errors are those of probes."""
    images = RANDOM.integers(0, 256, (8, 4, 4, 3), np.uint8)
    schema, noise = PictureSchema(4, 4, 3), PictureNoise(sigma_min=2e-3)
    config = resolved(dataclasses.replace(CONFIG, noise=noise), schema)
    rows = RANDOM.integers(0, 256, (4000, 4, 4, 3), np.uint8)
    blueprint = dataclasses.replace(PictureBlueprint.of(rows, schema, config), shift=127.5, scale=74.0)
    model = dataclasses.replace(blueprint.blank(), network=Uniform(128 / 74))
    assert isinstance(model, Denoiser)
    found = bits_per_number(blueprint, model, images, probes=2)
    assert found.converged.all()
    assert np.all(found.error < 0.05)
    assert np.all(np.abs(found.value - 8) < 0.005 + 5 * np.maximum(found.error, 0.005))
    assert abs(found.value.mean() - 8) < 0.02


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "run"
    fit_pictures(PICTURES, path, CONFIG, seed=3)
    return path


def test_a_run_keeps_what_it_promises(run: Path) -> None:
    facts = verify_run(RunFolder(run))
    assert facts.kind == "pictures"
    assert [line.step for line in read_metrics(RunFolder(run))] == [0, 2, 4]
    assert any(line.sheet for line in read_metrics(RunFolder(run)))
    record = read_records(RunFolder(run)).pictures
    assert record is not None
    assert record.classes == ("dark", "light")
    assert record.held == 4
    assert record.frechet > 0


def stopping_at(state: int) -> Callable[[], None]:
    """A poll that ends a fit at its state of this number, counted from 1."""
    left = iter(range(1, state))

    def poll() -> None:
        if next(left, None) is None:
            raise Interrupted("stopped", exit_code=130)

    return poll


def test_a_fit_that_was_stopped_goes_on_bit_for_bit(run: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit_pictures(PICTURES, tmp_path / "run", CONFIG, seed=3, poll=stopping_at(4))
    assert RunFolder(tmp_path / "run").saved_steps()[-1] == 3
    with pytest.raises(InputError, match="expected the seed the run was begun with"):
        fit_pictures(PICTURES, tmp_path / "run", CONFIG, seed=4, resume=True)
    with pytest.raises(InputError, match=r"expected the pictures the run was begun with"):
        fit_pictures(PICTURES.take(np.arange(39)), tmp_path / "run", CONFIG, seed=3, resume=True)
    fit_pictures(PICTURES, tmp_path / "run", CONFIG, seed=3, resume=True)
    for name in ("metrics.jsonl", "config.json", "records/pictures.json", "steps/00000004/best.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes(), name


def test_a_picture_is_the_same_in_any_request(run: Path) -> None:
    fitted = FittedPictures.load(run)
    labels = fitted.classes(range(5), 0)
    assert labels is not None
    whole = fitted.draw(range(5), 0, labels=labels)
    assert whole.shape == (5, 8, 8, 1)
    np.testing.assert_array_equal(fitted.draw(range(3, 5), 0, labels=labels[3:]), whole[3:])
    np.testing.assert_array_equal(fitted.classes(range(3, 5), 0), labels[3:])
    last = fitted.classes(range(2**32 - 2, 2**32), 0)  # without the classes of all before them
    assert last is not None
    assert last.shape == (2,)
    assert not np.array_equal(fitted.draw(range(5), 0, labels=labels, guidance=3.0), whole)


@pytest.mark.slow  # twenty seconds: a flow over 64 numbers; CI runs it
def test_bits_of_an_almost_untrained_model_are_those_of_a_normal_law(run: Path) -> None:
    """Four steps hardly move the field from that of N(0, 1): bits of each picture, within 4.5 of its own errors and .3."""
    fitted = FittedPictures.load(run)
    found = fitted.bits(IMAGES[:4], LABELS[:4], probes=4)
    shift, scale = fitted.blueprint.shift, fitted.blueprint.scale
    states = (IMAGES[:4] - shift) / scale
    nats = np.mean(0.5 * states**2, axis=(1, 2, 3)) + 0.5 * np.log(2 * np.pi)
    wanted = nats / np.log(2) + np.log2(scale)
    assert np.all(np.abs(found.value - wanted) < 4.5 * found.error + 0.3)


def test_a_model_under_masks_keeps_what_is_known(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, training=dataclasses.replace(CONFIG.training, masks=0.5, flip=True))
    fitted = fit_pictures(PICTURES, tmp_path / "run", config, seed=0, records=False).fitted
    asked = np.zeros((8, 8), bool)
    asked[2:5, 3:] = True
    filled = fitted.fill(IMAGES[0], asked, range(3), 0)
    np.testing.assert_array_equal(filled[:, ~asked], np.broadcast_to(IMAGES[0][~asked], (3, 49, 1)))
    assert not np.array_equal(filled[0, asked], filled[1, asked])
    np.testing.assert_array_equal(fitted.fill(IMAGES[0], asked, range(2, 3), 0)[0], filled[2])
    assert not np.array_equal(fitted.fill(IMAGES[0], asked, range(3), 0, label=1), filled)
    labels = np.array([0, 1])
    np.testing.assert_array_equal(
        fitted.draw(range(2), 0, labels=labels)[1:], fitted.draw(range(1, 2), 0, labels=labels[1:])
    )


@pytest.mark.parametrize(
    ("shape", "multiples"),
    [((8, 8, 1), (1, 2)), ((28, 28, 1), (1, 2, 2)), ((32, 32, 3), (1, 2, 2, 2)), ((12, 8, 1), (1, 2, 2))],
)
def test_the_grid_is_halved_where_it_divides(shape: tuple[int, int, int], multiples: tuple[int, ...]) -> None:
    settings = resolved(PictureConfig(), PictureSchema(*shape))
    assert settings.network.multiples == multiples
    longer = resolved(PictureConfig(training=PictureTraining(minutes=20)), PictureSchema(*shape))
    assert longer.training.max_steps > settings.training.max_steps or longer.network.width > settings.network.width


@pytest.mark.parametrize("side", [4, 8, 16, 28, 32, 64, 128, 200, 512])
def test_a_batch_keeps_a_processor_busy_and_fits_into_memory(side: int) -> None:
    """16,384 positions are enough, of 16 pictures at least and of 64 at most; 2^18 are the most, of more than four pictures."""
    batch, positions = PictureTraining().batch_of(side, side), side**2
    assert 4 <= batch <= 64
    assert batch == 4 or batch * positions <= 2**18
    assert batch == 64 or 2 * batch * positions > 2**14
    assert batch <= 16 or batch * positions <= 2**14


def test_pictures_that_cannot_be_fitted(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"halving brings to 32 x 32 or less, got 75 x 75; bring them to one, as --size 72"
    ):
        resolved(PictureConfig(), PictureSchema(75, 75, 1))
    with pytest.raises(InputError, match="20 pictures or more, got 3"):
        fit_pictures(PICTURES.take(np.arange(3)), tmp_path / "run", CONFIG, seed=0)
    copies = PICTURES.take(np.resize([3, 4], 40))
    with pytest.raises(InputError, match="3 pictures or more that differ, got 2 among 40"):
        fit_pictures(copies, tmp_path / "run", CONFIG, seed=0)
    flat = dataclasses.replace(PICTURES, images=np.full_like(IMAGES, 9))
    with pytest.raises(InputError, match="pictures that differ, got 40 of the one value 9"):
        fit_pictures(flat, tmp_path / "run", CONFIG, seed=0)
    assert not (tmp_path / "run").exists()


def test_a_sheet_of_few_pictures_shows_those_there_are() -> None:
    np.testing.assert_array_equal(_examples(IMAGES[:18], None, 4), IMAGES[:18])
    shown = _examples(IMAGES[:1], LABELS[:1], 2)
    np.testing.assert_array_equal(shown[:10], np.repeat(IMAGES[:1], 10, axis=0))
    assert (shown[10:] == 255).all()


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("holdout", [0.01, 0.25, 0.99])
def test_copies_of_a_picture_are_on_one_side_of_the_split(copies: int, holdout: float) -> None:
    """As many are held out as were asked for, but for the last one's copies; two at least, and one is trained on."""
    pictures = PICTURES.take(np.repeat(np.arange(24), copies)[np.random.default_rng(2).permutation(24 * copies)])
    images, split = pictures.images, PictureSplit.of(pictures.distinct, holdout, 0)
    assert sorted([*split.train, *split.held]) == list(range(len(images)))
    asked = min(max(2, round(holdout * len(images))), 23 * copies)
    assert asked <= len(split.held) < asked + copies
    held = {images[k].tobytes() for k in split.held}
    assert not any(images[k].tobytes() in held for k in split.train)


def test_a_class_of_a_model_without_classes_is_refused() -> None:
    settings = resolved(CONFIG, PictureSchema(8, 8, 1))
    blueprint = PictureBlueprint.of(IMAGES, PictureSchema(8, 8, 1), settings)
    fitted = FittedPictures(blueprint, blueprint.blank())
    with pytest.raises(InputError, match="a model that knows classes"):
        fitted.draw(range(2), 0, labels=np.zeros(2, int))
    with pytest.raises(InputError, match="a model that knows classes"):
        fitted.draw(range(2), 0, guidance=2.0)
    with pytest.raises(InputError, match="a model that knows classes"):
        fitted.bits(IMAGES[:2], np.zeros(2, int))


@pytest.mark.slow  # a fit of its own and a stopped one; CI runs it
def test_averages_of_any_length_come_from_the_snapshots_of_a_run(tmp_path: Path) -> None:
    """A length that was tracked comes back as it is; a run that was stopped keeps the same snapshots, byte for byte."""
    training = dataclasses.replace(CONFIG.training, max_steps=8, snapshots=3, validate_every=1, learning_rate=0.1)
    config = dataclasses.replace(CONFIG, training=training)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    fit_pictures(PICTURES, whole, config, seed=3, records=False)
    assert RunFolder(whole).kept_averages() == [3, 6, 8]
    with pytest.raises(Interrupted):
        fit_pictures(PICTURES, stopped, config, seed=3, records=False, poll=stopping_at(5))
    fit_pictures(PICTURES, stopped, config, seed=3, records=False, resume=True)
    for file in sorted((whole / "averages").rglob("*.*")):
        assert file.read_bytes() == (stopped / "averages" / file.relative_to(whole / "averages")).read_bytes(), file

    model = FittedPictures.load(whole, average=0.1).model
    tracked = read_tensors(whole / "averages" / "00000008" / "average_1.safetensors")
    found = named_arrays(trained_arrays(model))
    assert found.keys() == tracked.keys()
    for name, array in tracked.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-6)
    last = named_arrays(trained_arrays(FittedPictures.load(whole).model))
    assert any(np.abs(last[name] - array).max() > 1e-4 for name, array in tracked.items())

    damaged = whole / "averages" / "00000003" / "average_0.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\0")
    with pytest.raises(InputError, match=r"average_0\.safetensors"):
        verify_run(RunFolder(whole))
    with pytest.raises(InputError, match=r"average_0\.safetensors"):
        FittedPictures.load(whole, average=0.1)


def test_an_average_of_a_run_that_kept_none_is_refused(run: Path) -> None:
    with pytest.raises(InputError, match=r"training\.snapshots=32"):
        FittedPictures.load(run, average=0.1)
