"""The law of y given X: an untrained field is exactly the Gaussian it starts from, so answers have closed forms."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError

from scorax import ScoreConditional, ScoreDensity
from scorax._errors import InputError
from scorax.tables._targets import checked_target, is_of_classes
from untrained_conditional import CONFIG, Untrained, given


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Three numbers that depend on each other, and one that depends on two of them."""
    random = np.random.default_rng(5)
    X = 10 + 3 * random.normal(size=(count, 3)) @ np.array([[1.0, 0.8, -0.3], [0, 0.6, 0.5], [0, 0, 0.7]])
    return X, 2 * X[:, 0] - X[:, 2] + random.normal(size=count)


X, Y = rows()
LABELS = np.array(["often", "rare", "usual"])[np.digitize(Y, [2.0, 8.0])]


@pytest.fixture(scope="module")
def law() -> Untrained:
    return Untrained(CONFIG).fit(X, Y)


@pytest.fixture(scope="module")
def classes() -> Untrained:
    return Untrained(CONFIG).fit(X, LABELS)


def require_densities(law: Untrained, rows: Any, y: np.ndarray, expected: np.ndarray) -> None:
    """Log-densities within the stated error, nearly all of it of the law at ``t1``, known to first order: a quarter beside."""
    answer = law.fitted_.log_prob(law._with_target(rows, y), given=law.fitted_.config.training.given)
    np.testing.assert_array_equal(law.score_samples(rows, y), answer.value)
    assert np.all(np.abs(answer.value - expected) < 1e-4 + 1.25 * answer.total_error)
    assert np.max(np.abs(answer.value - expected)) < 0.05


def test_mean_quantiles_and_density_are_those_of_the_normal_law(law: Untrained) -> None:
    """Bounds: the solve by 64 evaluations, and a cut-off of .001 deviations."""
    means, deviation = given(law, X[:20], [0, 1, 2])
    levels = np.array([0.01, 0.25, 0.5, 0.9])
    np.testing.assert_allclose(law.predict(X[:20]), means, atol=5e-3 * deviation)
    expected = means[:, None] + deviation * norm.ppf(levels)
    np.testing.assert_allclose(law.predict_quantiles(X[:20], levels), expected, atol=0.01 * deviation)
    require_densities(law, X[:20], Y[:20], norm(means, deviation).logpdf(Y[:20]))
    assert law.score(X[:20], Y[:20]) == pytest.approx(np.mean(law.score_samples(X[:20], Y[:20])))


def test_rows_of_rounded_numbers_are_scored_where_their_draws_are_given_them() -> None:
    """In the middle of their cells: with noise of its own inside a cell of 1 the density of a row would be another's."""
    law = Untrained(CONFIG).fit(np.round(X), Y)
    means, deviation = given(law, np.round(X[:20]), [0, 1, 2])
    require_densities(law, np.round(X[:20]), Y[:20], norm(means, deviation).logpdf(Y[:20]))
    np.testing.assert_allclose(law.predict(np.round(X[:20])), means, atol=5e-3 * deviation)


def test_draws_have_the_law_of_y_given_the_row(law: Untrained) -> None:
    """Mean and variance of 4,000 draws within 4.5 standard errors (false alarms: 7e-6 each)."""
    means, deviation = given(law, X[:2], [0, 1, 2])
    draws = law.sample(X[:2], 4000, random_state=3)
    assert draws.shape == (2, 4000)
    assert np.all(np.abs(draws.mean(axis=1) - means) < 4.5 * deviation / np.sqrt(4000))
    assert np.all(np.abs(draws.var(axis=1) / deviation**2 - 1) < 4.5 * np.sqrt(2 / 4000))
    np.testing.assert_array_equal(law.sample(X[:2], 5, random_state=3), law.sample(X[:2], 5, random_state=3))


def test_what_a_row_lacks_is_summed_over() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.loc[::7, "b"] = np.nan
    law = Untrained(CONFIG).fit(frame, pd.Series(Y, name="c"))
    asked = frame.iloc[[1, 2, 3]].assign(b=np.nan)
    means, deviation = given(law, asked.to_numpy(), [0, 2])
    np.testing.assert_allclose(law.predict(asked), means, atol=5e-3 * deviation)
    require_densities(law, asked, Y[1:4], norm(means, deviation).logpdf(Y[1:4]))


def test_a_row_that_lacks_what_no_row_of_the_fit_lacks_is_refused(tmp_path: Path) -> None:
    """The network was never asked for y without that cell. A folder keeps which columns these are."""
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.loc[::7, "b"] = np.nan
    law = Untrained(CONFIG).fit(frame, pd.Series(Y, name="c"))
    assert law.schema_.holed == ("b",)
    law.save(tmp_path / "run")
    asked = frame.iloc[[1, 2, 3]].assign(c=[1.0, np.nan, 2.0])
    for own in (law, ScoreConditional.load(tmp_path / "run")):
        for ask in (own.predict, lambda rows, own=own: own.score_samples(rows, Y[1:4])):
            with pytest.raises(InputError, match=r"a value in column 'c', which no row of the fit lacks.*in row 2"):
                ask(asked)


def test_a_prediction_depends_on_its_row_alone(law: Untrained) -> None:
    every = law.predict(X[:9])
    np.testing.assert_array_equal(law.predict(X[4:6]), every[4:6])
    np.testing.assert_array_equal(law.predict(X[8::-1]), every[::-1])


def test_training_asks_for_y_given_the_others_and_is_held_to_it(law: Untrained) -> None:
    """Known and target of the rows; the bound at the start is the mean conditional log-density of the held-out rows."""
    training = law.training_
    asked = training.rows.condition
    np.testing.assert_array_equal(asked.known, np.tile([True, True, True, False], (len(X), 1)))
    np.testing.assert_array_equal(asked.target, ~np.asarray(asked.known))
    held = training.values[training.held_out(0)]
    y = held[:, -1]
    means, deviation = given(law, held, [0, 1, 2])
    np.testing.assert_allclose(training.start_nats[0], norm(means, deviation).logpdf(y).mean(), atol=1e-4)


def test_classes_have_the_probabilities_of_their_start(classes: Untrained) -> None:
    trained = classes.training_.values[classes.training_.trained_on(0), -1]
    names, counts = np.unique(LABELS), np.bincount(trained.astype(int))
    np.testing.assert_array_equal(classes.classes_, names)
    expected = (counts + 0.5) / (counts.sum() + 1.5)
    np.testing.assert_allclose(classes.predict_proba(X[:5]), np.tile(expected, (5, 1)), atol=1e-5)
    assert set(classes.predict(X[:5])) == {names[np.argmax(expected)]}
    places = np.searchsorted(names, LABELS[:5])
    unseen = 0.5 / (len(X) + 3)
    scores = classes.score_samples(X[:5], LABELS[:5])
    np.testing.assert_allclose(scores, np.log(expected)[places] + np.log1p(-unseen), atol=1e-5)
    np.testing.assert_allclose(classes.score_samples(X[:1], ["never"]), np.log(unseen), atol=1e-5)
    draws = classes.sample(X[:1], 5000, random_state=0)
    shares = np.array([np.mean(draws == name) for name in names])
    assert np.all(np.abs(shares - expected) < 4.5 * np.sqrt(expected * (1 - expected) / 5000))


def test_the_kind_of_y_decides_what_it_is(law: Untrained, classes: Untrained) -> None:
    assert is_regressor(law)
    assert is_classifier(classes)
    assert is_classifier(ScoreConditional(classes=True))
    assert not hasattr(law, "predict_proba")
    assert not hasattr(classes, "predict_quantiles")
    numbered = Untrained(CONFIG, classes=True).fit(X, np.digitize(Y, [2.0, 8.0]) + 3)
    np.testing.assert_array_equal(numbered.classes_, [3, 4, 5])
    counted = Untrained(CONFIG).fit(X, np.digitize(Y, np.arange(-10, 30)))
    assert (
        counted.predict_quantiles(X[:3], [0.3]).tolist() == np.round(counted.predict_quantiles(X[:3], [0.3])).tolist()
    )
    assert counted.sample(X[:3], 2, random_state=0).dtype.kind == "i"


def test_whole_weights_are_copies_of_rows() -> None:
    """In whatever order the rows are; and copies are held out together."""
    weights = np.random.default_rng(1).integers(0, 4, len(Y))
    repeated = np.random.default_rng(2).permutation(np.repeat(np.arange(len(Y)), weights))
    laws = []
    for rows, y, sample_weight in ((X, Y, weights), (X[repeated], Y[repeated], None)):
        with pytest.warns(UserWarning, match="repeat an earlier one"):
            laws.append(Untrained(CONFIG, folds=5).fit(rows, y, sample_weight=sample_weight))
    law, plain = laws
    assert law.schema_ == plain.schema_
    for name in ("values", "fold"):
        np.testing.assert_array_equal(getattr(law.training_, name), getattr(plain.training_, name))
    for row in np.unique(law.training_.values[:, -1]):
        assert len(set(law.training_.fold[law.training_.values[:, -1] == row])) == 1
    np.testing.assert_array_equal(law.predict(X[:3]), plain.predict(X[:3]))


def test_clone_pickle_and_folder(law: Untrained, classes: Untrained, tmp_path: Path) -> None:
    assert clone(classes).get_params() == classes.get_params()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(law)).predict(X[:3]), law.predict(X[:3]))
    classes.frame_ = None
    classes.save(tmp_path / "run")
    again = ScoreConditional.load(tmp_path / "run")
    np.testing.assert_array_equal(again.classes_, classes.classes_)
    np.testing.assert_array_equal(again.predict_proba(X[:3]), classes.predict_proba(X[:3]))
    assert again.get_params() == classes.get_params()
    with pytest.raises(InputError, match="a model of whole rows"):
        ScoreDensity.load(tmp_path / "run").sample(2)
    of_numbers = Untrained(CONFIG, classes=False).fit(X, Y)
    of_numbers.save(tmp_path / "numbers")
    assert ScoreConditional.load(tmp_path / "numbers").classes is False
    assert not hasattr(ScoreDensity.load(tmp_path / "numbers"), "classes")


def test_what_cannot_be_asked_is_refused(law: Untrained, classes: Untrained) -> None:
    for ask in (lambda: law.fitted_.sample_rows(0, 1, 0), lambda: law.fitted_.log_prob(np.column_stack([X, Y])[:2])):
        with pytest.raises(InputError, match="a model of whole rows"):
            ask()
    with pytest.raises(InputError, match="trained under masks"):
        law.fitted_.log_prob(np.column_stack([X, Y])[:2], given=["x0"])
    for call, message in (
        (lambda: law.predict_quantiles(X[:2], []), "got none"),
        (lambda: law.predict_quantiles(X[:2], [0.0]), "between 0 and 1"),
        (lambda: law.sample(X[:2], 0), "n_samples"),
        (lambda: law.predict_interval(X[:2]), "rows of calibration"),
        (lambda: classes.calibrate(X[:2], ["often", "never"]), "classes of the fit"),
        (lambda: Untrained(CONFIG).fit(X, np.ones(len(Y))), "two classes or values"),
        (lambda: Untrained(CONFIG).fit(np.ones((400, 2)), Y), "a column with different values"),
        (lambda: Untrained(CONFIG).fit(X, Y, sample_weight=np.arange(400) < 5), "at least 10 rows"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    with pytest.raises(NotFittedError):
        ScoreConditional(classes=True).predict(X)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array(["a", None, "b"] * 4, object), "'None' in row 2"),
        (np.array([1.5, None] * 6, object), "'None' in row 2"),
        (np.array([1, 2.5, "a"] * 4, object), "'a' in row 3"),
        (pd.Series([True, None] * 6, dtype="boolean"), "'<NA>' in row 2"),
        (pd.Series(pd.date_range("2024-01-01", periods=12)).dt.date, "'2024-01-01' in row 1"),
    ],
)
def test_cells_of_y_that_are_of_no_kind_are_named(y: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"y: expected numbers, texts or truth values alone, got {message}"):
        Untrained(CONFIG).fit(X[:12], y)


def test_truth_values_that_pandas_lets_be_missing_are_classes() -> None:
    y = checked_target(None, pd.Series([True, False] * 6, dtype="boolean"))
    assert y.dtype == bool
    assert is_of_classes(y)
