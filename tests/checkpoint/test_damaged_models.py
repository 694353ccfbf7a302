"""A saved model that was damaged, cut, exchanged or written by a hostile hand is refused in one line."""

import copy
import dataclasses
import inspect
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scorax
from cases import CASES
from damage import damages, restore
from scorax._errors import InputError
from scorax._trees import Frozen
from scorax._write import FileDigest
from scorax.checkpoint import tensors_bytes
from scorax.checkpoint._json import seal
from scorax.checkpoint._modules import described, rebuilt
from scorax.models import Denoiser
from scorax.networks import MLP
from scorax.processes import GaussianLaw, Tabulated

pytestmark = pytest.mark.reliability


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a" / "saved"
    network = MLP(2, width=4, depth=1, key=jax.random.key(0))
    law = GaussianLaw.from_moments(np.zeros(2), np.eye(2))
    scorax.save(Denoiser(network, Tabulated.from_betas([0.1, 0.2, 0.4]), moments=law), path)
    return path


SEAL = "sha256_of_the_rest"


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        scorax.load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def resealed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The document with a change and a checksum that is right for it, as a hostile hand would write it."""
    document = json.loads((path / "model.json").read_text(encoding="utf-8"))
    del document[SEAL]
    change(document)
    (path / "model.json").write_bytes(seal(document))


@pytest.mark.parametrize("which", ["document", "arrays"])
def test_every_damage_of_a_file_is_noticed(folder, which):
    path = folder / "model.json" if which == "document" else next(folder.glob("arrays-*.safetensors"))
    data = path.read_bytes()
    for what, damage in damages(path, flips=60):
        damage()
        said = refusal(folder)
        assert path.name in said, what
        restore(path, data)
    scorax.load(folder)


def nested(depth: int) -> dict[str, Any]:
    node: Any = None
    for _ in range(depth):
        node = {"tuple": [node]}
    return node


def at(place: str, value: Any) -> Callable[[dict[str, Any]], object]:
    """Sets what stands at a place of the document, removes it where the value is ``...``."""
    *path, last = place.split(".")

    def change(document: Any) -> None:
        for name in path:
            document = document[int(name) if name.isdigit() else name]
        last_key = int(last) if last.isdigit() else last
        if value is ...:
            del document[last_key]
        else:
            document[last_key] = value

    return change


def within(place: str, kind: str, other: str) -> Callable[[dict[str, Any]], object]:
    """The same parts in a container of another kind."""

    def change(document: Any) -> None:
        for name in place.split("."):
            document = document[int(name) if name.isdigit() else name]
        parts = document.pop("fields", None) or document[kind]
        del document[kind]
        document[other] = parts

    return change


PROCESS = "model.fields.process"
LAYERS = "model.fields.network.fields.layers"
WEIGHT = f"{LAYERS}.tuple.0.fields.weight"

HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another format": (at("format", 2), "format 1, got '2'; use the scorax version that wrote it"),
    "no format": (at("format", ...), "format 1"),
    "no header": (at("scorax", ...), "scorax: expected a value"),
    "an unknown header": (at("scorx", "0.1"), "(did you mean 'scorax'?)"),
    "a path out of the folder": (at("file", "../arrays-0123456789abcdef.safetensors"), "the name of a file of arrays"),
    "an absolute path": (at("file", "/etc/passwd"), "the name of a file of arrays"),
    "the document as its arrays": (at("file", "model.json"), "the name of a file of arrays"),
    "another file": (at("file", "arrays-0123456789abcdef.safetensors"), "no such file"),
    "another size": (at("digest.size", 5), "5 bytes"),
    "a negative size": (at("digest.size", -5), "-5 bytes"),
    "another hash": (at("digest.sha256", "0" * 64), "the SHA-256 it was written with"),
    "no model": (at("model", ...), ""),
    "a model that is a number": (at("model", 3), ""),
    "a class by another name": (at(f"{PROCESS}.class", "Tabulate"), "(did you mean 'Tabulated'?)"),
    "a class of Python": (at(f"{PROCESS}.class", "os.system"), "a class of scorax at 'process', got 'os.system'"),
    "a class that is a number": (at(f"{PROCESS}.class", 3), "'process'"),
    "a function of Python": (at(f"{PROCESS}.fields.t0", {"function": "eval"}), "a function of scorax"),
    "one's own class": (at(f"{PROCESS}", {"own": "os.system"}), "pass load(folder, like=model)"),
    "one's own fields": (at(f"{PROCESS}", {"own": "subprocess.Popen", "fields": {}}), "pass load(folder, like=model)"),
    "a key too many": (at(f"{PROCESS}.kind", 3), "an object with the keys"),
    "a key too few": (at(f"{PROCESS}.fields", ...), "an object with the keys"),
    "a field too many": (at(f"{PROCESS}.fields.t2", 3.0), "Tabulated without 't2', got one"),
    "a field too few": (at(f"{PROCESS}.fields.t1", ...), "Tabulated with 't1', got none"),
    "fields in a list": (at(f"{PROCESS}.fields", []), "'process'"),
    "a bare list": (at(f"{PROCESS}.fields.log_ratios", [1.0]), "a bare list"),
    "another number": (at(f"{PROCESS}.fields.t1", 7.0), "t0 < t1 <= 1, got 0.333333"),
    "text for a number": (at(f"{PROCESS}.fields.t1", "1"), "t1 of Tabulated as a number"),
    "a NaN for a number": (at(f"{PROCESS}.fields.t1", {"float": "nan"}), "t1 of Tabulated as a number, got nan"),
    "an unknown float": (at(f"{PROCESS}.fields.t1", {"float": "1e999"}), "'float'"),
    "another table": (at(f"{PROCESS}.fields.log_ratios.tuple.1", 0.0), "the noise table that the weights were saved with"),
    "a table in disorder": (at(f"{PROCESS}.fields.log_ratios.tuple.1", 9.0), "in strict order"),
    "a short table": (at(f"{PROCESS}.fields.log_ratios.tuple", []), "at least two"),
    "text in a table": (at(f"{PROCESS}.fields.log_ratios.tuple.1", "x"), "a number, got the string 'x'"),
    "another process": (at(PROCESS, {"class": "Clean", "fields": {"t0": 0.0, "t1": 1.0}}), "process of Denoiser"),
    "no process": (at(PROCESS, None), "process of Denoiser"),
    "a method for a parametrization": (
        at("model.fields.parametrization", {"class": "Euler", "fields": {}}),
        "parametrization of Denoiser as an instance of AbstractParametrization, got Euler",
    ),
    "an abstract class": (at(f"{PROCESS}.class", "AbstractProcess"), "a class of scorax"),
    "a layer that is none": (within(f"{LAYERS}.tuple.0", "class", "dict"), "a part of layers of MLP as an instance of Linear"),
    "layers that are no tuple": (within(LAYERS, "tuple", "list"), "layers of MLP as a tuple, got list"),
    "another count": (at("model.fields.network.fields.num_frequencies", 4), "expected a layer of 10 inputs"),
    "a layer too many": (
        lambda document: document["model"]["fields"]["network"]["fields"]["layers"]["tuple"].pop(0),
        "got also 'network/layers/1/bias'",
    ),
    "no array": (at(WEIGHT, 1.0), "got also 'network/layers/0/weight'"),
    "another shape": (at(f"{WEIGHT}.shape", [4, 18]), "tensor 'network/layers/0/weight'"),
    "a huge shape": (at(f"{WEIGHT}.shape", [2**62, 2**62]), "tensor 'network/layers/0/weight'"),
    "a negative shape": (at(f"{WEIGHT}.shape", [-4, 18]), "'array'"),
    "another type": (at(f"{WEIGHT}.array", "float64"), "tensor 'network/layers/0/weight'"),
    "an unknown type": (at(f"{WEIGHT}.array", "object"), "'array'"),
    "an unknown device": (at(f"{WEIGHT}.on", "moon"), "'array'"),
    "a scalar of two numbers": (at(f"{WEIGHT}.on", "scalar"), "'array'"),
    "too deep": (at("model", nested(60)), "levels of brackets"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_checksum_that_is_right_does_not_help(folder, name):
    change, said = HOSTILE[name]
    resealed(folder, change)
    assert said in refusal(folder)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (lambda arrays: {**arrays, "more": np.ones(3)}, "also 'more'"),
        (lambda arrays: {k: v for k, v in arrays.items() if k != "moments/mean"}, "without 'moments/mean'"),
        (lambda arrays: {k: v[..., None] for k, v in arrays.items()}, "shape"),
        (lambda arrays: {k: v.astype(np.float16) for k, v in arrays.items()}, "float16"),
        (lambda arrays: {}, "without"),
    ],
    ids=["one more", "one less", "shapes", "types", "none"],
)
def test_arrays_that_are_not_those_of_the_document(folder, arrays, said):
    from scorax.checkpoint import read_tensors

    path = next(folder.glob("arrays-*.safetensors"))
    data = tensors_bytes(arrays(read_tensors(path)))
    path.write_bytes(data)
    digest = FileDigest.of(data)
    resealed(folder, at("digest", {"size": digest.size, "sha256": digest.sha256}))
    assert said in refusal(folder)


def test_what_another_version_knew_is_refused_with_its_number(folder):
    def change(document: dict[str, Any]) -> None:
        document["scorax"] = "7.1"
        document["model"]["fields"]["process"]["class"] = "Tabulated2"

    resealed(folder, change)
    assert "(did you mean 'Tabulated'?); use scorax '7.1', which wrote it" in refusal(folder)


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a JSON value."""
    for key, part in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*at, key)
        yield from places(part, (*at, key))


words = st.sampled_from(["VP", "Chain", "Frozen", "float32", "device", "scalar", "nan", "silu", "os.system", "weight"])
tags = st.sampled_from(["class", "fields", "tuple", "list", "dict", "array", "shape", "on", "float", "function", "own"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(tags, parts, max_size=3),
    max_leaves=5,
)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_is_read_or_refused_in_one_line(folder, data):
    """The same folder serves all examples: each writes its document anew, with a checksum that is right."""
    whole = (folder / "model.json").read_bytes()
    try:
        *path, last = data.draw(st.sampled_from([at for at in places(json.loads(whole)) if at[0] != SEAL]))
        changed = data.draw(values)

        def change(document: Any) -> None:
            for key in path:
                document = document[key]
            document[last] = changed

        resealed(folder, change)
        said = ""
        try:
            scorax.load(folder)
        except InputError as error:
            said = str(error)
        assert "\n" not in said
    finally:
        (folder / "model.json").write_bytes(whole)


ODD = (-1.0, 0.0, 0.5, 3, 1e9, math.nan, math.inf, True, None, "text", ())
"""Values for a field that is a number, a word or nothing."""

CONSTRUCTED = [
    cls for cls in CASES if list(inspect.signature(cls).parameters) == [f.name for f in fields(cls) if f.init]
]
"""Classes whose constructor takes the fields as they are."""


@pytest.mark.parametrize("cls", CONSTRUCTED, ids=lambda cls: cls.__name__)
def test_no_document_makes_what_the_constructor_refuses(cls):
    value = CASES[cls].build()
    value = getattr(value, "subject", value)
    document, arrays = described(value)
    for field in fields(cls):
        now = getattr(value, field.name)
        for odd in ODD if field.init and (now is None or isinstance(now, bool | int | float | str)) else ():
            changed = copy.deepcopy(document)
            changed["fields"][field.name] = described(Frozen(odd))[0]["fields"]["value"]
            try:
                made = dataclasses.replace(value, **{field.name: odd})
            except (TypeError, ValueError, ArithmeticError):
                with pytest.raises(InputError):
                    rebuilt(changed, arrays, "model.json", "")
            else:
                if '"own"' not in json.dumps(document) and described(made)[0] == changed:
                    assert described(rebuilt(changed, arrays, "model.json", ""))[0] == changed


def test_a_document_of_another_model_is_not_read_with_these_arrays(folder, tmp_path):
    scorax.save(MLP(2, width=5, depth=1, key=jax.random.key(0)), tmp_path / "other")
    (folder / "model.json").write_bytes((tmp_path / "other" / "model.json").read_bytes())
    assert "no such file" in refusal(folder)
