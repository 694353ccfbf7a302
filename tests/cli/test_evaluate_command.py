"""`scorax evaluate` on a tiny run of a table with texts and holes: what it writes, what it says, what it refuses."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from scorax._errors import InputError
from scorax.cli import main

TINY = [
    *("--folds", "1", "--max-steps", "20", "--set", "network.width=8", "--set", "network.depth=1"),
    *("--set", "sampling.evaluations=4", "--set", "training.validate_every=10", "--set", "noise.candidates=[0.1]"),
    *("--set", "training.filling_rounds=1"),
]
Captured = pytest.CaptureFixture[str]


def _write(path: Path, rows: int, seed: int) -> Path:
    """A number, one with decimals that repeat and holes, a constant, and a text that says whether the first is positive."""
    random = np.random.default_rng(seed)
    lines = ["height,score,unit,side"]
    for row in range(rows):
        x = random.normal()
        score = "" if row % 9 == 0 else f"{random.integers(-20, 20) / 100 + x:.1f}"
        lines.append(f"{x:.6f},{score},3,{'right' if x > 0 else 'left'}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `fit.csv`, `test.csv` and the run `run`, which holds out three tenths of `fit.csv`."""
    folder = tmp_path_factory.mktemp("evaluate")
    fit, _ = _write(folder / "fit.csv", 150, seed=0), _write(folder / "test.csv", 40, seed=1)
    assert main(["fit", str(fit), "-o", str(folder / "run"), "--holdout", "0.3", *TINY]) == 0
    return folder


def _evaluate(work: Path, *options: str) -> int:
    return main(["evaluate", str(work / "run"), "--test", str(work / "test.csv"), *options])


def test_the_report_of_a_fit_has_generated_rows_beside_real_ones(work: Path) -> None:
    record = json.loads((work / "run" / "records" / "generated.json").read_text())
    assert (record["generated"], record["held"], record["fit"]) == (105, 45, 105)
    page = (work / "run" / "report.html").read_text()
    assert "Are they copies?" in page
    assert main(["info", str(work / "run")]) == 0


def test_the_lines_of_the_guide_run(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    page = (Path(__file__).parents[2] / "docs" / "guides" / "evaluation.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(work)
    exec(
        compile(lines.replace("samples=1000", "samples=30").replace("scored=500", "scored=5"), "the guide", "exec"), {}
    )
    assert "rows of the fit" in capsys.readouterr().out


def test_an_evaluation_prints_writes_a_page_and_its_numbers(work: Path, capsys: Captured) -> None:
    page = work / "out" / "evaluation.html"
    options = ("--data", str(work / "fit.csv"), "--samples", "60", "--rows", "10", "--target", "side", "-o")
    assert _evaluate(work, *options, str(page.parent)) == 0
    said = capsys.readouterr()
    assert "of one processor" in said.err.splitlines()[0]
    for words in (
        "Gaussian copula",
        "boosted chain",
        "1 is indistinguishable",
        "equal to a row of the fit",
        "- Predicting 'side'",
    ):
        assert words in said.out
    record = json.loads(page.with_suffix(".json").read_text())
    held, made = record["held_out"], record["generated"]
    assert (held["rows"], held["drawn_from"], len(held["baselines"])) == (10, 40, 3)
    # Of a run with a hold-out, the rows of its fit: 70 % of 150.
    assert (made["generated"], made["held"], made["fit"]) == (60, 40, 105)
    assert made["usefulness"]["target"] == "side"
    assert {column["name"] for column in made["columns"]["columns"]} == {"height", "score", "side"}
    text = page.read_text()
    for column in ("height", "score", "side"):
        assert column in text
    assert "<script" not in text


def test_without_the_rows_of_the_fit_it_says_what_is_left_out(work: Path, capsys: Captured) -> None:
    assert _evaluate(work, "--samples", "30", "--rows", "5", "--json") == 0
    said = capsys.readouterr()
    record = json.loads(said.out)
    assert record == json.loads((work / "run" / "evaluation.json").read_text())
    assert record["held_out"]["baselines"] == []
    assert "copies" not in record["generated"]
    assert "without --data" in said.err
    assert main(["info", str(work / "run")]) == 0  # the run is whole beside it


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--data", "{test}"), "the table of the fit (150 rows), unchanged"),
        (("--target", "sides"), "did you mean 'side'"),
        (("--target", "unit"), "name one of 'height'"),
        (("-o", "{run}/report.html"), "an output apart from the input"),
        (("-o", "{run}.pdf"), "a file that ends in .html"),
        (("--data", "{run}/nothing.csv"), "nothing.csv"),
        (("--samples", "3"), "--samples"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_one_line(
    work: Path, capsys: Captured, options: tuple[str, ...], words: str
) -> None:
    given = [part.format(run=work / "run", test=work / "test.csv") for part in options]
    assert _evaluate(work, *given) == 2
    said = capsys.readouterr()
    assert words in said.err.replace('"', "'")
    assert len(said.err.splitlines()) == 1
    assert not said.out


def test_a_test_file_that_is_the_table_of_the_fit_is_warned_of(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def stop(*_: object) -> None:
        raise InputError("no further")

    for module in ("_evaluate", "_report", "_fit", "_infer"):
        monkeypatch.setattr(f"scorax.cli.{module}.pin_threads", stop)
    fit, run, new = (str(work / name) for name in ("fit.csv", "run", "new"))
    names = (work / "fit.csv").read_text().split("\n", 1)[0].split(",")
    for words in (
        ["evaluate", run, "--test"],
        ["report", run, "--test"],
        ["fit", fit, "-o", new, "--test"],
        ["infer", fit, "-o", new, "--parameters", names[0], "--observed", str(work / "test.csv"), "--calibrate"],
    ):
        for other, warned in (("fit.csv", True), ("test.csv", False)):
            assert main([*words, str(work / other)]) == 2
            said = capsys.readouterr().err
            assert "no further" in said
            assert ("fit.csv is the table of the fit" in said) == warned


def test_a_file_with_other_columns_is_refused(work: Path, capsys: Captured) -> None:
    other = work / "other.csv"
    other.write_text("height,side\n1.0,left\n")
    assert main(["evaluate", str(work / "run"), "--test", str(other)]) == 2
    assert "other.csv: expected the column" in capsys.readouterr().err
