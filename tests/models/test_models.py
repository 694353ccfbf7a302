import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, mixture, noisy
from scorax.likelihood import log_prob
from scorax.models import (
    Denoiser,
    Karras,
    PredictNoise,
    Pullback,
    ScoreFunction,
    angle_flow,
    gaussian_process,
    probability_flow,
    reverse_drift,
    terminal_draw,
    terminal_log_density,
)
from scorax.networks import MLP
from scorax.processes import EDM, VE, VP, AbstractProcess, DiagonalLaw, OrnsteinUhlenbeck
from scorax.samplers import EulerMaruyama, Terminal, sample
from scorax.targets import ExactDenoiser, gaussian
from scorax.transforms import Standardize

pytestmark = pytest.mark.usefixtures("double")

X = np.array([0.3, -0.2])


@pytest.mark.parametrize("process", [VP(), VE(), EDM()], ids=repr)
def test_a_model_is_the_score(process):
    t = jnp.asarray(0.4)
    expected = noisy(mixture(), process, t).score(jnp.asarray(X))
    np.testing.assert_allclose(ExactDenoiser.create(mixture(), process)(t, jnp.asarray(X)), expected, rtol=1e-10)


@pytest.mark.parametrize("parametrization", [Karras(), PredictNoise()], ids=repr)
def test_schedules_can_be_swapped(parametrization):
    """The same level on another clock gives the same prediction, up to the common factor of alpha and sigma."""
    network = awake(MLP(2, width=8, depth=1, key=jax.random.key(0)), key=jax.random.key(1))
    model = Denoiser(network=network, process=VP(), parametrization=parametrization)
    other = model.with_process(EDM())
    t, s = jnp.asarray(0.4), EDM().time_of(VP().log_ratio(jnp.asarray(0.4)))
    ours = model.predict(t, jnp.asarray(X))
    theirs = other.predict(s, jnp.asarray(X) / model.process.alpha(t))
    np.testing.assert_allclose(ours.x0, theirs.x0, rtol=1e-9)
    np.testing.assert_allclose(ours.noise, theirs.noise, rtol=1e-9)
    with pytest.raises(TypeError):
        model.with_process("VP")


@pytest.mark.parametrize("process", [VP(), VE(), EDM()], ids=repr)
def test_trap_16_signs_of_the_reverse_drifts(process):
    """f - g^2 s for the SDE and f - g^2 s / 2 for the flow, from closed forms of f, g^2 and s."""
    t, x, model = jnp.asarray(0.4), jnp.asarray(X), ExactDenoiser.create(mixture(), process)
    beta, growth = 0.1 + 19.9 * 0.4, 2 * np.log(80.0 / 1e-3)
    f, g2 = {VP: (-beta / 2, beta), VE: (0.0, growth * (1e-3 * 8e4**0.4) ** 2), EDM: (0.0, 0.8)}[type(process)]
    np.testing.assert_allclose(reverse_drift(model, t, x), f * X - g2 * model(t, x), rtol=1e-9)
    np.testing.assert_allclose(probability_flow(model)(t, x), f * X - 0.5 * g2 * model(t, x), rtol=1e-9)


@pytest.mark.parametrize("process", [VP(), VE(), EDM()], ids=repr)
def test_angle_flow_is_the_probability_flow_in_another_variable(process):
    """With x = R y: dx/dt = R' y + R (da/dt) dy/da."""
    t, x, model = jnp.asarray(0.4), jnp.asarray(X), ExactDenoiser.create(mixture(), process)

    def radius(t):
        return jnp.hypot(*process.level(t))

    r, dr = jax.jvp(radius, (t,), (jnp.ones_like(t),))
    a, da = jax.jvp(process.angle, (t,), (jnp.ones_like(t),))
    pushed = dr * x / r + r * da * angle_flow(model)(a, x / r)
    np.testing.assert_allclose(pushed, probability_flow(model)(t, x), rtol=1e-9)


@pytest.mark.parametrize("process", [VP(), EDM()], ids=repr)
def test_pullback_is_the_gradient_of_the_smoothed_density_in_data_units(process):
    """The law of x0 + tan(a) scale noise in data units, by autodiff of its closed log-density."""
    shift, scale, law, t = np.array([10.0, -3.0]), np.array([0.2, 40.0]), mixture(), jnp.asarray(0.2)
    pullback = Pullback(ExactDenoiser.create(law, process), Standardize(shift, scale))
    tan = jnp.tan(process.angle(t))
    smoothed = law.at(EDM().level(tan))

    def log_density(x):
        return smoothed.log_density((x - shift) / scale) - np.log(scale).sum()

    x = jnp.asarray(shift + scale * X)
    np.testing.assert_allclose(pullback(t, x), jax.grad(log_density)(x), rtol=1e-9)


@pytest.mark.parametrize("process", [VE(), EDM(t1=10.0), VP(t1=0.3)], ids=repr)
def test_trap_19_terminal_law_is_moment_matched(process):
    """Mean and standard deviation of 20000 starts of N(5, 4) within 4 SE of alpha m and sqrt(alpha^2 v + sigma^2)."""
    model = ExactDenoiser.create(gaussian(np.full(1, 5.0), np.full((1, 1), 4.0)), process)
    level = process.level(jnp.asarray(process.t1))
    keys = jax.random.split(jax.random.key(0), 20_000)
    draws = np.asarray(jax.vmap(lambda key: terminal_draw(model, level, (1,), jnp.float64, key=key))(keys))
    sd = float(jnp.sqrt(4 * level.alpha**2 + level.sigma**2))
    assert abs(draws.mean() - 5 * float(level.alpha)) < 4 * sd / np.sqrt(20_000)
    assert abs(draws.std() / sd - 1) < 4 / np.sqrt(40_000)
    x = jnp.array([0.7])
    np.testing.assert_allclose(
        terminal_log_density(model, level, x), noisy(model.target, process, process.t1).log_density(x), rtol=1e-10
    )


def test_trap_19_without_moments_the_terminal_law_has_the_radius_of_standard_data():
    model = ScoreFunction(fn=lambda t, x, condition: -x, process=EDM())
    level, x = EDM().level(jnp.asarray(80.0)), jnp.array([3.0, -50.0])
    variance = 1 + 80.0**2
    expected = -0.5 * (float(x @ x) / variance + 2 * np.log(2 * np.pi * variance))
    np.testing.assert_allclose(terminal_log_density(model, level, x), expected, rtol=1e-10)
    draws = jax.vmap(lambda key: terminal_draw(model, level, (2,), jnp.float64, key=key))(
        jax.random.split(jax.random.key(0), 20_000)
    )
    assert abs(float(jnp.std(draws)) / np.sqrt(variance) - 1) < 4 / np.sqrt(80_000)


def test_processes_without_gaussian_kernels_are_refused_by_name():
    class Odd(AbstractProcess):
        t0: float = 0.0
        t1: float = 1.0

        def perturb(self, t, x0, *, key):
            return x0

    with pytest.raises(TypeError, match="got Odd"):
        gaussian_process(Odd())
    model = ScoreFunction(fn=lambda t, x, condition: -x, process=Odd())
    with pytest.raises(TypeError, match="got Odd"):
        reverse_drift(model, jnp.asarray(0.4), jnp.asarray(X))


def test_pullback_is_refused_where_a_noisy_state_is_integrated() -> None:
    model = Denoiser(network=MLP(2, width=4, depth=1, key=jax.random.key(0)), process=EDM())
    pullback = Pullback(model, Standardize(np.zeros(2), np.ones(2)))
    with pytest.raises(TypeError, match="Pullback"):
        log_prob(pullback, np.zeros((1, 2), np.float32))
    with pytest.raises(TypeError, match="Pullback"):
        sample(pullback, EulerMaruyama(2), 1, key=jax.random.key(0), start=Terminal((2,)))


def test_laws_of_another_size_are_refused_and_not_broadcast():
    short = DiagonalLaw(jnp.zeros(1), jnp.ones(1))
    model, level = ScoreFunction(lambda t, x, c: -x, EDM(), short), EDM().level(jnp.asarray(80.0))
    with pytest.raises(ValueError, match="moments of 3 numbers"):
        terminal_log_density(model, level, jnp.zeros(3))
    ends = ScoreFunction(lambda t, x, c: -x, OrnsteinUhlenbeck(prior=short))
    with pytest.raises(ValueError, match="a prior of 3 numbers"):
        terminal_log_density(ends, None, jnp.zeros(3))
