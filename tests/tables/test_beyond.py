"""Numbers outside of what a fit has seen, known or drawn, are said and stay as they are."""

import re
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from scorax import FitConfig, ScoreConditional, ScoreImputer
from scorax.cli import main
from scorax.data import Table, read_table
from scorax.tables import EnsembleConfig, FarOut, NetworkConfig, NoiseConfig, TrainingConfig, examine
from scorax.tables._beyond import outside, seen_ends

OPTIONS = [
    *("--masks", "--no-report", "--folds", "1", "--max-steps", "5", "--set", "network.width=8"),
    *("--set", "network.depth=1", "--set", "training.batch_size=32", "--set", "noise.candidates=[0.1]"),
    *("--set", "ensemble.starts=['gaussian']"),
]
CONFIG = FitConfig(
    network=NetworkConfig(width=8, depth=1),
    training=TrainingConfig(masks=0.5, max_steps=5, batch_size=32),
    ensemble=EnsembleConfig(folds=1, starts=("gaussian",)),
    noise=NoiseConfig(candidates=(0.1,)),
)


def pairs(n: int) -> np.ndarray:
    """Numbers a, and b that follows them: a Gaussian given a far out puts b as far out."""
    random = np.random.default_rng(0)
    a = random.normal(size=n)
    return np.column_stack([a, a + 0.01 * random.normal(size=n)])


def test_what_is_outside_by_ranges_is_that_of_the_values_and_of_excesses() -> None:
    random = np.random.default_rng(1)
    begin = random.normal(50, 10, 400)
    rows = np.column_stack([begin, begin + random.exponential(1.0, 400), random.choice([0.0, 1.0], 400)])
    schema = examine(Table.of(rows, ["begin", "end", "flag"], "rows")).schema
    (_, of_end, source) = next((j, column, source) for j, column, source in schema.differences)
    assert (of_end.name, source) == ("end", 0)
    low, high = seen_ends(schema)
    np.testing.assert_allclose([low[0], high[0]], [begin.min(), begin.max()])
    excess = rows[:, 1] - begin
    np.testing.assert_allclose([low[1], high[1]], [excess.min(), excess.max()], atol=1e-9)
    assert np.isnan([low[2], high[2]]).all()
    assert not outside(schema, rows).any()
    probe = np.array([[50.0, 50 + 2 * excess.max(), 7.0], [50.0, 50 + 12 * excess.max(), 0.0], [1e3, 1e3 + 1, np.nan]])
    assert outside(schema, probe).tolist() == [[False, True, False], [False, True, False], [True, False, False]]
    assert outside(schema, probe, ranges=10).tolist() == [[False] * 3, [False, True, False], [True, False, False]]
    far = FarOut(schema)
    far.add(probe[:1], np.ones((1, 3), bool))
    far.add(probe, np.array([[False, True, True]]), start=1)
    (line,) = far.lines("rows")
    assert line.startswith("column 'end' ('begin' and 0")
    assert "): 1 drawn cell lies more than 3 times its range outside of it, the first in row 3 of rows" in line
    far.add(
        np.array([[np.inf, np.inf, np.nan], [np.nan] * 3]), np.ones((2, 3), bool)
    )  # what is not finite is counted elsewhere
    assert [*far.lines("rows")] == [line]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beyond")
    lines = "".join(f"{a:.4f},{b:.4f}\n" for a, b in pairs(80))
    (folder / "train.csv").write_text("a,b\n" + lines)
    assert main(["fit", str(folder / "train.csv"), "-o", str(folder / "run"), *OPTIONS]) == 0
    return folder


def test_draws_far_out_are_said_and_written_as_they_are(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "holes.csv").write_text("a,b\n0.5,\n1000,\n1000,2\n")
    out = work / "filled.csv"
    assert main(["impute", str(work / "run"), str(work / "holes.csv"), "-o", str(out)]) == 0
    said = capsys.readouterr().err
    assert re.search(
        r"warning: column 'b' \(.*\): 1 drawn cell lies more than 3 times .* in row 2 of .*holes\.csv", said
    )
    assert abs(read_table(out).values[1, 1]) > 100
    assert main(["sample", str(work / "run"), "--given", "a=1000", "-n", "3", "-o", str(work / "new.csv")]) == 0
    assert re.search(
        r"warning: column 'b' \(.*\): 3 drawn cells lie .* in row 1 of .*new\.csv", capsys.readouterr().err
    )
    assert main(["sample", str(work / "run"), "--given", "a=0.5", "-n", "3", "-o", str(work / "near.csv")]) == 0
    assert "drawn cell" not in capsys.readouterr().err


def test_an_imputer_warns_of_them() -> None:
    imputer = ScoreImputer(CONFIG, random_state=0, n_draws=4).fit(pairs(80))
    with pytest.warns(UserWarning, match="column 'x1' .*: 1 drawn cell lies more than 3 times .* in row 2 of X"):
        imputer.transform([[0.5, np.nan], [1000.0, np.nan]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        imputer.transform([[0.5, np.nan], [1000.0, 1000.0]])


def test_a_conditional_warns_of_them() -> None:
    x, y = pairs(80).T
    found = ScoreConditional(CONFIG, random_state=0).fit(x[:, None], y)
    asks = (found.predict, partial(found.predict_quantiles, levels=[0.5]), partial(found.sample, n_samples=2))
    for ask in asks:
        with pytest.warns(UserWarning, match="column 'y' .*: 1 drawn cell lies more than 3 times .* in row 2 of X"):
            ask([[0.5], [1000.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for ask in asks:
            ask([[0.5], [-0.5]])
