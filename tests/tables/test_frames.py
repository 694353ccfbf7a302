"""Data frames in, data frames out; what is wrong with a cell is said with its column."""

from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from scorax import ScoreDensity
from scorax._errors import InputError
from tiny import TINY

LONG = 2**60
"""Identifiers from here on are no float64s."""


def _columns() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "zeta": generator.poisson(6, 60),
        "name with $x^2$": generator.normal(size=60),
        "serial": LONG + generator.integers(0, 1000, 60),
        "alpha": np.round(generator.normal(size=60), 2),
    }


MAKERS = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


@pytest.fixture(scope="module", params=list(MAKERS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted(kind: str) -> ScoreDensity:
    return ScoreDensity(TINY, random_state=0).fit(MAKERS[kind](_columns()))


def test_samples_are_a_frame_of_the_kind_with_names_order_and_integers(kind: str, fitted: ScoreDensity) -> None:
    drawn = fitted.sample(7, random_state=0)
    assert type(drawn) is MAKERS[kind]
    assert list(drawn.columns) == list(_columns())
    arrays = [drawn[name].to_numpy() for name in drawn.columns]
    assert [array.dtype.kind for array in arrays] == ["i", "f", "i", "f"]
    assert np.all(np.abs(arrays[2] - LONG) < 1000)
    np.testing.assert_array_equal(arrays[3], np.round(arrays[3], 2))


def test_rows_are_scored_alike_as_a_frame_and_by_names(kind: str, fitted: ScoreDensity) -> None:
    frame = MAKERS[kind](_columns())
    values = fitted.score_samples(frame)
    assert type(values) is np.ndarray
    assert values.shape == (60,)
    other = frame[["serial", "zeta", "alpha", "name with $x^2$"]]
    for wrong in (other, frame[["zeta", "serial"]]):
        with pytest.raises(ValueError, match="feature names"):
            fitted.score_samples(wrong)


def test_the_kind_of_frame_survives_the_run_folder(kind: str, fitted: ScoreDensity, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    again = ScoreDensity.load(tmp_path / "run")
    ours, theirs = fitted.sample(5, random_state=1), again.sample(5, random_state=1)
    assert type(theirs) is MAKERS[kind]
    for name in ours.columns:
        np.testing.assert_array_equal(ours[name].to_numpy(), theirs[name].to_numpy())
    assert again.feature_names_in_.tolist() == list(_columns())


def test_a_frame_with_numbers_for_labels_comes_back_with_them() -> None:
    frame = pd.DataFrame(dict(enumerate(_columns().values())))  # of the size and kinds above, whose programs it takes
    drawn = ScoreDensity(TINY, random_state=0).fit(frame).sample(7, random_state=0)
    assert list(drawn.columns) == [0, 1, 2, 3]


def _with(cell: Any) -> list[list[Any]]:
    rows: list[list[Any]] = [[float(i), float(i * i)] for i in range(12)]
    rows[4][1] = cell
    return rows


def _frame(maker: Any, cell: Any) -> Any:
    return maker({"when": list(range(12)), "what": [row[1] for row in _with(cell)]})


BAD = {"text": "a", "empty text": "", "None": None, "NaN": float("nan"), "infinity": float("inf")}


@pytest.mark.parametrize("cell", list(BAD.values()), ids=list(BAD))
@pytest.mark.parametrize(
    ("make", "column"),
    [
        (_with, "'x1'"),
        (lambda cell: np.array(_with(cell), dtype=object), "'x1'"),
        (lambda cell: np.array([[str(c) if isinstance(cell, str) else c for c in row] for row in _with(cell)]), "'x1'"),
        (lambda cell: _frame(pd.DataFrame, cell), "'what'"),
        (lambda cell: _frame(pl.DataFrame, cell), "'what'"),
    ],
    ids=["list", "objects", "array", "pandas", "polars"],
)
def test_a_cell_that_is_no_finite_number_is_named(make: Any, column: str, cell: Any) -> None:
    if column == "'what'" and cell != float("inf"):
        pytest.skip("a frame may have missing cells, and columns of text")
    with pytest.raises(ValueError, match=f"column {column}, row 5") as caught:
        ScoreDensity(TINY).fit(make(cell))
    assert isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("maker", list(MAKERS.values()), ids=list(MAKERS))
def test_columns_of_all_types_come_back_as_they_were(maker: Any) -> None:
    random = np.random.default_rng(0)
    colours = np.array(["red", "green", "blue"])[random.integers(3, size=60)]
    frame = maker(
        {
            "colour": colours,
            "x": random.normal(size=60) + (colours == "red"),
            "on": random.uniform(size=60) < 0.3,
            "day": np.datetime64("2024-01-01") + random.integers(400, size=60).astype("timedelta64[D]"),
        }
    )
    density = ScoreDensity(TINY, random_state=0).fit(frame)
    drawn = nw.from_native(density.sample(20, random_state=1), eager_only=True)
    given = nw.from_native(frame, eager_only=True)
    assert drawn.schema == given.schema
    assert set(drawn["colour"].to_list()) <= {"red", "green", "blue"}
    assert set(drawn["on"].to_list()) <= {True, False}
    assert np.isfinite(density.score_samples(frame.head(4))).all()


def test_arrays_that_are_no_matrix_are_told_what_to_do() -> None:
    structured = np.zeros(12, dtype=[("height", float), ("weight", float)])
    with pytest.raises(InputError, match=r"fields 'height', 'weight'; pass pandas\.DataFrame"):
        ScoreDensity(TINY).fit(structured)
    ragged = _with(1.0)
    ragged[7] = [1.0]
    with pytest.raises(InputError, match="2 cells in every row, got 1 in row 8"):
        ScoreDensity(TINY).fit(ragged)
    with pytest.raises(TypeError, match=r"column 'x1', row 5.*not 'dict'"):
        ScoreDensity(TINY).fit(np.array(_with({}), dtype=object))
