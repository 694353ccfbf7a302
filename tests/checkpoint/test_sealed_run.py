"""Every file of a run, damaged in every way, is named; an older step is taken where one may be (docs/reliability.md, R4)."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest

from damage import damages, restore
from faults import Crash, Faulty
from saved_runs import HELD_OUT, arrays, copy_of, files_of, whole_run
from scorax import _write
from scorax._errors import InputError
from scorax.checkpoint import (
    Notes,
    RunFolder,
    load_step,
    read_records,
    read_sealed_json,
    replace_files,
    save_step,
    verify_run,
    write_sealed_json,
)
from scorax.cli import main
from scorax.records import HeldOut
from scorax.spec import to_json
from scorax.tables import open_run

pytestmark = pytest.mark.reliability

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return whole_run(tmp_path_factory.mktemp("sealed") / "run")


@pytest.fixture
def run(whole: RunFolder, tmp_path: Path) -> RunFolder:
    return copy_of(whole, tmp_path / "folder" / "run")


NAMES = [
    "config.json", "schema.json", "transform.safetensors", "run.json", "metrics.jsonl", "log.jsonl", "report.html",
    "estimator.json", "records/held_out.json", "records/sampling.json",
    *(f"steps/0000000{step}/{name}" for step in (1, 2)
      for name in ("MANIFEST.json", "optimizer.safetensors", "progress.safetensors", "weights.safetensors")),
]  # fmt: skip


def test_the_list_of_files_is_whole(whole: RunFolder) -> None:
    assert sorted(NAMES) == files_of(whole)


def refused(arguments: list[str], captured: Captured) -> str:
    """The one line with which a command refuses."""
    assert main(arguments) == 2
    out, err = captured.readouterr()
    assert out == ""
    assert err.startswith("scorax: error: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("name", NAMES)
def test_every_damage_of_every_file_is_named(name: str, run: RunFolder) -> None:
    path = run.path / name
    data, newest = path.read_bytes(), "00000002" in name
    used = "/" not in name and not name.startswith(("log", "report", "estimator"))
    for what, damage in damages(path, flips=3):
        damage()
        with pytest.raises(InputError, match=Path(name).name) as caught:
            verify_run(run)
        assert "\n" not in str(caught.value), what
        if (used or newest) and not (name == "metrics.jsonl" and what == "extended"):
            with pytest.raises(InputError, match=Path(name).name):
                open_run(run)
        if newest:
            older = load_step(run, fallback=True)
            assert (older.step, len(older.skipped)) == (1, 1), what
        restore(path, data)
    assert verify_run(run).seed == 17


@pytest.mark.parametrize("name", ["config.json", "run.json", "steps/00000002/weights.safetensors"])
def test_every_command_says_which_file_is_damaged(name: str, run: RunFolder, capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    data = bytearray((run.path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (run.path / name).write_bytes(data)
    before = sorted(tmp_path.rglob("*"))
    out = ["-o", str(tmp_path / "out.csv")]
    for command in (["info"], ["report"], ["sample", "-n", "3", *out], ["logp", str(tmp_path / "rows.csv"), *out]):
        assert Path(name).name in refused([command[0], str(run.path), *command[1:]], capsys)
    assert {path for path in tmp_path.rglob("*") if not path.name.startswith("lock")} == set(before)


def test_a_folder_of_records_that_is_missing_is_an_empty_one(run: RunFolder, tmp_path: Path) -> None:
    """Archives and version control keep no empty folder; one that held records is missed by their names."""
    bare = whole_run(tmp_path / "bare", records={})
    bare.records.rmdir()
    assert verify_run(bare).seed == 17
    shutil.rmtree(run.records)
    with pytest.raises(InputError, match="held_out"):
        verify_run(run)


def test_older_steps_are_verified_but_not_needed(run: RunFolder) -> None:
    (run.step_path(1) / "weights.safetensors").write_bytes(b"")
    assert open_run(run).step == 2
    with pytest.raises(InputError, match="00000001/weights"):
        verify_run(run)


def test_files_of_different_steps_and_runs_do_not_mix(run: RunFolder, tmp_path: Path) -> None:
    other = whole_run(tmp_path / "other")
    one, two = run.step_path(1), run.step_path(2)
    for name in ("weights.safetensors", "MANIFEST.json"):
        data = (two / name).read_bytes()
        restore(two / name, (one / name).read_bytes())
        with pytest.raises(InputError, match=f"00000002/{name}"):
            open_run(run)
        restore(two / name, data)
    config = json.loads(run.config.read_text())
    config["network"]["width"] += 1
    other.write_json("config.json", config)
    restore(run.config, other.config.read_bytes())
    for read in (open_run, verify_run):
        with pytest.raises(InputError, match=r"config\.json"):
            read(run)


@pytest.mark.parametrize("key", ["depth", "width"])
def test_a_hostile_configuration_is_refused_before_it_is_believed(key: str, run: RunFolder, capsys: Captured) -> None:
    """Changed alone its seal is broken; sealed anew it has a range, and whatever is in the range a size."""
    config = json.loads(run.config.read_text())
    config["network"][key] = 2**40
    run.write_json("config.json", config)
    for command in (["sample", "-n", "3", "-o", "x.csv"], ["logp", "t.csv", "-o", "x.csv"], ["info"], ["report"]):
        line = refused([command[0], str(run.path), *command[1:]], capsys)
        assert "config.json: expected" in line
    _write.remove_tree(run.step_path(1))
    _resealed(run)
    assert f"network.{key}: expected an integer in [1, " in refused(
        ["sample", str(run.path), "-n", "3", "-o", "x"], capsys
    )
    config["network"] |= {"depth": 256, "width": 2**16}
    run.write_json("config.json", config)
    _resealed(run)
    assert main(["sample", str(run.path), "-n", "3", "-o", "x.csv"]) == 3
    assert "GiB" in capsys.readouterr().err


def _resealed(run: RunFolder) -> None:
    """A manifest that vouches for whatever stands in the folder, as a stranger can make one."""
    save_step(run, 2, arrays(2), Notes(sigma_min=0.1, start="gaussian"))


def test_a_removed_step_and_a_foreign_record_are_noticed(run: RunFolder) -> None:
    run.write_json("records/verdict.json", {})
    with pytest.raises(InputError, match=r"verdict\.json.*remove it"):
        verify_run(run)
    (run.records / "verdict.json").unlink()
    _write.remove_tree(run.step_path(1))
    with pytest.raises(InputError, match="00000001"):
        verify_run(run)


@pytest.mark.parametrize("name", ["../x", "/etc/hostname", "a//b", "\0", ""])
def test_a_seal_over_something_outside_the_run_is_refused(name: str, run: RunFolder) -> None:
    write_sealed_json(run.run, {"seed": 0, "files": {name: {"size": 1, "sha256": "x"}}})
    with pytest.raises(InputError, match="names of files in the run"):
        verify_run(run)


def test_a_run_of_another_format_says_so(run: RunFolder) -> None:
    manifest = run.step_path(2) / "MANIFEST.json"
    write_sealed_json(manifest, {**read_sealed_json(manifest), "format": 1})
    for read in (open_run, verify_run):
        with pytest.raises(InputError, match="expected format 3, got '1'; use the scorax version that wrote the run"):
            read(run)


def test_a_crash_while_a_file_is_replaced_leaves_a_run_that_is_made_whole_again(
    whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"comparisons": []}
    contents = {"records/held_out.json": _write.json_bytes(record)}
    seen = set()
    for at in range(200):
        run = copy_of(whole, tmp_path / str(at))
        system = Faulty(at, "crash")
        monkeypatch.setattr(_write, "system", system)
        with contextlib.suppress(Crash):
            replace_files(run, ("records/held_out.json",), lambda facts: contents)
        monkeypatch.undo()
        if not system.hit:
            break
        run.recover()
        seen.add(json.dumps(to_json(read_records(run).held_out, sparse=True)))
        verify_run(run, but=("records/held_out.json",))
        replace_files(run, ("records/held_out.json",), lambda facts: contents)
        assert verify_run(run).files is not None
        assert read_records(run).held_out == HeldOut(())
    else:
        pytest.fail("the replacement never came to its end")
    assert seen == {json.dumps(record), json.dumps(HELD_OUT)}


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_a_lock_that_is_none_is_named(kind: str, run: RunFolder) -> None:
    run.lock_file.unlink(missing_ok=True)
    {
        "folder": run.lock_file.mkdir,
        "link": lambda: run.lock_file.symlink_to("/nowhere/x"),
        "pipe": lambda: os.mkfifo(run.lock_file),
    }[kind]()
    try:
        with run.lock():
            pass
    except (InputError, OSError) as error:
        assert "lock" in str(error)  # noqa: PT017
