"""`scorax simulate` and `scorax noise`: refusals with one line and code 2, and whole pictures or none."""

import json
from pathlib import Path

import numpy as np
import pytest

from scorax.cli import main
from scorax.cli._named_processes import PROCESSES

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("simulate browniann -o p.png", ["'browniann'", "did you mean 'brownian'"]),
        ("simulate brownian", ["--output"]),
        ("simulate brownian -o p.jpg", [".png", "p.jpg"]),
        ("simulate brownian -o p.png --rate 2", ["brownian (--drift, --sigma)", "--rate"]),
        ("simulate vp -o p.png --sigma 2", ["--sigma"]),
        ("simulate brownian -o p.png --sigma nan", ["--sigma", "nan"]),
        ("simulate brownian -o p.png --sigma -1", ["positive number for --sigma", "-1"]),
        ("simulate brownian -o p.png --sigma much", ["--sigma"]),
        ("simulate ddpm -o p.png --beta-max 1.5", ["ddpm", "betas"]),
        ("simulate gbm -o p.png --x0 -1", ["--x0"]),
        ("noise gbm digit -o p.png", ["negative", "gbm"]),
        ("simulate vp --image digit -o p.png", ["--image", "type scorax noise vp digit -o p.png"]),
        ("simulate vp -o p.png --until 2", ["--until", "2"]),
        ("simulate vp -o p.png --at 0.5 --at 0.5", ["--at"]),
        ("simulate vp -o p.png --at 1.5", ["--at", "1.5"]),
        ("simulate ddpm -o p.png --at 0.0001", ["--at", "0.001"]),
        ("simulate vp -o p.png --x0-spread -1", ["--x0-spread"]),
        ("simulate vp -o p.png --paths 3", ["--paths"]),
        ("noise vp digit -o p.png --paths 500", ["--paths"]),
        ("noise vp digit -o p.png --rate 2", ["vp (--beta-min, --beta-max)", "--rate"]),
        ("noise vp nothing.png -o p.png", ["nothing.png", "no such file"]),
        ("simulate vp -o p.png --parts --method exact", ["--parts", "exact"]),
        ("noise vp digit -o absent/p.png", ["no folder absent"]),
        ("simulate brownian -o absent/p.png --paths 100 --steps 2 --method exact", ["absent/p.png"]),
    ],
)
def test_refused(
    line: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("scorax: error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_large_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Path("text.png").write_text("not a picture")
    Image.new("L", (600, 600)).save("large.png")
    for name, word in (("text.png", "damaged"), ("large.png", "600 x 600")):
        assert main(["noise", "vp", name, "-o", "p.png"]) == 2
        assert word in capsys.readouterr().err
    Image.new("RGB", (4, 4), "red").save("own.png")
    before = Path("own.png").read_bytes()
    assert main(["noise", "vp", "own.png", "-o", "own.png"]) == 2
    assert Path("own.png").read_bytes() == before


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_paths_are_drawn_and_told(kind: str, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / f"paths.{kind}"
    line = "simulate brownian --drift 1 --sigma 0.5 --paths 256 --shown 4 --steps 8 --json -o"
    assert main([*line.split(), str(path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [entry["t"] for entry in facts["marginals"]] == [0.1, 0.4, 1.0]
    np.testing.assert_allclose([entry["exact_mean"] for entry in facts["marginals"]], [0.1, 0.4, 1.0], rtol=1e-6)
    np.testing.assert_allclose([entry["exact_sd"] for entry in facts["marginals"]], 0.5 * np.sqrt([0.1, 0.4, 1]))
    assert path.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])


def test_same_seed_same_bytes_and_an_old_picture_survives_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    path = tmp_path / "paths.png"
    line = [*["simulate", "brownian", "--paths", "256", "--shown", "4", "--steps", "8", "--parts", "-o"], str(path)]
    assert main(line) == 0
    before = path.read_bytes()
    assert "KS D" in capsys.readouterr().out
    assert main(line) == 0
    assert path.read_bytes() == before

    def broken(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("scorax.report.paths_figure", broken)
    assert main(line) == 3
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_image_in_noise(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "digit.png"
    assert main(["noise", "vp", "digit", "--steps", "8", "--method", "exact", "-o", str(path)]) == 0
    assert "pixels, standardised" in capsys.readouterr().out
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow  # seven compiles of a thousand steps: half a minute
@pytest.mark.parametrize("name", PROCESSES)
def test_defaults_do_not_reject(name: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(["simulate", name, "--json", "-o", str(tmp_path / "p.png")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert all(entry["p_value"] > 0.05 for entry in json.loads(out)["marginals"])
