"""`scorax infer`: draws given each observation inside the support of their priors, ranks, and refusals before anything slow."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scorax import ScorePosterior
from scorax.cli import main
from scorax.data import read_table
from scorax.tables import Normal, Uniform

TINY = [
    *("--max-steps", "5", "--set", "network.width=8", "--set", "network.depth=1", "--set", "ensemble.folds=1"),
    *("--set", "training.batch_size=32", "--set", "ensemble.starts=['gaussian']", "--set", "noise.candidates=[0.01]"),
]
PRIOR = "a=uniform(-1,1), b=normal(0,2)"
Captured = pytest.CaptureFixture[str]


def write(path: Path, names: str, *columns: np.ndarray) -> Path:
    lines = [",".join(f"{cell:.3f}" for cell in row) for row in np.column_stack(columns)]
    path.write_text("\n".join([names, *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulations, observations, and a run with its draws."""
    folder, random = tmp_path_factory.mktemp("infer"), np.random.default_rng(0)
    a, b = random.uniform(-1, 1, 150), random.normal(0, 2, 150)
    x, y = a + 0.3 * random.normal(size=150), b - a + 0.5 * random.normal(size=150)
    write(folder / "sims.csv", "a,x,b,y", a, x, b, y)
    write(folder / "further.csv", "b,y,x,a", b[:20], y[:20], x[:20], a[:20])
    write(folder / "x.csv", "y,x", np.array([0.5, -3.0]), np.array([0.9, -0.7]))
    assert main(command(folder, folder / "run", "--samples", "40")) == 0
    return folder


def command(folder: Path, run: Path, *options: str, prior: str = PRIOR, observed: str = "x.csv") -> list[str]:
    words = ["infer", str(folder / "sims.csv"), "--observed", str(folder / observed), "-o", str(run)]
    return [*words, "--prior", prior, *TINY, *options]


def test_draws_are_given_each_observation_and_inside_the_support(work: Path) -> None:
    drawn = read_table(work / "run" / "posterior.csv")
    assert drawn.columns == ("observation", "a", "b")
    np.testing.assert_array_equal(drawn.values[:, 0], np.repeat([1, 2], 40))
    assert np.abs(drawn.values[:, 1]).max() <= 1
    law = ScorePosterior.load(work / "run")
    assert law.prior == {"a": Uniform(-1, 1), "b": Normal(0, 2)}
    asked = pd.DataFrame({"x": [0.9, -0.7], "y": [0.5, -3.0]})
    np.testing.assert_allclose(law.sample(asked, 40).reshape(80, 2), drawn.values[:, 1:])
    np.save(work / "x.npy", asked.to_numpy())  # has no names: its columns are those of the simulations in their order
    assert main(command(work, work / "by_array", "--samples", "40", observed="x.npy")) == 0
    np.testing.assert_array_equal(read_table(work / "by_array" / "posterior.csv").values, drawn.values)
    # The run starts from the Gaussian of (x, u): the posteriors of the two observations lie apart.
    first, second = law.sample(asked, 200)[:, :, 0].mean(axis=1)
    assert first > second + 0.5


def test_ranks_are_of_held_out_rows_or_of_a_file(work: Path, capsys: Captured) -> None:
    page = (work / "run" / "posterior.html").read_text()
    assert "ranks of 15 further simulations among 100 draws each" in page
    assert page.count("data:image/svg") == 3
    assert main(command(work, work / "other", "--calibrate", str(work / "further.csv"))) == 0
    assert "ranks of 20 simulations among 100 draws each" in capsys.readouterr().out
    assert main(command(work, work / "none", "--holdout", "0")) == 0
    assert "ranks" not in capsys.readouterr().out


def test_a_finished_run_draws_again_and_other_simulations_are_refused(work: Path, capsys: Captured) -> None:
    before = (work / "run" / "posterior.csv").read_bytes()
    (work / "run" / "posterior.csv").unlink()
    assert main(command(work, work / "run", "--samples", "40", "--resume")) == 0
    assert (work / "run" / "posterior.csv").read_bytes() == before
    assert main(command(work, work / "run", "--resume", prior="a=uniform(-2,2), b=normal(0,2)")) == 2
    assert "the column 'a' the run was begun with" in capsys.readouterr().err


def test_a_run_that_was_killed_before_its_first_step_ends_in_the_same_draws(work: Path) -> None:
    run = work / "killed"
    (run / "steps").mkdir(parents=True)
    assert main(command(work, run, "--samples", "40", "--resume")) == 0
    assert (run / "posterior.csv").read_bytes() == (work / "run" / "posterior.csv").read_bytes()


@pytest.mark.parametrize(
    "words", ["sample RUN -n 5", "logp RUN SIMS --given x,y", "impute RUN SIMS", "evaluate RUN --test SIMS"]
)
def test_what_asks_for_whole_rows_is_told_whose_law_the_run_has(words: str, work: Path, capsys: Captured) -> None:
    line = [word.replace("RUN", str(work / "run")).replace("SIMS", str(work / "sims.csv")) for word in words.split()]
    assert main([*line, "-o", str(work / ("new" if "evaluate" in words else "new.csv"))]) == 2
    said = capsys.readouterr().err
    assert "expected a model of whole rows" in said
    assert "scorax infer (--resume of a run)" in said


def test_an_observation_that_no_model_can_be_told_is_refused(work: Path, capsys: Captured) -> None:
    """Ten million ranges away a network in single precision answers with no number."""
    write(work / "far.csv", "y,x", np.array([0.5, 3e8]), np.array([0.9, -0.7]))
    assert main(command(work, work / "far", observed="far.csv")) == 2
    assert "in column 'y', got 3e+08 in row 2 (1 of 2 rows)" in capsys.readouterr().err
    assert not (work / "far").exists()


def test_an_observation_without_a_cell_that_every_simulation_has_is_refused(work: Path, capsys: Captured) -> None:
    (work / "holed.csv").write_text("y,x\n0.5,0.9\n-3.0,\n")
    assert main(command(work, work / "holed", observed="holed.csv")) == 2
    assert (
        "expected a value in column 'x', which no row of the fit lacks, got a missing cell in row 2"
        in capsys.readouterr().err
    )
    assert not (work / "holed").exists()


def test_without_priors_there_are_no_bounds_and_it_is_said(work: Path, capsys: Captured) -> None:
    words = ["infer", str(work / "sims.csv"), "--observed", str(work / "x.csv"), "-o", str(work / "plain")]
    assert main([*words, "--parameters", "b, a", *TINY, "--holdout", "0"]) == 0
    assert "without --prior nothing keeps the parameters inside an interval" in capsys.readouterr().err
    assert read_table(work / "plain" / "posterior.csv").columns == ("observation", "b", "a")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--prior", "a=uniform(-1,0.5), b=normal(0,2)"],
            r"values of 'a' in the support \(-1, 0.5\).*in row \d+ \(\d+ of 150",
        ),
        (["--prior", "a=cauchy(0,1)"], "--prior, a: expected a known law, got 'cauchy'"),
        (["--prior", "a=uniform(-1,1), q=normal(0,2)"], "expected the column of a parameter, got 'q'"),
        (["--parameters", "a,b", "--prior", "a=uniform(-1,1)"], "expected a prior for each, got none for 'b'"),
        (["--parameters", "a,,b"], "expected names of parameters, each once"),
        (["--holdout", "1"], "expected --holdout between 0 and 1"),
        (["--samples", "10000000"], "--samples"),
    ],
)
def test_what_cannot_be_inferred_is_refused_in_one_line(
    work: Path, tmp_path: Path, capsys: Captured, options: list[str], words: str
) -> None:
    asked = ["infer", str(work / "sims.csv"), "--observed", str(work / "x.csv"), "-o", str(tmp_path / "run"), *options]
    assert main(asked if "--prior" in options else [*asked, "--prior", PRIOR]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert re.search(words, line), line
    assert not (tmp_path / "run").exists()


def test_an_observation_beyond_all_simulations_is_said(work: Path, tmp_path: Path, capsys: Captured) -> None:
    write(work / "far.csv", "x,y", np.array([0.5, 0.6, 9.0]), np.array([0.5, -1000.0, 0.5]))
    assert main(command(work, tmp_path / "run", "--samples", "5", observed="far.csv")) == 0
    said = capsys.readouterr().err
    assert "warning: column 'x' of the observations has 9.000 in row 3, where simulations go from -" in said
    assert "warning: column 'y' of the observations has -1000.000 in row 2, where simulations go from -" in said
    assert main(command(work, tmp_path / "near", "--samples", "5")) == 0
    assert "of the observations has" not in capsys.readouterr().err


def test_observations_with_other_columns_are_refused(work: Path, tmp_path: Path, capsys: Captured) -> None:
    write(work / "odd.csv", "x,z", np.ones(2), np.ones(2))
    assert main(command(work, tmp_path / "run", observed="odd.csv")) == 2
    assert "expected the column 'y', got none of that name" in capsys.readouterr().err


def test_a_refusal_comes_before_jax(work: Path, tmp_path: Path) -> None:
    words = command(work, tmp_path / "run", prior="a=uniform(-1,0.5), b=normal(0,2)")
    script = f"import sys\nfrom scorax.cli import main\nassert main({words!r}) == 2\nassert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


def test_a_run_of_whole_rows_is_not_asked_for_by_fit(work: Path, tmp_path: Path, capsys: Captured) -> None:
    words = ["fit", str(work / "sims.csv"), "-o", str(tmp_path / "run"), "--no-report", "--set", 'training.given=["x"]']
    assert main(words) == 2
    assert "ScorePosterior or ScoreConditional for it" in capsys.readouterr().err
