import numpy as np
import pytest

from scorax._errors import InputError
from scorax.data import RowOrder, embedded, embedded_names, toy_log_density
from scorax.tables import Schema

TOYS = ["two_moons", "checkerboard", "eight_gaussians"]


@pytest.mark.parametrize("name", embedded_names())
def test_embedded_tables_have_a_schema(name):
    table = embedded(name)
    schema = Schema.infer(table)
    assert np.array_equal(schema.decode(schema.encode(table.values)), table.values)
    assert Schema.from_json(schema.to_json()) == schema


def test_the_shapes_of_the_real_tables():
    shapes = {name: embedded(name).values.shape for name in ("wine", "iris", "diabetes", "breast_cancer", "digits")}
    assert shapes == {
        "wine": (178, 13),
        "iris": (150, 4),
        "diabetes": (442, 10),
        "breast_cancer": (569, 30),
        "digits": (1797, 64),
    }
    assert embedded("diabetes").values[:, 0].max() == 79  # years, not the scaled ones


@pytest.mark.parametrize("name", [*TOYS, "swirl"])
def test_a_toy_depends_on_its_seed_only(name):
    assert np.array_equal(embedded(name, seed=3).values, embedded(name, seed=3).values)
    assert not np.array_equal(embedded(name, seed=3).values, embedded(name, seed=4).values)
    assert embedded(name, n=17).values.shape == (17, 2)
    assert embedded(name).values.shape == (5000, 2)


@pytest.mark.parametrize("name", TOYS)
def test_the_density_of_a_toy_is_that_of_its_draws(name):
    """Cell probabilities from the density against counts: chi-square with its own degrees of freedom, seed fixed.

    The bound of 6 standard deviations gives a false alarm below 1e-6 for a chi-square this wide.
    """
    n, edges = 200_000, np.linspace(-4, 4, 41)
    draws = embedded(name, n=n, seed=1).values
    fine = (np.arange(200) + 0.5) / 25 - 4
    points = np.stack(np.meshgrid(fine, fine, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(toy_log_density(name, points)).reshape(40, 5, 40, 5)
    expected = n * density.mean(axis=(1, 3)) * 0.2**2
    assert expected.sum() == pytest.approx(n, rel=1e-3)
    counts = np.histogram2d(*draws.T, bins=[edges, edges])[0]
    used = expected > 10
    chi2 = ((counts - expected)[used] ** 2 / expected[used]).sum()
    assert abs(chi2 - used.sum()) < 6 * np.sqrt(2 * used.sum()) + 0.02 * used.sum()
    assert counts[~used].sum() <= expected[~used].sum() + 6 * np.sqrt(expected[~used].sum() + 1)


def test_names_that_are_none():
    assert np.array_equal(embedded("moons").values, embedded("two_moons").values)
    with pytest.raises(InputError, match="did you mean 'wine'"):
        embedded("wines")
    for options in ({"name": "wine", "n": 5}, {"name": "moons", "n": 0}, {"name": "moons", "seed": -1}):
        with pytest.raises(InputError):
            embedded(**options)
    with pytest.raises(ValueError, match="swirl"):
        toy_log_density("swirl", np.zeros((1, 2)))
    with pytest.raises(ValueError, match="shape"):
        toy_log_density("moons", np.zeros(2))


@pytest.mark.parametrize(("rows", "batch"), [(10, 3), (3, 10), (7, 7), (1, 4), (128, 32)])
def test_every_epoch_visits_every_row_once(rows, batch):
    order = RowOrder(np.arange(100, 100 + rows), batch, seed=5)
    drawn = order.batches(0, 4 * rows).ravel()
    epochs = drawn[: len(drawn) // rows * rows].reshape(-1, rows)
    assert (np.sort(epochs, axis=1) == np.arange(100, 100 + rows)).all()
    assert drawn.dtype == np.int32


def test_a_batch_is_a_pure_function_of_seed_stream_and_step():
    rows = np.arange(50)
    whole = RowOrder(rows, 8, seed=1).batches(0, 40)
    for step in (39, 0, 17, 6, 7):
        assert np.array_equal(RowOrder(rows, 8, seed=1).batch(step), whole[step])
    jumping = RowOrder(rows, 8, seed=1)
    for step in (30, 2, 31, 3, 0):
        assert np.array_equal(jumping.batches(step, 5), whole[step : step + 5])
    numbers = np.arange(300, 350)
    epochs = [numbers[np.random.default_rng([1, 0, epoch]).permutation(50)] for epoch in range(6)]
    assert np.array_equal(RowOrder(numbers, 8, seed=1).batches(0, 37).ravel(), np.concatenate(epochs)[:296])
    others = [RowOrder(rows, 8, seed=2), RowOrder(rows, 8, seed=1, stream=1)]
    assert all(not np.array_equal(other.batches(0, 40), whole) for other in others)
    assert whole[:6].ravel()[:50].tolist() != whole.ravel()[50:100].tolist()
    assert RowOrder(rows, 8, seed=1).batches(3, 0).shape == (0, 8)


@pytest.mark.parametrize("arguments", [([], 1, 0), ([[1]], 1, 0), ([0.5], 1, 0), ([1], 0, 0), ([1], 1, -1)])
def test_an_order_that_cannot_be(arguments):
    with pytest.raises(ValueError):
        RowOrder(np.array(arguments[0]), *arguments[1:])
