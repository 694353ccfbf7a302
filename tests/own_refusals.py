"""Functions and classes of a user's own whose answers are of another shape: JAX would broadcast them, in silence."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from scorax.diagnostics import score_consistency
from scorax.likelihood import elbo, log_prob, row_log_prob
from scorax.models import Denoiser, EnergyScore, ScoreFunction, ScoreNetwork
from scorax.networks import MLP, AbstractNetwork
from scorax.objectives import (
    AbstractObjective,
    AbstractTimes,
    AbstractWeighting,
    DenoisingScoreMatching,
    ExplicitScoreMatching,
    ImplicitScoreMatching,
)
from scorax.processes import (
    EDM,
    SDE,
    VP,
    AbstractGaussianProcess,
    Diagonal,
    DiagonalLaw,
    GaussianLaw,
    IsotropicLaw,
    LogNormal,
    LowRankLaw,
    Matrix,
    Normal,
    Scalar,
    critically_damped_langevin,
)
from scorax.samplers import EulerMaruyama, Heun, Terminal, sample
from scorax.simulation import simulate
from scorax.targets import ExactDenoiser, gaussian
from scorax.training import fit

KEY = jax.random.key(0)
ROWS = np.random.default_rng(0).standard_normal((8, 2)).astype(np.float32)
LAW = GaussianLaw.standard(2)


def drift(t, x):
    return -x


def noise(t, x):
    return Scalar(jnp.ones_like(t))


class Short(AbstractNetwork):
    """The first number of its answer alone."""

    inner: MLP

    def __call__(self, c_noise, x, condition=None, *, key=None):
        return self.inner(c_noise, x, condition, key=key)[:1]


class Listed(Short):
    def __call__(self, c_noise, x, condition=None, *, key=None):
        return list(x)


class Loss(AbstractObjective):
    """The sum over coordinates is missing where ``whole`` is false."""

    whole: bool = True
    weighting: AbstractWeighting | None = None
    times: AbstractTimes | None = None

    def at(self, model, t, x0, condition=None, *, key, training=True):
        square = model(t, x0, condition) ** 2
        return jnp.sum(square) if self.whole else square

    def evaluations(self, dimension):
        return 1


class EachWeight(AbstractWeighting):
    def __call__(self, process, t):
        return jnp.ones(2)


class WrongInverse(AbstractGaussianProcess):
    """Takes the logarithm of the ratio for that of its square."""

    t0: float = 1e-3
    t1: float = 10.0

    def alpha(self, t):
        return jnp.ones_like(t)

    def variance(self, t):
        return t**2

    def time_of(self, log_ratio):
        return jnp.exp(log_ratio / 2)


class Entrywise(eqx.Module):
    """A prior whose log-density is that of each coordinate."""

    def sample(self, *, key):
        return jax.random.normal(key, (2,))

    def log_density(self, x):
        return -0.5 * x**2


def equations() -> Iterator[tuple[str, SDE]]:
    for name, wrong in {
        "of (x, t)": lambda x, t: -x,
        "of the time alone": lambda t, x: jnp.sin(t),
        "of one number": lambda t, x: -x[:1],
        "with an axis": lambda t, x: -x[:, None],
        "listed": lambda t, x: [x[0], x[1]],
        "of nothing": lambda t, x: None,
        "in complex": lambda t, x: 1j * x,
    }.items():
        yield f"drift {name}", SDE(wrong, noise, LAW, num_steps=2, state_dependent=False)
    for name, wrong in {
        "of (x, t)": lambda x, t: Diagonal(0.1 * x),
        "that is a number": lambda t, x: 1.0,
        "that is an array": lambda t, x: jnp.eye(2),
        "of nothing": lambda t, x: None,
        "of two Scalars": lambda t, x: Scalar(x),
        "of one on the Diagonal": lambda t, x: Diagonal(x[:1]),
        "of a Matrix of one row": lambda t, x: Matrix(x[None]),
        "of a Matrix without columns": lambda t, x: Matrix(x),
    }.items():
        yield f"diffusion {name}", SDE(drift, wrong, LAW, num_steps=2, state_dependent=False)


def laws() -> Iterator[tuple[str, Any]]:
    for d in (2, 8):  # few coordinates have a way of their own
        law = gaussian(np.zeros(d), np.eye(d))
        yield f"GaussianMixture of {d}", law
        yield f"GaussianLaw of {d}", law.moments()
    yield "DiagonalLaw", DiagonalLaw.of_rows(ROWS, DiagonalLaw)
    yield "IsotropicLaw", IsotropicLaw.standard(2)
    yield "LowRankLaw", LowRankLaw(jnp.zeros(2), jnp.ones(2), jnp.ones((2, 1)))
    yield "Normal", Normal(jnp.zeros(2), jnp.ones(2))
    yield "LogNormal", LogNormal(Normal(jnp.zeros(2), jnp.ones(2)))


def rows_at_once() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Many rows, or times, where one is asked for, and rows of whole numbers, among which a time would be cut to one."""
    for name, law in laws():
        d = 8 if name.endswith("8") else 2
        for count in (1, d, 11):
            rows = jnp.ones((count, d), jnp.float32)
            for method in ("log_density", "score", "divergence", "whiten", "precision_times"):
                if hasattr(law, method):
                    yield f"{name}.{method} of {count} rows", partial(getattr(law, method), rows)
    exact = ExactDenoiser.create(gaussian(np.zeros(2), np.eye(2)), EDM())
    network = MLP(2, width=4, depth=1, key=KEY)
    yield "ExactDenoiser of rows", lambda: exact(0.5, jnp.asarray(ROWS))
    for model in (
        exact,
        ScoreFunction(lambda t, x, condition: -x / (1 + t), VP()),
        Denoiser(network, EDM()),
        ScoreNetwork(network, EDM()),
        EnergyScore(network, EDM()),
    ):
        name = type(model).__name__
        for what, t, x in (
            ("times", jnp.ones(2), jnp.ones(2)),
            ("whole numbers", 0.5, jnp.array([1, 2])),
            ("a list", 0.5, [1.0, 2.0]),
            ("the state first", jnp.ones(2), 0.5),
        ):
            yield f"{name} of {what}", lambda m=model, t=t, x=x: m(t, x)


def own_calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    yield from rows_at_once()
    for name, process in equations():
        score = ScoreFunction(lambda t, x, condition: -x, process)
        learned = ScoreNetwork(MLP(2, width=4, depth=1, key=KEY), process)
        for way, call in {
            "simulate": lambda p=process: simulate(p, ROWS, [0.0, 1.0], key=KEY),
            "perturb": lambda p=process: p.perturb(jnp.float32(0.5), jnp.asarray(ROWS[0]), key=KEY),
            "sample": lambda s=score: sample(s, EulerMaruyama(2), 2, key=KEY),
            "log_prob": lambda s=score: log_prob(s, ROWS),
            "fit": lambda m=learned: next(fit(m, ImplicitScoreMatching(), ROWS, optax.sgd(1e-3), key=KEY, num_steps=1)),
        }.items():
            yield f"{way}: {name}", call
    grid = SDE(drift, lambda t, x: Matrix(jnp.eye(2)))
    yield "simulate: a Matrix on a grid", lambda: simulate(grid, np.zeros((3, 2, 2), np.float32), [0.0, 1.0], key=KEY)
    damped = critically_damped_langevin(2)
    hole = np.array([[0.0, np.nan]], np.float32)
    yield "simulate: a hole", lambda: simulate(VP(), hole, [0.0, 1.0], key=KEY)
    yield "simulate: times that are traced", lambda: jax.jit(lambda ts: simulate(VP(), ROWS, ts, key=KEY))(jnp.ones(2))
    yield "simulate: data without velocities", lambda: simulate(damped, ROWS, [0.0, 1.0], key=KEY)
    bare = ScoreNetwork(MLP(2, width=4, depth=1, key=KEY), damped)
    yield (
        "fit: data without velocities",
        lambda: next(fit(bare, ImplicitScoreMatching(), ROWS, optax.sgd(1e-3), key=KEY, num_steps=1)),
    )
    yield "a drift that is a number", lambda: SDE(1.0, noise)
    yield "a diffusion that is no function", lambda: SDE(drift, Scalar(jnp.ones(())))
    yield "a score that is an array", lambda: ScoreFunction(jnp.ones(2), VP())

    for name, wrong in {"of (x, t)": lambda x, t, c: -x, "of one number": lambda t, x, c: -x[:1]}.items():
        model = ScoreFunction(wrong, VP())
        yield f"log_prob: score {name}", lambda m=model: log_prob(m, ROWS)
        explicit = ExplicitScoreMatching(target=model)
        student = Denoiser(MLP(2, width=4, depth=1, key=KEY), VP())
        yield f"call: score {name}", lambda m=model: m(0.5, jnp.asarray(ROWS[0]))
        yield (
            f"fit: target {name}",
            lambda m=student, o=explicit: list(fit(m, o, ROWS, optax.sgd(1e-3), key=KEY, num_steps=1)),
        )
        yield f"row_log_prob: score {name}", lambda m=model: row_log_prob(m, jnp.asarray(ROWS[0]))
    entrywise = ScoreFunction(lambda t, x, c: -x, SDE(drift, noise, Entrywise(), state_dependent=False))
    for name, call in {"log_prob": log_prob, "elbo": elbo, "score_consistency": score_consistency}.items():
        given = {"key": KEY} if call is elbo else {}
        yield f"{name}: rows before the model", lambda c=call, m=entrywise, g=given: c(ROWS, m, **g)
    plain = Denoiser(MLP(2, width=4, depth=1, key=KEY), VP())
    for wrong in ("1e-3", True, -1.0):
        yield f"log_prob: tolerance {wrong}", lambda w=wrong: log_prob(plain, ROWS, tolerance=w)
        yield f"row_log_prob: tolerance {wrong}", lambda w=wrong: row_log_prob(plain, jnp.asarray(ROWS[0]), tolerance=w)
    for name, call in {"log_prob": log_prob, "elbo": lambda m, x: elbo(m, x, key=KEY)}.items():
        yield f"{name}: one row", lambda c=call: c(plain, ROWS[0])
    yield "MLP: the state first", lambda: plain.network(ROWS[0], jnp.float32(0.5))
    yield "MLP: rows", lambda: plain.network(jnp.float32(0.5), ROWS)
    yield "MLP: many levels", lambda: plain.network(jnp.ones(2), ROWS[0])
    yield "log_prob: prior by coordinates", lambda: log_prob(entrywise, ROWS)

    for network in (Short(MLP(2, width=4, depth=1, key=KEY)), Listed(MLP(2, width=4, depth=1, key=KEY))):
        for kind in (Denoiser, EnergyScore, ScoreNetwork):
            model, name = kind(network, EDM()), f"{kind.__name__} of {type(network).__name__}"
            yield f"{name}: call", lambda m=model: m(0.5, jnp.asarray(ROWS[0]))
            yield f"{name}: fit", lambda m=model: next(fit(m, Loss(), ROWS, optax.sgd(1e-3), key=KEY, num_steps=1))
            yield f"{name}: log_prob", lambda m=model: log_prob(m, ROWS)
        model, start = Denoiser(network, EDM()), Terminal((2,))
        yield f"{type(network).__name__}: sample", lambda m=model, s=start: sample(m, Heun(2), 2, key=KEY, start=s)
        yield f"{type(network).__name__}: elbo", lambda m=model: elbo(m, ROWS, key=KEY)

    network = MLP(2, width=4, depth=1, key=KEY)
    wrong, start = Denoiser(network, WrongInverse()), Terminal((2,))
    score = ScoreFunction(lambda t, x, condition: -x / (1 + t**2), WrongInverse())
    given = {"optimizer": optax.sgd(1e-3), "key": KEY, "num_steps": 1}
    yield "sample: inverse", lambda: sample(wrong, Heun(2), 2, key=KEY, start=start)
    yield "log_prob: inverse", lambda: log_prob(score, ROWS)
    yield "fit: inverse", lambda: next(fit(wrong, DenoisingScoreMatching(), ROWS, **given))

    model = Denoiser(network, EDM())
    for name, objective in {"loss by coordinates": Loss(whole=False), "weight": Loss(weighting=EachWeight())}.items():
        given = {"rows": ROWS, "optimizer": optax.sgd(1e-3), "key": KEY, "num_steps": 1}
        yield f"fit: {name}", lambda o=objective, g=given: list(fit(model, o, **g))
        yield f"one example: {name}", lambda o=objective: o(model, jnp.asarray(ROWS[0]), jnp.float32(0.5), key=KEY)
