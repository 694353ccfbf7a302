"""Questions to a fitted table: an untrained field is exactly the law it starts from, so answers have closed forms."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from scorax._errors import InputError
from scorax.data import NumberFormat, Table, TextFormat
from scorax.tables import TrainingConfig, reasons
from scorax.tables._fitted import FittedTable
from untrained import CONFIG, NAMES, ROWS, conditional, table, untrained


@pytest.mark.parametrize(("target", "given"), [([2], [0, 1]), ([0, 2], [1]), ([1], [])])
def test_densities_given_columns_are_those_of_the_closed_form(target: list[int], given: list[int]) -> None:
    """The rest is summed over. Bounds: of the solve, and of a cut-off of .001 deviations."""
    fitted, rows = untrained(), ROWS.copy()
    rows[:, [j for j in range(4) if j not in (*target, *given)]] = np.nan
    answer = fitted.log_prob(rows, given=[NAMES[j] for j in given], tolerance=1e-4)
    expected = [
        multivariate_normal(*conditional(fitted, target, given, row[given])).logpdf(row[target]) for row in ROWS
    ]
    assert np.all(np.abs(answer.value - expected) < 1e-4 + answer.numerical_error)


def test_a_density_is_that_of_a_part_times_that_of_the_rest_given_it() -> None:
    fitted = untrained()
    part = np.where(np.isin(NAMES, ["a", "k"]), ROWS, np.nan)
    whole, first, rest = (
        fitted.log_prob(rows, given=given).value for rows, given in ((ROWS, ()), (part, ()), (ROWS, ("a", "k")))
    )
    np.testing.assert_allclose(first + rest, whole, atol=0.02)


def test_trap_54_answers_of_a_law_are_consistent() -> None:
    """Also where one column of levels is asked for, and its probability is one look of the network."""
    fitted = untrained()
    for given in (["a"], ["a", "k"], ["a", "b", "c"]):
        assert np.all(fitted.inconsistency(ROWS, given) < 0.02)
    holed = np.where(np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]], bool), np.nan, ROWS)
    assert np.all(fitted.inconsistency(holed, ["a"]) < 0.02)  # nothing is given of the first row
    answer = fitted.log_prob(ROWS, given=["a", "b", "c"])
    expected = np.asarray(fitted.blueprint.starts.log_priors[0][0], np.float64)[[2, 0, 1]]
    np.testing.assert_allclose(answer.value, expected + np.log1p(-0.5 / 403), atol=1e-5)


def test_trap_24_completed_cells_have_the_conditional_law_and_the_others_stay() -> None:
    """Means and covariances of 4,000 draws within 4.5 standard errors (false alarms: 7e-6 each)."""
    fitted = untrained()
    rows = np.tile(ROWS[0], (4000, 1))
    rows[:, [1, 2]] = np.nan
    made = fitted.completed(rows, 3)
    np.testing.assert_array_equal(made[:, [0, 3]], rows[:, [0, 3]])
    mean, covariance = conditional(fitted, [1, 2], [0], ROWS[0, [0]])
    deviation = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(made[:, 1:3].mean(axis=0) - mean) < 4.5 * deviation / np.sqrt(4000))
    spread = np.sqrt((covariance**2 + np.outer(deviation, deviation) ** 2) / 4000)
    assert np.all(np.abs(np.cov(made[:, 1:3].T) - covariance) < 4.5 * spread)


def test_a_row_is_completed_alone_as_it_is_among_others() -> None:
    fitted = untrained()
    rows = np.where(np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]], bool), np.nan, ROWS)
    every = fitted.completed(rows, 7)
    np.testing.assert_array_equal(every[1], ROWS[1])
    for j in range(3):
        np.testing.assert_array_equal(fitted.completed(rows[j : j + 1], 7, numbers=range(j, j + 1))[0], every[j])


def test_probabilities_of_a_class_are_those_that_its_independent_start_has() -> None:
    fitted = untrained()
    answer = fitted.log_probabilities(ROWS, "k", ["a", "c"])
    np.testing.assert_allclose(np.exp(answer).sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(answer, np.tile(np.asarray(fitted.blueprint.starts.log_priors[0][0]), (3, 1)), atol=1e-5)


def two_classes() -> FittedTable:
    """A number and two columns of levels, by a network of random weights: its answers depend on what is given."""
    random = np.random.default_rng(6)
    values = np.column_stack([random.normal(size=300), random.integers(3, size=300), random.integers(2, size=300)])
    rows = Table(("a", "k", "m"), values, (NumberFormat(), TextFormat(("x", "y", "z")), TextFormat(("u", "v"))))
    fitted = untrained(rows=rows)
    network, key = fitted.model.network, jax.random.key(1)
    leaves, tree = jax.tree.flatten(eqx.filter(network, eqx.is_inexact_array))
    moved = [
        leaf + 0.3 * jax.random.normal(k, leaf.shape)
        for leaf, k in zip(leaves, jax.random.split(key, len(leaves)), strict=True)
    ]
    network = eqx.combine(jax.tree.unflatten(tree, moved), network)
    return dataclasses.replace(fitted, model=dataclasses.replace(fitted.model, network=network))


def test_several_classes_go_by_a_chain_of_looks_that_sums_to_one() -> None:
    """Of any network: the sum over all levels is what those never seen leave, and the order of the columns is the table's."""
    fitted = two_classes()
    assert fitted.levels_asked(["a"]) == ("k", "m")
    assert fitted.levels_asked(["k"]) == ()
    rows = np.array([[a, k, m] for a in (-1.0, 0.7) for k in range(3) for m in range(2)], float)
    answer = fitted.log_prob(rows, given=["a"])
    left = (1 - 0.5 / 303) * (1 - 0.5 / 302)
    np.testing.assert_allclose(np.exp(answer.value).reshape(2, 6).sum(axis=1), left, rtol=1e-5)
    first = fitted.log_probabilities(rows, "k", ["a"])[np.arange(12), rows[:, 1].astype(int)]
    second = fitted.log_probabilities(rows, "m", ["a", "k"])[np.arange(12), rows[:, 2].astype(int)]
    np.testing.assert_allclose(answer.value, first + second + np.log(left), atol=1e-6)
    assert np.ptp(second) > 0.01  # what is given is seen


def test_in_a_chain_a_missing_class_is_summed_over_and_one_never_seen_has_its_mass() -> None:
    fitted = two_classes()
    rows = np.array([[0.7, np.nan, 1.0], [0.7, 2.0, np.nan]])
    answer = fitted.log_prob(rows, given=["a"])
    alone = fitted.log_probabilities(rows, "m", ["a"])[0, 1], fitted.log_probabilities(rows, "k", ["a"])[1, 2]
    np.testing.assert_allclose(answer.value, np.array(alone) + np.log1p([-0.5 / 302, -0.5 / 303]), atol=1e-6)


def test_looks_and_the_sampler_agree_on_the_law_of_the_start() -> None:
    fitted = untrained()
    assert np.all(fitted.distance_of_looks(ROWS, ["a", "b", "c"]) < 0.02)
    with pytest.raises(InputError, match="columns of levels beside those given"):
        fitted.distance_of_looks(ROWS, ["a"])


def test_another_precision_is_refused() -> None:
    with pytest.raises(InputError, match="precision among auto, float32, float64, got 'double'"):
        untrained().log_prob(ROWS, precision="double")


def test_questions_that_cannot_be_answered_are_refused() -> None:
    plain = untrained(dataclasses.replace(CONFIG, training=TrainingConfig(max_steps=1)))
    holed = np.where(np.arange(4) == 1, np.nan, ROWS)
    for ask in (
        lambda: plain.completed(holed, 0),
        lambda: plain.log_prob(ROWS, given=["a"]),
        lambda: plain.log_probabilities(ROWS, "k", ["a"]),
    ):
        with pytest.raises(InputError, match="trained under masks"):
            ask()
    fitted, unseen = untrained(), np.where(np.arange(4) == 3, -1.0, ROWS)
    for call, message in (
        (lambda: fitted.log_prob(ROWS, given=["z"]), "a column that the model describes"),
        (lambda: fitted.log_prob(ROWS, given=NAMES), "a cell that is asked for in every row"),
        (lambda: fitted.log_prob(unseen, given=["k"]), "values of the fit"),
        (lambda: fitted.completed(np.where(np.arange(4) == 1, np.nan, unseen), 0), "values of the fit"),
        (lambda: fitted.log_probabilities(ROWS, "a", ["k"]), "a column of levels"),
        (lambda: fitted.log_probabilities(ROWS, "k", ["k"]), "a column of levels"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_the_cell_that_does_not_fit_the_others_is_the_reason() -> None:
    """A row with its b moved by five conditional deviations beside 99 rows of the law; densities are those of the closed form."""
    fitted, others = untrained(), table().values[:99]
    odd = others[:1].copy()
    mean, covariance = conditional(fitted, [1], [0, 2], odd[0, [0, 2]])
    odd[0, 1] = mean[0] + 5 * np.sqrt(covariance[0, 0])
    found = reasons(fitted, odd, [0], others)
    name, value, share = found.of(0)[0]
    assert (name, share) == ("b", 0.01)
    assert abs(value - multivariate_normal(mean, covariance).logpdf(odd[0, 1])) < 0.2
    assert found.columns == NAMES
    strange = np.where(np.arange(4) == 2, np.nan, np.where(np.arange(4) == 3, -1, odd))
    found = reasons(fitted, strange, [0], others[:20])
    assert np.isnan(found.share[0, 2])
    assert np.isfinite(found.log_density[0, 3])  # the mass of what was never seen
