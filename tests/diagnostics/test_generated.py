"""Generated rows beside real ones, where the generator is known: a perfect one, a copier, one without dependence."""

from dataclasses import replace

import numpy as np
import pytest

from scorax._mixed_rows import MixedRows
from scorax.diagnostics import Axis, RowsBeside, generated_records
from scorax.diagnostics import _generated as module
from scorax.records import Generated

AXES = [Axis("x", "continuous"), Axis("y", "continuous"), Axis("kind", "category", categories=("a", "b"))]
RHO = 0.8


def rows(n: int, seed: int, *, rho: float = RHO) -> MixedRows:
    """Two normal numbers of this correlation, and a category that is ``a`` where the first is negative."""
    generator = np.random.default_rng(seed)
    x, z = generator.standard_normal((2, n))
    y = rho * x + np.sqrt(1 - rho**2) * z
    return MixedRows(np.column_stack([x, y]), (x > 0)[:, None].astype(int), (2,))


def found(generated: MixedRows, *, held: MixedRows | None = None, fit: MixedRows | None = None) -> Generated:
    held = rows(500, 1) if held is None else held
    return generated_records(RowsBeside(AXES, generated, held, rows(500, 0) if fit is None else fit), target=2)


def test_a_perfect_generator_is_told_apart_no_better_than_real_rows_and_copies_nothing() -> None:
    """False alarm below 1e-3 for every assertion on intervals: 3.3 standard errors; keys are fixed."""
    perfect = found(rows(500, 2))
    assert perfect.detections is not None
    assert perfect.usefulness is not None
    assert perfect.copies is not None
    assert perfect.associations is not None
    for one in perfect.detections.scores:
        assert one.score > 1 - 4 * one.error, one  # a fold under 1/2 counts as 1/2: the mean is .8 errors under 1
        assert abs(one.area - 0.5) < 3.3 * one.error / 2
    assert abs(perfect.copies.nearer - 0.5) < 3.3 * perfect.copies.error
    assert perfect.copies.equal == perfect.copies.held_equal == 0
    # The category is a function of the first number: trees learn it from either.
    assert perfect.usefulness.real > 0.98
    assert abs(perfect.usefulness.generated - perfect.usefulness.real) <= 3.3 * perfect.usefulness.error + 0.01
    assert perfect.associations.mean < 2 * perfect.associations.limit
    assert "no worse than that within the error" in perfect.detections.sentence
    assert "no copying is seen" in perfect.copies.sentence
    assert perfect.complete is None


def test_a_copier_is_seen_by_its_copies_and_not_by_rows_of_the_fit() -> None:
    fit = rows(500, 0)
    copies = found(fit.take(np.random.default_rng(3).permutation(500)), fit=fit).copies
    assert copies is not None
    assert (copies.nearer, copies.near_fit, copies.near_held) == (1.0, 500, 0)
    assert (copies.equal, copies.equal_of, copies.held_equal, copies.held_of) == (500, 500, 0, 500)
    assert "copies are seen" in copies.sentence


def test_columns_alone_do_not_make_a_table() -> None:
    """A generator with the right columns and independent numbers: its correlation is 0 where .8 is."""
    made = rows(500, 2, rho=0.0)
    loose = found(made)
    assert loose.associations is not None
    assert loose.detections is not None
    assert loose.associations.worst == ("x", "y")
    assert loose.associations.real == pytest.approx(RHO, abs=0.06)  # 3.3 (1 - rho^2) / sqrt(n)
    assert loose.associations.generated == pytest.approx(0.0, abs=0.15)  # 3.3 / sqrt(n)
    assert loose.associations.mean > loose.associations.limit
    ours = [one for one in loose.detections.scores if one.asked == "generated rows"]
    theirs = [one for one in loose.detections.scores if one.asked == "held-out rows"]
    assert max(one.high for one in ours) < min(one.score for one in theirs)
    assert "below that" in loose.detections.sentence
    by_name = {column.name: column for column in loose.columns.columns}
    assert by_name["x"].distance < 1.3 * by_name["x"].expected  # a probability of 1.3 times the limit of .2 %


def test_spikes_ends_and_shares_are_counted() -> None:
    real, made = rows(400, 0), rows(400, 2)
    real.numbers[:100, 0], made.numbers[:40, 0] = 0.0, 0.0
    made.numbers[40:44, 0] = 99.0
    made.levels[:, 0] = 0
    there = found(made, fit=real).columns
    column, _, kind = there.columns
    (spike,) = column.spikes
    assert (spike.value, spike.real, spike.generated) == (0.0, 0.25, 0.1)
    assert column.outside is not None
    assert column.outside >= 4 / 400
    assert column.outside_low < column.outside < column.outside_high
    assert kind.measure == "total variation"
    assert kind.distance == pytest.approx((real.levels[:, 0] == 1).mean(), abs=1e-6)
    assert "of 3 columns are farther" in there.sentence


def test_whole_rows_are_compared_where_no_cell_is_missing_and_holes_are_no_difference() -> None:
    fit, held = rows(600, 0), rows(600, 1)
    for part in (fit, held):
        part.numbers[::2, 1] = np.nan
        part.levels[::3, 0] = -1
    holed = found(rows(500, 2), fit=fit, held=held)
    assert holed.complete == (500, 200, 200)
    assert holed.detections is not None
    assert holed.copies is not None
    assert {one.rows for one in holed.detections.scores} == {200}
    assert min(one.score for one in holed.detections.scores) > 0.6
    assert holed.columns.columns[1].spikes == ()
    fit.numbers[1::2, 0] = np.nan
    none = found(rows(500, 2), fit=fit, held=held)
    assert none.complete == (500, 200, 0)
    assert none.detections is none.copies is none.usefulness is None
    assert len(none.columns.columns) == 3


def test_without_rows_of_the_fit_what_needs_them_is_left_out() -> None:
    rest = generated_records(RowsBeside(AXES, rows(300, 2), rows(300, 1), None), target=2)
    assert rest.detections is not None
    assert {(one.asked, one.beside) for one in rest.detections.scores} == {("generated rows", "held-out rows")}
    assert rest.fit is rest.copies is rest.usefulness is None
    assert rest.columns.beside == "held-out rows"
    assert "among themselves" not in rest.detections.sentence


def test_boosted_trees_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert module.detectors() == ("boosted trees", "random forest")
    told = generated_records(RowsBeside(AXES, rows(60, 2), rows(60, 1), None), target=0)
    assert told.detections is not None
    assert "scikit-learn, histograms" in told.detections.scores[0].classifier
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    assert module.detectors()[0] == "xgboost"


def test_one_column_has_no_pairs() -> None:
    one = [replace(AXES[0])]
    alone = [MixedRows(part.numbers[:, :1], part.levels[:, :0], ()) for part in (rows(60, 2), rows(60, 1), rows(60, 0))]
    record = generated_records(RowsBeside(one, *alone), target=0)
    assert record.associations is None
    assert record.usefulness is not None
