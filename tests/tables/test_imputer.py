"""Missing cells filled: an untrained field is exactly the Gaussian law it starts from, so fillings have closed forms."""

import dataclasses
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from scorax import ScoreDensity, ScoreImputer
from scorax._errors import InputError
from scorax.tables import TrainingConfig, fill
from tiny import TINY
from untrained import ROWS, conditional, table, untrained

DRAWS = 2000
HOLES = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]], bool)
VALUES = np.where(HOLES, np.nan, np.vstack([ROWS, ROWS[:1]]))


def test_a_mean_and_its_spread_are_those_of_the_conditional_law() -> None:
    """Within 4.5 standard errors of 2,000 draws; six cells and three figures of each (false alarms: 1 in 8,000)."""
    fitted = untrained()
    filled = fill(fitted, VALUES, method="mean", draws=DRAWS, at_once=3 * DRAWS, seed=4)
    whole, spread = filled.table(), filled.spread
    np.testing.assert_array_equal(whole[~HOLES], VALUES[~HOLES])
    assert spread is not None
    assert list(zip(spread.row, spread.column, strict=True)) == [(0, 1), (0, 2), (1, 2), (3, 0), (3, 3)]
    for k, (row, column) in enumerate(zip(spread.row, spread.column, strict=True)):
        if column == 3:
            continue
        given = [j for j in range(3) if not HOLES[row, j]]
        mean, covariance = conditional(fitted, [column], given, VALUES[row, given])
        deviation = float(np.sqrt(covariance[0, 0]))
        assert abs(spread.mean[k] - mean[0]) < 4.5 * deviation / np.sqrt(DRAWS)
        assert abs(whole[row, column] - spread.mean[k]) < 1e-6
        assert abs(spread.deviation[k] - deviation) < 4.5 * deviation / np.sqrt(2 * DRAWS)
        density = 0.1031  # of the standard normal law at its quantile of .05
        bound = 4.5 * deviation * np.sqrt(0.05 * 0.95 / DRAWS) / density
        assert abs(spread.quantiles[k, 0] - (mean[0] - 1.6449 * deviation)) < bound
    assert np.isnan(spread.share[:4]).all()
    shares = np.exp(np.asarray(fitted.blueprint.starts.log_priors[0][0]))
    assert whole[3, 3] == np.argmax(shares)
    assert abs(spread.share[4] - shares.max()) < 4.5 * np.sqrt(0.25 / DRAWS)
    assert np.isnan(spread.mean[4])


def test_draws_are_what_they_are_whatever_is_held_at_a_time() -> None:
    fitted = untrained()
    first = fill(fitted, VALUES, draws=3, seed=1)
    assert first.spread is None
    assert first.cells.shape == (3, 5)
    np.testing.assert_array_equal(fill(fitted, VALUES, draws=3, seed=1, at_once=4).cells, first.cells)
    assert len(np.unique(first.cells[:, 0])) == 3
    none = fill(fitted, ROWS, method="median", draws=3)
    np.testing.assert_array_equal(none.table(), ROWS)
    assert none.spread is not None
    assert none.spread.quantiles.shape == (0, 3)


def test_a_model_of_whole_rows_is_refused() -> None:
    config = dataclasses.replace(TINY, training=TrainingConfig(max_steps=1))
    with pytest.raises(InputError, match="trained under masks"):
        fill(untrained(config), VALUES)


@pytest.fixture(scope="module")
def numbers() -> np.ndarray:
    values = table().values[:80, :3].copy()
    values[np.random.default_rng(2).random(values.shape) < 0.1] = np.nan
    return values[~np.isnan(values).all(axis=1)]


@pytest.fixture(scope="module")
def fitted(numbers: np.ndarray) -> ScoreImputer:
    return ScoreImputer(TINY, random_state=0, n_draws=20).fit(numbers)


def test_an_array_comes_back_whole_and_known_cells_as_they_were(fitted: ScoreImputer, numbers: np.ndarray) -> None:
    assert fitted.fitted_.config.training.masks == 0.5
    for method in ("mean", "median", "draw"):
        whole = fitted.set_params(method=method).transform(numbers)
        assert np.isfinite(whole).all()
        np.testing.assert_array_equal(whole[~np.isnan(numbers)], numbers[~np.isnan(numbers)])
        np.testing.assert_array_equal(fitted.transform(numbers), whole)
    fitted.set_params(method="mean")
    assert fitted.transform(numbers.astype(np.float32)).dtype == np.float32
    draws = fitted.draws(numbers, 3)
    assert len(draws) == 3
    assert not np.array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(fitted.draws(numbers, 3, random_state=fitted.random_state)[2].shape, numbers.shape)
    assert fitted.spread(numbers, quantiles=(0.1,)).quantiles.shape == (np.isnan(numbers).sum(), 1)
    np.testing.assert_array_equal(fitted.get_feature_names_out(), ["x0", "x1", "x2"])


def test_the_density_of_a_whole_row_has_the_same_bits_beside_rows_with_holes(
    fitted: ScoreImputer, numbers: np.ndarray
) -> None:
    whole = ~np.isnan(numbers).any(axis=1)
    law = fitted.fitted_
    together, alone = (np.asarray(law.log_prob(own).value) for own in (numbers, numbers[whole]))
    np.testing.assert_array_equal(together[whole], alone)


def test_it_is_cloned_pickled_saved_and_a_step_of_a_pipeline(
    fitted: ScoreImputer, numbers: np.ndarray, tmp_path
) -> None:
    whole = fitted.transform(numbers)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(numbers), whole)
    fitted.save(tmp_path / "run")
    again = ScoreImputer.load(tmp_path / "run")
    assert again.get_params() == fitted.get_params()
    assert ScoreDensity.load(tmp_path / "run").folds == fitted.folds
    np.testing.assert_array_equal(again.transform(numbers), whole)
    framed = fitted.set_output(transform="pandas").transform(numbers)
    assert isinstance(framed, pd.DataFrame)
    fitted.set_output(transform="default")
    copy = clone(fitted)
    assert isinstance(copy, ScoreImputer)
    assert copy.n_draws == 20
    target = np.arange(len(numbers), dtype=float)
    line = make_pipeline(ScoreImputer(TINY, max_steps=2, n_draws=2), LinearRegression()).fit(numbers, target)
    assert np.isfinite(line.predict(numbers)).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_frame_comes_back_as_one_of_its_kind(library) -> None:
    """Numbers, counts, texts and truth values; an identifier passes with its hole."""
    random = np.random.default_rng(3)
    n = 80
    cells = {
        "id": [f"p{k:03}" if k != 7 else None for k in range(n)],
        "height": random.normal(170, 10, n).round(1).tolist(),
        "children": random.poisson(1, n).tolist(),
        "colour": random.choice(["blue", "red", "green"], n).tolist(),
        "ill": (random.random(n) < 0.4).tolist(),
    }
    for name, step in (("height", 5), ("children", 7), ("colour", 9), ("ill", 11)):
        cells[name] = [None if k % step == step // 2 else cell for k, cell in enumerate(cells[name])]
    frame = library.DataFrame(cells)
    if library is pd:
        frame = frame.astype({"children": "Int64", "colour": "category", "ill": "boolean"}).set_index(frame.index + 100)
    imputer = ScoreImputer(TINY, random_state=0, n_draws=8).fit(frame)
    for made in (imputer.transform(frame), *imputer.draws(frame, 2)):
        assert type(made) is type(frame)
        assert list(made.columns) == list(frame.columns)
        assert list(made.dtypes) == list(frame.dtypes)
        if library is pd:
            assert made.index.equals(frame.index)
        rows = made.to_dict("list") if library is pd else made.to_dict(as_series=False)
        for name, column in cells.items():
            for old, new in zip(column, rows[name], strict=True):
                assert new == old or old is None
            if name != "id":
                assert not any(cell is None or cell is pd.NA or cell != cell for cell in rows[name])
    few = frame.iloc[:3] if library is pd else frame[:3]
    assert len(imputer.transform(few)) == 3
    strange = library.DataFrame({**cells, "colour": ["blue", "pink", *cells["colour"][2:]]})
    with pytest.raises(InputError, match=r"X: .*'colour' .*in row 2 \(1 of 80 rows\)"):
        imputer.transform(strange)


def test_bad_parameters_are_refused(numbers: np.ndarray, fitted: ScoreImputer) -> None:
    for parameters, message in (
        ({"method": "mode"}, "name of a method"),
        ({"n_draws": 0}, "n_draws as a whole number"),
    ):
        with pytest.raises(InputError, match=message):
            ScoreImputer(TINY, **parameters).fit(numbers)
    for count in (0, 2.5, "two"):
        with pytest.raises(InputError, match="expected n as a whole number of at least 1"):
            fitted.draws(numbers, count)
    with pytest.raises(InputError, match="not missing in every row"):
        fitted.transform(np.full((1, 3), np.nan))
