"""A run killed at any moment and resumed ends with the same bytes as one that was never interrupted (R1)."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from scorax.cli import main
from scorax.data import write_table

# Every step is validated and saved, so a random moment falls into a save as often as into a computation.
SETTINGS = {
    "training.max_steps": 30,
    "training.validate_every": 1,
    "training.save_every": 1,
    "training.patience": 100,
    "training.batch_size": 32,
    "network.width": 8,
    "network.depth": 1,
    "ensemble.folds": 2,
    "ensemble.starts": ["gaussian"],
    "noise.candidates": [0.1],
}


def words(table: Path, run: Path, *extra: str) -> list[str]:
    sets = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    return ["fit", str(table), "-o", str(run), "--no-report", *sets, *extra]


def digests(run: Path) -> dict[str, str]:
    """SHA-256 of everything the last step is made of, and of the metrics."""
    last = max((run / "steps").iterdir())
    files = [*sorted(last.glob("*.safetensors")), run / "metrics.jsonl", run / "transform.safetensors"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def numbers(path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2)) @ np.array([[1.0, 0.4], [0.0, 0.8]])
    write_table(path, ("a", "b"), rows)


def mixed_with_holes(path: Path) -> None:
    """A number, a category and wages of which many are zero; a tenth of the cells is missing, but no row without a number."""
    random = np.random.default_rng(0)
    wages = np.where(random.random(60) < 0.4, 0, np.exp(random.normal(size=60)).round(4))
    cells = np.column_stack([random.choice(["blue", "red"], 60), wages.astype(str)])
    cells[random.random((60, 2)) < 0.1] = ""
    lines = [f"{number:.6f},{','.join(rest)}" for number, rest in zip(random.normal(size=60), cells, strict=True)]
    path.write_text("\n".join(["a,colour,wage", *lines]))


# A fit with holes has three rounds, each of which compiles its own programs: a minute and a half.
HOLED = pytest.param(mixed_with_holes, marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=[numbers, HOLED])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kills") / "rows.csv"
    request.param(path)
    return path


@pytest.fixture(scope="module")
def straight(table: Path) -> dict[str, str]:
    run = table.parent / "straight"
    assert main(words(table, run)) == 0
    assert len(digests(run)) >= 7
    return digests(run)


def kill_and_resume(table: Path, run: Path, moments: np.random.Generator, kills: int) -> list[int]:
    """Kill the fit ``kills`` times, each a random moment after a step was saved, then let it finish."""
    seen = []
    for _ in range(kills):
        extra = ["--resume"] if run.exists() else []
        line = [sys.executable, "-m", "scorax", *words(table, run, *extra)]
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        before = sorted(p.name for p in (run / "steps").iterdir()) if (run / "steps").exists() else []
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            steps = sorted(p.name for p in (run / "steps").iterdir()) if (run / "steps").exists() else []
            if steps != before:
                break
            time.sleep(0.002)
        time.sleep(float(moments.uniform(0, 0.25)))
        process.kill()
        process.wait()
        saved = [int(p.name) for p in (run / "steps").iterdir() if p.name.isdigit()]
        seen.append(max(saved, default=-1))
    assert main(words(table, run, "--resume")) == 0
    return seen


@pytest.mark.reliability
def test_killed_runs_end_with_the_same_bytes(table: Path, straight: dict[str, str]) -> None:
    run = table.parent / "killed"
    seen = kill_and_resume(table, run, np.random.default_rng(1), kills=1)
    assert digests(run) == straight
    assert not [p for p in run.rglob(".tmp-*")], "temporary files were left behind"
    assert min(seen) < 30, "no kill came before the end; the test proves nothing"


@pytest.mark.release  # forty restarts of the interpreter and JAX
def test_forty_kills_end_with_the_same_bytes(table: Path, straight: dict[str, str]) -> None:
    for round_number in range(5):
        run = table.parent / f"killed-{round_number}"
        kill_and_resume(table, run, np.random.default_rng(100 + round_number), kills=8)
        assert digests(run) == straight
