import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from oracles import mixture
from scorax._errors import InputError
from scorax.transforms import Chain, Dequantize, FillAuxiliary, Standardize, decode_rows, encode_rows

KEY = jax.random.key(0)
SHIFT, SCALE = np.array([10.0, -3.0]), np.array([0.2, 40.0])
LINKS = {
    "standardize": Standardize(SHIFT, SCALE),
    "dequantize": Dequantize(np.array([0.5, 0.0])),
    "chain": Chain((Dequantize(np.array([0.0, 2.0])), Standardize(SHIFT, SCALE))),
    "two scalings": Chain((Standardize(SHIFT, SCALE), Standardize(SCALE, SCALE))),
}
by_link = pytest.mark.parametrize("transform", LINKS.values(), ids=LINKS)


@by_link
def test_trap_30_log_weight_is_the_log_determinant(transform):
    with jax.enable_x64(True):
        row = jnp.array([10.3, 7.0])
        jacobian = jax.jacfwd(lambda r: transform.encode(r, key=KEY).z)(row)
        np.testing.assert_allclose(
            transform.encode(row, key=KEY).log_weight, jnp.linalg.slogdet(jacobian)[1], atol=1e-10
        )


@pytest.mark.parametrize("name", ["standardize", "two scalings"])
def test_trap_30_densities_integrate_to_one_in_data_units(name):
    with jax.enable_x64(True):
        law, transform = mixture(), LINKS[name]
        low, high = (np.asarray(transform.decode(jnp.full(2, end))) for end in (-7.0, 7.0))
        sides = [np.linspace(a, b, 281) for a, b in zip(low, high, strict=True)]
        grid = jnp.asarray(np.stack(np.meshgrid(*sides, indexing="ij"), -1).reshape(-1, 2))

        @jax.jit
        def density(row):
            z, weight = transform.encode(row, key=KEY)
            return jnp.exp(law.log_density(z) + weight)

        cell = np.prod([side[1] - side[0] for side in sides])
        assert abs(float(jnp.sum(jax.vmap(density)(grid))) * cell - 1) < 1e-3


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("unit", [1.0, 1 / 255])
def test_trap_31_uniform_integers_cost_their_bits(bits, unit):
    """The dequantised law of uniform integers is uniform on [-w/2, (2^b - 1/2) w]: exactly b bits with the bin counted."""
    count = 2**bits
    transform = Dequantize(np.array([unit]))
    rows = unit * np.arange(count, dtype=float)[:, None]
    z, weight = encode_rows(transform, rows, key=KEY)
    assert z.min() >= -0.5 * unit
    assert z.max() <= (count - 0.5) * unit
    nats = -(-np.log(count * unit) + weight + transform.log_bin)
    np.testing.assert_allclose(nats / np.log(2), bits, rtol=1e-12)


def test_trap_31_jensen_bounds_the_probability_of_a_bin():
    """E_u log p(x + w u) + log w below log P(bin) for a smooth p, by 20000 draws; equality only for constant p."""
    width, row = 1.5, np.array([0.8])
    transform = Dequantize(np.array([width]))
    keys = jax.random.split(KEY, 20_000)
    z = np.asarray(jax.vmap(lambda key: transform.encode(jnp.asarray(row, jnp.float32), key=key).z)(keys))[:, 0]
    values = norm.logpdf(z) + transform.log_bin
    truth = np.log(norm.cdf(0.8 + width / 2) - norm.cdf(0.8 - width / 2))
    assert values.mean() + 4 * values.std() / np.sqrt(20_000) < truth
    # The gap is half the variance of log p over the bin to leading order: a bound that is far off is wrong too.
    assert truth - values.mean() < values.var()


def test_trap_31_noise_is_uniform_over_the_bin():
    keys = jax.random.split(KEY, 20_000)
    transform = Dequantize(np.array([2.0, 0.0]))
    z = np.asarray(jax.vmap(lambda key: transform.encode(jnp.array([5.0, 7.0]), key=key).z)(keys))
    assert np.all(z[:, 1] == 7.0)
    assert 4.0 <= z[:, 0].min() < z[:, 0].max() <= 6.0
    assert abs(z[:, 0].mean() - 5) < 4 * 2 / np.sqrt(12 * 20_000)
    assert abs(z[:, 0].var() - 4 / 12) < 4 * np.sqrt(16 / 180 / 20_000)


def test_noise_of_a_row_depends_on_its_content_alone():
    rows = np.random.default_rng(0).integers(0, 9, (50, 2)).astype(float)
    transform = Dequantize(np.array([1.0, 1.0]))
    together = encode_rows(transform, rows, key=KEY)[0]
    order = np.random.default_rng(1).permutation(50)
    assert np.array_equal(encode_rows(transform, rows[order], key=KEY)[0], together[order])
    assert np.array_equal(encode_rows(transform, rows[7:8], key=KEY)[0], together[7:8])
    assert not np.array_equal(encode_rows(transform, rows, key=jax.random.key(1))[0], together)
    noise = (together - rows)[np.unique(rows, axis=0, return_index=True)[1]]
    assert len(np.unique(noise)) == noise.size
    assert np.array_equal(
        encode_rows(transform, np.array([[-0.0, 1.0]]), key=KEY)[0],
        encode_rows(transform, np.array([[0.0, 1.0]]), key=KEY)[0],
    )


def test_no_rows_are_no_rows():
    z, weight = encode_rows(LINKS["chain"], np.zeros((0, 2)), key=KEY)
    assert z.shape == (0, 2)
    assert weight.shape == (0,)
    assert decode_rows(LINKS["chain"], z).shape == (0, 2)


@given(
    st.lists(
        st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=3, max_size=12, unique_by=(lambda r: r[0], lambda r: r[1])
    )
)
def test_rows_come_back(rows):
    rows = np.array(rows)
    transform = Standardize.fit(rows)
    z, _ = encode_rows(transform, rows, key=KEY)
    np.testing.assert_allclose(decode_rows(transform, z), rows, rtol=1e-12, atol=1e-9 * np.abs(rows).max())
    assert z.dtype == np.float64


def test_fit_measures_in_float64_also_at_a_huge_offset():
    rows = 1e9 + np.random.default_rng(0).standard_normal((1000, 1))
    fitted = Standardize.fit(rows)
    np.testing.assert_allclose(fitted.scale[0], (rows - 1e9).std(), rtol=1e-6)
    wide = Standardize.fit(rows, widths=np.array([6.0]))
    np.testing.assert_allclose(wide.scale[0] ** 2, (rows - 1e9).var() + 3.0, rtol=1e-6)


@pytest.mark.parametrize("bad", [5.0, np.nan, np.inf])
def test_constant_and_infinite_columns_are_refused(bad):
    rows = np.stack([np.arange(4.0), np.full(4, bad)], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=r"rows\[:, 1\]"):
            Standardize.fit(rows)
        with pytest.raises(InputError, match="'height'"):
            Standardize.fit(rows, names=["age", "height"])


def test_auxiliary_numbers_are_standard_normal_draws_of_known_density():
    """Draws of N(0, 1) by their moments, 4 SE; the log-weight is minus their log-density, and other columns stay."""
    fill = FillAuxiliary(np.array([True, False, True]))
    rows = np.array([[np.nan, 5.0, 3.0], [1.0, 2.0, np.nan]])
    with jax.enable_x64(True):
        keys = jax.random.split(KEY, 4096)
        z, weight = map(np.asarray, jax.vmap(lambda k: fill.encode(jnp.asarray(rows[0]), key=k))(keys))
    assert abs(np.mean(z[:, 0])) < 4 / 64
    assert abs(np.var(z[:, 0]) - 1) < 4 * np.sqrt(2) / 64
    np.testing.assert_allclose(weight, -norm.logpdf(z[:, 0]), rtol=1e-12)
    assert np.all(z[:, 1:] == rows[0, 1:])
    both, weights = encode_rows(Chain((Standardize(np.zeros(3), np.full(3, 2.0)), fill)), rows, key=KEY)
    assert both[0, 1] == 2.5
    np.testing.assert_allclose(weights, -norm.logpdf([both[0, 0], both[1, 2]]) - 3 * np.log(2))


def test_transforms_say_which_numbers_they_read():
    rows = np.array([[np.nan, np.nan, np.inf, 1.0]])
    fill = FillAuxiliary(np.array([True, False, True, True]))
    for transform in (fill, Chain((Dequantize(np.zeros(4)), fill))):
        assert transform.readable(rows).tolist() == [[True, False, False, True]]
    assert Dequantize(np.zeros(4)).readable(rows).tolist() == [[False, False, False, True]]


def test_one_scale_is_not_spread_over_a_row_of_more_numbers():
    with pytest.raises(ValueError, match=r"a row of shape \(1,\)"):
        encode_rows(Standardize(np.zeros(1), np.full(1, 2.0)), np.zeros((4, 3)), key=KEY)


@pytest.mark.parametrize("width", [-0.5, np.nan])
def test_bins_have_no_negative_width(width):
    with pytest.raises(ValueError, match="expected bin widths of at least 0"):
        Dequantize(np.array([1.0, width]))
