"""Damaged and hostile files of a run folder are noticed by name, and an older whole step is taken instead."""

import json

import numpy as np
import pytest

from damage import damages, restore
from saved_runs import EXPECTED, train
from scorax._errors import InputError
from scorax.checkpoint import load_step, read_tensors

pytestmark = pytest.mark.reliability

FILES = ["weights.safetensors", "optimizer.safetensors", "progress.safetensors", "MANIFEST.json"]


@pytest.mark.parametrize("name", FILES)
def test_every_damage_of_a_step_is_noticed_and_passed_over(run, name):
    train(run, 1, 2)
    path = run.step_path(2) / name
    data = path.read_bytes()
    for what, damage in damages(path):
        damage()
        with pytest.raises(InputError) as caught:
            load_step(run, EXPECTED, fallback=False)
        assert name in str(caught.value), what
        assert "\n" not in str(caught.value)
        older = load_step(run, EXPECTED, fallback=True)
        assert older.step == 1, what
        assert len(older.skipped) == 1
        assert name in older.skipped[0]
        assert load_step(run, fallback=True, groups=()).arrays == {}
        restore(path, data)
    assert load_step(run, EXPECTED, fallback=False).step == 2


@pytest.mark.parametrize("name", ["config.json", "schema.json", "transform.safetensors", "metrics.jsonl"])
def test_every_damage_of_the_run_is_noticed(run, name):
    train(run, 1, 2)
    path = run.path / name
    data = path.read_bytes()
    for what, damage in damages(path):
        if name == "metrics.jsonl" and what == "extended":
            continue  # lines beyond the step belong to work that was not saved
        damage()
        with pytest.raises(InputError) as caught:
            load_step(run, EXPECTED, fallback=False)
        assert name in str(caught.value), what
        restore(path, data)
    assert load_step(run, EXPECTED, fallback=False).step == 2


def test_every_single_bit_of_a_manifest_matters(run):
    train(run, 1)
    path = run.step_path(1) / "MANIFEST.json"
    data = path.read_bytes()
    for bit in np.random.default_rng(0).integers(0, 8 * len(data), 300).tolist():
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(InputError, match=r"MANIFEST\.json"):
            load_step(run, fallback=False)


def test_files_of_two_steps_do_not_mix(run):
    train(run, 1, 2)
    one, two = run.step_path(1), run.step_path(2)
    data = (one / "weights.safetensors").read_bytes()
    restore(two / "weights.safetensors", data)
    with pytest.raises(InputError, match="00000002/weights"):
        load_step(run, fallback=False)
    restore(two / "MANIFEST.json", (one / "MANIFEST.json").read_bytes())
    with pytest.raises(InputError, match="00000002/MANIFEST"):
        load_step(run, fallback=False)


def test_another_file_among_those_of_a_step_is_noticed(run):
    train(run, 1)
    (run.step_path(1) / "weights.pkl").write_bytes(b"x")
    with pytest.raises(InputError, match=r"weights\.pkl"):
        load_step(run, fallback=False)


def header(obj: object, data: bytes = b"") -> bytes:
    text = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
    return len(text).to_bytes(8, "little") + text + data


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        (2**63).to_bytes(8, "little") + b"{}",
        header(b" " * 1_000_001),
        header(b"[1]"),
        header(b"{" * 40 + b"}" * 40),
        header({"a": {**ENTRY, "shape": [4194305, 4194305, 211106198978564]}}, bytes(8)),
        header({"a": {**ENTRY, "shape": [-2]}}, bytes(8)),
        header({"a": {**ENTRY, "shape": [2.0]}}, bytes(8)),
        header({"a": {**ENTRY, "shape": [2**70]}}, bytes(8)),
        header({"a": {**ENTRY, "dtype": "BF16"}}, bytes(4)),
        header({"a": {**ENTRY, "dtype": ["F32"]}}, bytes(8)),
        header({"a": {**ENTRY, "data_offsets": [8, 16]}}, bytes(8)),
        header({"a": ENTRY, "b": ENTRY}, bytes(16)),
        header({"a": ENTRY}, bytes(7)),
        header({"a": ENTRY}, bytes(9)),
        header({"a": "x"}),
        header(b'{"a": {"dtype":"F32","shape":[0],"data_offsets":[0,0]}, "a": {"dtype":"F32","shape":[0]}}'),
        header({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(10_001)}),
    ],
    ids=range(19),
)
def test_hostile_tensors_are_refused(tmp_path, data):
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(InputError, match=r"x\.safetensors") as caught:
        read_tensors(tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value)
