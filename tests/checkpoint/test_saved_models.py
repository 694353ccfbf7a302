"""Models saved and loaded: every public class by its name, one's own by ``like=``, and training that goes on."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scorax
from cases import CASES
from faults import Crash, Faulty
from scorax import (
    _write,
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
from scorax._errors import EnvironmentFailure, InputError
from scorax._trees import Frozen
from scorax.checkpoint._models import FORMAT
from scorax.likelihood import ExactDivergence, Hutchinson
from scorax.models import AbstractScoreModel, Denoiser, Karras, PredictNoise, PredictVelocity
from scorax.networks import MLP, AbstractNetwork
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM, VP, AbstractGaussianLaw, AbstractProcess, Tabulated
from scorax.spec import CLASSES, FUNCTIONS, registered
from scorax.training import FitOptions, adamw, fit, initial_state

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


def same(a: Any, b: Any) -> bool:
    """The same structure with its static fields, and leaves of the same kind, type and bits."""
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    return all(map(same_leaf, jax.tree.leaves(a), jax.tree.leaves(b)))


def same_leaf(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if not eqx.is_array(a):
        return repr(a) == repr(b)  # -0.0 is not 0.0, and a NaN is itself
    a, b = np.asarray(a), np.asarray(b)
    return (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes()


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


def square(x: Any) -> Any:
    return x**2


def cube(x: Any) -> Any:
    return x**3


class Mine(AbstractScoreModel):
    """A model of a user, with everything that could be swapped in silence."""

    network: AbstractNetwork
    process: AbstractProcess
    options: dict[str, Any]
    activation: Any
    scale: float
    order: int = eqx.field(static=True)
    moments: AbstractGaussianLaw | None = None

    def __call__(self, t, x, condition=None, *, key=None):
        return self.scale * self.activation(self.network(t, x))


def mine() -> Mine:
    network = MLP(2, width=4, depth=1, key=jax.random.key(0))
    return Mine(network, VP(), {"widths": (1, 2), "name": "a"}, square, 0.5, 3)


def test_own_classes_are_refused_by_name_with_the_way_out(tmp_path):
    scorax.save(mine(), tmp_path / "saved")
    with pytest.raises(InputError, match=r"got '.*\.Mine' at 'the top'; pass load\(folder, like=model\)"):
        scorax.load(tmp_path / "saved")
    other = dataclasses.replace(mine(), network=MLP(2, width=4, depth=1, key=jax.random.key(1)))
    assert same(scorax.load(tmp_path / "saved", like=other), mine())


SWAPS = {
    "schedule": (lambda: VP(beta_max=19.0), "process", "'process/beta_max' as saved, 20.0, got 19.0"),
    "process": (EDM, "process", "'process' as saved, VP, got EDM"),
    "table": (lambda: Tabulated.from_betas([0.1, 0.2]), "process", "'process' as saved, VP, got Tabulated"),
    "function": (lambda: cube, "activation", ".square, got"),
    "registered function": (lambda: jnp.tanh, "activation", "got tanh"),
    "no function": (lambda: None, "activation", "got None"),
    "number": (lambda: 0.25, "scale", "'scale' as saved, 0.5, got 0.25"),
    "kind of number": (lambda: np.float64(0.5), "scale", "'scale' as saved, 0.5, got float64[]"),
    "static number": (lambda: 4, "order", "'order' as saved, 3, got 4"),
    "bool for a number": (
        lambda: {"widths": (True, 2), "name": "a"},
        "options",
        "'options/widths/0' as saved, 1, got True",
    ),
    "length": (lambda: {"widths": (1, 2, 3), "name": "a"}, "options", "a tuple of 2, got a tuple of 3"),
    "list for a tuple": (lambda: {"widths": [1, 2], "name": "a"}, "options", "a tuple of 2, got a list of 2"),
    "text": (lambda: {"widths": (1, 2), "name": "b"}, "options", "'a', got 'b'"),
    "keys": (lambda: {"widths": (1, 2), "names": "a"}, "options", "a dict of 2"),
    "shape": (
        lambda: MLP(2, width=5, depth=1, key=jax.random.key(0)),
        "network",
        "'network/layers/0/weight' as saved, float32[18, 4], got float32[18, 5]",
    ),
    "type": (
        lambda: jax.tree.map(lambda a: a.astype(jnp.bfloat16), MLP(2, width=4, depth=1, key=jax.random.key(0))),
        "network",
        "float32[18, 4], got bfloat16[18, 4]",
    ),
    "depth": (lambda: MLP(2, width=4, depth=2, key=jax.random.key(0)), "network", "a tuple of 2, got a tuple of 3"),
    "static of a part": (
        lambda: MLP(2, width=4, depth=1, num_frequencies=4, key=jax.random.key(0)),
        "network",
        "got float32[10, 4]",
    ),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_nothing_but_arrays_may_differ_from_what_was_saved(tmp_path, swap):
    make, field, said = SWAPS[swap]
    scorax.save(mine(), tmp_path / "saved")
    with pytest.raises(InputError) as caught:
        scorax.load(tmp_path / "saved", like=dataclasses.replace(mine(), **{field: make()}))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parametrization_is_no_detail(tmp_path):
    """Three models of the same network and equal arrays; each is another field."""
    network = MLP(2, width=4, depth=1, key=jax.random.key(0))
    saved = Denoiser(network, VP(), Karras())
    scorax.save(saved, tmp_path / "saved")
    for other in (Karras(data_scale=2.0), PredictNoise(), PredictVelocity(VP())):
        with pytest.raises(InputError, match="parametrization"):
            scorax.load(tmp_path / "saved", like=Denoiser(network, VP(), other))
    assert same(scorax.load(tmp_path / "saved"), saved)


@pytest.mark.bits
def test_training_goes_on_bit_for_bit(tmp_path):
    model = Denoiser(MLP(2, width=4, depth=1, key=jax.random.key(0)), VP())
    rows = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)

    def run(state=None):
        optimizer = adamw(1e-2, num_steps=8)
        steps = fit(
            model, DenoisingScoreMatching(), rows, optimizer,
            key=jax.random.key(3), num_steps=8, options=FitOptions(16, 4), state=state,
        )  # fmt: skip
        for state in steps:
            if int(state.step) == 4:
                scorax.save(state, tmp_path / "state", overwrite=True)
        return jax.tree.map(np.asarray, state)

    whole = run()
    with pytest.raises(InputError, match="TrainState"):
        scorax.load(tmp_path / "state")
    with pytest.raises(InputError, match="'optimizer"):
        scorax.load(tmp_path / "state", like=initial_state(model, optax.sgd(1e-2)))
    state = scorax.load(tmp_path / "state", like=initial_state(model, adamw(1e-2, num_steps=8)))
    assert int(state.step) == 4
    assert same(run(state), whole)


def test_a_folder_is_for_one_model(tmp_path):
    folder = tmp_path / "new" / "saved"
    scorax.save(VP(), folder)
    with pytest.raises(InputError, match="overwrite=True"):
        scorax.save(EDM(), folder)
    assert scorax.load(folder) == VP()
    scorax.save(Frozen(np.ones(3)), folder, overwrite=True)
    scorax.save(Frozen(np.ones(4)), folder, overwrite=True)
    assert same(scorax.load(folder), Frozen(np.ones(4)))
    assert len(list(folder.iterdir())) == 2  # the arrays of earlier models went
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"'notes\.txt'"):
        scorax.save(VP(), folder, overwrite=True)
    assert same(scorax.load(folder), Frozen(np.ones(4)))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="something else"):
        scorax.save(VP(), tmp_path / "file", overwrite=True)


@pytest.mark.parametrize("mode", ["crash", "crash-lost", "crash-torn", "enospc-on", "eio"])
def test_at_every_call_the_old_model_or_the_new_one(tmp_path, monkeypatch, mode):
    old, new = Frozen(np.arange(3.0)), Frozen(np.arange(4.0))
    for at in range(100):
        folder = tmp_path / str(at)
        scorax.save(old, folder)
        machine = Faulty(at, mode)
        with monkeypatch.context() as patch:
            patch.setattr(_write, "system", machine)
            try:
                scorax.save(new, folder, overwrite=True)
                ended = True
            except (Crash, EnvironmentFailure):
                ended = False
        machine.power_cut()
        loaded = scorax.load(folder)
        assert same(loaded, new) or (not ended and same(loaded, old))
        scorax.save(new, folder, overwrite=True)  # what was left behind is in nobody's way
        assert same(scorax.load(folder), new)
        if not machine.hit:
            return
    pytest.fail("the save never came to its end")


def test_no_such_model_and_runs_are_said_so(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        scorax.load(tmp_path / "none")
    with pytest.raises(InputError, match=r"no model\.json in it"):
        scorax.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"ScoreDensity\.load\(folder\)\.model_"):
        scorax.load(tmp_path)


def test_a_refusal_needs_no_jax(tmp_path):
    scorax.save(mine(), tmp_path / "saved")
    script = (
        "import sys, scorax\n"
        "try: scorax.load(sys.argv[1])\n"
        "except ValueError as error: print(error)\n"
        "assert not {'jax', 'equinox'} & set(sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "saved")], capture_output=True, text=True, check=True, timeout=120
    )
    assert "like=model" in said.stdout


def test_the_format_is_one_number(tmp_path: Path):
    scorax.save(VP(), tmp_path / "saved")
    text = (tmp_path / "saved" / "model.json").read_text(encoding="utf-8")
    assert f'"format": {FORMAT},' in text
    assert '"class": "VP"' in text
