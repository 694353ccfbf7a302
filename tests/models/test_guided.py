"""Guidance on two Gaussian classes whose conditional and unconditional scores are known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from oracles import noisy
from scorax.likelihood import log_prob
from scorax.models import (
    AbstractDenoiser,
    AbstractWrapper,
    AutoGuided,
    Denoiser,
    Evidence,
    Given,
    Guided,
    GuidedScore,
    Pullback,
    ScoreFunction,
)
from scorax.networks import MLP
from scorax.processes import EDM, VP
from scorax.samplers import EulerMaruyama, Heun, States, Terminal, sample
from scorax.targets import ExactDenoiser, GaussianMixture, gaussian
from scorax.transforms import Standardize

KEY = jax.random.key(0)
COUNT = 4096
FAR = VP(t1=1.5)  # so long a clock that the law at its end knows no class
GRID = np.linspace(-2.5, 3.0, 64)


def classes() -> GaussianMixture:
    """N(1, 0.3^2) with probability 0.3 and N(-0.5, 0.4^2) with 0.7: the mean of both is -0.05."""
    return GaussianMixture.create(np.array([0.3, 0.7]), np.array([[1.0], [-0.5]]), np.array([[[0.09]], [[0.16]]]))


def guided(scale, process=None) -> Guided:
    """The scale is an array, so that one program serves all of them."""
    return Guided(ExactDenoiser.create(classes(), process or VP()), jnp.asarray(scale))


def tilted(scale: float, process) -> np.ndarray:
    """log p(x|0)^w p(x)^(1-w) at t0 on the grid, normalised by the trapezoidal rule."""
    law = noisy(classes(), process)
    own, both = (jax.vmap(one.log_density)(jnp.asarray(GRID)[:, None]) for one in (law.given(0), law))
    values = np.asarray(scale * own + (1 - scale) * both)
    return values - np.log(np.trapezoid(np.exp(values), GRID))


@pytest.mark.parametrize("scale", [-1.0, 0.5, 3.0])
def test_the_field_is_the_mixture_of_both_branches_and_a_denoiser(scale):
    with jax.enable_x64(True):
        law, process, x = classes(), VP(), np.array([0.3])

        @jax.jit
        def asked(model, t, x):
            level, label = process.level(t), jnp.asarray(1)
            plain = GuidedScore(ScoreFunction(lambda t, x, c: model.model(t, x, c), process), model.scale)
            scores = model(t, x, label), plain(t, x, label), law.given(1).at(level).score(x), law.at(level).score(x)
            return level, model.predict(t, x, label), scores

        level, pair, (ours, plain, own, both) = asked(guided(scale), 0.4, x)
        np.testing.assert_allclose(ours, both + scale * (own - both), rtol=1e-10)
        np.testing.assert_allclose(level.alpha * pair.x0 + level.sigma * pair.noise, x, rtol=1e-12)
        np.testing.assert_allclose(plain, ours, rtol=1e-12)


def test_trap_34_scales_one_and_zero_are_the_branches_bit_for_bit():
    t, x, label = jnp.asarray(0.4), jnp.array([0.3]), jnp.asarray(1)
    exact = ExactDenoiser.create(classes(), VP())
    assert eqx.tree_equal(Guided(exact, 1.0).predict(t, x, label), exact.predict(t, x, label))
    assert eqx.tree_equal(Guided(exact, 0.0).predict(t, x, label), exact.predict(t, x))
    assert eqx.tree_equal(Guided(exact, 3.0).predict(t, x), exact.predict(t, x))
    assert not np.allclose(exact(t, x, label), exact(t, x))


@pytest.mark.parametrize("sampler", [Heun(64), EulerMaruyama(200)], ids=["Heun", "EulerMaruyama"])
def test_trap_34_scale_one_has_the_moments_of_the_class(sampler):
    """4 SE: mean and standard deviation of both classes in one call, a class per row."""
    labels = np.arange(COUNT, dtype=np.int32) % 2
    draws = np.asarray(sample(guided(1.0), sampler, COUNT, key=KEY, condition=labels))[:, 0]
    for label, (mean, scale) in enumerate([(1.0, 0.3), (-0.5, 0.4)]):
        own, error = draws[labels == label], scale / np.sqrt(COUNT / 2)
        assert abs(own.mean() - mean) < 4 * error
        assert abs(own.std() - scale) < 4 * error / np.sqrt(2)


def test_trap_35_scale_zero_has_the_mean_of_the_mixture():
    labels = np.zeros(COUNT, np.int32)
    draws = np.asarray(sample(guided(0.0), Heun(64), COUNT, key=KEY, condition=labels))[:, 0]
    assert abs(draws.mean() + 0.05) < 4 * draws.std() / np.sqrt(COUNT)


def test_trap_34_the_guided_law_is_not_the_tilted_density():
    """Scale 1 gives the density of the class; at scale 3 the flow's law is a density, and a nat away from the tilted one.

    Its mean is 1.43, that of the stochastic sampler 1.17, that of the tilted density 1.03: three laws.
    """
    with jax.enable_x64(True):
        x, label = jnp.asarray(GRID)[:, None], jnp.asarray(0)
        conditional = log_prob(guided(1.0, FAR), x, label[None]).value
        np.testing.assert_allclose(conditional, tilted(1.0, FAR), atol=1e-3)
        answer = log_prob(guided(3.0, FAR), x, label[None])
        density = np.exp(answer.value)
        assert np.trapezoid(density, GRID) == pytest.approx(1, abs=1e-5)
        assert np.trapezoid(density * (answer.value - tilted(3.0, FAR)), GRID) > 1
        flow = np.trapezoid(density * GRID, GRID)
        claimed = np.trapezoid(np.exp(tilted(3.0, FAR)) * GRID, GRID)
    assert flow - claimed > 0.35
    for sampler, low, high in ((Heun(64), flow - 0.02, flow + 0.02), (EulerMaruyama(200), 1.1, 1.25)):
        draws = np.asarray(sample(guided(3.0), sampler, COUNT, key=KEY, condition=np.zeros(COUNT, np.int32)))
        assert low < draws.mean() < high


def test_trap_34_the_gradient_of_log_prob_is_the_field_at_scale_one_only():
    with jax.enable_x64(True):
        x, h, label = jnp.linspace(0.2, 1.8, 32)[:, None], 1e-3, jnp.asarray(0)
        gaps = []
        for scale in (1.0, 3.0):
            model = guided(scale, FAR)
            value = log_prob(model, jnp.concatenate([x + h, x - h]), label[None], tolerance=1e-8).value
            slope = (value[:32] - value[32:]) / (2 * h)
            field = jax.vmap(lambda row, m=model: m(m.process.t0, row, label))(x)
            gaps.append(float(jnp.max(jnp.abs(slope - field[:, 0]))))
    assert gaps[0] < 1e-2
    assert gaps[1] > 1


def test_a_schedule_swap_reaches_the_model_inside():
    model = guided(3.0).with_process(EDM())
    assert isinstance(model.process, EDM)
    x, label = jnp.array([0.3]), jnp.asarray(0)
    ours, theirs = model(0.7, x, label), guided(3.0, EDM())(0.7, x, label)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_what_cannot_be_guided_is_refused():
    exact = ExactDenoiser.create(classes(), VP())
    with pytest.raises(TypeError, match="ScoreFunction"):
        Guided(ScoreFunction(lambda t, x, c: -x, VP()), 2.0)
    with pytest.raises(TypeError, match="noisy state"):
        GuidedScore(Pullback(exact, Standardize(np.zeros(1), np.ones(1))), 2.0)
    told = Evidence(np.zeros(1), np.zeros(1, bool), np.ones(1, bool))
    for wrap in (lambda model: Guided(model, 2.0), lambda model: GuidedScore(model, 2.0)):
        with pytest.raises(TypeError, match="given nothing yet"):
            wrap(Given(exact, told))
    with pytest.raises(TypeError, match="given nothing yet"):
        AutoGuided(exact, Given(exact, told), 2.0)
    for scale, said in ((float("nan"), "as a number, got nan"), (float("inf"), "finite")):
        with pytest.raises(ValueError, match=said):
            Guided(exact, scale)
    bare = Guided(Denoiser(MLP(1, width=4, depth=1, key=KEY), VP()), 2.0)
    with pytest.raises(TypeError, match="without an embedder"):
        sample(bare, Heun(4), 2, key=KEY, start=Terminal((1,)), condition=jnp.asarray([0]))


def flow_scale(precision, process) -> float:
    """By what the flow of the score -precision(angle) x, alpha^2 + sigma^2 = 1, multiplies a state on its way from t1 to t0."""

    def slope(a, log_scale):
        held = precision(a)
        noise, x0 = np.sin(a) * held, (1 - np.sin(a) ** 2 * held) / np.cos(a)
        return [np.cos(a) * noise - np.sin(a) * x0]

    ends = [float(process.angle(jnp.asarray(t))) for t in (process.t1, process.t0)]
    return float(np.exp(solve_ivp(slope, ends, [0.0], rtol=1e-9, atol=1e-11, max_step=1e-3).y[0, -1]))


@pytest.mark.parametrize("interval", [None, (0.2, 2.0)], ids=["every level", "an interval"])
@pytest.mark.parametrize("auto", [False, True], ids=["Guided", "AutoGuided"])
def test_draws_of_two_gaussians_have_the_variance_of_the_guided_flow(auto, interval):
    """Model N(0, .5), the other one N(0, 2), w = 1.7: all fields are linear, so the flow's variance is one equation."""
    process, w = VP(), 1.7
    narrow = ExactDenoiser.create(gaussian(np.zeros(1), np.eye(1) * 0.5), process)
    wide = ExactDenoiser.create(gaussian(np.zeros(1), np.eye(1) * 2.0), process)

    def precision(angle: float) -> float:
        inside = interval is None or interval[0] <= np.tan(angle) <= interval[1]
        scale = w if inside else 1.0
        own, other = (1 / (variance * np.cos(angle) ** 2 + np.sin(angle) ** 2) for variance in (0.5, 2.0))
        return other + scale * (own - other)

    with jax.enable_x64(True):
        if auto:
            model, condition = AutoGuided(narrow, wide, w, interval), None
        else:
            model, condition = Guided(_Branches(narrow, narrow, wide), w, interval), jnp.asarray([0])
        ends = jnp.array([[1.0]])
        draw = sample(model, Heun(400), 1, key=KEY, condition=condition, start=States(ends))
        expected = flow_scale(precision, process)
    assert float(draw[0, 0]) == pytest.approx(expected, rel=2e-3)


class _Branches(AbstractWrapper, AbstractDenoiser):
    """A law under a condition, and another one without."""

    model: AbstractDenoiser
    told: AbstractDenoiser
    untold: AbstractDenoiser

    def predict_at(self, level, x, condition=None, *, key=None):
        return (self.untold if condition is None else self.told).predict_at(level, x)


def test_an_interval_that_holds_every_level_changes_nothing_and_an_empty_one_is_refused():
    exact = ExactDenoiser.create(classes(), VP())
    t, x, label = jnp.asarray(0.4), jnp.array([0.3]), jnp.asarray(1)
    whole, none = Guided(exact, 3.0, (0.0, 1e9)), Guided(exact, 3.0, (1e8, 1e9))
    np.testing.assert_allclose(whole(t, x, label), Guided(exact, 3.0)(t, x, label), rtol=1e-6)
    np.testing.assert_allclose(none(t, x, label), exact(t, x, label), rtol=1e-6)
    for interval in ((2.0, 1.0), (-1.0, 1.0)):
        with pytest.raises(ValueError, match="0 <= low < high"):
            Guided(exact, 3.0, interval)
