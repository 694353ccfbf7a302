"""A row of ``sample`` depends on the key and its number alone, bit by bit, for every sampler class of the registry."""

import dataclasses

import jax
import numpy as np
import pytest

from cases import CASES
from scorax import samplers
from scorax.models import AbstractScoreModel
from scorax.samplers import (
    DDPM,
    AbstractSampler,
    AdamsBashforth,
    EulerMaruyama,
    Langevin,
    ProbabilityFlow,
    Terminal,
    sample,
)

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
ROWS = 300  # of the models here 128 are a block
SAMPLERS = [c for c in CASES if issubclass(c, AbstractSampler)]
FAMILIES = (DDPM, AdamsBashforth, EulerMaruyama, ProbabilityFlow, Langevin)
LONG = pytest.mark.slow  # a walk to compile each; every run has one of each family, CI all with the claims about bits


@pytest.fixture(
    params=[pytest.param(cls, marks=() if cls in FAMILIES else LONG, id=cls.__name__) for cls in SAMPLERS],
)
def subject(request) -> tuple[AbstractScoreModel, AbstractSampler]:
    """The model and the sampler of its case; an adaptive one at a tolerance that makes rows differ in steps and is cheap."""
    case = CASES[request.param].build()
    fields = {field.name for field in dataclasses.fields(case.subject)}
    loose = {"rtol": 0.3, "atol": 0.3} if "rtol" in fields else {}
    return case.model, dataclasses.replace(case.subject, **loose)


def drawn(subject: tuple[AbstractScoreModel, AbstractSampler], count: int, start: int = 0) -> np.ndarray:
    return np.asarray(sample(*subject, range(start, start + count), key=KEY, start=Terminal((2,))))


def test_all_public_samplers_are_here():
    public = {getattr(samplers, name) for name in samplers.__all__}
    concrete = {c for c in public if isinstance(c, type) and issubclass(c, AbstractSampler)}
    assert {c for c in concrete if not c.__name__.startswith("Abstract")} == set(SAMPLERS)


def test_a_row_is_the_same_alone_in_any_batch_and_at_any_start(subject):
    whole = drawn(subject, ROWS)
    assert whole.shape == (ROWS, 2)
    assert np.all(np.isfinite(whole))
    assert len(np.unique(whole[:, 0])) == ROWS
    for count in (1, 7, 260):
        assert np.array_equal(drawn(subject, count), whole[:count])
    for start in (5, 127, ROWS - 1):  # inside a block, over its end, at the last row
        assert np.array_equal(drawn(subject, 3, start)[: ROWS - start], whole[start : start + 3])
    assert drawn(subject, 0).shape == (0, 2)
