"""Wrong arguments, as a user without type checks passes them, and what each of them raises: ``test_refusals.py`` runs it."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from case_kinds import With
from cases import CASES
from own_refusals import KEY, ROWS, own_calls
from scorax.models import AbstractParametrization, Denoiser, ScoreFunction, ScoreNetwork
from scorax.models._parametrization import Coefficients
from scorax.networks import MLP, AbstractNetwork, ClassEmbedder, Ensemble, GridOptions, ResMLP, VectorEmbedder
from scorax.objectives import DenoisingScoreMatching, EDMWeighting, LogNormalTimes, MinSNRWeighting
from scorax.processes import EDM, VE, VP, AbstractGaussianProcess, GaussianLaw, Tabulated, critically_damped_langevin
from scorax.samplers import (
    DDIM,
    AbstractGrid,
    AbstractGridSampler,
    AbstractSampler,
    EulerMaruyama,
    Langevin,
    NodeGrid,
    ProbabilityFlow,
    States,
    Terminal,
    UniformGrid,
    nodes,
    sample,
    sample_path,
)
from scorax.simulation import Milstein, brownian_increments, simulate
from scorax.training import FitOptions, Rows, Validation, adamw, fit, initial_state
from scorax.transforms import Dequantize

ADAM = optax.adam(1e-3)


def network(dimension: int = 2) -> MLP:
    return MLP(dimension, width=4, depth=1, key=KEY)


MODEL = Denoiser(network(), EDM())
SCORE = ScoreFunction(lambda t, x, condition: -x, EDM())


class FixedGrid(AbstractGrid):
    """Whatever times it is given, whatever process and number of steps it is asked for."""

    at: Any

    def times(self, process, num_steps):
        return self.at


class Noiseless(AbstractGaussianProcess):
    """Begins without noise."""

    t0: float = 0.0
    t1: float = 1.0

    def alpha(self, t):
        return jnp.ones_like(t)

    def variance(self, t):
        return t**2

    def time_of(self, log_ratio):
        return jnp.exp(log_ratio)


class Unbalanced(AbstractParametrization):
    """Does not explain the state: a sign is wrong."""

    data_scale: float = 1.0

    def coefficients(self, level):
        return Coefficients(level.alpha, level.sigma, level.sigma, level.alpha)


class HalfNoise(AbstractParametrization):
    data_scale: float = 1.0

    def coefficients(self, level):
        zero = jnp.zeros_like(level.alpha)
        return Coefficients(0.9 / level.alpha, -level.sigma / level.alpha, zero, jnp.ones_like(zero))


class OneNumber(AbstractNetwork):
    def __call__(self, c_noise, x, condition=None, *, key=None):
        return jnp.sum(x)


def fields() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every field of every public class that is a number or another module, in turn given what it is not."""
    for cls, case in CASES.items():
        subject = case.build()
        subject = subject.subject if isinstance(subject, With) else subject
        if set(inspect.signature(cls).parameters) != {
            field.name for field in dataclasses.fields(subject) if field.init
        }:
            continue  # its constructor takes other arguments than its fields: `calls` has them
        for field in dataclasses.fields(subject):
            value = getattr(subject, field.name)
            wrong: list[Any] = []
            if field.init and isinstance(value, bool):
                wrong = ["yes", 2.5]
            elif field.init and isinstance(value, int):
                wrong = [2.5, "3", None]
            elif field.init and isinstance(value, float):
                wrong = ["1", float("nan"), [1.0]]
            elif field.init and isinstance(value, eqx.Module) and not isinstance(value, GaussianLaw):
                wrong = ["v", type(value)]
            if field.type is Any or eqx.is_array(value):
                continue
            for bad in wrong:
                name = bad.__name__ if isinstance(bad, type) else repr(bad)
                yield (
                    f"{cls.__name__}({field.name}={name})",
                    lambda s=subject, f=field.name, b=bad: dataclasses.replace(s, **{f: b}),
                )


def samplers() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every sampler with counts that are too small, on wrong shapes, keys, precisions and models."""
    for cls, case in CASES.items():
        if not issubclass(cls, AbstractSampler):
            continue
        sampler, model = (case.build().subject, case.build().model)
        name = cls.__name__
        for count in ("num_steps", "max_steps", "num_nodes"):
            if hasattr(sampler, count):
                for bad in (0, -3):
                    yield f"{name}({count}={bad})", lambda s=sampler, c=count, b=bad: dataclasses.replace(s, **{c: b})
        if hasattr(sampler, "rtol"):
            yield f"{name}(rtol=-1)", lambda s=sampler: dataclasses.replace(s, rtol=-1.0)
        for what, arguments in {
            "no model": ("model", (2,), jnp.float32, KEY),
            "class of model": (Denoiser, (2,), jnp.float32, KEY),
            "shape 2": (model, 2, jnp.float32, KEY),
            "shape (2.5,)": (model, (2.5,), jnp.float32, KEY),
            "shape (0,)": (model, (0,), jnp.float32, KEY),
            "int32": (model, (2,), jnp.int32, KEY),
            "float64 without it": (model, (2,), jnp.float64, KEY),
            "seed": (model, (2,), jnp.float32, 0),
            "two keys": (model, (2,), jnp.float32, jax.random.split(KEY)),
        }.items():
            m, shape, dtype, key = arguments
            for way in (sampler.draw, sampler.path) if shape == (2,) else ():
                x = np.zeros(shape, dtype)
                yield f"{name}.{way.__name__}: {what}", lambda w=way, m=m, x=x, k=key: w(m, x, key=k)
            if dtype == jnp.float32:
                for way in (sample, sample_path):
                    yield (
                        f"{way.__name__} {name}: {what}",
                        lambda w=way, s=sampler, m=m, n=shape, k=key: w(m, s, 1, key=k, start=Terminal(n)),
                    )
        clock = model.process
        for what, x, t in (
            ("before t0", np.zeros((1, 2), np.float32), clock.t0 - 1),
            ("after t1", np.zeros((1, 2), np.float32), clock.t1 + 1),
            ("for two rows", np.zeros((2, 2), np.float32), None),
            ("of three numbers", np.zeros((1, 3), np.float32), None),
        ):
            given = States(x, t)
            yield f"{name}: states {what}", lambda s=sampler, m=model, g=given: sample(m, s, 1, key=KEY, start=g)
        yield f"sample {name}: class", lambda c=cls, m=model: sample(m, c, 1, key=KEY, start=Terminal((2,)))
        if isinstance(sampler, AbstractGridSampler):
            for what, times in {
                "too few": (80.0, 9.0, 1.0, 2e-3),
                "a number": 3.0,
                "not t1": (70.0, 9.0, 1.0, 0.1, 2e-3),
                "not t0": (80.0, 9.0, 1.0, 0.1, 0.0),
                "repeated": (80.0, 1.0, 1.0, 0.1, 2e-3),
                "rising": (2e-3, 0.1, 1.0, 9.0, 80.0),
                "traced": np.array([80, 9, 1, 0.1, 2e-3]),
                "nan": (80.0, float("nan"), 1.0, 0.1, 2e-3),
            }.items():
                walker = dataclasses.replace(sampler, num_steps=4, grid=FixedGrid(times))
                yield f"{name}: grid {what}", lambda s=walker: sample(MODEL, s, 1, key=KEY, start=Terminal((2,)))
            clean = dataclasses.replace(sampler, num_steps=4, grid=UniformGrid())
            noiseless = Denoiser(network(), Noiseless())
            yield (
                f"{name}: ends at sigma = 0",
                lambda s=clean, m=noiseless: sample(m, s, 1, key=KEY, start=Terminal((2,))),
            )


def calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "num_samples -1", lambda: sample(MODEL, DDIM(), -1, key=KEY, start=Terminal((2,)))
    yield "num_samples 2.0", lambda: sample(MODEL, DDIM(), 2.0, key=KEY, start=Terminal((2,)))
    yield "rows from -1", lambda: sample(MODEL, DDIM(), range(-1, 1), key=KEY, start=Terminal((2,)))
    yield "rows in steps of two", lambda: sample(MODEL, DDIM(), range(0, 4, 2), key=KEY, start=Terminal((2,)))
    yield "start that is a shape", lambda: sample(MODEL, DDIM(), 1, key=KEY, start=(2,))
    yield "no path", lambda: sample_path(MODEL, DDIM(), 0, key=KEY, start=Terminal((2,)))
    yield "states of integers", lambda: States(np.zeros((1, 2), int))
    yield "states without an axis", lambda: States(1.0)
    yield "end", lambda: sample(MODEL, DDIM(), 1, key=KEY, start=Terminal((2,)), end="mean")
    law = GaussianLaw.standard(3)
    yield (
        "shape of moments",
        lambda: sample(Denoiser(network(3), EDM(), moments=law), DDIM(), 1, key=KEY, start=Terminal((2,))),
    )
    yield "network of three", lambda: sample(Denoiser(network(3), EDM()), DDIM(), 1, key=KEY, start=Terminal((2,)))
    yield (
        "ResMLP of three",
        lambda: sample(Denoiser(ResMLP(3, width=4, key=KEY), EDM()), DDIM(), 1, key=KEY, start=Terminal((2,))),
    )
    yield (
        "score of one number",
        lambda: sample(ScoreNetwork(OneNumber(), EDM()), EulerMaruyama(), 1, key=KEY, start=Terminal((2,))),
    )
    yield (
        "score in integers",
        lambda: sample(
            ScoreFunction(lambda t, x, c: x.astype(int), EDM()), ProbabilityFlow(), 1, key=KEY, start=Terminal((2,))
        ),
    )
    yield "nodes of a class", lambda: nodes(UniformGrid(), EDM, 4, jnp.dtype("float32"))
    yield "many steps in float32", lambda: nodes(UniformGrid(), VP(t0=0.9, t1=0.90001), 4000, jnp.dtype("float32"))
    table = Tabulated.from_sigmas([0.1, 1.0, 10.0])
    yield "node 0", lambda: NodeGrid((0, 2))
    yield "nodes fall", lambda: NodeGrid((3, 1))
    yield "nodes listed", lambda: NodeGrid([1, 3])
    yield "node beyond", lambda: nodes(NodeGrid((1, 4)), table, 1, jnp.dtype("float32"))
    yield "nodes without the first", lambda: nodes(NodeGrid((2, 3)), table, 1, jnp.dtype("float32"))
    yield "nodes and steps", lambda: nodes(NodeGrid((1, 3)), table, 2, jnp.dtype("float32"))
    for parametrization in (Unbalanced(), HalfNoise()):
        name = type(parametrization).__name__
        yield f"parametrization {name}", lambda p=parametrization: Denoiser(network(), EDM(), p)
    yield "plain network", lambda: Denoiser(eqx.nn.MLP(2, 2, 4, 1, key=KEY), EDM())
    for what, wrong in {
        "generator": (row for row in ROWS),
        "list": ROWS.tolist(),
        "uint8": ROWS.astype(np.uint8),
        "objects": ROWS.astype(object),
        "number": np.float32(1),
        "three columns": np.ones((8, 3), np.float32),
        "a row": ROWS[0],
    }.items():
        yield f"fit: {what}", lambda d=wrong: next(fit(MODEL, DenoisingScoreMatching(), d, ADAM, key=KEY, num_steps=1))
    good = {
        "model": MODEL,
        "objective": DenoisingScoreMatching(),
        "rows": ROWS,
        "optimizer": ADAM,
        "key": KEY,
        "num_steps": 1,
    }
    other = initial_state(Denoiser(MLP(2, width=5, depth=1, key=KEY), EDM()), ADAM)
    for number, bad in enumerate(
        (
            {"model": SCORE},
            {"objective": DenoisingScoreMatching},
            {"optimizer": 1e-3},
            {"optimizer": optax.adam},
            {"key": 0},
            {"num_steps": -1},
            {"num_steps": 1.5},
            {"state": other},
            {"state": "last"},
            {"state": initial_state(MODEL, optax.sgd(1e-3))},
            {"options": 256},
            {"options": FitOptions},
            {"options": FitOptions(validation=Validation(()))},
            {"options": FitOptions(member_rows=[np.array([0, len(ROWS)])])},
            {"options": FitOptions(member_rows=[np.array([-1])])},
            {"rows": Rows},
        )
    ):
        yield f"fit {number}: {next(iter(bad))}", lambda b=bad: next(fit(**{**good, **b}))
    for name, wrong in (
        ("batch_size", 0),
        ("every", 0),
        ("every", 2.5),
        ("ema_decay", 1.0),
        ("ema_decay", "slow"),
        ("validation", (ROWS, 10)),
        ("accumulate", 0),
        ("accumulate", 3),
        ("mesh", 2),
        ("mesh", jax.make_mesh((1,), ("model",))),
    ):
        yield f"FitOptions {name} {wrong}", lambda n=name, w=wrong: FitOptions(**{n: w})
    yield "conditions for another number of rows", lambda: Rows(ROWS, np.zeros((len(ROWS) - 1, 1)))
    yield "a condition without an axis", lambda: Rows(ROWS, 3)
    yield "a visit that is a class", lambda: Rows(ROWS, visit=Dequantize)
    yield "MLP(2.5)", lambda: MLP(2.5, key=KEY)
    yield "MLP key", lambda: MLP(2, key=0)
    yield "MLP depth", lambda: MLP(2, depth=-1, key=KEY)
    yield "MLP embedder", lambda: MLP(2, embedder=ClassEmbedder, key=KEY)
    yield "ResMLP width", lambda: ResMLP(2, width=0, key=KEY)
    yield "ResMLP waves", lambda: ResMLP(2, waves=0.5, key=KEY)
    yield "ClassEmbedder", lambda: ClassEmbedder(0, 4, key=KEY)
    yield "VectorEmbedder", lambda: VectorEmbedder(2, "4", key=KEY)
    yield "Ensemble", lambda: Ensemble.create(lambda key: MLP(2, key=key), 0, key=KEY)
    for name, wrong in (("every", 0), ("patience", 1.5), ("num_draws", "many"), ("min_improvement", np.nan)):
        yield f"Validation {name}", lambda n=name, w=wrong: Validation((np.arange(2),), **{n: w})
    yield "adamw", lambda: adamw(1e-3, num_steps="100")
    for name, wrong in (("learning_rate", -1e-3), ("weight_decay", np.inf), ("clip_norm", 0.0)):
        given = {"learning_rate": 1e-3, name: wrong}
        yield f"adamw {name}", lambda g=given: adamw(**g, num_steps=10)
    for cls, name, wrong in (
        (VE, "sigma_max", np.inf),
        (VP, "beta_max", np.inf),
        (EDMWeighting, "sd", -1.2),
        (MinSNRWeighting, "gamma", -1.0),
        (LogNormalTimes, "sd", 0.0),
        (GridOptions, "dropout", 1.0),
    ):
        yield f"{cls.__name__}({name}={wrong})", lambda c=cls, n=name, w=wrong: c(**{n: w})
    yield "ResMLP dropout", lambda: ResMLP(2, dropout=-0.1, key=KEY)
    yield "critically_damped_langevin", lambda: critically_damped_langevin(1.5)
    yield "brownian_increments", lambda: brownian_increments(jnp.ones(()), 0, (), key=KEY)
    yield "simulate a class", lambda: simulate(VP, np.ones((1, 2)), [0.1, 0.2], key=KEY)
    for name, wrong in (
        ("num_steps", 1.5),
        ("num_steps", True),
        ("num_steps", 0),
        ("start", -1),
        ("key", 0),
        ("method", Milstein),
    ):
        given = {"key": KEY, name: wrong}
        yield f"simulate {name}={wrong}", lambda g=given: simulate(VP(), np.ones((1, 2)), [0.1, 0.2], **g)
    yield "Langevin start", lambda: Langevin(start="normal").draw(SCORE, jnp.zeros(2), key=KEY)


def report() -> dict[str, list[str]]:
    """Name of a wrong call -> class and text of what it raised; empty where it raised nothing."""
    raised = {}
    for family in (fields, samplers, calls, own_calls):
        for name, call in family():
            assert name not in raised, name
            try:
                call()
            except Exception as error:
                raised[name] = [type(error).__name__, str(error)]
            else:
                raised[name] = []
    return raised
