import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake
from scorax.models import Denoiser, Karras, PredictData, PredictNoise, PredictScore, PredictV, PredictVelocity
from scorax.networks import MLP
from scorax.processes import EDM, VP, Level

pytestmark = pytest.mark.usefixtures("double")

ALL = [
    Karras(),
    Karras(data_scale=0.3),
    PredictV(),
    PredictNoise(),
    PredictData(),
    PredictVelocity(VP()),
    PredictScore(VP()),
]
LEVELS = [VP().level(jnp.asarray(t)) for t in (1e-5, 0.01, 0.3, 1.0)] + [
    EDM().level(jnp.asarray(t)) for t in (2e-3, 80.0)
]
by_parametrization = pytest.mark.parametrize("parametrization", ALL, ids=repr)


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


@pytest.mark.parametrize("process", [VP(), EDM()], ids=repr)
@pytest.mark.parametrize("kind", [PredictVelocity, PredictScore])
def test_velocity_and_score_mean_those_of_their_process_at_any_scale_of_the_state(process, kind):
    """The level of a time, and the same ratio at unit radius (as the deterministic flow asks), give the same pair."""
    x0, noise = jnp.array([0.3, -0.2]), jnp.array([1.1, 0.4])
    for share in (0.01, 0.3, 0.9):
        t = jnp.asarray(process.t0 + share * (process.t1 - process.t0))
        own, rates = jax.jvp(process.level, (t,), (jnp.ones_like(t),))
        output = rates.alpha * x0 + rates.sigma * noise if kind is PredictVelocity else -noise / own.sigma
        radius = jnp.hypot(*own)
        for level in (own, Level(own.alpha / radius, own.sigma / radius)):
            state = level.alpha * x0 + level.sigma * noise
            prediction = kind(process).predict(level, state, output)
            np.testing.assert_allclose(prediction.x0, x0, rtol=1e-7)
            np.testing.assert_allclose(prediction.noise, noise, rtol=1e-7)


@by_parametrization
def test_a_schedule_can_be_swapped_under_every_parametrization(parametrization):
    """The same ratio on another clock gives the same pair; velocity and score keep the clock they were trained on."""
    network = awake(MLP(2, width=8, depth=1, key=jax.random.key(0)), key=jax.random.key(1))
    model = Denoiser(network, VP(), parametrization)
    other = model.with_process(EDM())
    t, x = jnp.asarray(0.4), jnp.array([0.3, -0.2])
    s = EDM().time_of(VP().log_ratio(t))
    ours, theirs = model.predict(t, x), other.predict(s, x / VP().alpha(t))
    np.testing.assert_allclose(ours.x0, theirs.x0, rtol=1e-9)
    np.testing.assert_allclose(ours.noise, theirs.noise, rtol=1e-9)


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
