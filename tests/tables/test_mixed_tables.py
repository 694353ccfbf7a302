"""Tables of numbers, categories, spikes and holes: from rows to a model and back."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from coded import exact
from scorax import FitConfig, ScoreDensity
from scorax._errors import InputError
from scorax.data import BooleanFormat, NumberFormat, Table, TextFormat
from scorax.likelihood import DataLogProb, Hutchinson, coded_log_prob
from scorax.networks import line_codebook
from scorax.tables import FitRows, NetworkConfig, NoiseConfig, Recipe, TrainingConfig, fit_run
from scorax.tables._config import EnsembleConfig
from scorax.tables._coordinates import Coordinates
from scorax.tables._densities import CODED_TOLERANCE

QUICK = FitConfig(
    network=NetworkConfig(width=16, depth=1, dropout=0.0),
    training=TrainingConfig(max_steps=60, batch_size=64, validate_every=30),
    ensemble=EnsembleConfig(folds=1),
    noise=NoiseConfig(candidates=(0.03,), choose_rows=40),
)
COLOURS = ("blue", "green", "red")


def table(rows: int = 300, *, holes: bool = True, seed: int = 0) -> Table:
    """A colour, a number that depends on it, a truth value, and wages of which a third are zero."""
    random = np.random.default_rng(seed)
    colour = random.choice(3, size=rows, p=[0.5, 0.3, 0.2])
    number = random.normal(size=rows) + 2.0 * colour
    on = (random.uniform(size=rows) < 0.3).astype(float)
    wage = np.where(random.uniform(size=rows) < 1 / 3, 0.0, np.exp(random.normal(size=rows)).round(4))
    values = np.column_stack([colour.astype(float), number, on, wage])
    if holes:
        values[random.uniform(size=values.shape) < 0.1] = np.nan
    formats = (TextFormat(COLOURS), NumberFormat(), BooleanFormat(), NumberFormat())
    return Table(("colour", "number", "on", "wage"), values, formats)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed") / "run"
    fit_run(FitRows(table()), folder, QUICK, seed=0, records=False)
    return folder


@pytest.fixture(scope="module")
def density(run: Path) -> ScoreDensity:
    return ScoreDensity.load(run)


def test_trap_42_states_hold_numbers_then_codes_and_say_what_is_missing() -> None:
    """Categories and numbers come back from the states of a model."""
    rows = table()
    split = FitRows(rows).split(QUICK, 0)
    coordinates = Coordinates.fit(split.train, split.schema)
    states = coordinates.states(split.train, 0)
    assert states.z.shape == (300, coordinates.dimension)
    assert states.present is not None
    np.testing.assert_array_equal(~states.present, np.isnan(split.train)[:, coordinates.columns])
    zero = split.train[:, 3] == 0
    wage = list(coordinates.schema.coordinate_names).index("wage")
    np.testing.assert_array_equal(states.auxiliary[:, wage], zero)
    # An auxiliary number is noise: standard normal, the same for the same row.
    drawn = states.z[zero, wage]
    assert abs(drawn.mean()) < 4 / np.sqrt(zero.sum())
    np.testing.assert_array_equal(coordinates.states(split.train[:9], 0).z, states.z[:9])
    # The way back is exact where a cell is there.
    back = coordinates.decode(states.z)
    there = ~np.isnan(split.train)
    np.testing.assert_allclose(np.where(there, back, 0), np.where(there, split.train, 0), rtol=1e-12, atol=1e-12)


def test_samples_hold_what_the_columns_may_hold(density: ScoreDensity) -> None:
    rows = density.sample_rows(0, 400, seed=1)
    colour, _, on, wage = rows.T
    assert np.isfinite(rows).all()
    assert set(colour) <= {0.0, 1.0, 2.0}
    assert set(on) <= {0.0, 1.0}
    assert wage.min() >= 0
    assert 0.1 < np.mean(wage == 0) < 0.6
    cells = density.schema_.cells(rows)
    assert set(cells[0]) <= set(COLOURS)


def test_the_density_of_a_row_is_that_of_its_present_cells(density: ScoreDensity) -> None:
    """A row with nothing but a colour: its probabilities sum to one over the colours."""
    rows = np.full((3, 4), np.nan)
    rows[:, 0] = [0, 1, 2]
    answer = density.log_prob_rows(rows, draws=16)
    assert np.exp(answer.value).sum() == pytest.approx(1, abs=0.05)
    assert np.isfinite(density.log_prob_rows(density.schema_.match(table(20), "the rows")).value).all()


def test_a_whole_row_has_the_same_bits_beside_rows_with_holes(density: ScoreDensity) -> None:
    rows = density.schema_.match(table(40), "the rows")
    whole = ~np.isnan(rows).any(axis=1)
    assert 8 < whole.sum() < 40
    together, alone = (density.log_prob_rows(own, draws=2) for own in (rows, rows[whole]))
    np.testing.assert_array_equal(np.asarray(together.value)[whole], alone.value)
    np.testing.assert_array_equal(np.asarray(together.total_error)[whole], alone.total_error)


def test_the_solve_is_off_by_less_than_it_says_and_by_a_tenth_of_what_is_wanted(density: ScoreDensity) -> None:
    rows = density.schema_.match(table(12, holes=False), "the rows")
    usual, strict = (density.log_prob_rows(rows, draws=4, tolerance=tolerance) for tolerance in (None, 1e-4))
    off = np.abs(np.asarray(usual.value) - np.asarray(strict.value))
    assert isinstance(usual, DataLogProb)
    assert (off <= usual.numerical_error).all()
    assert np.median(off) <= 0.1 * CODED_TOLERANCE


def test_levels_of_an_exact_model_of_a_count_are_not_all_off_to_one_side() -> None:
    """Errors of one size in every row would not show in a comparison of draws: the law itself is known here."""
    levels = 40
    law = 0.8 ** np.arange(levels)
    law /= law.sum()
    model = exact(law, [line_codebook(levels)], t0=1e-3)
    rows = np.zeros((levels, 0)), np.arange(levels)[:, None]
    answer = coded_log_prob(model, *rows, draws=2, key=jax.random.key(0), tolerance=CODED_TOLERANCE)
    off = answer.value - np.log(law)
    assert np.abs(off).max() <= CODED_TOLERANCE
    assert abs(np.exp(answer.value).sum() - 1) <= 0.1 * CODED_TOLERANCE


def test_several_draws_take_the_exact_divergence_where_rows_of_so_many_columns_take_probes(
    density: ScoreDensity,
) -> None:
    rows = density.schema_.match(table(6), "the rows")
    wide = replace(density.fitted_)
    vars(wide)["divergence"] = Hutchinson(2)  # as it is beyond a hundred coordinates
    np.testing.assert_array_equal(wide.log_prob(rows, draws=2).value, density.log_prob_rows(rows, draws=2).value)
    one = wide.log_prob(rows)
    assert np.isfinite(one.value).all()
    assert not np.array_equal(one.value, density.log_prob_rows(rows).value)


def test_a_fit_with_codes_is_the_same_again(run: Path, density: ScoreDensity) -> None:
    again = Recipe(QUICK, 0).fit(FitRows(table())).fitted
    np.testing.assert_array_equal(again.sample_rows(0, 5, 3), density.sample_rows(0, 5, seed=3))
    assert again.coordinates.schema == density.schema_


def test_held_out_nats_start_at_the_law_of_independent_columns() -> None:
    """Before training a member is its start: the bound is the mean log-density of that law, in file units."""
    rows = table(holes=False)
    split = FitRows(rows).split(QUICK, 0)
    coordinates = Coordinates.fit(split.train, split.schema)
    from scorax.tables._training import Training

    training = Training.of(split.train, coordinates, split.settings, seed=0)
    held = training.held_out(0)
    own, others = split.train[held], np.delete(split.train, held, axis=0)

    def share(column: int, size: int) -> np.ndarray:
        counts = np.bincount(others[:, column].astype(int), minlength=size)
        return np.log((counts + 0.5) / (len(others) + size / 2))

    expected = share(0, 3)[own[:, 0].astype(int)] + share(2, 2)[own[:, 2].astype(int)]
    zero = np.bincount((others[:, 3] == 0).astype(int), minlength=2)
    expected += np.log((zero + 0.5) / (len(others) + 1))[(own[:, 3] == 0).astype(int)]
    law = training.blueprint.starts.numbers.components
    mean = np.asarray(law.mean[0, 0], np.float64)
    basis, variances = np.asarray(law.basis[0, 0], np.float64), np.asarray(law.variances[0, 0], np.float64)
    states = training.scored.take(held)
    white = (states.z[:, : len(mean)] - mean) @ basis / np.sqrt(variances)
    density = -0.5 * np.sum(white**2 + np.log(2 * np.pi * variances), axis=1)
    q = np.where(states.auxiliary, 0.5 * (states.z[:, : len(mean)] ** 2 + np.log(2 * np.pi)), 0).sum(axis=1)
    assert training.start_nats[0] == pytest.approx(np.mean(expected + density + q + states.log_weight), abs=1e-4)


def test_a_row_without_a_cell_is_refused_by_its_number() -> None:
    rows = table(20)
    rows.values[6] = np.nan
    with pytest.raises(InputError, match=r"not missing in every row, got none in row 7 \(1 of 20 rows\)"):
        FitRows(rows).split(QUICK, 0)


def test_holes_are_refused_in_one_line_where_a_fit_has_none() -> None:
    """A fit refuses such rows for its report before it trains."""
    whole = table(20, holes=False)
    with pytest.raises(InputError, match=r"tests\.csv: .*no row of the fit lacks, got a missing cell"):
        FitRows(whole, test=table(40), test_name="tests.csv").split(QUICK, 0)
