"""The verdict on columns: exact chances, false alarms of perfect samplers, and what a person would see to be wrong."""

from collections.abc import Callable

import numpy as np
import pytest

from scorax import diagnostics
from scorax.diagnostics import Axis
from scorax.records import HeldOut, RangeShares, Records, TwoSample, Verdict
from stand_in import stand_in

A = Axis("a", "continuous")

Law = Callable[[np.random.Generator, int], np.ndarray]
"""Rows of one column."""

LAWS: dict[str, Law] = {
    "normal": lambda g, n: g.standard_normal(n),
    "uniform": lambda g, n: g.random(n),
    "lognormal": lambda g, n: np.exp(2 * g.standard_normal(n)),
    "Cauchy": lambda g, n: g.standard_cauchy(n),
    "zeros and amounts": lambda g, n: np.where(g.random(n) < 0.57, 0.0, g.exponential(5.0, n)),
    "counts": lambda g, n: g.poisson(1.5, n).astype(float),
    "grades": lambda g, n: g.integers(1, 6, n).astype(float),
    "two decimals": lambda g, n: np.round(g.gamma(2.0, 10.0, n), 2),
    "constant": lambda g, n: np.full(n, 3.0),
}


def _table(generator: np.random.Generator, n: int) -> np.ndarray:
    return np.column_stack([law(generator, n) for law in LAWS.values()])


def _judge(data: np.ndarray, samples: np.ndarray) -> Verdict:
    axes = [Axis(name, "continuous") for name in LAWS]
    return diagnostics.verdict(Records(marginals=diagnostics.marginal_records(axes, data, samples)))


def test_samples_outside_the_range_have_the_law_that_is_stated() -> None:
    """Of 12 values in random order the first 5 are data: the count outside follows from all orders, here 40,000 of them."""
    orders = np.random.default_rng(0).permuted(np.tile(np.arange(12.0), (40_000, 1)), axis=1)
    data, samples = orders[:, :5], orders[:, 5:]
    outside = np.sum((samples < data.min(1, keepdims=True)) | (samples > data.max(1, keepdims=True)), axis=1)

    def judged(row: int) -> RangeShares:
        return diagnostics.marginal_records([A], data[row][:, None], samples[row][:, None]).columns[0].range

    expected = judged(0).expected
    # Five standard errors: a false alarm in 2 million.
    assert outside.mean() / 7 == pytest.approx(expected, abs=5 * outside.std() / 7 / 200)
    for count in range(1, 8):
        row = int(np.argmax(outside == count))
        share = np.mean(outside >= count)
        error = 5 * np.sqrt(share * (1 - share) / 40_000)
        assert judged(row).p_value == pytest.approx(share, abs=error + 1e-4)


def test_a_perfect_sampler_is_seldom_called_anything_but_good() -> None:
    """The stated false-alarm rate is 1 % of tables; more than 6 alarms in 120 have a probability of 2e-4."""
    alarms = 0
    for seed in range(120):
        generator = np.random.default_rng(seed)
        data, samples = _table(generator, (40, 400)[seed % 2]), _table(generator, 500)
        alarms += set(_judge(data, samples).columns) != {"good"}
    assert alarms <= 6


def _below_zero(g: np.random.Generator, rows: np.ndarray) -> np.ndarray:
    return np.where(g.random(rows.shape) < 0.145, -0.2 * np.abs(rows) - 1e-3, rows)


def _fewer_zeros(g: np.random.Generator, rows: np.ndarray) -> np.ndarray:
    return np.where((rows == 0) & (g.random(rows.shape) < 0.5), 0.3, rows)


def _moved(g: np.random.Generator, rows: np.ndarray) -> np.ndarray:
    return rows + 0.4 * rows.std()


@pytest.mark.parametrize("rows", [300, 1700])
@pytest.mark.parametrize(
    ("law", "fault", "words"),
    [
        ("lognormal", _below_zero, "below the smallest value"),
        ("zeros and amounts", _fewer_zeros, "is exactly 0"),
        ("normal", _moved, "another distribution"),
    ],
)
def test_what_a_person_sees_is_poor_in_the_column_and_in_the_headline(
    law: str, fault: Callable, words: str, rows: int
) -> None:
    generator = np.random.default_rng(rows)
    data, samples = _table(generator, rows), _table(generator, max(500, rows))
    place = list(LAWS).index(law)
    samples[:, place] = fault(generator, samples[:, place])
    result = _judge(data, samples)
    assert result.columns[place] == "poor"
    assert set(result.columns[:place] + result.columns[place + 1 :]) == {"good"}
    assert result.grade == "poor"
    assert "samples" in result.headline
    told = [s.text for s in result.sentences if s.topic == "columns" and s.grade == "poor"]
    assert any(words in text and repr(law) in text for text in told)


def test_a_value_of_few_rows_is_not_named() -> None:
    generator = np.random.default_rng(0)
    data = generator.standard_normal((60, 1))
    samples = np.where(generator.random((500, 1)) < 0.5, data[7], generator.standard_normal((500, 1)))
    (column,) = diagnostics.marginal_records([A], data, samples).columns
    assert column.values == ()


GRADES = ("good", "fair", "poor")


@pytest.mark.parametrize("boosted", [0.5, 0.65, 0.9])
@pytest.mark.parametrize("lead", [0.5, 0.0, -0.5])
@pytest.mark.parametrize("shift", [0.0, 0.15, 0.5])
def test_the_headline_is_the_worst_of_density_columns_and_classifier(boosted: float, lead: float, shift: float) -> None:
    generator = np.random.default_rng(0)
    data, samples = generator.standard_normal((2000, 2)), generator.standard_normal((2000, 2)) + shift
    noise = generator.standard_normal(500)
    record = diagnostics.held_out_records(noise * 0 + lead, {"Gaussian": noise - noise.mean()}, source="test file")
    result = diagnostics.verdict(
        Records(
            held_out=HeldOut((record,)),
            marginals=diagnostics.marginal_records([A, Axis("b", "continuous")], data, samples),
            two_sample=TwoSample(None, None, boosted, logistic=0.5, accuracy_error=0.01),
        )
    )
    place = [[0.5, 0.0, -0.5].index(lead), [0.0, 0.15, 0.5].index(shift), [0.5, 0.65, 0.9].index(boosted)]
    assert result.grade == GRADES[max(place)]
    assert {s.topic: s.grade for s in result.sentences} == {
        topic: GRADES[p] for topic, p in zip(("density", "columns", "samples"), place, strict=True)
    }
    assert ("simpler density estimate" in result.headline) == (lead < 0)


class _SometimesNaN:
    """A stand-in whose sampler fails on every tenth row."""

    def __init__(self, train: np.ndarray) -> None:
        model = stand_in(train, folds=None)
        self.axes_ = model.axes_
        self.compared_, self.fold_, self.out_of_fold_log_density_ = train, None, None
        self.score_samples, self.grad_log_density = model.score_samples, model.grad_log_density
        self.sample_path = model.sample_path
        self._sample = model.sample

    def sample(self, n_samples: int, random_state: int) -> np.ndarray:
        rows = self._sample(n_samples, random_state)
        rows[::10, 0] = np.nan
        return rows


def test_rows_that_are_not_numbers_are_told_and_judged() -> None:
    train = np.random.default_rng(0).standard_normal((40, 1))
    result = diagnostics.evaluate(_SometimesNaN(train), train, seed=0).verdict
    assert result is not None
    assert result.grade == "poor"
    assert any("50 of 500 rows" in s.text for s in result.sentences)
