"""The environment a command prepares before JAX is imported."""

import os
from pathlib import Path

import pytest

from scorax.cli._runtime import compile_cache_folder, pin_threads, recorded_nproc, use_compile_cache

Environment = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: Environment) -> None:
    for name in ("NPROC", "JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE"):
        monkeypatch.setenv(name, "")  # so that what the code sets is undone at the end
        monkeypatch.delenv(name)


def _run(tmp_path: Path, text: str) -> Path:
    (tmp_path / "run.json").write_text(text)
    return tmp_path


def test_a_new_run_takes_the_usable_cores() -> None:
    pin_threads(None)
    assert int(os.environ["NPROC"]) >= 1


def test_a_value_from_outside_is_kept_for_a_new_run(monkeypatch: Environment) -> None:
    monkeypatch.setenv("NPROC", "3")
    pin_threads(None)
    assert os.environ["NPROC"] == "3"


def test_a_run_pins_its_thread_count(tmp_path: Path) -> None:
    pin_threads(_run(tmp_path, '{"nproc": 7}'))
    assert os.environ["NPROC"] == "7"


def test_another_value_from_outside_wins_and_is_warned_about(
    tmp_path: Path, monkeypatch: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NPROC", "3")
    pin_threads(_run(tmp_path, '{"nproc": 7}'))
    assert os.environ["NPROC"] == "3"
    assert "bit for bit" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nproc": "many"}', '{"nproc": -1}', '{"nproc": 1e99}', "[" * 9999])
def test_an_unreadable_record_decides_nothing(text: str, tmp_path: Path) -> None:
    assert recorded_nproc(_run(tmp_path, text)) is None
    assert recorded_nproc(tmp_path / "absent") is None


def test_compile_cache_is_private_and_versioned(tmp_path: Path, monkeypatch: Environment) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    use_compile_cache(True)
    folder = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    assert folder == compile_cache_folder()
    assert folder.parent == tmp_path / "scorax" / "xla"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_cache_folder_from_outside_wins(tmp_path: Path, monkeypatch: Environment) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "mine"))
    use_compile_cache(True)
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "mine")


def test_no_compile_cache(monkeypatch: Environment, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    use_compile_cache(False)
    assert os.environ["JAX_ENABLE_COMPILATION_CACHE"] == "false"
    assert not any(tmp_path.iterdir())


def test_a_cache_that_cannot_be_made_is_only_a_warning(
    tmp_path: Path, monkeypatch: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    use_compile_cache(True)
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
    assert "no compile cache" in capsys.readouterr().err
