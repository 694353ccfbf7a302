"""Rounds of filling: what is asked of a visited row, what is drawn, and that a stopped fit goes on with the same bits."""

import dataclasses
import hashlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from scorax import EDM, FitConfig
from scorax._errors import InputError
from scorax._events import Phase
from scorax.data import BooleanFormat, NumberFormat, Table, TextFormat
from scorax.models import Evidence
from scorax.objectives import MissingQuestions
from scorax.samplers import Heun
from scorax.tables import EnsembleConfig, FitRows, NetworkConfig, NoiseConfig, Recipe, TrainingConfig, fit_run
from scorax.tables._advance import Advance
from scorax.tables._coordinates import Coordinates, States
from scorax.tables._filling import drawn
from scorax.tables._training import Training
from scorax.targets import ExactDenoiser, gaussian

QUICK = FitConfig(
    network=NetworkConfig(width=8, depth=1, dropout=0.0),
    training=TrainingConfig(max_steps=12, batch_size=32, validate_every=2, save_every=1),
    ensemble=EnsembleConfig(folds=2),
    noise=NoiseConfig(candidates=(0.03,), choose_rows=20),
)


def table() -> Table:
    """A number, an integer, a colour and a truth value; a fifth of the cells is missing."""
    random = np.random.default_rng(4)
    colour = random.choice(3, size=60)
    values = np.column_stack([random.normal(size=60) + colour, random.integers(0, 400, 60), colour, colour == 1])
    values[random.uniform(size=values.shape) < 0.2] = np.nan
    values[np.isnan(values).all(axis=1), 0] = 0.5
    formats = (NumberFormat(), NumberFormat(), TextFormat(("blue", "green", "red")), BooleanFormat())
    return Table(("x", "n", "colour", "on"), values, formats)


class Killed(Exception):
    """Ends a fit where it stands."""


def digests(run: Path) -> dict[str, str]:
    last = max((run / "steps").iterdir())
    files = [*sorted(last.glob("*.safetensors")), run / "metrics.jsonl"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_a_fit_that_is_killed_in_any_round_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    """Killed at a first step of the second round, and at one whose draws were saved; none chooses a cut-off."""
    rows, steps, kills = FitRows(table()), [], {6, 8}
    config = dataclasses.replace(QUICK, training=dataclasses.replace(QUICK.training, max_steps=8, filling_rounds=2))

    def hear(event: object) -> None:
        if isinstance(event, Phase) and event.text.startswith("choosing"):
            raise Killed
        if isinstance(event, Advance):
            steps.append((event.training.round.number, event.step))
            if event.step in kills:
                kills.remove(event.step)
                raise Killed

    for name, fits in (("killed", 3), ("straight", 1)):
        run = tmp_path / name
        for _ in range(fits):
            with pytest.raises(Killed):
                fit_run(rows, run, config, seed=0, resume=run.exists(), records=False, on_event=hear)
    straight = [(1, 0), (1, 2), (1, 4), (2, 6), (2, 8)]
    assert steps == [*straight[:4], *straight[3:], *straight[4:], *straight]
    assert digests(tmp_path / "killed") == digests(tmp_path / "straight")
    assert "round.safetensors" in digests(tmp_path / "killed")


def test_questions_are_drawn_as_they_are_said_to_be() -> None:
    """Shares of 4,000 visits are within 4.5 standard errors (false alarms: 7e-6 each); whole rows, then one with a hole."""
    patterns = jnp.array([[True, True, True], [True, False, True], [False, True, True], [True, True, True]])
    questions = MissingQuestions(patterns, patterns[1:3], jnp.asarray(0.4))
    keys = jax.random.split(jax.random.key(3), 4000)

    def asked(present: jax.Array) -> dict[tuple[bool, ...], float]:
        found = jax.vmap(lambda key: questions.ask(present, key=key))(keys)
        both = np.concatenate([found.known, found.target], axis=1)
        kinds, counts = np.unique(both, axis=0, return_counts=True)
        return {tuple(kind.tolist()): count / len(keys) for kind, count in zip(kinds, counts, strict=True)}

    no, yes = False, True
    whole = asked(jnp.array([yes, yes, yes]))
    expected = {
        (yes, no, yes, no, yes, no): 0.2,
        (no, yes, yes, yes, no, no): 0.2,
        (no, no, no, yes, no, yes): 0.6 * 0.5 * 0.25,
        (no, no, no, no, yes, yes): 0.6 * 0.5 * 0.25,
        (no, no, no, yes, yes, yes): 0.6 * 0.75,
    }
    assert set(whole) == set(expected)
    for kind, share in expected.items():
        assert abs(whole[kind] - share) < 4.5 * np.sqrt(share * (1 - share) / len(keys)), kind
    # What is missing in the row is neither known nor asked for, and nothing is asked that leaves no question.
    holed = asked(jnp.array([yes, no, no]))
    assert set(holed) == {(no, no, no, yes, no, no)}


def test_trap_24_drawn_cells_have_the_conditional_law() -> None:
    """B given A under N(0, S) with correlation .8: mean and variance of 4,000 draws within 4.5 standard errors."""
    covariance = np.array([[1.0, 0.8], [0.8, 1.0]])
    model = ExactDenoiser.create(gaussian(np.zeros(2), covariance), EDM(t0=1e-3))
    a = norm.ppf((np.arange(5000) + 0.5) / 5000)
    present = np.ones((5000, 2), bool)
    holed = np.arange(1000, 5000)
    present[holed, 1] = False
    z = np.column_stack([a, np.zeros(5000)])
    states = States(z, np.zeros((5000, 2), bool), np.zeros((5000, 0), np.int64), present, np.zeros(5000))
    b = drawn(model, states.take(holed), Heun(num_steps=24), key=jax.random.key(0)).astype(float)
    assert b.shape == (4000,)
    gap = b - 0.8 * a[holed]
    assert abs(gap.mean()) < 4.5 * 0.6 / np.sqrt(4000)
    assert abs(gap.var() - 0.36) < 4.5 * 0.36 * np.sqrt(2 / 4000)


def test_a_round_fills_what_is_missing_and_leaves_the_rest() -> None:
    split = FitRows(table()).split(QUICK, 0)
    training = Training.of(split.train, Coordinates.fit(split.train, split.schema), split.settings, seed=0)
    *_, last = training.states(None)
    following, state = training.next_round(last)
    assert (following.round.number, following.round.start, int(state.step)) == (2, 4, 0)
    every = np.arange(60)
    filled = [following.filled(member, every) for member in range(2)]
    holes = np.isnan(split.train)
    for values in filled:
        assert not np.isnan(values).any()
        np.testing.assert_array_equal(values[~holes], split.train[~holes])
        np.testing.assert_array_equal(values[:, 1], np.round(values[:, 1]))
        assert set(values[:, 2]) == {0.0, 1.0, 2.0}
    assert np.any(filled[0] != filled[1]), "each member draws for itself"
    # A member trains on and is validated on its own rows, all of whose cells are targets.
    for member in range(2):
        places = following.places(member, every)
        told = following.rows.take(places).condition
        assert isinstance(told, Evidence)
        assert np.all(told.target)
        assert not np.any(told.known)
        assert set(following.places(member, following.held_out(member))).isdisjoint(
            following.places(member, following.trained_on(member))
        )
    # What densities are compared on stays as the table has it.
    assert following.scored is training.scored


def test_a_table_without_holes_is_trained_in_one_round() -> None:
    whole = table()
    assert FitRows(whole).split(QUICK, 0).settings.training.filling_rounds == 3
    whole.values[np.isnan(whole.values)] = 1.0
    assert FitRows(whole).split(QUICK, 0).settings.training.filling_rounds == 1


def test_a_hole_in_a_constant_is_nothing_to_fill() -> None:
    random = np.random.default_rng(5)
    values = np.column_stack([random.normal(size=(60, 2)), np.where(np.arange(60) < 5, np.nan, 3.0)])
    settings = FitRows(Table(("x", "y", "c"), values, (NumberFormat(),) * 3)).split(QUICK, 0).settings
    assert settings.training.filling_rounds == 1
    assert not settings.network.masks


def test_a_network_that_is_not_to_see_masks_is_refused_where_cells_are_missing() -> None:
    blind = dataclasses.replace(QUICK, network=dataclasses.replace(QUICK.network, masks=False))
    with pytest.raises(InputError, match=r"network\.masks = false"):
        FitRows(table()).split(blind, 0)


def missing_at_random(count: int, seed: int) -> Table:
    """A Gaussian pair with correlation .8, the second number missing by a logistic in the first, two in five."""
    random = np.random.default_rng(seed)
    a = random.normal(size=count)
    b = 0.8 * a + 0.6 * random.normal(size=count)
    b[random.uniform(size=count) < 1 / (1 + np.exp(0.63 - 2 * a))] = np.nan
    return Table(("a", "b"), np.column_stack([a, b]), (NumberFormat(), NumberFormat()))


def test_an_untrained_model_fills_by_the_regression_on_complete_rows() -> None:
    """A start is the likeliest Gaussian, and here nothing is learned: the draws for B are around the line of complete rows.

    Mean, slope and variance of what is left over are within 4.5 standard errors (and what the prior of one row adds to them).
    """
    config = dataclasses.replace(
        QUICK,
        training=TrainingConfig(max_steps=2, learning_rate=1e-9, filling_rounds=2, batch_size=16),
        ensemble=EnsembleConfig(folds=1),
    )
    split = FitRows(missing_at_random(3000, 1)).split(config, 0)
    training = Training.of(split.train, Coordinates.fit(split.train, split.schema), split.settings, seed=0)
    *_, last = training.states(None)
    following, _ = training.next_round(last)
    rows = following.filled(0, np.arange(3000))
    holes = np.isnan(split.train[:, 1])
    own = training.trained_on(0)
    a, b = split.train[own][~holes[own]].T
    slope, offset = np.polyfit(a, b, 1)
    left = rows[holes, 1] - offset - slope * rows[holes, 0]
    spread, count = np.std(b - offset - slope * a), holes.sum()
    assert abs(left.mean()) < 4.5 * spread / np.sqrt(count) + 5e-3
    assert abs(np.polyfit(rows[holes, 0], left, 1)[0]) < 4.5 * spread / np.std(rows[holes, 0]) / np.sqrt(count) + 5e-3
    assert abs(left.var() / spread**2 - 1) < 4.5 * np.sqrt(2 / count) + 5e-3
    # Of complete rows alone A has another mean: it says what the rounds are for.
    assert a.mean() < -0.4


@pytest.mark.slow  # the recipe on 20,000 rows: two minutes on two cores
def test_sampled_moments_are_right_where_cells_are_missing_at_random() -> None:
    """Mean and variance of A and B are within 3 standard errors of a whole table of the size; those of complete rows 20 off."""
    rows = missing_at_random(20_000, 2)
    fit = Recipe(FitConfig(), 0).fit(FitRows(rows))
    drawn = fit.fitted.sample_rows(0, 100_000, 0)
    whole = rows.values[~np.isnan(rows.values[:, 1])]
    error = np.sqrt(1 / 20_000 + 1 / 100_000)
    assert np.all(abs(drawn.mean(axis=0)) < 3 * error)
    assert np.all(abs(drawn.var(axis=0) - 1) < 3 * np.sqrt(2) * error)
    assert np.all(abs(whole.mean(axis=0)) > 20 * error)
