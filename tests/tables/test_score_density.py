"""The estimator: densities that integrate to one, bits of a row, files."""

import copy
import dataclasses
import html
import pickle
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone

from scorax import ScoreDensity
from scorax._errors import InputError
from scorax.checkpoint import load, read_sealed_json, save, write_sealed_json
from scorax.likelihood import default_tolerance
from scorax.tables import Schema
from tiny import SMALL, TINY, clusters


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return clusters()


@pytest.fixture(scope="module")
def fitted(rows: np.ndarray) -> ScoreDensity:
    return ScoreDensity(SMALL, random_state=0).fit(rows)


@pytest.mark.slow  # seven seconds; CI runs it, and values are held in test_density_values.py
def test_density_integrates_to_one(fitted: ScoreDensity, rows: np.ndarray) -> None:
    low, high = rows.min(axis=0), rows.max(axis=0)
    room = 0.4 * (high - low)
    axes = [np.linspace(low[j] - room[j], high[j] + room[j], 32) for j in (0, 1)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    cell = np.prod([a[1] - a[0] for a in axes])
    assert np.exp(fitted.score_samples(grid)).sum() * cell == pytest.approx(1, abs=0.01)
    assert np.all(np.isfinite(fitted.grad_log_density(rows[:5])))


@pytest.mark.bits
def test_save_and_load_keep_every_bit(fitted: ScoreDensity, rows: np.ndarray, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    again = ScoreDensity.load(tmp_path / "run")
    np.testing.assert_array_equal(again.score_samples(rows[:8]), fitted.score_samples(rows[:8]))
    np.testing.assert_array_equal(again.sample(8, random_state=1), fitted.sample(8, random_state=1))
    with pytest.raises(InputError, match="an existing one"):
        fitted.save(tmp_path / "run")
    save(fitted.model_, tmp_path / "model")
    for model in (again.model_, load(tmp_path / "model")):
        assert jax.tree.structure(model) == jax.tree.structure(fitted.model_)
        for ours, theirs in zip(jax.tree.leaves(fitted.model_), jax.tree.leaves(model), strict=True):
            assert type(ours) is type(theirs)
            np.testing.assert_array_equal(theirs, ours)
    with pytest.raises(InputError, match=r"ScoreDensity\.load\(folder\)\.model_"):
        load(tmp_path / "run")


@pytest.mark.parametrize("kind", ["none", "integer", "NumPy's integer", "generator"])
def test_load_restores_parameters_and_fitted_attributes(fitted: ScoreDensity, tmp_path: Path, kind: str) -> None:
    state = {"none": None, "integer": 3, "NumPy's integer": np.int64(3), "generator": np.random.RandomState(5)}[kind]
    ours = copy.copy(fitted).set_params(random_state=state, folds=np.int32(2), verbose=True)
    ours.save(tmp_path / "run")
    again = ScoreDensity.load(tmp_path / "run")
    for theirs in (again, ScoreDensity.load(tmp_path / "run")):
        parameters, expected = theirs.get_params(), ours.get_params()
        if kind == "generator":
            drawn = parameters.pop("random_state").normal(size=3)
            expected["random_state"] = copy.deepcopy(expected["random_state"])
            np.testing.assert_array_equal(drawn, expected.pop("random_state").normal(size=3))
        assert parameters == expected
    names = {name for name in vars(ours) if name.endswith("_")}
    assert {name for name in vars(again) if name.endswith("_")} == names
    assert {"loss_curve_", "n_iter_", "seed_", "n_features_in_", "frame_", "fitted_"} <= names
    for name in names - {"fitted_"}:
        np.testing.assert_array_equal(getattr(again, name), getattr(ours, name))
    assert len(ours.loss_curve_) > 1


def test_a_damaged_memory_is_named(fitted: ScoreDensity, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    path = tmp_path / "run" / "estimator.json"
    memory = read_sealed_json(path)
    for changes in ({"folds": "two"}, {"frame": {"library": "os", "labels": None, "count": 2}}, {"extra": 1}):
        write_sealed_json(path, memory | changes)
        with pytest.raises(InputError, match=r"estimator\.json: "):
            ScoreDensity.load(tmp_path / "run")


@pytest.mark.bits
def test_precision_belongs_to_the_run(fitted: ScoreDensity, rows: np.ndarray, tmp_path: Path) -> None:
    """Whatever ``jax_enable_x64`` says, a run is loaded, sampled and scored in the same bits, and fitted in them."""
    fitted.save(tmp_path / "run")
    with jax.enable_x64(True):
        for density in (fitted, ScoreDensity.load(tmp_path / "run")):
            doubled = (
                density.sample(8, random_state=1),
                density.score_samples(rows[:8]),
                density.grad_log_density(rows[:8]),
            )
        refitted = ScoreDensity(TINY, random_state=0).fit(rows)
    plain = fitted.sample(8, random_state=1), fitted.score_samples(rows[:8]), fitted.grad_log_density(rows[:8])
    for ours, theirs in zip(doubled, plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    again = ScoreDensity(TINY, random_state=0).fit(rows)
    np.testing.assert_array_equal(again.loss_curve_, refitted.loss_curve_)
    np.testing.assert_array_equal(again.sample(8, random_state=1), refitted.sample(8, random_state=1))


def test_a_tolerance_that_is_left_out_follows_the_precision(fitted: ScoreDensity, rows: np.ndarray) -> None:
    assert fitted.fitted_.config.sampling.tolerance is None
    left_out, single, double = (
        fitted.log_prob_rows(rows[:8], seed=0, precision="float32", tolerance=tolerance)
        for tolerance in (None, default_tolerance(jnp.dtype("float32")), default_tolerance(jnp.dtype("float64")))
    )
    np.testing.assert_array_equal(left_out.value, single.value)
    assert np.mean(left_out.evaluations) < np.mean(double.evaluations)


def test_verbose_tells_how_far_it_is_and_changes_nothing(
    fitted: ScoreDensity, rows: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert capsys.readouterr().err == ""
    told = clone(fitted).set_params(verbose=True).fit(rows)
    said = capsys.readouterr().err
    assert "compiling" in said
    assert "step 300/300: loss" in said
    assert "members training" in said
    np.testing.assert_array_equal(told.loss_curve_, fitted.loss_curve_)


def test_a_notebook_shows_the_parameters_and_after_fit_what_was_fitted(fitted: ScoreDensity) -> None:
    name = "<script>alert(1)</script>"
    named = copy.copy(fitted)
    columns = tuple(dataclasses.replace(c, name=name) for c in fitted.schema_.columns)
    coordinates = dataclasses.replace(fitted.fitted_.coordinates, schema=Schema(columns))
    blueprint = dataclasses.replace(fitted.fitted_.blueprint, coordinates=coordinates)
    named.fitted_ = dataclasses.replace(fitted.fitted_, blueprint=blueprint)
    for page in (named._repr_html_(), named._repr_mimebundle_()["text/html"]):
        assert "sk-container" in page
        assert "members of the ensemble" in page
        assert html.escape(name) in page
        assert name not in page
    assert "members of the ensemble" not in clone(fitted)._repr_mimebundle_()["text/html"]


@pytest.mark.bits
def test_pickle_and_clone(fitted: ScoreDensity, rows: np.ndarray) -> None:
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.score_samples(rows[:4]), fitted.score_samples(rows[:4]))
    assert clone(fitted).get_params() == fitted.get_params()


@pytest.mark.bits
def test_rows_do_not_depend_on_their_number(fitted: ScoreDensity) -> None:
    many = fitted.sample_rows(0, 40, seed=5)
    np.testing.assert_array_equal(many[:7], fitted.sample_rows(0, 7, seed=5))
    np.testing.assert_array_equal(many[30:], fitted.sample_rows(30, 10, seed=5))
    assert not np.array_equal(many, fitted.sample_rows(0, 40, seed=6))


def test_constant_and_integer_columns_come_back(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    X = np.column_stack(
        [np.full(80, 4.25), generator.poisson(6, size=80).astype(float), np.round(generator.normal(size=80), 1)]
    )
    density = ScoreDensity(TINY, random_state=0).fit(X)
    drawn = density.sample(50, random_state=0)
    assert np.all(drawn[:, 0] == 4.25)
    assert np.all(drawn[:, 1] == np.round(drawn[:, 1]))
    np.testing.assert_allclose(drawn[:, 2] * 10, np.round(drawn[:, 2] * 10), atol=1e-9)
    order = generator.permutation(80)
    np.testing.assert_array_equal(density.score_samples(X)[order], density.score_samples(X[order]))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="minimum of 10"):
        ScoreDensity(TINY).fit(np.zeros((3, 2)))
    with pytest.raises(InputError, match="constant columns only"):
        ScoreDensity(TINY).fit(np.ones((20, 2)))
