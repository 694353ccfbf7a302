"""Models of one's own saved and loaded by ``like=``, training that goes on, and the folder of a model."""

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

import scorax
from faults import Crash, Faulty
from same_trees import same
from scorax import (
    _write,
)
from scorax._errors import EnvironmentFailure, InputError
from scorax._trees import Frozen
from scorax.checkpoint._models import FORMAT
from scorax.models import AbstractScoreModel, Denoiser, Karras, PredictNoise, PredictVelocity
from scorax.networks import MLP, AbstractNetwork
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM, VP, AbstractGaussianLaw, AbstractProcess, Tabulated
from scorax.training import FitOptions, adamw, fit, initial_state


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
