import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import CRASHES, ERRORS, Crash, Faulty
from scorax import _write
from scorax._errors import EnvironmentFailure, InputError
from scorax._os_errors import explaining

pytestmark = pytest.mark.reliability


def manifest(digests):
    return json.dumps({name: [d.size, d.sha256] for name, d in digests.items()}).encode()


def contents(mark: bytes) -> dict[str, bytes]:
    return {"a": mark * 1500, "b": mark * 10}


def read(folder: Path) -> dict[str, bytes] | None:
    """The files of a committed folder, every byte vouched for by its manifest; anything else fails the test."""
    if not folder.exists():
        return None
    listed = json.loads((folder / "MANIFEST.json").read_bytes())
    files = {name: (folder / name).read_bytes() for name in listed}
    assert {n: [len(d), hashlib.sha256(d).hexdigest()] for n, d in files.items()} == listed
    assert set(os.listdir(folder)) == {*listed, "MANIFEST.json"}
    return files


def state(root: Path) -> dict[str, dict[str, bytes] | None]:
    return {name: read(root / name) for name in sorted(os.listdir(root)) if not name.startswith(".tmp-")}


def next_step(root: Path) -> None:
    _write.commit_folder(root, "2", contents(b"n"), manifest)
    _write.remove_tree(root / "1")


def same_step(root: Path) -> None:
    _write.commit_folder(root, "1", contents(b"n"), manifest)


OLD, NEW = contents(b"o"), contents(b"n")
ALLOWED = {next_step: [{"1": OLD}, {"1": OLD, "2": NEW}, {"2": NEW}], same_step: [{"1": OLD}, {"1": NEW}]}


def attempt(monkeypatch, work, root, system) -> str:
    """Runs the work on this machine; then the power cut, if the machine died."""
    monkeypatch.setattr(_write, "system", system)
    try:
        work(root)
        outcome = "done"
    except EnvironmentFailure:
        outcome = "refused"
    except Crash:
        system.power_cut()
        outcome = "crashed"
    monkeypatch.setattr(_write, "system", Faulty())
    return outcome


def fresh(monkeypatch, root: Path) -> Path:
    monkeypatch.setattr(_write, "system", Faulty())
    root.mkdir()
    _write.commit_folder(root, "1", OLD, manifest)
    return root


def check_recovers(root: Path, work) -> None:
    _write.clean_temporaries(root)
    assert state(root) in ALLOWED[work]
    work(root)
    assert state(root) == ALLOWED[work][-1]
    assert not [n for n in os.listdir(root) if n.startswith(".tmp-")]


def calls_of(monkeypatch, work, root: Path) -> int:
    system = Faulty()
    attempt(monkeypatch, work, fresh(monkeypatch, root), system)
    return system.calls


def test_every_system_call_may_fail_in_every_mode(monkeypatch, tmp_path):
    points = 0
    for work in (next_step, same_step):
        total = calls_of(monkeypatch, work, tmp_path / f"count-{work.__name__}")
        for mode in ERRORS + CRASHES:
            for k in range(total):
                root = fresh(monkeypatch, tmp_path / f"{work.__name__}-{mode}-{k}")
                system = Faulty(k, mode)
                outcome = attempt(monkeypatch, work, root, system)
                if not system.hit:
                    assert outcome == "done"
                    continue
                points += 1
                if mode not in CRASHES:
                    # Without a crash nothing needs repair: what is visible is whole at once.
                    assert state(root) in ALLOWED[work], (work.__name__, mode, k)
                if outcome == "done":
                    assert state(root) == ALLOWED[work][-1]
                check_recovers(root, work)
    assert points >= 250


def test_a_crash_during_the_recovery_from_a_crash(monkeypatch, tmp_path):
    points = 0
    for work in (next_step, same_step):
        for k in range(calls_of(monkeypatch, work, tmp_path / f"count-{work.__name__}")):
            for mode in ("crash-lost", "crash-torn"):
                j, hit = 0, True
                while hit:
                    root = fresh(monkeypatch, tmp_path / f"{work.__name__}-{mode}-{k}-{j}")
                    attempt(monkeypatch, work, root, Faulty(k, mode))
                    second = Faulty(j, mode)
                    attempt(monkeypatch, _write.clean_temporaries, root, second)
                    hit = second.hit
                    check_recovers(root, work)
                    points, j = points + 1, j + 1
    assert points >= 250


def test_an_output_is_absent_or_complete_and_the_old_one_stays(monkeypatch, tmp_path):
    def write(root: Path) -> None:
        with _write.replacing(root / "out.csv") as stream:
            for part in (b"x" * 3000, b"y" * 100, b"z"):
                stream.write(part)

    whole = b"x" * 3000 + b"y" * 100 + b"z"
    for before in (None, b"old"):
        for mode in ERRORS + CRASHES:
            for k in range(14):
                root = tmp_path / f"{before}-{mode}-{k}"
                root.mkdir()
                if before:
                    (root / "out.csv").write_bytes(before)
                outcome = attempt(monkeypatch, write, root, Faulty(k, mode))
                if outcome == "crashed":
                    _write.clean_temporaries(root)
                found = (root / "out.csv").read_bytes() if (root / "out.csv").exists() else None
                assert found == whole if outcome == "done" else found in (before, whole)
                assert set(os.listdir(root)) <= {"out.csv"}


def test_what_a_killed_writer_left_goes_with_the_next_and_what_a_living_one_writes_stays(tmp_path):
    script = """
import os, signal, sys
from scorax._write import replacing
with replacing(sys.argv[1]) as stream:
    stream.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    (tmp_path / ".tmp-of-somebody").write_text("kept")
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "killed.csv")], timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 2
    with _write.replacing(tmp_path / "living.csv") as stream:
        stream.write(b"one part")
        assert len(os.listdir(tmp_path)) == 2
        _write.write_bytes(tmp_path / "other.json", b"{}")
        assert len(_write.clean_temporaries(tmp_path)) == 1  # for a folder of one's own: all but what is being written
        stream.write(b" and another")
    assert sorted(os.listdir(tmp_path)) == ["living.csv", "other.json"]
    assert (tmp_path / "living.csv").read_bytes() == b"one part and another"


def test_a_failed_append_takes_its_line_back(monkeypatch, tmp_path):
    path = tmp_path / "m.jsonl"
    _write.append_json_line(path, {"step": 1})
    for mode in ("enospc", "eio"):
        system = Faulty(1, mode)
        monkeypatch.setattr(_write, "system", system)
        with pytest.raises(EnvironmentFailure):
            _write.append_json_line(path, {"step": 2})
        assert system.hit
        assert path.read_bytes() == b'{"step": 1}\n'


def test_a_failed_body_leaves_no_output(tmp_path):
    def work() -> None:
        with _write.replacing(tmp_path / "out") as stream:
            stream.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert os.listdir(tmp_path) == []


def test_bytes_after_the_end_reach_no_file(tmp_path):
    with _write.replacing(tmp_path / "out") as stream:
        stream.write(b"whole")
    other = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    stream.write(b"footer of a collected writer")
    os.close(other)
    assert (tmp_path / "out").read_bytes() == b"whole"
    assert (tmp_path / "other").read_bytes() == b""


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT", "EFBIG", "EACCES", "EPERM", "EROFS", "EIO"])
def test_a_refusal_of_the_machine_names_path_needed_and_free(number, tmp_path):
    code = getattr(errno, number)
    with pytest.raises(EnvironmentFailure) as caught, explaining(tmp_path / "w", 1234):
        raise OSError(code, os.strerror(code))
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert str(tmp_path / "w") in message
    assert "1234 bytes" in message
    assert "bytes free" in message
    assert "\n" not in message


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the machine has no /dev/full")
def test_a_full_device():
    with pytest.raises(EnvironmentFailure, match="/dev/full"), _write.replacing("/dev/full") as stream:
        stream.write(b"x")


def test_a_place_that_cannot_be_is_the_fault_of_the_input(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "no" / "x", tmp_path / "file" / "x", tmp_path / ("n" * 300)):
        with pytest.raises(InputError), _write.replacing(path) as stream:
            stream.write(b"x")
    with pytest.raises(InputError):
        _write.make_folder(tmp_path / "file" / "x")
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_that_another_process_makes_meanwhile_is_fine(tmp_path, monkeypatch):
    """It is not there when looked for, and there a moment later."""
    folder, lexists = tmp_path / "run" / "records", os.path.lexists

    def late(path):
        folder.mkdir(parents=True, exist_ok=True)
        return lexists(path)

    monkeypatch.setattr(os.path, "lexists", late)
    _write.make_folder(folder)
    assert folder.is_dir()


def test_a_link_as_output_stays_a_link_and_a_state_file_replaces_it(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with _write.replacing(tmp_path / "link") as stream:
        stream.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
    _write.write_bytes(tmp_path / "link", b"state")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_pipe_is_written_directly(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with _write.replacing(tmp_path / "pipe") as stream:
        assert isinstance(stream, io.RawIOBase)
        stream.write(b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_standard_output_is_appended_to_not_truncated(tmp_path, capfd):
    with capfd.disabled():
        saved = os.dup(1)
        target = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            os.write(target, b"before\n")
            os.dup2(target, 1)
            with _write.replacing("/dev/stdout") as stream:
                stream.write(b"after\n")
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            os.close(target)
    assert (tmp_path / "out").read_bytes() == b"before\nafter\n"


def test_cleaning_leaves_everything_else_alone(tmp_path):
    (tmp_path / ".tmp-0123").mkdir()
    (tmp_path / ".tmp-0123" / "sub").mkdir()
    (tmp_path / ".tmp-0123" / "sub" / "x").write_text("x")
    (tmp_path / ".tmp-abc").write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "keep").write_text("x")
    (tmp_path / ".tmp-link").symlink_to(tmp_path / "outside")
    (tmp_path / "tmp-kept").write_text("x")
    assert len(_write.clean_temporaries(tmp_path)) == 3
    assert sorted(os.listdir(tmp_path)) == ["outside", "tmp-kept"]
    assert os.listdir(tmp_path / "outside") == ["keep"]
    assert _write.clean_temporaries(tmp_path / "missing") == []


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(json_values)
def test_json_bytes_read_back(value):
    assert json.loads(_write.json_bytes(value)) == value


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": float("-inf")}])
def test_json_refuses_what_is_not_json(value):
    with pytest.raises(ValueError):
        _write.json_bytes(value)
