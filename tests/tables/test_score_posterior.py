"""Posteriors: an untrained field is exactly the Gaussian it starts from in the coordinates of the model, so answers are known."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from scorax import FitConfig, ScoreDensity, ScorePosterior
from scorax._errors import InputError
from scorax.metrics import Calibration
from scorax.tables import (
    Beta,
    EnsembleConfig,
    FitRows,
    LogNormal,
    NetworkConfig,
    Normal,
    Training,
    TrainingConfig,
    Uniform,
)
from scorax.tables._coordinates import Coordinates
from scorax.tables._fitted import FittedTable
from scorax.tables._model import cut_at
from scorax.tables._posterior import Posterior
from untrained_conditional import CONFIG


class Untrained(ScorePosterior):
    """A :class:`ScorePosterior` that is not trained."""

    def _learn(self, rows: FitRows, config: FitConfig) -> None:
        split = rows.split(config, 0)
        coordinates = Coordinates.fit(split.train, split.schema)
        training = Training.of(split.train, coordinates, split.settings, seed=0)
        self.fitted_ = FittedTable(training.blueprint, cut_at(training.model, 1e-3))
        self.loss_curve_, self.n_iter_, self.seed_ = np.zeros(1), 1, 0


PRIORS = {"a": Uniform(-1, 3), "b": LogNormal(0.0, 0.5)}
ROOT = np.array([[1.0, 0.2], [-0.4, 0.8]])


def simulations(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Parameters from their priors, and noisy mixtures of their normal quantiles: (u, x) is normal."""
    random = np.random.default_rng(seed)
    u = random.normal(size=(count, 2))
    x = u @ ROOT.T + 0.5 * random.normal(size=(count, 2))
    return np.column_stack([prior.inverse(own) for prior, own in zip(PRIORS.values(), u.T, strict=True)]), x


THETA, X = simulations(400)


@pytest.fixture(scope="module")
def law() -> Untrained:
    return Untrained(PRIORS, config=CONFIG).fit(THETA, X)


def moments(law: Untrained, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of u given x under the law that the field starts from."""
    own = law.fitted_.blueprint.starts.numbers.components
    mean, basis, variances = (np.asarray(part[0, 0], np.float64) for part in (own.mean, own.basis, own.variances))
    shift, scale = law.fitted_.coordinates.standardize.shift, law.fitted_.coordinates.standardize.scale
    mean, whole = shift + scale * mean, scale[:, None] * (basis * variances @ basis.T) * scale
    gain = whole[2:, :2] @ np.linalg.inv(whole[:2, :2])
    return mean[2:] + gain @ (x - mean[:2]), whole[2:, 2:] - gain @ whole[:2, 2:]


def quantiles(theta: np.ndarray) -> np.ndarray:
    return np.column_stack([prior.forward(own) for prior, own in zip(PRIORS.values(), theta.T, strict=True)])


def test_the_start_is_near_the_posterior(law: Untrained) -> None:
    """The regression of u on x from 400 rows: coefficients are off by about .05, bound at six times that."""
    mean, covariance = moments(law, np.array([0.5, -0.3]))
    precision = ROOT.T @ ROOT / 0.25 + np.eye(2)
    np.testing.assert_allclose(mean, np.linalg.solve(precision, ROOT.T @ [0.5, -0.3] / 0.25), atol=0.2)
    np.testing.assert_allclose(covariance, np.linalg.inv(precision), atol=0.06)


def test_draws_have_the_posterior_law_and_the_support(law: Untrained) -> None:
    """Means and variances of 4,000 draws of u within 4.5 standard errors (false alarms: 7e-6 each)."""
    asked = np.array([[0.5, -0.3], [3.0, 1.0]])
    draws = law.sample(asked, 4000, seed=1)
    assert draws.shape == (2, 4000, 2)
    assert np.all((draws[..., 0] >= -1) & (draws[..., 0] <= 3) & (draws[..., 1] > 0))
    for row, own in zip(asked, draws, strict=True):
        mean, covariance = moments(law, row)
        u, deviation = quantiles(own), np.sqrt(np.diag(covariance))
        assert np.all(np.abs(u.mean(axis=0) - mean) < 4.5 * deviation / np.sqrt(4000))
        assert np.all(np.abs(u.var(axis=0) / deviation**2 - 1) < 4.5 * np.sqrt(2 / 4000))
    np.testing.assert_array_equal(law.sample(asked[0], 5, seed=3), law.sample(asked[:1], 5, seed=3)[0])


def test_densities_are_the_closed_form_within_their_error(law: Untrained) -> None:
    theta, x = THETA[:6], X[:6]
    answer = law.log_prob(theta, x)
    u = quantiles(theta)
    for j in range(6):
        mean, covariance = moments(law, x[j])
        away = u[j] - mean
        expected = -0.5 * away @ np.linalg.solve(covariance, away) - 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
        expected += sum(float(prior.log_slope(theta[j, k : k + 1])[0]) for k, prior in enumerate(PRIORS.values()))
        assert abs(answer.value[j] - expected) < 1e-4 + 1.25 * answer.total_error[j]
        assert abs(answer.value[j] - expected) < 0.05
    one = law.log_prob(theta, x[0])
    assert one.value[0] == answer.value[0]


def test_an_observation_stands_in_the_middle_of_its_cells() -> None:
    """Whole numbers in x: a density that took other noise in their cells with each row would be off by up to a nat."""
    random = np.random.default_rng(1)
    theta = random.normal(0, 3, size=(400, 2))
    law = Untrained([Normal(0, 3)] * 2, config=CONFIG).fit(theta, np.round(theta + random.normal(size=theta.shape)))
    asked, x = theta[:8], np.array([2.0, -1.0])
    mean, covariance = moments(law, x)
    away = asked / 3 - mean
    expected = -0.5 * np.sum(away * np.linalg.solve(covariance, away.T).T, axis=1)
    expected -= 0.5 * np.linalg.slogdet(2 * np.pi * 9 * covariance)[1]
    answer = law.log_prob(asked, x)
    assert np.all(np.abs(answer.value - expected) < 1e-4 + 1.25 * answer.total_error)


def test_the_density_is_normalised_over_the_support() -> None:
    """By the trapezium rule, which errs by 1e-3 at these 400 points; one parameter, beta."""
    random = np.random.default_rng(0)
    theta = random.beta(2, 3, size=(300, 1))
    law = Untrained([Beta(2, 3)], config=CONFIG).fit(theta, theta + 0.3 * random.normal(size=theta.shape))
    grid = np.linspace(1e-4, 1 - 1e-4, 400)
    density = np.exp(law.log_prob(grid[:, None], [0.7]).value)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=5e-3)


def test_the_mode_is_where_the_density_is_largest() -> None:
    """Of a normal posterior its mean, to a hundredth of its deviation."""
    random = np.random.default_rng(2)
    theta = random.normal(1, 2, size=(300, 2))
    law = Untrained([Normal(1, 2)] * 2, config=CONFIG).fit(theta, theta + random.normal(size=theta.shape))
    mean, covariance = moments(law, np.array([2.0, -1.0]))
    np.testing.assert_allclose(law.map([2.0, -1.0]), 1 + 2 * mean, atol=0.02 * np.sqrt(covariance.max()))


def test_own_simulations_are_calibrated_and_others_are_not(law: Untrained) -> None:
    """The stated rate of false alarms is 5 %; p below 1e-3 for parameters whose quantiles are twice too far out."""
    theta, x = simulations(300, seed=9)
    found = law.calibrate(theta, x, draws=49)
    assert found.ranks.shape == (300, 2)
    assert found.calibrated.all()
    away = np.column_stack([p.inverse(1.6 * u) for p, u in zip(PRIORS.values(), quantiles(theta).T, strict=True)])
    assert law.calibrate(away, x, draws=49).verdicts == ("too narrow", "too narrow")


class Thrown(Posterior):
    """Parameters on a grid, of which an observation says nothing: 0 to 3, all alike."""

    @property
    def places(self) -> np.ndarray:
        return np.array([0])

    def draws(self, values: np.ndarray, each: int, seed: int) -> np.ndarray:
        return np.random.default_rng([seed, 1]).integers(0, 4, (len(values), each, 1)).astype(float)


def test_ranks_among_equal_draws_are_uniform(law: Untrained) -> None:
    """The stated rate of false alarms is 5 %; without a draw among equals p is 1e-4, the least there is."""
    values = np.random.default_rng(2).integers(0, 4, (4000, 1)).astype(float)
    thrown = Thrown(law.fitted_)
    assert Calibration.of(thrown.ranks(values, 9, 0), 9, ["a"]).calibrated.all()
    below = np.sum(thrown.draws(values, 9, 0) < values[:, None], axis=1)
    assert Calibration.of(below, 9, ["a"]).p_values[0] < 2e-4


class Failing(Thrown):
    """The same, of which some draws fail in one row of three."""

    def draws(self, values: np.ndarray, each: int, seed: int) -> np.ndarray:
        found = super().draws(values, each, seed)
        found[::3, ::2] = np.where(np.arange(len(found[::3])) % 2, np.nan, np.inf)[:, None, None]
        return found


def test_simulations_whose_draws_fail_are_left_out_of_ranks_and_counted(law: Untrained) -> None:
    """Taken as draws that are not below they made ranks low: p of 1e-4, the least there is."""
    values = np.random.default_rng(2).integers(0, 4, (3000, 1)).astype(float)
    found, drawn = Failing(law.fitted_).ranks(values, 9, 0), Thrown(law.fitted_).draws(values, 9, 0)
    least, most = np.sum(drawn < values[:, None], axis=1), np.sum(drawn <= values[:, None], axis=1)
    there = np.arange(3000) % 3 > 0
    assert ((least[there] <= found) & (found <= most[there])).all()
    calibration = Calibration.of(found, 9, ["a"], left_out=1000)
    assert calibration.calibrated.all()
    assert str(calibration).endswith("\n1,000 more simulations are left out: some of their draws are not finite")
    assert "left out" not in str(Calibration.of(found, 9, ["a"]))
    with pytest.raises(InputError, match="none, and 3 simulations of which a draw is not finite"):
        Calibration.of(found[:0], 9, ["a"], left_out=3)


def test_what_is_left_out_is_chosen_for_posteriors_and_what_is_stated_stays() -> None:
    """Ten parameters and ten observations, more columns than tables start from their moments at."""
    random = np.random.default_rng(3)
    theta = random.normal(size=(400, 10))
    x = theta + random.normal(size=theta.shape)
    quick = FitConfig(training=TrainingConfig(max_steps=1), ensemble=EnsembleConfig(folds=1))
    chosen = Untrained([Normal(0, 1)] * 10, config=quick).fit(theta, x).fitted_.config
    assert (chosen.network.width, chosen.network.depth, chosen.ensemble.starts) == (128, 3, ("gaussian",))
    assert (chosen.training.times, chosen.training.weighting, chosen.training.far) == ("likelihood", "likelihood", 0.1)
    stated = FitConfig(
        network=NetworkConfig(width=8, depth=1),
        training=TrainingConfig(max_steps=1, times="uniform", weighting="edm", far=0.0),
        ensemble=EnsembleConfig(folds=1, starts=("normal",)),
    )
    kept = Untrained([Normal(0, 1)] * 10, config=stated).fit(theta, x).fitted_.config
    assert (kept.network.width, kept.network.depth, kept.ensemble.starts) == (8, 1, ("normal",))
    assert (kept.training.times, kept.training.weighting, kept.training.far) == ("uniform", "edm", 0.0)
    wide = Untrained([Normal(0, 1)] * 10, config=quick).fit(theta, np.hstack([x, random.normal(size=(400, 50))]))
    assert wide.fitted_.config.ensemble.starts == ("normal",)


def test_a_row_of_a_frame_is_taken_by_its_names() -> None:
    frame = pd.DataFrame({"first": X[:, 0], "second": X[:, 1], "third": np.where(X[:, 0] > 0, "up", "down")})
    law = Untrained(config=CONFIG).fit(THETA, frame)
    np.testing.assert_array_equal(law.sample(frame.iloc[0], 5), law.sample(frame.iloc[:1], 5)[0])
    with pytest.raises(ValueError, match="same order"):
        law.sample(frame[["second", "third", "first"]].iloc[0], 5)


def test_a_frame_has_its_names_and_without_a_prior_there_are_no_bounds() -> None:
    frame = pd.DataFrame(X, columns=["first", "second"])
    law = Untrained(config=CONFIG).fit(pd.DataFrame(THETA, columns=["a", "b"]), frame)
    assert law.parameters_ == ("a", "b")
    assert [column.kind for column in law.schema_.columns[2:]] == ["continuous", "continuous"]
    draws = law.sample(frame.iloc[:2], 2000)
    assert draws.shape == (2, 2000, 2)
    assert draws[..., 0].min() < -1 or draws[..., 0].max() > 3
    assert Untrained([Uniform(-1, 3), LogNormal(0, 0.5)], config=CONFIG).fit(THETA, X).parameters_ == (
        "theta0",
        "theta1",
    )


def test_a_folder_keeps_the_law(law: Untrained, tmp_path: Path) -> None:
    law.save(tmp_path / "run")
    again = ScorePosterior.load(tmp_path / "run")
    assert again.prior == PRIORS
    assert again.n_features_in_ == 2
    np.testing.assert_array_equal(again.sample(X[0], 3), law.sample(X[0], 3))
    with pytest.raises(ValueError, match="whole rows"):
        ScoreDensity.load(tmp_path / "run").sample(1)


def test_an_observation_lacks_only_what_simulations_lack(tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=["x", "y"])
    frame.loc[::5, "y"] = np.nan
    law = Untrained(PRIORS, config=CONFIG).fit(THETA, frame)
    law.save(tmp_path / "run")
    whole, asked = pd.DataFrame({"x": [0.1], "y": [np.nan]}), pd.DataFrame({"x": [np.nan], "y": [0.1]})
    for own in (law, ScorePosterior.load(tmp_path / "run")):
        assert own.sample(whole, 3).shape == (1, 3, 2)
        for ask in (own.sample, own.map, lambda rows, own=own: own.log_prob(THETA[:1], rows)):
            with pytest.raises(InputError, match=r"observed: expected a value in column 'x', which no row of the fit"):
                ask(asked)


def test_it_is_cloned_and_pickled(law: Untrained) -> None:
    assert clone(law).prior == PRIORS
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(law)).sample(X[0], 3), law.sample(X[0], 3))


def test_parameters_that_are_not_drawn_from_their_prior_are_warned_of() -> None:
    """The test of Kolmogorov and Smirnov at 1e-6; a uniform law on half of the interval."""
    with pytest.warns(UserWarning, match="do not look like draws from uniform"):
        Untrained([Uniform(-1, 7), LogNormal(0, 0.5)], config=CONFIG).fit(THETA, X)


@pytest.mark.parametrize(
    ("prior", "theta", "x", "words"),
    [
        (PRIORS, np.where(THETA > 2.5, 4.0, THETA), X, "in the support"),
        ({"a": Uniform(-1, 3)}, THETA, X, "a prior for each parameter"),
        ([Uniform(-1, 3)], THETA, X, "priors of the parameters theta0, theta1"),
        (PRIORS, THETA, np.ones_like(X), "a column that varies"),
        (PRIORS, THETA, X[:-1], "inconsistent numbers of samples"),
        (PRIORS, THETA, None, "observations x"),
        (None, np.ones_like(THETA), X, "different numbers in every row"),
        ({"a": Uniform(-1, 3), "c": Normal(0, 1)}, pd.DataFrame(THETA, columns=["a", "b"]), X, "none for 'c'"),
        (None, pd.DataFrame(THETA, columns=["a", "x0"]), X, "other names in x than in theta"),
    ],
)
def test_what_cannot_be_fitted_is_refused(prior, theta, x, words) -> None:
    with pytest.raises(ValueError, match=words):
        Untrained(prior, config=CONFIG).fit(theta, x)


def test_an_observation_outside_all_simulations_is_warned_of(law: Untrained) -> None:
    far = np.array([X[:, 0].max() + 1, X[0, 1]])
    for ask in (lambda x: law.sample(x, 2), lambda x: law.log_prob(THETA[:1], x), law.map):
        with pytest.warns(
            UserWarning, match="column 'x0' of the observations has .* what the model says of it is a guess"
        ):
            ask(far)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        law.sample(X[0], 2)
        law.calibrate(THETA[:2], np.stack([far, X[0]]), draws=2)


def test_what_cannot_be_asked_is_refused(law: Untrained) -> None:
    with pytest.raises(ValueError, match="features"):
        law.sample([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="in the support"):
        law.log_prob([[9.0, 1.0]], X[0])
    with pytest.raises(ValueError, match="2 parameters in a row, got 1"):
        law.log_prob([[1.0]], X[0])
    for count in (0, 2.5, "two"):
        with pytest.raises(InputError, match="expected n as a whole number of at least 1"):
            law.sample(X[0], count)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rows of x"):
        law.calibrate(THETA[:1], X[0])
