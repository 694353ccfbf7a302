"""Models saved and loaded: every public class by its name."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scorax
from cases import CASES
from same_trees import same
from scorax import (
    likelihood,
    models,
    networks,
    objectives,
    processes,
    samplers,
    simulation,
    targets,
    transforms,
)
from scorax._errors import InputError
from scorax._trees import Frozen
from scorax.likelihood import ExactDivergence, Hutchinson
from scorax.models import Denoiser
from scorax.networks import MLP
from scorax.processes import VP
from scorax.spec import CLASSES, FUNCTIONS, registered

ROOMS = (processes, models, networks, transforms, objectives, samplers, simulation, targets, likelihood)
BUILDS = {cls.__name__: case.build for cls, case in CASES.items()} | {
    "ExactDivergence": ExactDivergence,
    "Hutchinson": Hutchinson,
}
OWN = ("SDE", "ScoreFunction", "TweedieDenoiser", "GuidedScore")
"""Cases that hold a function of the test file."""


def built(name: str) -> Any:
    """The object of a case, without the model that it works on."""
    value = BUILDS[name]()
    return getattr(value, "subject", value)


def test_every_public_class_is_registered():
    """A new class of a room gets its line in ``scorax.spec._registry``, or nobody can save it."""
    public = {
        name: f"scorax.{room.__name__.split('.')[-1]}"
        for room in ROOMS
        for name in room.__all__
        if isinstance(cls := getattr(room, name), type)
        and issubclass(cls, eqx.Module)
        and not name.startswith("Abstract")
    }
    assert public.items() <= CLASSES.items()
    for table in (CLASSES, FUNCTIONS):
        assert all(registered(name, table).__name__ == name for name in table)


@pytest.mark.parametrize("name", BUILDS)
def test_every_public_class_comes_back(name, tmp_path):
    value = built(name)
    scorax.save(value, tmp_path / "saved")
    loaded = scorax.load(tmp_path / "saved", like=value) if name in OWN else scorax.load(tmp_path / "saved")
    assert same(value, loaded)


@pytest.mark.parametrize("name", ["Denoiser", "Ensemble", "GaussianMixture", "Tabulated"])
def test_the_loaded_answer_has_the_same_bits(name, tmp_path):
    """One program serves both, so equal structures cost one compilation."""
    value = built(name)
    scorax.save(value, tmp_path / "saved")
    call = CASES[type(value)].call
    ask = eqx.filter_jit(lambda subject, x: call(subject, x, jax.random.key(2)))
    x = jnp.array([0.3, -0.2])
    assert same(ask(value, x), ask(scorax.load(tmp_path / "saved"), x))


def test_functions_of_the_table_come_back_by_name(tmp_path):
    scorax.save(Frozen((jax.nn.silu, jnp.tanh)), tmp_path / "saved")
    assert scorax.load(tmp_path / "saved").value == (jax.nn.silu, jnp.tanh)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
small = st.sampled_from(["float32", "int32", "bool", "bfloat16", "float16"]).flatmap(
    lambda kind: st.sampled_from([(), (0,), (2, 3)]).map(lambda shape: jnp.asarray(np.ones(shape), kind))
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=True)
    | texts
    | st.sampled_from([np.float32(0.1), np.int64(3), np.zeros((0, 2)), np.array([np.nan, -0.0, np.inf]), jnp.ones(2)])
    | small
)
trees = st.recursive(
    leaves,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(texts.filter(lambda name: "/" not in name), parts, max_size=3)
        | parts.map(Frozen)
    ),
    max_leaves=8,
)


@given(trees)
@settings(max_examples=60)
def test_any_tree_comes_back(tmp_path_factory, tree):
    """Numbers of every kind, strings, containers and arrays, also those of no bytes, on the host and on the device."""
    folder = tmp_path_factory.mktemp("tree") / "saved"
    scorax.save(Frozen(tree), folder)
    loaded = scorax.load(folder)
    assert same(Frozen(tree), loaded)
    assert same(Frozen(tree), scorax.load(folder, like=Frozen(tree)))


def test_double_precision_on_a_device_needs_a_device_that_has_it(tmp_path):
    with jax.enable_x64(True):
        scorax.save(Frozen(jnp.arange(2.0)), tmp_path / "saved")
        assert scorax.load(tmp_path / "saved").value.dtype == np.float64
    with pytest.raises(InputError, match="jax_enable_x64"):
        scorax.load(tmp_path / "saved")
    scorax.save(Frozen(np.arange(2.0)), tmp_path / "host")
    assert scorax.load(tmp_path / "host").value.dtype == np.float64


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Frozen({"key": jax.random.key(0)}), "'value/key', got one of key<fry>"),
        (Frozen((1, object())), "'value/1', got object"),
        (Frozen(np.array(["text"])), "'value', got one of <U4"),
        (Frozen(1j), "'value'"),
        (Frozen("\ud800"), "'value'"),
        (Frozen({1: 2}), "'value', got dict"),
        (Frozen({"a/b": np.ones(1), "a": {"b": np.ones(1)}}), "'value/a/b', got a second one of that name"),
        (Frozen(MLP(2, width=2, depth=0, key=jax.random.key(0)).__call__), "'value'"),
        (Denoiser, "a module"),
        (scorax.ScoreDensity(), "got a ScoreDensity"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_what_no_file_holds_is_refused_by_name(tmp_path, value, said):
    with pytest.raises(TypeError) as caught:
        scorax.save(value, tmp_path / "saved")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "saved").exists()


class Tabled(eqx.Module):
    """A module with a table that is not data."""

    table: Any = eqx.field(static=True)


@pytest.mark.filterwarnings("ignore:A JAX array is being set as static")
def test_what_is_static_is_numbers_of_python(tmp_path):
    """An array there is no data of a program, and a number of NumPy becomes one of Python where the class is made."""
    with pytest.raises(TypeError, match="'table/0', got one in a static field"):
        scorax.save(Tabled((np.float64(1.0),)), tmp_path / "saved")
    embedder = networks.ClassEmbedder(3, 4, dropout=np.float64(0.3), key=jax.random.key(0))
    scorax.save(embedder, tmp_path / "saved")
    assert same(scorax.load(tmp_path / "saved"), embedder)


def test_a_model_that_its_class_refuses_is_not_saved(tmp_path):
    odd = eqx.tree_at(lambda process: process.beta_min, VP(), -1.0)
    with pytest.raises(InputError, match="beta"):
        scorax.save(odd, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
