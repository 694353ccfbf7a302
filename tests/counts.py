"""Counts that NumPy made, as a user without type checks passes them, do what those of Python do: ``test_refusals.py`` runs it."""

import dataclasses
import inspect
import warnings

import jax
import numpy as np
import optax

from case_kinds import With
from cases import CASES
from scorax.models import Denoiser
from scorax.networks import MLP, ClassEmbedder, ResMLP
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM, OrnsteinUhlenbeck
from scorax.samplers import Heun, NodeGrid, Terminal, sample
from scorax.simulation import brownian_increments, simulate
from scorax.training import FitOptions, Validation, adamw, fit

KEY = jax.random.key(0)
COUNT = np.int64


def same(ours: object, theirs: object) -> bool:
    """Whether two trees differ in no bit, and in nothing that a program is compiled for."""
    leaves = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    alike = all(type(a) is type(b) and np.array_equal(*map(np.asarray, (a, b))) for a, b in leaves if not callable(a))
    return alike and jax.tree.structure(ours) == jax.tree.structure(theirs)


def fields() -> int:
    """Every field of every public class that is a whole number or a truth value; how many there are."""
    seen = 0
    for cls, case in CASES.items():
        subject = case.build()
        subject = subject.subject if isinstance(subject, With) else subject
        given_fields = [field for field in dataclasses.fields(subject) if field.init]
        if set(inspect.signature(cls).parameters) != {field.name for field in given_fields}:
            continue  # its constructor takes other arguments than its fields: ``networks`` has them
        for field in given_fields:
            value = getattr(subject, field.name)
            if isinstance(value, bool | int):
                given = np.bool_(value) if isinstance(value, bool) else COUNT(value)
                made = getattr(dataclasses.replace(subject, **{field.name: given}), field.name)
                assert type(made) is type(value), (cls, field.name)
                assert made == value
                seen += 1
    return seen


def networks() -> None:
    few = {"width": 4, "depth": 1, "num_frequencies": 2}
    for build, counts in ((MLP, few), (ResMLP, {**few, "waves": 1})):
        theirs = build(COUNT(2), **{name: COUNT(count) for name, count in counts.items()}, key=KEY)
        assert same(theirs, build(2, **counts, key=KEY)), build
    assert same(ClassEmbedder(COUNT(3), COUNT(4), key=KEY), ClassEmbedder(3, 4, key=KEY))


def calls() -> None:
    x0, ts = np.ones((3, 2), np.float32), [0.0, 0.5]
    process = OrnsteinUhlenbeck(2.0, 0.5, 0.7)
    theirs = simulate(process, x0, ts, key=KEY, num_steps=COUNT(4), start=COUNT(1))
    assert same(theirs, simulate(process, x0, ts, key=KEY, num_steps=4, start=1))
    increments = [brownian_increments(1.0, count, (2,), "float32", key=KEY) for count in (COUNT(4), 4)]
    assert same(*increments)
    model = Denoiser(MLP(2, width=4, depth=1, key=KEY), EDM())
    assert NodeGrid(tuple(np.arange(1, 4))).nodes == (1, 2, 3)
    theirs = sample(model, Heun(COUNT(2)), COUNT(3), key=KEY, start=Terminal((COUNT(2),)))
    assert same(theirs, sample(model, Heun(2), 3, key=KEY, start=Terminal((2,))))
    states = fit(
        model,
        DenoisingScoreMatching(),
        np.random.default_rng(0).standard_normal((8, 2)).astype(np.float32),
        optax.chain(adamw(1e-3, num_steps=COUNT(1), warmup_steps=COUNT(1))),
        key=KEY,
        num_steps=COUNT(1),
        options=FitOptions(
            batch_size=COUNT(4),
            every=COUNT(1),
            validation=Validation((np.arange(2),), every=COUNT(1), patience=COUNT(2), num_draws=COUNT(8)),
        ),
    )
    assert [int(state.step) for state in states] == [0, 1]


def check() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "A JAX array is being set as static")  # Equinox looks before it is converted
        assert fields() > 15
        networks()
        calls()
