"""Priors: against scipy's laws; parameters come back and stay in the support, whatever a model says."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from scorax.data import NumberFormat
from scorax.tables import Beta, Gamma, LogNormal, LogUniform, Normal, Schema, Uniform, read_priors
from scorax.tables.columns import PRIORS, Cells, Parameter, Prior

LAWS = [
    (Uniform(-1, 3), stats.uniform(-1, 4)),
    (Normal(1, 2), stats.norm(1, 2)),
    (LogUniform(0.1, 20), stats.loguniform(0.1, 20)),
    (LogNormal(0.5, 0.7), stats.lognorm(0.7, scale=np.exp(0.5))),
    (Beta(2, 3), stats.beta(2, 3)),
    (Gamma(2.5, 3), stats.gamma(2.5, scale=3)),
]
each = pytest.mark.parametrize(("prior", "law"), LAWS, ids=[prior.kind for prior, _ in LAWS])
U = np.linspace(-5, 5, 41)


def test_every_law_is_looked_at() -> None:
    assert [prior.kind for prior, _ in LAWS] == list(PRIORS)


@each
def test_a_law_is_that_of_scipy(prior: Prior, law) -> None:
    theta = prior.inverse(U)
    np.testing.assert_allclose(
        theta, np.where(U < 0, law.ppf(stats.norm.cdf(U)), law.isf(stats.norm.sf(U))), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(prior.forward(theta), U, atol=1e-6)
    np.testing.assert_allclose(prior.log_density(theta), law.logpdf(theta), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(prior.tails(theta), [law.cdf(theta), law.sf(theta)], rtol=1e-6)
    assert prior.support == law.support()


@each
def test_the_weight_is_the_slope(prior: Prior, law) -> None:
    theta, step = prior.inverse(np.linspace(-2, 2, 9)), 1e-6
    slope = (prior.forward(theta + step) - prior.forward(theta - step)) / (2 * step)
    np.testing.assert_allclose(prior.log_slope(theta), np.log(slope), atol=1e-6)


@each
def test_nothing_leaves_the_support(prior: Prior, law) -> None:
    theta = prior.inverse(np.array([-60.0, -9.0, 9.0, 60.0]))
    low, high = prior.support
    assert np.all((low <= theta) & (theta <= high))


def test_a_written_value_at_an_end_stands_for_what_of_it_lies_inside() -> None:
    values = np.array([0.0, 0.25, 0.5, 1.0])
    column = Parameter.of(Cells("a", values, NumberFormat()), Uniform(0, 1))
    assert column.gap == 0.01
    np.testing.assert_allclose(column.invert(column.encode(values)), [0.0025, 0.25, 0.5, 0.9975])
    assert np.isfinite(column.log_weight(values)).all()
    # 3.142 is beyond pi, and some of what it stands for is not.
    rounded = Parameter.of(Cells("a", np.array([0.001, 3.142]), NumberFormat()), Uniform(0, np.pi))
    rounded.require(np.array([3.142]), "theta")
    assert 3.1415 < rounded.invert(rounded.encode(np.array([3.142])))[0] < np.pi


def test_without_decimals_an_end_is_a_rounding_away() -> None:
    values = np.array([0.0, np.pi / 4, 1 / 3])
    column = Parameter.of(Cells("a", values, NumberFormat()), Uniform(0, 1))
    numbers = column.encode(values).numbers[:, 0]
    assert -9 < numbers[0] < -7
    np.testing.assert_allclose(column.invert(column.encode(values)), values, atol=1e-15)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("prior", [LogUniform(1e-4, 1e4), LogUniform(1e-12, 1e6), LogUniform(1, 30)])
def test_a_law_over_many_decades_keeps_its_small_values(prior: LogUniform, single: bool) -> None:
    values = prior.inverse(np.linspace(-4, 4, 400))
    if single:
        values = values.astype(np.float32).astype(float)
    column = Parameter.of(Cells("a", values, NumberFormat(single=single)), prior)
    column.require(values, "theta")
    np.testing.assert_allclose(column.invert(column.encode(values)), values, rtol=1e-12)


@each
@pytest.mark.parametrize("single", [False, True])
def test_both_ends_of_a_support_are_in_it(prior: Prior, law, single: bool) -> None:
    ends = np.array(
        [end for end in prior.support if np.isfinite(end) and (end or prior.kind not in {"gamma", "lognormal"})]
    )
    if single:
        ends = ends.astype(np.float32).astype(float)
    inner = prior.inverse(U).astype(np.float32 if single else float).astype(float)
    column = Parameter.of(Cells("a", inner, NumberFormat(single=single)), prior)
    column.require(ends, "theta")
    np.testing.assert_allclose(column.invert(column.encode(ends)), ends, rtol=1e-5, atol=1e-6)


def test_a_value_outside_is_refused_with_its_row() -> None:
    column = Parameter("a", NumberFormat(), Uniform(-1, 1), 1e-9)
    with pytest.raises(
        ValueError, match=re.escape("support (-1, 1) of its prior uniform(-1, 1), got 1.5 in row 2 (1 of")
    ):
        column.require(np.array([0.0, 1.5, np.nan]), "theta")


@each
def test_a_schema_keeps_the_prior(prior: Prior, law) -> None:
    schema = Schema((Parameter("a", NumberFormat(), prior, 1e-9),))
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_words_are_read() -> None:
    found = read_priors("a=uniform(-1,1), b c = normal( 0 , 2e0 ),d=gamma(1, 0.5)")
    assert found == {"a": Uniform(-1, 1), "b c": Normal(0, 2), "d": Gamma(1, 0.5)}
    assert list(found) == ["a", "b c", "d"]
    for prior, _ in LAWS:
        assert read_priors(f"x={prior}") == {"x": prior}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "expected NAME=LAW(NUMBERS)"),
        ("a", "expected NAME=LAW(NUMBERS)"),
        ("a=uniform(-1,1) b=normal(0,1)", "expected NAME=LAW(NUMBERS)"),
        ("a=unifrom(-1,1)", "did you mean 'uniform'"),
        ("a=cauchy(0,1)", "take one of uniform(low, high); normal(mean, deviation)"),
        ("a=uniform(1)", "expected uniform(low, high), got uniform(1)"),
        ("a=uniform(1,x)", "expected uniform(low, high)"),
        ("a=uniform(1,-1)", "is not below high"),
        ("a=uniform(0,inf)", "expected uniform(low, high)"),
        ("a=normal(0,-1)", "got deviation, -1.0, is not positive"),
        ("a=loguniform(0,1)", "got low, 0.0, is not positive"),
        ("a=normal(0,1), a=normal(0,2)", "one prior of 'a'"),
    ],
)
def test_other_words_are_refused(words: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_priors(words)
