"""Blocks of rows: a row's bits are the same alone, in part, in any order, on one device and on two."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax._errors import InputError
from scorax._rows import CALL, RowKeys, block_of, map_rows, one_or_each
from scorax._sharding import Sharding, on_devices
from scorax.likelihood import log_prob
from scorax.models import Denoiser
from scorax.networks import MLP, ClassEmbedder
from scorax.processes import EDM, VP, GaussianLaw
from scorax.samplers import AdamsBashforth, States, sample
from scorax.simulation import simulate

KEY = jax.random.key(0)
WEIGHT = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
X = np.random.default_rng(1).standard_normal((CALL * 128 + 200, 8)).astype(np.float32)


def layer(weight, x, key):
    """A product, and noise of the row's own."""
    return jnp.tanh(x @ weight), jax.random.normal(key, x.shape)


def mapped(x: np.ndarray, first: int = 0):
    fn = eqx.Partial(layer, jnp.asarray(WEIGHT))
    return map_rows(fn, x, RowKeys(KEY, range(first, first + len(x))), shape=x.shape[1:])


@pytest.mark.bits
def test_a_row_depends_on_its_value_and_its_number_alone():
    product, noise = (np.asarray(part) for part in mapped(X))
    np.testing.assert_allclose(product, np.tanh(X @ WEIGHT), rtol=1e-5, atol=1e-6)
    for number in (0, 1000, len(X) - 1):
        own = jax.random.fold_in(KEY, number)
        np.testing.assert_array_equal(noise[number], jax.random.normal(own, (8,)))
    for rows in (slice(0, 1), slice(5, 12), slice(126, 130), slice(CALL * 128 - 2, CALL * 128 + 3)):
        part = mapped(X[rows], rows.start)
        assert np.array_equal(part[0], product[rows])
        assert np.array_equal(part[1], noise[rows])
    order = np.random.default_rng(2).permutation(len(X))
    assert np.array_equal(mapped(X[order])[0], product[order])
    assert np.array_equal(mapped(X[:4], 2**32 - 2)[1][2:], noise[:2])  # numbers are of 32 bits


def test_no_rows_have_the_shapes_of_some():
    product, noise = mapped(X[:0])
    assert (product.shape, noise.shape) == ((0, 8), (0, 8))


def test_with_tracers_it_is_a_map_that_has_a_gradient():
    def total(weight):
        return jnp.sum(map_rows(eqx.Partial(layer, weight), X[:5], RowKeys(KEY, range(5)), shape=(8,))[0])

    inner = 1 - np.tanh(X[:5] @ WEIGHT) ** 2
    np.testing.assert_allclose(jax.jit(jax.grad(total))(WEIGHT), X[:5].T @ inner, rtol=1e-4, atol=1e-4)


def test_inside_a_program_rows_of_constants_are_drawn_too():
    """Nothing of the draws depends on what is traced."""
    model = Denoiser(MLP(2, width=8, depth=1, key=KEY), EDM(), moments=GaussianLaw.from_moments(np.zeros(2), np.eye(2)))

    def draws():
        return sample(model, AdamsBashforth(4), 5, key=KEY)

    outside, rows = draws(), jnp.asarray(X[:3, :2])
    np.testing.assert_allclose(jax.jit(lambda scale: scale * draws())(1.0), outside, rtol=1e-5)
    carried, _ = jax.lax.scan(lambda total, _: (total + draws(), None), jnp.zeros((5, 2)), None, length=2)
    np.testing.assert_allclose(carried, 2 * outside, rtol=1e-5)
    for answer in (
        lambda: simulate(VP(), rows, [0.1, 0.5], key=KEY),
        lambda: log_prob(model, rows).value,
        lambda: sample(model, AdamsBashforth(4), 3, key=KEY, start=States(rows)),
    ):
        np.testing.assert_allclose(jax.jit(lambda scale, f=answer: scale * f())(1.0), answer(), rtol=1e-4, atol=1e-5)


def test_the_block_follows_from_the_cost_of_the_model():
    """Few numbers: twice the rows. An axis before the last is one of positions, each of which is a vector to a product."""
    small, large = np.zeros(100), np.zeros((64, 64))
    assert block_of(small, (2,)) == 2 * block_of(large, (2,))
    assert block_of(large, (8, 3)) == block_of(large, (3,)) // 8
    assert block_of(large, (16, 16, 3)) == block_of(small, (64, 64, 3)) == 1
    for shape in ((), (5,), (7, 2), (3, 3, 1)):
        assert block_of(large, shape).bit_count() == 1  # powers of two


def test_one_condition_is_told_of_all_rows_or_each_its_own():
    same, each = one_or_each((np.array([3]), jnp.arange(4.0)), 4)
    assert np.array_equal(same, [3, 3, 3, 3])
    assert np.array_equal(each, np.arange(4.0))
    assert one_or_each(None, 4) is None
    for wrong in (3, np.zeros(3), np.zeros((2, 4))):
        with pytest.raises(ValueError, match=r"of 1, the same for all rows, or of 4, one for each, got shape"):
            one_or_each(wrong, 4)


def requests(mesh=None) -> list[np.ndarray]:
    """Draws and log-densities of a network that is told a class, in some requests."""
    network = MLP(2, width=48, depth=2, embedder=ClassEmbedder(3, 8, key=KEY), key=KEY)
    model = Denoiser(network, EDM(), moments=GaussianLaw.standard(2))
    label = np.arange(150, dtype=np.int32) % 3
    draws = sample(model, AdamsBashforth(4), 150, key=KEY, condition=label, mesh=mesh)
    one = sample(model, AdamsBashforth(4), 1, key=KEY, condition=label[:1], mesh=mesh)
    scored = log_prob(model, draws[:70], label[:70], tolerance=1e-2, mesh=mesh)
    return [np.asarray(part) for part in (draws, one, scored.value, scored.solver_error)]


@pytest.mark.bits
def test_two_devices_give_the_bits_of_one():
    """The tests have two devices of the processor (``conftest.py``), of which a call without a mesh takes the first."""
    assert len(jax.devices()) >= 2
    shared = requests(jax.make_mesh((2,), ("rows",)))
    with on_devices(2):
        around = requests()
    alone = requests()
    assert np.array_equal(alone[1], alone[0][:1])
    for ours, same, theirs in zip(shared, around, alone, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(same, theirs)


def test_a_context_of_devices_shares_rows_among_them_and_ends():
    with on_devices(2):
        assert Sharding.of(None) == Sharding(tuple(jax.devices()[:2]))
        with on_devices(1):
            assert Sharding.of(None) is None
    assert Sharding.of(None) is None
    with pytest.raises(InputError, match=r"expected at most \d+ devices of the kind \S+, as there are, got 4096"):  # noqa: SIM117
        with on_devices(4096):
            pass
