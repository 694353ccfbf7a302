"""Values that a fit never saw: their mass beside that of the levels, under the model and under baselines."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.special import logsumexp

from scorax import FitConfig
from scorax._errors import InputError
from scorax._mixed_rows import MixedRows
from scorax.baselines import compare_folds, compare_mixed
from scorax.cli import main
from scorax.data import BooleanFormat, NumberFormat, Table, TextFormat, read_table
from scorax.tables import EnsembleConfig, FitRows, NetworkConfig, NoiseConfig, Schema, Unseen
from scorax.tables._coordinates import Coordinates
from scorax.tables._fitted import FittedTable
from scorax.tables._model import cut_at
from scorax.tables._training import Training
from scorax.tables.columns import AbstractOpenLevels, Boolean, Category, Count, Ordered

COLOURS = ("blue", "green", "red")
CONFIG = FitConfig(
    network=NetworkConfig(width=8, depth=1, dropout=0.0),
    ensemble=EnsembleConfig(folds=1),
    noise=NoiseConfig(candidates=(0.03,)),
)
ROWS = 400


def table(rows: int = ROWS, *, holes: bool = False) -> Table:
    """A colour, a number and visits, which tail off: independent."""
    random = np.random.default_rng(0)
    colour = random.choice(3, size=rows, p=[0.5, 0.3, 0.2]).astype(float)
    visits = np.minimum(random.geometric(0.4, size=rows) - 1.0, 9)
    values = np.column_stack([colour, random.normal(size=rows), visits])
    if holes:
        values[random.uniform(size=values.shape) < 0.1] = np.nan
        values[np.isnan(values).all(axis=1), 1] = 0.0
    return Table(("colour", "number", "visits"), values, (TextFormat(COLOURS), NumberFormat(), NumberFormat(0)))


def independent(rows: Table) -> FittedTable:
    """A model that was not trained: its columns are independent, with the shares of the rows."""
    split = FitRows(rows).split(CONFIG, 0)
    coordinates = Coordinates.fit(split.train, split.schema)
    training = Training.of(split.train, coordinates, split.settings, seed=0)
    return FittedTable(training.blueprint, cut_at(training.blueprint.untrained(key=jax.random.key(0)), 0.03))


def count(fitted: FittedTable) -> Count:
    found = fitted.coordinates.schema.columns[2]
    assert isinstance(found, Count)
    return found


OPEN: list[AbstractOpenLevels] = [
    Category("text", TextFormat(COLOURS), None),
    Category("codes", NumberFormat(0), (501.0, 7.0)),
    Ordered("size", TextFormat(COLOURS), (2.0, 0.0, 1.0)),
    Count("up", NumberFormat(0), 0.0, 12.0, 3.0, None, 0.5),
    Count("down", NumberFormat(0), -2.0, 8.0, 2.0, 0.6, None),
    Count("both", NumberFormat(0), -2.0, 8.0, 2.0, 0.2, 0.9),
]


@pytest.mark.parametrize("column", OPEN, ids=lambda column: column.name)
def test_masses_of_levels_and_of_what_was_never_seen_sum_to_one(column: AbstractOpenLevels) -> None:
    """Whatever shares a model gives the levels; n counts the rows that have a value."""
    column = column.refitted(np.append(np.repeat(column.points[:2], 15), np.nan))
    assert column.rows == 30
    mass = column.unseen_mass
    assert mass == pytest.approx(1 / (2 * (30 + len(column.points))), rel=1e-14)
    others = np.array([-1.0])
    if isinstance(column, Count):
        steps = column.by * np.arange(1, 400)
        others = np.concatenate(
            [column.low - steps if column.below else [], column.high + steps if column.above else []]
        )
    column.require(others, "rows")
    shares = np.random.default_rng(0).dirichlet(np.ones(len(column.points)))
    total = np.exp(column.log_weight(column.points)) @ shares + np.exp(column.log_weight(others)).sum()
    assert total == pytest.approx(1, abs=1e-12)
    assert np.exp(column.log_weight(others)).sum() == pytest.approx(mass, abs=1e-12)
    assert column.log_weight(np.array([np.nan])).tolist() == [0.0]


@pytest.mark.parametrize(
    "column",
    [
        Boolean("flag", BooleanFormat()),
        Category("flag", BooleanFormat(), (0.0, 1.0), 30),
        Count("closed", NumberFormat(0), 0.0, 4.0, 1.0, None, None, 30),
        *OPEN,
    ],
    ids=lambda column: column.name,
)
def test_levels_have_all_of_the_mass_where_nothing_else_may_be_or_n_is_not_known(column) -> None:
    assert column.unseen_mass == 0
    assert not column.log_weight(column.points).any()


@pytest.mark.parametrize("holes", [False, True])
def test_a_row_is_scored_by_its_other_cells_and_the_mass_of_what_was_never_seen(holes: bool) -> None:
    """Of independent columns the log-probability is a sum: what changes in a cell changes the value by that alone."""
    fitted = independent(table(holes=holes))
    known = fitted.coordinates.schema.match(table(), "rows")[:8]
    colours, visits = fitted.coordinates.schema.columns[0], count(fitted)
    assert isinstance(colours, Category)

    def gap(column: int, value: float) -> np.ndarray:
        changed = known.copy()
        changed[:, column] = value
        before, after = (fitted.log_prob(rows, draws=2).value for rows in (known, changed))
        prior = np.asarray(fitted.blueprint.starts.log_priors[column // 2][0], np.float64)
        level = fitted.coordinates.schema.columns[column].encode(known[:, column]).levels[:, 0]
        assert len(prior) == (3 if column == 0 else 10)
        return np.asarray(after) - np.asarray(before) + prior[level]

    mass = colours.unseen_mass
    np.testing.assert_allclose(gap(0, -1.0), np.log(mass) - np.log1p(-mass), atol=0.02)
    mass, ratio = visits.unseen_mass, visits.above
    assert ratio is not None
    expected = np.log(mass) - np.log1p(-mass) + np.log1p(-ratio) + 3 * np.log(ratio)
    np.testing.assert_allclose(gap(2, 13.0), expected, atol=0.02)


def test_a_row_lacks_only_what_rows_of_the_fit_lack() -> None:
    """A column that is whole in the fit; a schema of an earlier version does not say which, and holds nobody up."""
    rows = table(holes=True)
    rows.values[:, 1] = np.nan_to_num(rows.values[:, 1])
    fitted = independent(rows)
    assert fitted.coordinates.schema.holed == ("colour", "visits")
    asked = np.array([[1.0, np.nan, 2.0]])
    with pytest.raises(InputError, match=r"a value in column 'number', which no row of the fit lacks.*training\.masks"):
        fitted.log_prob(asked)
    earlier = replace(fitted.coordinates.schema, holed=None)
    blueprint = replace(fitted.blueprint, coordinates=replace(fitted.coordinates, schema=earlier))
    assert np.isfinite(replace(fitted, blueprint=blueprint).log_prob(asked).value).all()


def test_a_row_with_nothing_but_what_was_never_seen_has_its_mass() -> None:
    rows = table(holes=True)
    fitted = independent(rows)
    values = np.array([[-1.0, np.nan, np.nan], [np.nan, np.nan, 10.0], [-1.0, np.nan, 10.0]])
    colours, visits = fitted.coordinates.schema.columns[0], count(fitted)
    assert isinstance(colours, Category)
    one, other = np.log(colours.unseen_mass), np.log(visits.unseen_mass * (1 - (visits.above or 0)))
    np.testing.assert_allclose(fitted.log_prob(values, draws=2).value, [one, other, one + other], atol=0.02)


def test_the_value_of_a_row_is_the_same_beside_others() -> None:
    fitted = independent(table())
    values = fitted.coordinates.schema.match(table(), "rows")[:5]
    alone = fitted.log_prob(values[:4]).value
    values[4, 0] = -1
    np.testing.assert_array_equal(fitted.log_prob(values).value[:4], alone)


def test_baselines_have_the_same_mass() -> None:
    """Over all levels of a column and what was never seen, the probabilities of every baseline sum to one."""
    fitted = independent(Table(("colour",), table().values[:, :1], (TextFormat(COLOURS),)))
    asked = fitted.compared(np.array([[0.0], [1.0], [2.0], [-1.0]]), 0)
    train = fitted.compared(table().values[:, :1], 0)
    assert isinstance(train, MixedRows)
    assert isinstance(asked, MixedRows)
    colours = fitted.coordinates.schema.columns[0]
    assert isinstance(colours, Category)
    for found in compare_mixed(train, asked, seed=0).values():
        assert logsumexp(found.values) == pytest.approx(0, abs=1e-6)
        assert found.values[3] == pytest.approx(np.log(colours.unseen_mass), abs=1e-9)
    both = train.followed_by(asked)
    folds = np.where(np.arange(len(both)) < len(train), -1, 0)
    for found in compare_folds(both, folds, seed=0).values():
        assert logsumexp(found.values[len(train) :]) == pytest.approx(0, abs=1e-6)


def test_where_n_is_not_known_such_rows_are_refused_as_rows_to_fit_are() -> None:
    """A schema of an earlier release has no n; n is no part of what a column is."""
    fitted = independent(table())
    schema = fitted.coordinates.schema
    old = schema.to_json()
    for column in old["columns"]:
        column.pop("rows", None)
    assert Schema.from_json(old) == schema
    assert [getattr(column, "rows", None) for column in Schema.from_json(schema.to_json()).columns] == [
        ROWS,
        None,
        ROWS,
    ]
    coordinates = replace(fitted.coordinates, schema=Schema.from_json(old))
    earlier = replace(fitted, blueprint=replace(fitted.blueprint, coordinates=coordinates))
    values = schema.match(table(), "rows")
    values[2, 0] = -1
    with pytest.raises(InputError, match=r"column 'colour' .*row 3 \(1 of 400 rows\)"):
        earlier.log_prob(values)
    strange = Table(table().columns, table().values, (TextFormat(("blue", "green", "white")), *table().formats[1:]))
    with pytest.raises(InputError, match=r"the table: .*column 'colour'"):
        FitRows(strange, given=schema).split(CONFIG, 0)
    # Rows for the report are scored.
    assert FitRows(table(), test=strange).split(CONFIG, 0).held is not None


def test_what_was_never_seen_is_said_by_name() -> None:
    schema = independent(table()).coordinates.schema
    values = table(6).values
    values[:, 0], values[[1, 4], 2] = [0, 1, 2, 0, 1, 2], [17, 23]
    other = Table(table().columns, values, (TextFormat(("blue", "pink", "white")), NumberFormat(), NumberFormat(0)))
    found = Unseen.of(other, schema.match(other, "rows"), schema)
    assert found == Unseen(4, (("colour", ("pink", "white")), ("visits", ("17", "23"))))
    assert str(found) == "a value that the fit never saw: 'colour' ('pink', 'white'); 'visits' ('17', '23')"
    assert Unseen.of(table(), schema.match(table(), "rows"), schema).rows == 0


TINY = [
    "--set",
    "network.width=8",
    "--set",
    "network.depth=1",
    "--folds",
    "1",
    "--max-steps",
    "10",
    "--no-report",
    "--set",
    "noise.candidates=[0.1]",
]


def test_the_command_scores_such_rows_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    lines = [f"{random.choice(['left', 'right'])},{random.choice(['a', 'b', 'c'])}" for _ in range(60)]
    (tmp_path / "train.csv").write_text("\n".join(["side,letter", *lines]) + "\n")
    (tmp_path / "test.csv").write_text("side,letter\nleft,a\nnever,a\nright,d\nnever,d\n")
    run, out = str(tmp_path / "run"), str(tmp_path / "out.csv")
    assert main(["fit", str(tmp_path / "train.csv"), "-o", run, "--test", str(tmp_path / "test.csv"), *TINY]) == 0
    said = "3 of 4 rows have a value that the fit never saw: 'side' ('never'); 'letter' ('d')"
    assert said in " ".join(capsys.readouterr().err.split())
    assert main(["logp", run, str(tmp_path / "test.csv"), "-o", out]) == 0
    assert said in " ".join(capsys.readouterr().err.split())
    values = read_table(out).values[:, 1]
    assert values[3] == pytest.approx(np.log(1 / (2 * 62)) + np.log(1 / (2 * 63)), abs=0.1)
    assert (values[0] > values[1]) & (values[2] > values[3])
