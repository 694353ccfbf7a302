"""Steps are saved whole or not at all, found again as they were, and kept to one writer."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from saved_runs import EXPECTED, arrays, train
from scorax import _write
from scorax._errors import DivergedError, EnvironmentFailure, FolderInUseError, InputError
from scorax.checkpoint import (
    Notes,
    RunFolder,
    cut_metrics,
    load_step,
    read_tensors,
    save_step,
    tensors_bytes,
)
from scorax.data import Limits, Table
from scorax.tables import Schema

pytestmark = pytest.mark.reliability


def test_a_step_comes_back_as_it_was(run):
    train(run, 5)
    step = load_step(run, EXPECTED, fallback=False)
    assert step.step == 5
    assert step.notes == Notes(start_loss=(7.0, 5.0))
    assert step.skipped == ()
    for group, named in arrays(5).items():
        assert list(step.arrays[group]) == sorted(named)
        for name, array in named.items():
            found = step.arrays[group][name]
            assert found.dtype == array.dtype
            assert found.shape == array.shape
            assert found.tobytes() == array.tobytes()
            assert found.flags.writeable
    assert set(load_step(run, fallback=False, groups=["weights"]).arrays) == {"weights"}


def test_a_strided_array_is_saved_as_it_reads(tmp_path):
    array = np.arange(12.0).reshape(3, 4).T
    _write.write_bytes(tmp_path / "t.safetensors", tensors_bytes({"a": array, "big": array.astype(">f8")[::2]}))
    found = read_tensors(tmp_path / "t.safetensors")
    np.testing.assert_array_equal(found["a"], array)
    np.testing.assert_array_equal(found["big"], array[::2])


def test_equal_arrays_give_equal_bytes():
    named = {f"n{i}": np.arange(i + 1.0) for i in range(20)}
    assert tensors_bytes(named) == tensors_bytes(dict(reversed(named.items())))


def test_rotation_keeps_the_newest(run):
    train(run, 1, 2, 3, 4, 5)
    assert run.saved_steps() == [3, 4, 5]
    assert load_step(run, fallback=False).step == 5


def test_a_given_up_future_goes_when_an_older_step_is_saved_again(run):
    train(run, 1, 2, 3)
    (run.step_path(3) / "weights.safetensors").write_bytes(b"")
    assert load_step(run, fallback=True).step == 2
    save_step(run, 3, arrays(33), Notes())
    assert load_step(run, fallback=False).arrays["optimizer"]["count"] == 33
    save_step(run, 2, arrays(2), Notes())
    assert run.saved_steps() == [1, 2]


def test_nothing_that_is_not_finite_is_written(run):
    train(run, 1)
    bad = arrays(2)
    bad["weights"]["layer/w"][1, 1] = np.nan
    with pytest.raises(DivergedError, match=r"weights/layer/w") as caught:
        save_step(run, 2, bad, Notes())
    assert caught.value.exit_code == 4
    assert run.saved_steps() == [1]


def test_nothing_that_is_not_finite_is_loaded(run):
    bad = arrays(2)
    bad["weights"]["layer/w"][1, 1] = np.inf
    save_step(run, 2, bad, Notes(), may_be_infinite=("weights", "progress"))
    with pytest.raises(InputError, match=r"weights\.safetensors.*layer/w"):
        load_step(run, fallback=False)


def test_no_step_is_an_error_with_and_without_fallback(run):
    for fallback in (True, False):
        with pytest.raises(InputError, match="saved step"):
            load_step(run, fallback=fallback)
    (run.steps / "notes").mkdir()
    (run.steps / "12").mkdir()
    assert run.saved_steps() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: e["weights"].pop("layer/b"), "also 'layer/b'"),
        (lambda e: e["weights"].update(extra=((1,), "float32")), "without 'extra'"),
        (lambda e: e["weights"].update({"layer/b": ((5,), "float64")}), r"shape \(5,\)"),
        (lambda e: e["weights"].update({"layer/b": ((4,), "float32")}), "type float32"),
        (lambda e: e.update(ema={}), r"ema\.safetensors"),
    ],
)
def test_what_the_config_implies_decides(run, change, said):
    train(run, 1)
    expected = {group: dict(layout) for group, layout in EXPECTED.items()}
    change(expected)
    with pytest.raises(InputError, match=said):
        load_step(run, expected, fallback=False)


def test_metrics_are_cut_back_to_the_step(run):
    for step in range(1, 6):
        _write.append_json_line(run.metrics, {"step": step})
    with run.metrics.open("ab") as file:
        file.write(b'{"step": 6, "lo')
    assert cut_metrics(run, 5) == run.metrics.stat().st_size == 5 * len(b'{"step": 1}\n')
    cut_metrics(run, 2)
    assert run.metrics.read_bytes() == b'{"step": 1}\n{"step": 2}\n'
    assert cut_metrics(run, 9) == 24
    run.metrics.unlink()
    assert cut_metrics(run, 3) == 0


def test_recovery_ends_what_a_killed_process_began(run):
    train(run, 1)
    (run.steps / ".tmp-0123456789abcdef").mkdir()
    (run.path / ".tmp-0123456789abcdee").write_text("x")
    os.rename(run.step_path(1), run.steps / ".tmp-0123456789abcdef-was-00000001")
    run.log.write_bytes(b'{"a": 1}\n{"b"')
    assert len(run.recover()) == 4
    assert run.log.read_bytes() == b'{"a": 1}\n'
    assert load_step(run, fallback=False).step == 1
    assert run.recover() == []


def test_a_crash_at_any_call_of_a_save_leaves_the_old_step_or_the_new(run, monkeypatch):
    from scorax._system import System

    class Dying(System):
        left = 0

        def __getattribute__(self, name):
            if name in System.__dict__ and not name.startswith("_"):
                if Dying.left == 0:
                    raise OSError(5, "died")
                Dying.left -= 1
            return super().__getattribute__(name)

    train(run, 1)
    for calls in range(200):
        Dying.left = calls
        monkeypatch.setattr(_write, "system", Dying())
        try:
            save_step(run, 2 + calls, arrays(2 + calls), Notes(), keep=1)
            done = True
        except EnvironmentFailure:
            done = False
        monkeypatch.setattr(_write, "system", System())
        run.recover()
        step = load_step(run, EXPECTED, fallback=False)
        assert step.arrays["optimizer"]["count"] == step.step
        if done:
            assert step.step == 2 + calls
            break
    else:
        pytest.fail("the save never came to its end")
    assert calls > 20


def test_readers_beside_a_writer_never_see_half_a_step(run):
    train(run, 1)
    stop, errors, seen = threading.Event(), [], set()

    def read() -> None:
        while not stop.is_set():
            try:
                step = load_step(run, EXPECTED, fallback=False)
                assert step.arrays["weights"]["layer/w"][0, 0] == step.step
                seen.add(step.step)
            except Exception as error:
                errors.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for step in range(2, 30):
        save_step(run, step, arrays(step), Notes(), keep=1)
    stop.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert len(seen) > 1


HOLD = """
import sys, time
from scorax.checkpoint import RunFolder
with RunFolder(sys.argv[1]).create().lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_names_its_holder_and_dies_with_it(tmp_path):
    run = RunFolder(tmp_path / "run").create()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderInUseError, match=f"process {holder.pid} on ") as caught, run.lock():
            pass
        assert caught.value.exit_code == 5
        assert "\n" not in str(caught.value)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with run.lock():
            pass
        with run.lock():
            pass


def test_two_locks_of_one_process_exclude_each_other(tmp_path):
    run = RunFolder(tmp_path / "run").create()
    with run.lock(), pytest.raises(FolderInUseError, match=f"process {os.getpid()}"), RunFolder(run.path).lock():
        pass


def test_a_foreign_lock_file_is_left_alone(tmp_path):
    (tmp_path / "lock").write_text("somebody's")
    RunFolder(tmp_path).require_free()
    assert (tmp_path / "lock").read_text() == "somebody's"
    run = RunFolder(tmp_path / "run").create()
    with run.lock(), pytest.raises(FolderInUseError, match=f"process {os.getpid()}"):
        RunFolder(run.path).require_free()
    run.require_free()


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        RunFolder(tmp_path / "none").require()
    with pytest.raises(InputError, match="no config"):
        RunFolder(tmp_path).require()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError):
        RunFolder(tmp_path / "file").create()


def test_checkpoints_are_read_without_jax(run):
    code = "import sys, scorax.checkpoint, scorax.spec, scorax.data; assert not {'jax', 'pyarrow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_schema_of_the_widest_table_can_be_read_again(tmp_path):
    one = Schema.infer(Table.of(np.round(np.random.default_rng(0).normal(size=(90, 1)), 1))).columns[0]
    schema = Schema(tuple(replace(one, name=f"a column of some length {j}") for j in range(Limits().columns)))
    run = RunFolder(tmp_path).create()
    run.write_json("schema.json", schema.to_json())
    assert Schema.from_json(run.read_json("schema.json")) == schema
