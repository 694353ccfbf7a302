"""Flips and crops: rows of the training that are drawn anew."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax.transforms import RandomCrop, RandomFlip

KEYS = jax.random.split(jax.random.key(0), 400)
PICTURE = jnp.arange(5 * 6 * 2, dtype=jnp.float32).reshape(5, 6, 2)


def test_a_flip_is_the_picture_or_its_mirror_image_at_even_odds():
    """4.5 standard errors of 400 fair coins."""
    made = np.asarray(jax.vmap(lambda key: RandomFlip().encode(PICTURE, key=key).z)(KEYS))
    mirrored = np.all(made == np.asarray(PICTURE)[:, ::-1], axis=(1, 2, 3))
    assert np.all(mirrored | np.all(made == np.asarray(PICTURE), axis=(1, 2, 3)))
    assert abs(mirrored.mean() - 0.5) < 4.5 * 0.5 / np.sqrt(len(KEYS))


def test_a_crop_is_one_of_the_moves_and_each_comes():
    padded = np.pad(np.asarray(PICTURE), [(1, 1), (1, 1), (0, 0)], mode="reflect")
    moves = [padded[i : i + 5, j : j + 6] for i in range(3) for j in range(3)]
    made = np.asarray(jax.vmap(lambda key: RandomCrop(1).encode(PICTURE, key=key).z)(KEYS))
    found = [next(k for k, move in enumerate(moves) if np.array_equal(move, own)) for own in made]
    assert set(found) == set(range(9))


def test_a_signal_is_cropped_along_its_one_axis_and_no_padding_is_refused():
    signal = jnp.arange(8.0)[:, None]
    assert RandomCrop(2).encode(signal, key=KEYS[0]).z.shape == (8, 1)
    with pytest.raises(ValueError, match="padding of RandomCrop"):
        RandomCrop(0)


@pytest.mark.parametrize("shape", [(8,), (2, 8, 1)], ids=["flat", "short"])
def test_a_row_that_no_crop_can_move_is_refused(shape):
    with pytest.raises(ValueError, match=r"axes are longer than padding=2, got shape \("):
        RandomCrop(2).encode(jnp.zeros(shape), key=KEYS[0])
