"""Every public class of the core under one suite: jit, vmap, dtype, gradients, keys, repr, trees.

A new public class without a case here fails ``test_every_public_class_has_a_case``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, mixture
from scorax import models, networks, objectives, processes, samplers, simulation, targets, transforms
from scorax._trees import named_arrays, with_named_arrays
from scorax.models import (
    Denoiser,
    EnergyScore,
    Karras,
    PredictData,
    PredictNoise,
    PredictScore,
    PredictV,
    PredictVelocity,
    Pullback,
    ScoreFunction,
    ScoreNetwork,
)
from scorax.networks import MLP, Ensemble, MixtureSkip, ResBlock, ResMLP
from scorax.objectives import (
    DenoisingScoreMatching,
    EDMWeighting,
    EnergyDifferenceScoreMatching,
    ExplicitScoreMatching,
    FiniteDifferenceScoreMatching,
    FixedTime,
    GaussianProbe,
    GeneralizedScoreMatching,
    ImplicitScoreMatching,
    LikelihoodTimes,
    LikelihoodWeighting,
    LogNormalTimes,
    MinSNRWeighting,
    NodeTimes,
    RademacherProbe,
    SlicedScoreMatching,
    SphereProbe,
    UniformTimes,
    UniformWeighting,
    VarianceWeighting,
    VelocityWeighting,
)
from scorax.processes import (
    EDM,
    SDE,
    VE,
    VP,
    BrownianMotion,
    Clean,
    Cosine,
    Diagonal,
    GaussianLaw,
    GeometricBrownianMotion,
    Level,
    LinearSDE,
    LogNormal,
    Normal,
    OrnsteinUhlenbeck,
    Rectified,
    SubVP,
    Tabulated,
)
from scorax.samplers import (
    DDIM,
    DefaultGrid,
    EulerMaruyama,
    Heun,
    KarrasGrid,
    LogRatioGrid,
    ProbabilityFlow,
    UniformGrid,
    nodes,
)
from scorax.simulation import Euler, Exact, Milstein, brownian_increments
from scorax.targets import ExactDenoiser, GaussianMixture
from scorax.transforms import Chain, Dequantize, Standardize

ROOMS = (processes, models, networks, transforms, objectives, samplers, simulation, targets)
KEY = jax.random.key(0)


class Case(NamedTuple):
    """``call(build(), x, key)`` on one example x of shape (2,)."""

    build: Callable[[], Any]
    call: Callable[[Any, jax.Array, jax.Array], Any]
    random: bool = False
    """Whether the key changes the answer."""
    of_x: bool = True
    """Whether the answer depends on x, hence has a gradient."""


class With(eqx.Module):
    """A subject beside the model that it works on."""

    subject: Any
    model: Any


def number(value: float, like: jax.Array) -> jax.Array:
    return jnp.asarray(value, like.dtype)


def level(x: jax.Array) -> Level:
    return Level(number(0.8, x), number(0.6, x))


def process(build) -> Case:
    def call(p, x, key):
        t = number(0.3, x)
        ratio = p.log_ratio(t)
        return p.perturb(t, x, key=key), p.drift(t, x), p.diffusion(t, x), p.time_of(ratio), p.angle(t), p.level(t)

    return Case(build, call, random=True)


def sde(build) -> Case:
    """A process without noise levels."""
    return Case(
        build,
        lambda p, x, key: (
            p.perturb(number(0.3, x), x, key=key),
            p.drift(number(0.3, x), x),
            p.diffusion(number(0.3, x), x),
        ),
        random=True,
    )


def law(build) -> Case:
    def call(law, x, key):
        positive = jnp.exp(x)
        return law.log_density(positive), law.density(positive), law.cdf(positive), law.sample(key=key)

    return Case(build, call, random=True)


def method(build) -> Case:
    """One step of a simulation of geometric Brownian motion."""

    def call(w, x, key):
        t, h = number(0.3, x), number(0.1, x)
        increment = brownian_increments(h, 2, x.shape, x.dtype, key=key)[1]
        return w.subject.step(w.model, t, h, x, increment)

    return Case(lambda: With(build(), GeometricBrownianMotion(0.3, 0.5)), call, random=True)


def model(build) -> Case:
    return Case(build, lambda m, x, key: m(number(0.3, x), x))


def network(build) -> Case:
    return Case(lambda: awake(build(), key=jax.random.key(1)), lambda n, x, key: n(number(0.3, x), x, key=key))


def transform(build, *, random: bool = False) -> Case:
    return Case(build, lambda t, x, key: (t.encode(x, key=key), t.decode(x)), random=random)


def parametrization(build) -> Case:
    return Case(build, lambda p, x, key: (p.predict(level(x), x, 0.5 * x), p.noise_input(level(x)), p.radius(level(x))))


def sampler(build) -> Case:
    return Case(
        lambda: With(build(), ExactDenoiser.create(mixture(), VP())),
        lambda w, x, key: w.subject.draw(w.model, x.shape, x.dtype, key=key),
        random=True,
        of_x=False,
    )


def times(build) -> Case:
    def call(law, x, key):
        u = 1 / (1 + jnp.exp(-x[0]))
        t = law.quantile(VP(), u)
        return t, law.density(VP(), t)

    return Case(build, call)


def weighting(build) -> Case:
    return Case(build, lambda w, x, key: w(VP(), 1 / (1 + jnp.exp(-x[0]))))


def grid(build) -> Case:
    return Case(build, lambda g, x, key: nodes(g, VP(), 5, x.dtype), of_x=False)


def denoiser() -> Denoiser:
    return Denoiser(network=awake(MLP(2, width=8, depth=1, key=KEY), key=KEY), process=VP())


def energy(process) -> EnergyScore:
    return EnergyScore(awake(MLP(2, width=8, depth=1, key=KEY), key=KEY), process)


def objective(build, model=denoiser, *, random: bool = True) -> Case:
    return Case(
        lambda: With(build(), model()),
        lambda w, x, key: w.subject(w.model, x, number(0.4, x), key=key),
        random=random,
    )


def probe(build) -> Case:
    return Case(build, lambda p, x, key: p(x.shape, x.dtype, key=key), random=True, of_x=False)


def resmlp(dropout: float) -> ResMLP:
    return ResMLP(2, width=8, depth=1, dropout=dropout, key=KEY)


CASES: dict[type, Case] = {
    Clean: Case(Clean, lambda p, x, key: p.perturb(number(0.3, x), x, key=key)),
    VP: process(VP),
    VE: process(VE),
    EDM: process(EDM),
    SubVP: process(SubVP),
    Cosine: process(Cosine),
    Rectified: process(Rectified),
    Tabulated: process(lambda: Tabulated.from_betas(np.linspace(0.01, 0.4, 6))),
    LinearSDE: sde(lambda: LinearSDE(np.array([[-1.0, 0.5], [0.2, -0.3]]), np.eye(2), np.array([0.5, -1.0]))),
    SDE: sde(lambda: SDE(lambda t, x: -x, lambda t, x: Diagonal(1 + x**2), num_steps=4)),
    BrownianMotion: sde(lambda: BrownianMotion(1.0, 0.5)),
    OrnsteinUhlenbeck: sde(lambda: OrnsteinUhlenbeck(2.0, 0.5, 0.7)),
    GeometricBrownianMotion: sde(lambda: GeometricBrownianMotion(0.3, 0.5)),
    Normal: law(lambda: Normal(jnp.array([0.3, -0.2]), jnp.array([0.5, 1.2]))),
    LogNormal: law(lambda: LogNormal(Normal(jnp.array([0.3, -0.2]), jnp.array([0.5, 1.2])))),
    Euler: method(Euler),
    Milstein: method(Milstein),
    Exact: method(Exact),
    GaussianLaw: Case(
        lambda: GaussianLaw.from_moments(np.array([0.3, -0.2]), np.array([[1.0, 0.4], [0.4, 0.5]])),
        lambda law, x, key: (law.log_density(x), law.draw(x), law.precision_times(x), law.sample(key=key)),
        random=True,
    ),
    Karras: parametrization(lambda: Karras(data_scale=0.7)),
    PredictV: parametrization(PredictV),
    PredictNoise: parametrization(PredictNoise),
    PredictData: parametrization(PredictData),
    PredictVelocity: parametrization(lambda: PredictVelocity(VP())),
    PredictScore: parametrization(lambda: PredictScore(VP())),
    Denoiser: model(denoiser),
    ScoreNetwork: model(lambda: ScoreNetwork(awake(MLP(2, width=8, depth=1, key=KEY), key=KEY), VP())),
    EnergyScore: model(lambda: energy(VP())),
    ScoreFunction: model(lambda: ScoreFunction(fn=lambda t, x, condition: -x * (1 + t), process=VP())),
    Pullback: model(
        lambda: Pullback(model=denoiser(), transform=Standardize(np.array([0.3, 1.0]), np.array([2.0, 0.1])))
    ),
    MLP: network(lambda: MLP(2, width=8, depth=1, key=KEY)),
    MixtureSkip: network(
        lambda: MixtureSkip(
            MLP(2, width=8, depth=1, key=KEY),
            np.log([0.3, 0.7]),
            np.array([[0.3, -0.2], [1.0, 0.5]]),
            np.stack([np.eye(2)[::-1], np.eye(2)]),
            np.array([[0.5, 1.2], [0.1, 0.9]]),
        )
    ),
    ResMLP: network(lambda: resmlp(0.5))._replace(random=True),
    Ensemble: network(lambda: Ensemble.create(lambda key: MLP(2, width=8, depth=1, key=key), 3, key=KEY)),
    ResBlock: Case(lambda: ResBlock(2, 2, 0.5, key=KEY), lambda b, x, key: b(x, x**2, key=key), random=True),
    Standardize: transform(lambda: Standardize(np.array([0.3, 1.0]), np.array([2.0, 0.1]))),
    Dequantize: transform(lambda: Dequantize(np.array([0.5, 0.0])), random=True),
    Chain: transform(
        lambda: Chain((Dequantize(np.array([0.5, 0.0])), Standardize(np.array([0.3, 1.0]), np.array([2.0, 0.1])))),
        random=True,
    ),
    DenoisingScoreMatching: objective(lambda: DenoisingScoreMatching(control_variate=True)),
    ExplicitScoreMatching: objective(lambda: ExplicitScoreMatching(ExactDenoiser.create(mixture(), VP()))),
    ImplicitScoreMatching: objective(ImplicitScoreMatching),
    SlicedScoreMatching: objective(lambda: SlicedScoreMatching(GaussianProbe(), num_probes=2)),
    FiniteDifferenceScoreMatching: objective(lambda: FiniteDifferenceScoreMatching(step=0.1)),
    EnergyDifferenceScoreMatching: objective(lambda: EnergyDifferenceScoreMatching(step=0.1), lambda: energy(VP())),
    GeneralizedScoreMatching: objective(
        lambda: GeneralizedScoreMatching(lower=-2.0), lambda: energy(Clean()), random=False
    ),
    RademacherProbe: probe(RademacherProbe),
    GaussianProbe: probe(GaussianProbe),
    SphereProbe: probe(SphereProbe),
    FixedTime: times(lambda: FixedTime(0.3))._replace(of_x=False),
    NodeTimes: times(lambda: NodeTimes(np.array([0.1, 0.3, 0.5])))._replace(of_x=False),
    UniformTimes: times(UniformTimes),
    LogNormalTimes: times(LogNormalTimes),
    LikelihoodTimes: times(LikelihoodTimes),
    UniformWeighting: weighting(UniformWeighting)._replace(of_x=False),
    MinSNRWeighting: weighting(MinSNRWeighting),
    VelocityWeighting: weighting(VelocityWeighting),
    LikelihoodWeighting: weighting(LikelihoodWeighting),
    VarianceWeighting: weighting(VarianceWeighting),
    EDMWeighting: weighting(EDMWeighting),
    DDIM: sampler(lambda: DDIM(num_steps=4)),
    Heun: sampler(lambda: Heun(num_steps=4)),
    EulerMaruyama: sampler(lambda: EulerMaruyama(num_steps=4)),
    ProbabilityFlow: sampler(lambda: ProbabilityFlow(rtol=1e-2, atol=1e-2)),
    UniformGrid: grid(UniformGrid),
    DefaultGrid: grid(DefaultGrid),
    KarrasGrid: grid(KarrasGrid),
    LogRatioGrid: grid(LogRatioGrid),
    GaussianMixture: Case(
        mixture,
        lambda law, x, key: (
            law.log_density(x),
            law.score(x),
            law.divergence(x),
            law.predict(level(x), x),
            law.sample(key=key),
        ),
        random=True,
    ),
    ExactDenoiser: model(lambda: ExactDenoiser.create(mixture(), VP())),
}


def public_classes() -> list[type]:
    """Modules that can be built; records (named tuples) and abstract classes hold nothing to call."""
    found = {getattr(room, name) for room in ROOMS for name in room.__all__}
    return sorted(
        (
            c
            for c in found
            if isinstance(c, type) and issubclass(c, eqx.Module) and not c.__name__.startswith("Abstract")
        ),
        key=lambda c: c.__name__,
    )


def test_every_public_class_has_a_case():
    assert set(public_classes()) == set(CASES)


@pytest.fixture(params=list(CASES), ids=lambda c: c.__name__)
def case(request) -> Case:
    return CASES[request.param]


@pytest.fixture(params=list(CASES), ids=lambda c: c.__name__)
def cls(request) -> type:
    return request.param


def assert_close(ours: Any, theirs: Any, *, rtol: float = 2e-5) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=rtol, atol=1e-5)


def test_jit_and_vmap_change_nothing_and_the_key_decides(case):
    subject = case.build()
    x = jnp.array([[0.3, -0.2], [1.1, 0.4], [-0.7, 0.9]])
    keys = jax.random.split(jax.random.key(5), 3)

    def call(row, key):
        return case.call(subject, row, key)

    jitted = jax.jit(call)
    looped = [jitted(row, key) for row, key in zip(x, keys, strict=True)]
    assert_close(looped[0], call(x[0], keys[0]))
    mapped = jax.vmap(call)(x, keys)
    assert_close(mapped, jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped))
    same, other = jitted(x[0], keys[0]), jitted(x[0], keys[1])
    assert eqx.tree_equal(same, looped[0])
    assert bool(eqx.tree_equal(same, other)) != case.random


@pytest.mark.parametrize("dtype", ["float32", "float64", "float32 under x64"])
def test_precision_is_kept(case, dtype):
    """Neither a Python number nor a host table promotes or demotes: shapes only, nothing is computed."""
    if dtype == "float32 under x64":
        subject = case.build()  # made in float32, used where float64 exists
    with jax.enable_x64(dtype != "float32"):
        if dtype != "float32 under x64":
            subject = case.build()
        x = jax.ShapeDtypeStruct((2,), dtype.split()[0])
        shapes = eqx.filter_eval_shape(lambda row, key: case.call(subject, row, key), x, KEY)
        floats = [leaf.dtype for leaf in jax.tree.leaves(shapes) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        assert floats
        assert set(floats) == {jnp.dtype(x.dtype)}


def test_gradient_is_finite(case):
    if not case.of_x:
        pytest.skip("the answer does not depend on x")
    subject = case.build()

    def total(x):
        leaves = jax.tree.leaves(case.call(subject, x, KEY))
        return sum(jnp.sum(leaf) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating))

    gradient = jax.jit(jax.grad(total))(jnp.array([0.3, -0.2]))
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0)


def test_tree_and_words(cls):
    subject = CASES[cls].build()
    assert cls.__name__ in repr(subject)
    leaves, tree = jax.tree.flatten(subject)
    assert eqx.tree_equal(jax.tree.unflatten(tree, leaves), subject)
    blank = jax.tree.map(lambda leaf: 0 * leaf if eqx.is_array(leaf) else leaf, subject)
    # Host tables stay host tables in float64: a transform must come back from its file as it was.
    assert eqx.tree_equal(with_named_arrays(blank, named_arrays(subject), where="the case"), subject, typematch=True)
    with pytest.raises(AttributeError):
        subject.name_that_no_class_has = 1  # modules are frozen
