"""Where samplers begin: the law at t1, states that are given, earlier times (SDEdit); and the paths from there."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import CASES
from oracles import mixture
from scorax.models import ScoreFunction, flow_ends, terminal_draw
from scorax.processes import (
    EDM,
    VE,
    VP,
    Clean,
    DiagonalLaw,
    GaussianLaw,
    GeometricBrownianMotion,
    LinearSDE,
    Tabulated,
)
from scorax.samplers import (
    DDIM,
    DDPM,
    AbstractSampler,
    AdamsBashforth,
    EulerMaruyama,
    Heun,
    Langevin,
    MetropolisLangevin,
    PosteriorDraw,
    ProbabilityFlow,
    ReverseSDE,
    States,
    Terminal,
    TweedieMean,
    sample,
    sample_path,
)
from scorax.targets import ExactDenoiser, gaussian

KEY = jax.random.key(0)
SAMPLERS = [c for c in CASES if issubclass(c, AbstractSampler)]
CHAINS = (Langevin, MetropolisLangevin)
FAMILIES = (DDPM, AdamsBashforth, EulerMaruyama, ProbabilityFlow, Langevin)
LONG = pytest.mark.slow  # a walk to compile for each: every run has one sampler of each family, CI all of them
DRAWS = 4096

MEAN, COVARIANCE = np.array([0.3, -0.5]), np.array([[0.5, 0.2], [0.2, 0.3]])


def exact(process) -> ExactDenoiser:
    return ExactDenoiser.create(gaussian(MEAN, COVARIANCE), process)


@pytest.fixture(
    params=[pytest.param(cls, marks=() if cls in FAMILIES else LONG, id=cls.__name__) for cls in SAMPLERS],
)
def subject(request):
    """Model and sampler of a case; an adaptive one at a tolerance that is cheap."""
    case = CASES[request.param].build()
    fields = {field.name for field in dataclasses.fields(case.subject)}
    loose = {"rtol": 0.3, "atol": 0.3} if "rtol" in fields else {}
    return case.model, dataclasses.replace(case.subject, **loose)


def test_a_path_begins_at_the_start_and_ends_at_the_draw(subject):
    """Times of the process for every sampler: from an earlier time than t1 down to t0, and at t0 all along for a chain."""
    model, sampler = subject
    process, chain = model.process, isinstance(sampler, CHAINS)
    t = None if chain else (process.t0 + process.t1) / 3
    first = process.t0 if t is None else t
    start = States(np.array([[0.3, -0.4], [0.1, 0.7]], np.float32), t)
    times, states = sample_path(model, sampler, 2, key=KEY, start=start)
    assert states.shape == (2, len(times), 2)
    np.testing.assert_array_equal(np.asarray(times)[[0, -1]], np.float32([first, process.t0]))
    assert np.all(np.diff(times) < 0) or chain
    np.testing.assert_allclose(np.asarray(states)[:, 0], start.x, rtol=1e-5)
    drawn = sample(model, sampler, 2, key=KEY, start=start)
    np.testing.assert_allclose(np.asarray(states)[:, -1], drawn, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sampler", [Heun(4), EulerMaruyama(4)], ids=lambda s: type(s).__name__)
def test_a_path_from_given_states_at_t1_goes_over_the_whole_clock(sampler):
    model, x = ExactDenoiser.create(mixture(), VP()), np.array([[0.3, -0.4], [0.1, 0.7]], np.float32)
    times, states = sample_path(model, sampler, 2, key=KEY, start=States(x))
    np.testing.assert_array_equal(np.asarray(times)[[0, -1]], np.float32([model.process.t1, model.process.t0]))
    np.testing.assert_allclose(np.asarray(states)[:, 0], x, rtol=1e-5)
    drawn = sample(model, sampler, 2, key=KEY, start=States(x))
    np.testing.assert_allclose(np.asarray(states)[:, -1], drawn, rtol=1e-4, atol=1e-5)


def test_states_drawn_at_t1_are_the_default_start(subject):
    """Row k draws its start by the first half of ``split(fold_in(key, k))`` and walks by the second; starts agree to rounding."""
    model, sampler = subject
    if isinstance(sampler, ReverseSDE):
        pytest.skip("by a last digit it takes a step or does not, and ends elsewhere")
    default = sample(model, sampler, 3, key=KEY, start=Terminal((2,)))
    firsts = [jax.random.split(jax.random.fold_in(KEY, k))[0] for k in range(3)]
    x = jnp.stack([sampler.initial(model, (2,), default.dtype, key=first) for first in firsts])
    given = sample(model, sampler, 3, key=KEY, start=States(x))
    np.testing.assert_allclose(given, default, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("process", "sampler", "draws"),
    [
        (VP(), AdamsBashforth(48), DRAWS),
        pytest.param(VE(), AdamsBashforth(48), DRAWS, marks=LONG),
        (EDM(), ProbabilityFlow(), DRAWS),
        (VE(), EulerMaruyama(300), DRAWS),
        # A row takes as many steps as the longest beside it.
        pytest.param(VP(), ReverseSDE(rtol=1e-2, atol=1e-2), DRAWS // 4, marks=LONG),
    ],
    ids=lambda part: "" if isinstance(part, int) else type(part).__name__,
)
def test_data_noised_to_an_earlier_time_and_sent_back_have_the_law_of_data(process, sampler, draws):
    """N(m, S) noised by the process to the time t and sampled from there has at t0 the law N(alpha m, alpha^2 S + sigma^2 I).

    Whitened means and second moments within 4.5 standard errors of 4,096 rows or 1,024, 5 x 6 of them: 2e-4 over all. To that
    comes the bias of the method: of 300 Euler-Maruyama steps over a part of the clock, and of ReverseSDE at a tolerance of 1e-2.
    """
    model = exact(process)
    with jax.enable_x64(True):
        t = float(process.time_of(jnp.asarray(np.log(0.8))))  # noise of 0.8 on a signal of one
    keys = jax.random.split(jax.random.key(1), draws)

    @jax.jit
    @jax.vmap
    def noised(key):
        first, second = jax.random.split(key)
        return process.perturb(jnp.asarray(t), model.target.sample(key=first), key=second)

    drawn = sample(model, sampler, draws, key=KEY, start=States(noised(keys), t))
    level = process.level(jnp.asarray(process.t0))
    law = model.target.at(level).components
    white = np.asarray(jax.vmap(jax.tree.map(lambda leaf: leaf[0], law).whiten)(drawn), np.float64)
    slack = 0.0 if sampler.follows_flow else 0.03
    assert np.all(np.abs(white.mean(0)) < 4.5 / np.sqrt(draws) + slack)
    second = white[:, :, None] * white[:, None]
    assert np.all(np.abs(second.mean(0) - np.eye(2)) < 4.5 * second.std(0) / np.sqrt(draws) + slack)


def test_edits_stay_near_where_they_begin():
    """One state sent back along the flow of a Gaussian: the exact affine map from t to t0, in float64."""
    with jax.enable_x64(True):
        process = EDM()
        model, t = exact(process), 0.5
        x = np.random.default_rng(0).standard_normal((5, 2))
        got = sample(model, ProbabilityFlow(rtol=1e-9, atol=1e-9), 5, key=KEY, start=States(x, t))
        values, basis = np.linalg.eigh(COVARIANCE)
        scales = np.sqrt((values + process.t0**2) / (values + t**2))
        np.testing.assert_allclose(got, MEAN + (x - MEAN) @ basis * scales @ basis.T, atol=1e-7)
        one = sample(model, ProbabilityFlow(rtol=1e-9, atol=1e-9), 5, key=KEY, start=States(x[:1], t))
        np.testing.assert_array_equal(one, np.broadcast_to(got[:1], (5, 2)))  # a leading axis of 1


@pytest.mark.parametrize("end", [TweedieMean(), PosteriorDraw()], ids=lambda e: type(e).__name__)
def test_what_the_end_rule_makes_is_the_last_state(end):
    model = ExactDenoiser.create(mixture(), VP(t0=0.1))
    plain = sample_path(model, DDIM(4), 3, key=KEY)
    ended = sample_path(model, DDIM(4), 3, key=KEY, end=end)
    np.testing.assert_array_equal(ended.states[:, :-1], plain.states[:, :-1])
    np.testing.assert_allclose(ended.states[:, -1], sample(model, DDIM(4), 3, key=KEY, end=end), rtol=1e-5, atol=1e-6)
    assert not np.allclose(ended.states[:, -1], plain.states[:, -1], atol=1e-3)


def test_rows_of_a_request_by_their_numbers():
    model = ExactDenoiser.create(mixture(), VP())
    whole = sample_path(model, Heun(4), 7, key=KEY)
    part = sample_path(model, Heun(4), range(5, 7), key=KEY)
    np.testing.assert_array_equal(part.states, whole.states[5:])


def test_a_process_without_a_law_at_its_end_can_begin_at_states():
    """Geometric Brownian motion without a prior: refused at t1, and from states it runs."""
    model = ScoreFunction(lambda t, x, condition: -x, GeometricBrownianMotion())
    with pytest.raises(TypeError, match="a law at t1, got GeometricBrownianMotion"):
        sample(model, EulerMaruyama(4), 2, key=KEY, start=Terminal((1,)))
    draws = sample(model, EulerMaruyama(4), 2, key=KEY, start=States(jnp.ones((1, 1)), 0.5))
    assert np.all(np.isfinite(draws))
    with pytest.raises(TypeError, match="got Clean"):
        sample(ScoreFunction(lambda t, x, c: -x, Clean()), EulerMaruyama(4), 1, key=KEY, start=States(jnp.ones((1, 1))))


def test_a_clock_that_ends_earlier_is_the_same_process():
    """Levels, kernels and drift of ``until`` are those of the process, and its prior is gone."""
    sigmas = np.geomspace(0.05, 10, 8)
    for process in (VP(), VE(), EDM(), Tabulated.from_sigmas(sigmas)):
        earlier = process.until(0.6 * process.t1)
        assert earlier.t1 == 0.6 * process.t1
        for t in (process.t0, 0.3 * process.t1, 0.6 * process.t1):
            for a, b in zip(earlier.level(jnp.asarray(t)), process.level(jnp.asarray(t)), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5)
    with_prior = LinearSDE(-np.eye(2), np.eye(2), prior=exact(VP()).moments)
    assert with_prior.until(0.5).prior is None
    assert with_prior.until(1.0) is with_prior
    with pytest.raises(ValueError, match="a time after t0 = 0 and not after t1 = 1, got 2"):
        with_prior.until(2.0)


def test_who_follows_the_flow():
    """A sampler says so of itself; it is one map of its start, whatever the key."""
    model, x = exact(VP()), jnp.array([0.4, 0.9])
    for cls in SAMPLERS:
        sampler = CASES[cls].build().subject
        if sampler.follows_flow:
            one, other = (sampler.draw(model, x, key=jax.random.key(k)) for k in (1, 2))
            np.testing.assert_array_equal(one, other)
    assert not any(s.follows_flow for s in (Langevin(), EulerMaruyama(), DDIM(eta=0.5), ReverseSDE()))
    assert all(s.follows_flow for s in (DDIM(), Heun(), AdamsBashforth(), ProbabilityFlow()))


def test_the_law_at_t1_is_that_of_the_likelihood():
    model, ends = exact(VP()), flow_ends(exact(VP()), jnp.dtype("float32"))
    ours = Heun().initial(model, (2,), jnp.float32, key=KEY)
    np.testing.assert_allclose(ours, terminal_draw(model, ends.end_level, (2,), jnp.float32, key=KEY), rtol=1e-5)


@pytest.mark.parametrize("law", [None, GaussianLaw.standard(4)], ids=["moments", "start of a chain"])
def test_moments_of_flat_rows_serve_examples_with_a_shape(law):
    """An image is drawn as its flat row is: the law at the start says the size, ``Terminal`` the shape."""
    process, moments = (VP(), DiagonalLaw(jnp.arange(4.0), jnp.ones(4))) if law is None else (Clean(), None)
    model = ScoreFunction(fn=lambda t, x, condition: -x, process=process, moments=moments)
    sampler = EulerMaruyama(8) if law is None else Langevin(num_steps=3, start=law)
    image = sample(model, sampler, 3, key=KEY, start=Terminal((2, 2)))
    assert image.shape == (3, 2, 2)
    np.testing.assert_allclose(image.reshape(3, 4), sample(model, sampler, 3, key=KEY), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"expected a shape of 4 numbers, as the law at t1 has, got \(2, 3\)"):
        sample(model, sampler, 3, key=KEY, start=Terminal((2, 3)))
