"""Run folders of every format, and what they answer: ``fixtures/runs/FORMAT/{table,posterior,pictures}`` and ``answers.json``.

``python tests/earlier_runs.py`` writes those of the present format, once for each new one (``scorax.checkpoint``); those of
earlier formats stay as they are, and ``tests/checkpoint/test_earlier_runs.py`` reads all of them.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

RUNS = Path(__file__).parent / "fixtures" / "runs"
KINDS = ("table", "posterior", "pictures")

_SMALL = [
    *("--max-steps", "10", "--set", "training.batch_size=16", "--set", "network.width=8", "--set", "network.depth=1"),
    *("--set", "ensemble.folds=2", "--set", "ensemble.starts=['gaussian']", "--set", "noise.candidates=[0.1]"),
    *("--set", "sampling.evaluations=8"),
]
_PICTURES = [
    *("--max-steps", "3", "--minutes", "0.01", "--no-report", "--set", "network.width=4"),
    *("--set", "network.multiples=[1, 1]", "--set", "training.batch_size=8", "--set", "training.sheets=1"),
]


def run(*words: object) -> None:
    """One command, which has to succeed."""
    from scorax.cli import main

    if code := main([str(word) for word in words]):
        raise RuntimeError(f"scorax {words[0]} ended with exit code {code}")


def write(format_: Path, work: Path) -> None:
    """A run of each kind: two numbers, a category and a text; a simulator of one parameter; pictures of four by four."""
    random = np.random.default_rng(0)
    cells = zip(
        random.normal(size=60), random.integers(-20, 20, 60) / 100, random.choice(["blue", "red"], 60), strict=True
    )
    (work / "t.csv").write_text("height,rounded,colour\n" + "".join(f"{a:.6f},{b:.2f},{c}\n" for a, b, c in cells))
    run("fit", work / "t.csv", "-o", format_ / "table", "--no-report", *_SMALL)
    a, noise = random.uniform(-1, 1, 60), 0.3 * random.normal(size=60)
    (work / "s.csv").write_text("a,x\n" + "".join(f"{a:.6f},{x:.6f}\n" for a, x in zip(a, a + noise, strict=True)))
    (work / "x.csv").write_text("x\n0.4\n")
    prior = ("--prior", "a=uniform(-1,1)", "--samples", "3", "--holdout", "0")
    run("infer", work / "s.csv", "--observed", work / "x.csv", "-o", format_ / "posterior", *prior, *_SMALL)
    for name in ("posterior.html", "posterior.csv"):
        (format_ / "posterior" / name).unlink()
    (work / "p").mkdir()
    for k in range(20):
        Image.fromarray(random.integers(0, 255, (4, 4)).astype(np.uint8)).save(work / "p" / f"{k:02d}.png")
    run("fit", work / "p", "-o", format_ / "pictures", *_PICTURES)


def answers(kind: str, path: Path, work: Path) -> dict[str, list[object]]:
    """What a run answers, through the commands and estimators that read it."""
    from scorax import ScorePosterior
    from scorax.data import read_pictures, read_table

    if kind == "posterior":
        law, observed = ScorePosterior.load(path), np.full((3, 1), 0.4)
        drawn = law.sample(observed[:1], 3).reshape(3, 1)
        return {"drawn": drawn.tolist(), "log_density": np.asarray(law.log_prob(drawn, observed).value).tolist()}
    out = work / f"{kind}.{'npz' if kind == 'pictures' else 'csv'}"
    run("sample", path, "-n", 3, "-o", out)
    if kind == "pictures":
        return {"drawn": read_pictures(out).images.tolist()}
    run("logp", path, out, "-o", work / "logp.npy")
    return {"drawn": read_table(out).values.tolist(), "log_density": np.load(work / "logp.npy")[:, 1].tolist()}


if __name__ == "__main__":
    from scorax.checkpoint._steps import FORMAT

    if (RUNS / str(FORMAT)).exists():
        sys.exit(f"{RUNS / str(FORMAT)}: expected no such folder; what an earlier version wrote is kept as it is")
    with tempfile.TemporaryDirectory() as name:
        write(RUNS / str(FORMAT), Path(name))
        found = {kind: answers(kind, RUNS / str(FORMAT) / kind, Path(name)) for kind in KINDS}
    (RUNS / str(FORMAT) / "answers.json").write_text(json.dumps(found, indent=1) + "\n")
