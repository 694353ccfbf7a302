"""How a class of each kind is called: what the cases of the public classes are made of."""

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
)
from scorax.networks import MLP, CodedHead, MaskedInput, MaskedWaves, Masks, ResMLP, line_codebook
from scorax.processes import (
    VP,
    GeometricBrownianMotion,
    Level,
)
from scorax.samplers import (
    nodes,
)
from scorax.simulation import brownian_increments
from scorax.targets import ExactDenoiser

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


def signal_network(build) -> Case:
    """A network for a signal of length 2 with one channel."""
    return network(build)._replace(call=lambda n, x, key: n(number(0.3, x), x[:, None], key=key))


def transform(build, *, random: bool = False) -> Case:
    return Case(build, lambda t, x, key: (t.encode(x, key=key), t.decode(x)), random=random)


def grid_transform(build) -> Case:
    """A random transform of a signal of length 2 with one channel."""
    return Case(build, lambda t, x, key: t.encode(x[:, None], key=key), random=True)


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


def coded() -> CodedHead:
    """A head on a number and a code of two categories."""
    return CodedHead(
        ResMLP(2, width=8, depth=1, outputs=3, key=KEY), [line_codebook(2)], [np.log(np.array([0.3, 0.7], np.float32))]
    )


def category_draw(build) -> Case:
    """Six draws at a level at which the category is in doubt."""
    return Case(
        lambda: With(build(), Denoiser(network=coded(), process=VP(t0=0.8))),
        lambda w, x, key: [w.subject(w.model, x, key=jax.random.fold_in(key, k)) for k in range(6)],
        random=True,
    )


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


def masks() -> Masks:
    return Masks(jnp.array([0.5, 0.0]), jnp.array([True, False]), jnp.array([False, True]))


def masked() -> MaskedInput:
    return MaskedInput(ResMLP(6, outputs=2, width=8, depth=1, key=KEY))


def waved() -> MaskedWaves:
    return MaskedWaves(ResMLP(10, outputs=2, width=8, depth=1, key=KEY), 1)


def questions(build, *, random: bool = True) -> Case:
    """Of 16 questions what is asked for of x, and x where it is known."""

    def call(q, x, key):
        asked = jax.vmap(lambda own: q.ask(jnp.ones(x.shape, bool), key=own))(jax.random.split(key, 16))
        return jnp.where(asked.target, x, 0), jnp.where(asked.known, 2 * x, 0), asked.far.astype(x.dtype)

    return Case(build, call, random=random)


def grid_questions(build) -> Case:
    """The same of a signal with one channel."""
    case = questions(build)
    return case._replace(call=lambda q, x, key: case.call(q, x[:, None], key))
