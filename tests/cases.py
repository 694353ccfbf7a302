"""One case for each public class of the core: how to build it, and a call that uses all of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from oracles import awake, mixture
from scorax.models import (
    Denoiser,
    EnergyScore,
    Evidence,
    Given,
    Guided,
    GuidedScore,
    Karras,
    PredictData,
    PredictNoise,
    PredictScore,
    PredictV,
    PredictVelocity,
    Pullback,
    ScoreFunction,
    ScoreNetwork,
    TweedieDenoiser,
    as_denoiser,
)
from scorax.networks import MLP, ClassEmbedder, Ensemble, MixtureSkip, ResBlock, ResMLP, VectorEmbedder
from scorax.networks._linear import drawn
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
    DiagonalLaw,
    GaussianLaw,
    GeometricBrownianMotion,
    IsotropicLaw,
    Level,
    LinearSDE,
    LogNormal,
    LowRankLaw,
    Matrix,
    Normal,
    OrnsteinUhlenbeck,
    Rectified,
    Scalar,
    SubVP,
    Tabulated,
)
from scorax.samplers import (
    DDIM,
    DDPM,
    AdamsBashforth,
    AnnealedLangevin,
    Churn,
    DefaultGrid,
    DPMSolver,
    EulerMaruyama,
    Heun,
    KarrasGrid,
    Langevin,
    LogNormalGrid,
    LogRatioGrid,
    MetropolisLangevin,
    NodeGrid,
    PosteriorDraw,
    PredictorCorrector,
    ProbabilityFlow,
    QuadraticGrid,
    ReverseSDE,
    Stop,
    TweedieMean,
    UniformGrid,
    nodes,
)
from scorax.simulation import Euler, Exact, Milstein, brownian_increments
from scorax.targets import ExactDenoiser, GaussianMixture
from scorax.transforms import Chain, Dequantize, Standardize

KEY = jax.random.key(0)


class Case(NamedTuple):
    """``call(build(), x, key)`` on one example x of shape (2,)."""

    build: Callable[[], Any]
    call: Callable[[Any, jax.Array, jax.Array], Any]
    random: bool = False
    """Whether the key changes the answer."""
    of_x: bool = True
    """Whether the answer depends on x, hence has a gradient."""
    rtol: float = 2e-5
    """Agreement of compiled and uncompiled answers."""
    walks: bool = False
    """Whether it is a loop of many steps, of which plain Python would compile every operation by itself."""


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


def coefficient(build) -> Case:
    return Case(build, lambda g, x, key: (g.times(x), g.covariance_times(x), g.covariance_solve(x)))


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


def exact() -> ExactDenoiser:
    return ExactDenoiser.create(mixture(), VP())


def end(build) -> Case:
    return Case(lambda: With(build(), exact()), lambda w, x, key: w.subject(w.model, x, key=key))


def sampler(build, model=exact) -> Case:
    return Case(
        lambda: With(build(), model()),
        lambda w, x, key: w.subject.draw(w.model, x, key=key),
        random=not build().follows_flow,
        of_x=False,
        walks=True,
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


def gaussian_law(build) -> Case:
    return Case(
        build,
        lambda law, x, key: (law.log_density(x), law.draw(x), law.precision_times(x), law.sample(key=key)),
        random=True,
    )


def evidence() -> Evidence:
    return Evidence(np.array([0.3, 0.0], np.float32), np.array([True, False]), np.array([False, True]))


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
    Scalar: coefficient(lambda: Scalar(jnp.asarray(0.7))),
    Diagonal: coefficient(lambda: Diagonal(jnp.array([0.7, 1.3]))),
    Matrix: coefficient(lambda: Matrix(jnp.array([[0.7, 0.1], [0.0, 1.3]]))),
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
    GaussianLaw: gaussian_law(
        lambda: GaussianLaw.from_moments(np.array([0.3, -0.2]), np.array([[1.0, 0.4], [0.4, 0.5]]))
    ),
    DiagonalLaw: gaussian_law(lambda: DiagonalLaw(jnp.array([0.3, -0.2]), jnp.array([1.0, 0.5]))),
    IsotropicLaw: gaussian_law(lambda: IsotropicLaw(jnp.array([0.3, -0.2]), jnp.array(0.7))),
    LowRankLaw: gaussian_law(
        lambda: LowRankLaw(jnp.array([0.3, -0.2]), jnp.array([0.3, 0.2]), jnp.array([[0.8, 0.1], [-0.3, 0.4]]))
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
    TweedieDenoiser: model(lambda: as_denoiser(ScoreFunction(fn=lambda t, x, condition: -x * (1 + t), process=VP()))),
    Pullback: model(
        lambda: Pullback(model=denoiser(), transform=Standardize(np.array([0.3, 1.0]), np.array([2.0, 0.1])))
    ),
    Evidence: Case(evidence, lambda e, x, key: jnp.where(e.known, e.value, x)),
    Given: model(lambda: Given(ExactDenoiser.create(mixture(), VP()), evidence())),
    Guided: Case(
        lambda: Guided(ExactDenoiser.create(mixture(), VP()), 3.0),
        lambda m, x, key: m(number(0.3, x), x, jnp.asarray(1)),
    ),
    GuidedScore: Case(
        lambda: GuidedScore(ScoreFunction(lambda t, x, c: -x if c is None else -2 * x, VP()), 3.0),
        lambda m, x, key: m(number(0.3, x), x, jnp.asarray(1)),
    ),
    ClassEmbedder: Case(
        lambda: ClassEmbedder(3, 4, dropout=0.5, key=KEY),
        lambda e, x, key: e(jnp.asarray(1), key=key),
        random=True,
        of_x=False,
    ),
    VectorEmbedder: Case(
        lambda: VectorEmbedder(2, 4, dropout=0.5, key=KEY), lambda e, x, key: e(x, key=key), random=True
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
    ResBlock: Case(lambda: drawn(ResBlock(2, 2, 0.5), key=KEY), lambda b, x, key: b(x, x**2, key=key), random=True),
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
    DDPM: sampler(lambda: DDPM(num_steps=4)),
    DPMSolver: sampler(lambda: DPMSolver(num_steps=4, stochastic=True)),
    AdamsBashforth: sampler(lambda: AdamsBashforth(num_steps=4)),
    AnnealedLangevin: sampler(lambda: AnnealedLangevin(num_steps=4)),
    PredictorCorrector: sampler(lambda: PredictorCorrector(num_steps=4)),
    # A Brownian path is known at times 2^-22 of the clock apart: a time that rounds the other way moves it by the root.
    ReverseSDE: sampler(lambda: ReverseSDE(rtol=1e-3, atol=1e-3))._replace(rtol=2e-2),
    Langevin: sampler(lambda: Langevin(num_steps=4)),
    MetropolisLangevin: sampler(lambda: MetropolisLangevin(num_steps=4), lambda: energy(Clean())),
    Churn: Case(lambda: Churn(low=0.1), lambda c, x, key: c.raised(Level(number(0.8, x), jnp.exp(x[0])), 8)),
    Stop: end(Stop),
    TweedieMean: end(TweedieMean),
    PosteriorDraw: end(PosteriorDraw)._replace(random=True),
    NodeGrid: Case(
        NodeGrid, lambda g, x, key: nodes(g, Tabulated.from_betas(np.linspace(0.01, 0.4, 6)), 5, x.dtype), of_x=False
    ),
    QuadraticGrid: grid(QuadraticGrid),
    LogNormalGrid: grid(LogNormalGrid),
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
