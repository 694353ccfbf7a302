"""The two commands that need no file of the user."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from scorax.cli import main
from scorax.data import embedded, read_table

Captured = pytest.CaptureFixture[str]


class Record(NamedTuple):
    name: str
    truth: float
    answer: float
    error: float
    tolerance: float
    passed: bool
    note: str = ""


RECORDS = [Record("heun", 1.0, 1.0001, 1e-4, 1e-3, True), Record("ddim", 2.0, 2.5, 0.5, 1e-3, False)]


def _check_with(records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    def run_checks(only: str | None = None) -> list[Record]:
        return [record for record in records if only is None or only in record.name]

    monkeypatch.setattr("scorax.checks.run_checks", run_checks, raising=False)


def test_check_fails_if_one_method_does(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    _check_with(RECORDS, monkeypatch)
    assert main(["check"]) == 1
    out, err = capsys.readouterr()
    for cell in ("truth", "answer", "error", "tolerance", "heun", "ok", "ddim", "2.5", "FAILED"):
        assert cell in out
    assert err == "scorax: error: 1 of 2 checks failed: ddim\n"


def test_check_passes_and_selects(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    _check_with(RECORDS, monkeypatch)
    assert main(["check", "--only", "heun"]) == 0
    assert capsys.readouterr().out.endswith("all 1 checks passed\n")
    assert main(["check", "--only", "nothing"]) == 2


def test_a_note_is_no_failure(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    _check_with([RECORDS[0]._replace(note="this machine is odd")], monkeypatch)
    assert main(["check"]) == 0
    assert capsys.readouterr().err == "note: this machine is odd\n"


def test_demo_refuses_an_unknown_table(tmp_path: Path, capsys: Captured) -> None:
    assert main(["demo", "--data", "vine", "-o", str(tmp_path / "demo")]) == 2
    assert "wine" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_demo_goes_through_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    calls: list[tuple[object, ...]] = []
    for name in ("fit", "sample", "logp"):
        monkeypatch.setattr(f"scorax.cli._demo.{name}", lambda *args, name=name, **options: calls.append((name, *args)))
    folder = tmp_path / "demo"
    assert main(["demo", "-o", str(folder)]) == 0
    assert calls == [
        ("fit", folder / "train.csv", folder / "run"),
        ("sample", folder / "run", folder / "samples.csv", 1000),
        ("logp", folder / "run", folder / "test.csv", folder / "scored.csv"),
    ]
    train, test, wine = read_table(folder / "train.csv"), read_table(folder / "test.csv"), embedded("wine")
    assert (train.rows, test.rows) == (142, 36)
    assert train.columns == wine.columns
    both = np.concatenate([train.values, test.values])
    assert np.array_equal(np.sort(both, axis=0), np.sort(wine.values, axis=0))
    said = capsys.readouterr().out
    assert str(folder) in said
    assert "scorax fit" in said


@pytest.mark.slow  # a whole fit with the default recipe: about a minute on two free cores
def test_demo_on_moons(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "demo"
    assert main(["demo", "--data", "moons", "-o", str(folder)]) == 0
    samples, scored = read_table(folder / "samples.csv"), read_table(folder / "scored.csv")
    assert samples.rows == 1000
    # The true mean log-density is -1.825 nats; the standard error over 500 test rows is about 0.03.
    assert -2.0 < scored.values[:, 1].mean() < -1.65
    assert (folder / "run" / "report.html").stat().st_size > 10_000
