"""What members start from, and the choice between starts."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from scorax import FitConfig, ScoreDensity
from scorax._errors import InputError
from scorax.data import Table
from scorax.networks import Ensemble
from scorax.processes import Level
from scorax.tables import EnsembleConfig, NetworkConfig, NoiseConfig, Schema, TrainingConfig, fill
from scorax.tables._coordinates import Coordinates
from scorax.tables._likeliest import likeliest_gaussian
from scorax.tables._model import member_models, restricted
from scorax.tables._settings import TableSize, resolved
from scorax.tables._starts import untrained_law
from scorax.tables._training import Training

UNTRAINED = FitConfig(
    network=NetworkConfig(width=8, depth=1, dropout=0.0),
    training=TrainingConfig(max_steps=1, batch_size=16, learning_rate=1e-9, validate_every=1),
    ensemble=EnsembleConfig(folds=2, components=3),
    noise=NoiseConfig(candidates=(0.03,)),
)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Three round clusters: nothing like a Gaussian, hardly anything but a mixture. Too few rows for knots."""
    random = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    return centres[random.integers(3, size=99)] + 0.3 * random.normal(size=(99, 2))


def test_held_out_rows_choose_the_start(rows: np.ndarray) -> None:
    """Untrained members are their starts; the density is then that of the fold-averaged mixtures, close to the truth."""
    est = ScoreDensity(UNTRAINED, random_state=0).fit(rows)
    assert est.fitted_.config.ensemble.starts == ("mixture",)
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    squares = np.sum((rows[:50, None] - centres) ** 2, axis=-1)
    truth = np.log(np.mean(np.exp(-0.5 * squares / 0.09) / (2 * np.pi * 0.09), axis=1))
    assert np.mean(truth - est.score_samples(rows[:50])) == pytest.approx(0, abs=0.1)


def training(rows: np.ndarray) -> Training:
    coordinates = Coordinates.fit(rows, Schema.infer(Table.of(rows)))
    return Training.of(rows, coordinates, resolved(UNTRAINED, TableSize(len(rows), 2, 2)), seed=0)


def test_one_start_keeps_its_own_members_only(rows: np.ndarray) -> None:
    job = training(rows)
    assert isinstance(job.model.network, Ensemble)
    assert job.model.network.num_members == job.members == 4
    level, x = Level(jnp.asarray(1.0), jnp.asarray(0.5)), jnp.array([0.3, -0.4])
    predicted = eqx.filter_jit(lambda model: model.predict_at(level, x).x0)
    every = [predicted(member) for member in member_models(job.model)]
    for start, own in (("gaussian", every[:2]), ("mixture", every[2:])):
        alone, model = restricted(job.blueprint, job.model, start)
        assert alone.config.ensemble.starts == (start,)
        assert alone.starts.numbers.log_weights.shape == (2, 1 if start == "gaussian" else 3)
        np.testing.assert_allclose(predicted(model), np.mean(own, axis=0), rtol=1e-5)


def test_members_of_a_fold_share_rows_and_not_starts(rows: np.ndarray) -> None:
    job = training(rows)
    np.testing.assert_array_equal(job.held_out(0), job.held_out(2))
    assert not np.intersect1d(job.held_out(1), job.trained_on(3)).size
    assert not np.allclose(*(job.blueprint.starts.numbers.components.mean[member] for member in (0, 2)))


def test_bin_noise_is_part_of_every_start() -> None:
    """Rows on a grid of unit gap: without bin noise the law of a start would be a Gaussian too narrow by gap^2 / 12."""
    random = np.random.default_rng(1)
    z, uniform = random.normal(size=(4000, 1)).round(), random.uniform(-0.5, 0.5, size=(4000, 1))
    for start in ("gaussian", "mixture"):
        law = untrained_law(start, z + uniform, 1, 0)
        assert float(law.moments().variances[0]) == pytest.approx(z.var() + 1 / 12, abs=0.03)


@pytest.mark.parametrize(
    ("rows", "columns", "starts"),
    [
        (200, 4, ("gaussian", "mixture")),
        (200, 16, ("gaussian", "mixture")),
        (200, 17, ("normal", "mixture")),
        (200, 64, ("normal", "mixture")),
        (200, 65, ("normal",)),
        (9000, 17, ("normal",)),
        (60, 300, ("gaussian",)),
        (9000, 4, ("gaussian",)),
        (9000, 2, ("gaussian", "mixture")),
    ],
)
def test_starts_follow_from_the_size_of_the_table(rows: int, columns: int, starts: tuple[str, ...]) -> None:
    assert resolved(FitConfig(), TableSize(rows, columns, columns)).ensemble.starts == starts
    fixed = dataclasses.replace(FitConfig(), ensemble=EnsembleConfig(starts=("mixture",)))
    assert resolved(fixed, TableSize(rows, columns, columns)).ensemble.starts == ("mixture",)


@pytest.mark.parametrize(("columns", "starts"), [(17, ("gaussian",)), (64, ("gaussian",)), (65, ("normal",))])
@pytest.mark.parametrize("told", ["holes", "masks", "given"])
def test_a_model_that_is_told_parts_of_rows_starts_from_their_regression(
    told: str, columns: int, starts: tuple
) -> None:
    training = {"masks": {"masks": 0.5}, "given": {"given": ("a",)}, "holes": {}}[told]
    config, size = (
        FitConfig(training=TrainingConfig(**training)),
        TableSize(500, columns, columns, holes=told == "holes"),
    )
    assert resolved(config, size).ensemble.starts == starts


@pytest.mark.parametrize("rows", [500, 10_000])
def test_few_complete_numbers_under_masks_are_fitted_from_a_mixture_too(rows: int) -> None:
    masks, both = FitConfig(training=TrainingConfig(masks=0.5)), ("gaussian", "mixture")
    assert [resolved(masks, TableSize(rows, n, n)).ensemble.starts for n in (4, 16)] == [both, both]
    for other in (
        TableSize(rows, 4, 4, holes=True),
        TableSize(15, 4, 4),
        TableSize(rows, 0, 3, 3),
    ):
        assert "mixture" not in resolved(masks, other).ensemble.starts
    given = FitConfig(training=TrainingConfig(masks=0.5, given=("a",)))
    members = FitConfig(training=TrainingConfig(masks=0.5), ensemble=EnsembleConfig(bootstrap=True))
    for config in (given, members):
        assert resolved(config, TableSize(rows, 4, 4)).ensemble.starts == ("gaussian",)


def test_a_regression_asks_for_rows() -> None:
    told = FitConfig(training=TrainingConfig(masks=0.5))
    assert [resolved(told, TableSize(n, 20, 20)).ensemble.starts for n in (99, 100)] == [("normal",), ("gaussian",)]
    assert [resolved(told, TableSize(n, 4, 20, 17)).ensemble.starts for n in (99, 100)] == [("gaussian",), ("joint",)]


@pytest.mark.parametrize(("dimension", "starts"), [(7, ("joint",)), (64, ("joint",)), (65, ("gaussian",))])
def test_known_categories_tell_the_numbers_of_a_model_that_is_told_them(dimension: int, starts: tuple) -> None:
    size, told = TableSize(500, 4, dimension, 3), FitConfig(training=TrainingConfig(masks=0.5))
    assert resolved(told, size).ensemble.starts == starts
    assert resolved(FitConfig(), size).ensemble.starts != ("joint",)
    joint = EnsembleConfig(starts=("joint",))
    for config, other in ((FitConfig(), size), (told, TableSize(500, 4, 4)), (told, TableSize(500, 0, 3, 4))):
        with pytest.raises(InputError, match="among normal"):
            resolved(dataclasses.replace(config, ensemble=joint), other)
    with pytest.raises(ValueError, match="joint by itself"):
        EnsembleConfig(starts=("joint", "normal"))


def test_numbers_of_a_category_are_drawn_about_its_mean_by_an_untrained_model(tmp_path) -> None:
    """A group mean of 100 rows and one of 2,000 draws differ by .24 in five standard errors of one unit, shrinkage aside."""
    random = np.random.default_rng(0)
    group = np.repeat([0, 1], 100)
    frame = pd.DataFrame({"x": 3.0 * group + random.normal(size=200), "c": np.array(["u", "v"])[group]})
    training = TrainingConfig(max_steps=1, learning_rate=1e-9, masks=0.5)
    density = ScoreDensity(FitConfig(training=training, ensemble=EnsembleConfig(folds=1, holdout=0.01))).fit(frame)
    density.save(tmp_path / "run")
    values = np.array([[np.nan, 0.0], [np.nan, 1.0]])
    filled = [
        fill(own, values, method="mean", draws=2000)
        for own in (density.fitted_, ScoreDensity.load(tmp_path / "run").fitted_)
    ]
    np.testing.assert_allclose(filled[0].table()[:, 0], frame.groupby("c")["x"].mean(), atol=0.24)
    np.testing.assert_array_equal(filled[0].table(), filled[1].table())


@pytest.mark.parametrize(
    ("rows", "columns", "waves", "components"), [(2000, 2, 0, 8), (2001, 2, 6, 20), (2001, 3, 6, 20), (2001, 4, 0, 8)]
)
def test_large_tables_of_few_columns_get_waves_and_room(rows: int, columns: int, waves: int, components: int) -> None:
    config = resolved(FitConfig(), TableSize(rows, columns, columns))
    assert (config.network.waves, config.ensemble.components) == (waves, components)
    assert resolved(config, TableSize(9000, 2, 2)) == config  # a resolved configuration is never chosen anew
    plain = resolved(
        dataclasses.replace(FitConfig(), network=NetworkConfig(waves=0)), TableSize(rows, columns, columns)
    )
    assert plain.network.waves == 0


def missing_at_random(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """20,000 rows of a Gaussian pair with correlation .8, the second number missing by a logistic in the first."""
    random = np.random.default_rng(seed)
    a = random.normal(size=20_000)
    rows = np.column_stack([a, 0.8 * a + 0.6 * random.normal(size=20_000)])
    present = np.ones(rows.shape, bool)
    present[:, 1] = random.uniform(size=20_000) > 1 / (1 + np.exp(0.63 - 2 * a))
    return rows, present


def test_the_likeliest_gaussian_of_a_monotone_pattern_is_the_regression() -> None:
    """With B missing only, its likeliest mean and variance follow from the regression of B on A in complete rows."""
    rows, present = missing_at_random(0)
    rows, present = rows[::2], present[::2]
    law = likeliest_gaussian(rows, present)
    a, whole = rows[:, 0], present[:, 1]
    slope, offset = np.polyfit(a[whole], rows[whole, 1], 1)
    left = np.var(rows[whole, 1] - offset - slope * a[whole])
    covariance = np.asarray((law.basis * law.variances) @ law.basis.T)
    expected = np.array([[a.var(), slope * a.var()], [slope * a.var(), left + slope**2 * a.var()]])
    np.testing.assert_allclose(law.mean, [a.mean(), offset + slope * a.mean()], atol=3e-3)
    np.testing.assert_allclose(covariance, expected, atol=5e-3)
    assert abs(rows[whole, 1].mean()) > 0.3, "the mean of what is present is far from the truth"


def test_the_likeliest_gaussian_of_three_numbers_missing_in_any_pattern() -> None:
    """30 % of the cells are missing by chance: the covariance is within 4.5 standard errors of the truth."""
    random = np.random.default_rng(5)
    covariance = np.array([[1.0, 0.7, 0.2], [0.7, 1.0, -0.3], [0.2, -0.3, 1.0]])
    rows = random.multivariate_normal(np.array([0.2, 0.0, -0.1]), covariance, size=10_000)
    law = likeliest_gaussian(rows, random.uniform(size=rows.shape) > 0.3)
    bound = 4.5 / np.sqrt(0.49 * 10_000)  # of pairs that are both present; more is known
    np.testing.assert_allclose(law.mean, [0.2, 0.0, -0.1], atol=bound)
    np.testing.assert_allclose((law.basis * law.variances) @ law.basis.T, covariance, atol=1.5 * bound)
