import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax.models import Karras, PredictData, PredictNoise, PredictV
from scorax.processes import EDM, VP, Level

ALL = [Karras(), Karras(data_scale=0.3), PredictV(), PredictNoise(), PredictData()]
LEVELS = [VP().level(jnp.asarray(t)) for t in (1e-5, 0.01, 0.3, 1.0)] + [
    EDM().level(jnp.asarray(t)) for t in (2e-3, 80.0)
]
by_parametrization = pytest.mark.parametrize("parametrization", ALL, ids=repr)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def levels():
    return [Level(*(jnp.asarray(np.asarray(part), jnp.float64) for part in level)) for level in LEVELS]


@by_parametrization
def test_the_pair_always_adds_up_to_the_state(parametrization):
    for level in levels():
        a, b, c, d = parametrization.coefficients(level)
        np.testing.assert_allclose(level.alpha * a + level.sigma * c, 1.0, rtol=1e-12)
        assert abs(level.alpha * b + level.sigma * d) < 1e-12 * abs(b)


@pytest.mark.parametrize(
    ("parametrization", "meaning"),
    [
        (PredictNoise(), lambda level, x0, noise: noise),
        (PredictData(), lambda level, x0, noise: x0),
        (PredictV(), lambda level, x0, noise: (level.alpha * noise - level.sigma * x0) / jnp.hypot(*level)),
    ],
    ids=("noise", "data", "v"),
)
def test_output_means_what_its_name_says(parametrization, meaning):
    x0, noise = jnp.array([0.3, -0.2]), jnp.array([1.1, 0.4])
    for level in levels():
        x = level.alpha * x0 + level.sigma * noise
        prediction = parametrization.predict(level, x, meaning(level, x0, noise))
        np.testing.assert_allclose(prediction.x0, x0, rtol=1e-9)
        np.testing.assert_allclose(prediction.noise, noise, rtol=1e-9)


def test_karras_at_unit_scale_is_minus_v():
    for level in levels():
        ours, v = Karras().coefficients(level), PredictV().coefficients(level)
        np.testing.assert_allclose([ours.a, ours.c], [v.a, v.c], rtol=1e-12)
        np.testing.assert_allclose([ours.b, ours.d], [-v.b, -v.d], rtol=1e-12)


def test_zero_output_of_karras_is_the_gaussian_of_its_scale():
    x = jnp.array([0.3, -0.2])
    for level in levels():
        for sd in (1.0, 0.3):
            noise = Karras(data_scale=sd).predict(level, x, jnp.zeros(2)).noise
            np.testing.assert_allclose(noise / level.sigma, x / (level.alpha**2 * sd**2 + level.sigma**2), rtol=1e-12)


@by_parametrization
def test_what_the_network_sees_is_bounded(parametrization):
    seen = [float(parametrization.noise_input(level)) for level in levels()]
    assert max(map(abs, seen)) < 8
    limits = [Level(jnp.asarray(a), jnp.asarray(s)) for a, s in ((1.0, 0.0), (0.0, 1.0))]
    assert [float(parametrization.noise_input(level)) for level in limits] == [-8.0, 8.0]
