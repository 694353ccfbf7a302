"""Columns of data frames of every type: what their cells mean, and a frame of the same types again."""

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from sklearn.base import BaseEstimator

from scorax._errors import InputError
from scorax.spec import from_mapping, to_json
from scorax.tables._frames import Frame, checked_table

DAYS = ["2024-01-01", None, "2024-02-01"]
TIMES = pd.Series(pd.to_datetime(DAYS))

PANDAS: dict[str, tuple[Any, str]] = {
    "category": (pd.Categorical(["a", "b", None]), "text"),
    "ordered": (pd.Categorical(["lo", "hi", None], categories=["lo", "hi"], ordered=True), "text"),
    "unused category": (pd.Categorical(["a", None, "a"], categories=["z", "a"]), "text"),
    "category of numbers": (pd.Categorical([1, 2, None]), "number"),
    "category of truth values": (pd.Categorical([True, False, True]), "boolean"),
    "category of truth in objects": (pd.Series([True, None, False], dtype=object).astype("category"), "boolean"),
    "category of boolean": (pd.Series([True, None, False], dtype="boolean").astype("category"), "boolean"),
    "category of Int64": (pd.Series([1, None, 2], dtype="Int64").astype("category"), "number"),
    "category of times": (TIMES.astype("category"), "time"),
    "category of times of a zone": (TIMES.dt.tz_localize("Europe/Berlin").astype("category"), "time"),
    "category of dates": (
        pd.Series([datetime.date(2024, 1, 1), None, datetime.date(2024, 2, 1)], dtype=object).astype("category"),
        "time",
    ),
    "str": (["x", None, "y"], "text"),
    "object": (pd.Series(["a", None, "b"], dtype=object), "text"),
    "arrow text": (pd.array(["a", None, "b"], dtype="string[pyarrow]"), "text"),
    "bool": ([True, False, True], "boolean"),
    "boolean": (pd.array([True, None, False], dtype="boolean"), "boolean"),
    "truth in objects": (pd.Series([True, None, False], dtype=object), "boolean"),
    "int8": (np.array([1, 2, 3], np.int8), "number"),
    "Int64": (pd.array([1, None, 3], dtype="Int64"), "number"),
    "float32": (np.array([1.5, np.nan, 2], np.float32), "number"),
    "Float32": (pd.array([1.5, None, 2], dtype="Float32"), "number"),
    "time": (TIMES, "time"),
    "nanoseconds": (TIMES.astype("datetime64[ns]"), "time"),
    "zone": (TIMES.dt.tz_localize("Europe/Berlin"), "time"),
    "dates": (pd.Series([datetime.date(2024, 1, 1), None, datetime.date(2024, 2, 1)], dtype=object), "time"),
}

POLARS: dict[str, tuple[pl.Series, str]] = {
    "enum": (pl.Series(["a", "b", None], dtype=pl.Enum(["b", "a"])), "text"),
    "categorical": (pl.Series(["a", "b", None], dtype=pl.Categorical), "text"),
    "string": (pl.Series(["a", None, "b"]), "text"),
    "boolean": (pl.Series([True, None, False]), "boolean"),
    "uint8": (pl.Series([1, 2, None], dtype=pl.UInt8), "number"),
    "float32": (pl.Series([1.5, None, 2], dtype=pl.Float32), "number"),
    "date": (pl.Series([1, 2, None]).cast(pl.Date), "time"),
    "UTC": (pl.Series([1, 2, None]).cast(pl.Datetime("ms", "UTC")), "time"),
    "zone": (pl.Series([1, 2, None]).cast(pl.Datetime("us", "Europe/Berlin")), "time"),
    "nanoseconds": (pl.Series([1, 2, None]).cast(pl.Datetime("ns")), "time"),
}


def again(X: Any) -> tuple[list[str], Any]:
    """Kinds of the columns of a frame, and the frame that its values make, its kind remembered on disk."""
    table, frame = checked_table(BaseEstimator(), X, reset=True, missing="keep"), Frame.of(X)
    assert frame is not None
    frame = from_mapping(Frame, json.loads(json.dumps(to_json(frame))))
    cells = [form.cells(table.values[:, j]) for j, form in enumerate(table.formats)]
    return [form.kind for form in table.formats], frame.build(cells)


@pytest.mark.parametrize("name", PANDAS)
def test_a_column_of_pandas_comes_back(name: str) -> None:
    column, kind = PANDAS[name]
    frame = pd.DataFrame({"n": np.arange(3), name: column})
    kinds, found = again(frame)
    assert kinds == ["number", kind]
    pd.testing.assert_frame_equal(found, frame)
    kind = Frame.of(frame)
    assert kind is not None
    table = checked_table(BaseEstimator(), frame, reset=True, missing="keep")
    cells = [form.cells(table.values[:, j]) for j, form in enumerate(table.formats)]
    pd.testing.assert_frame_equal(kind.like(frame, cells), frame)  # no category is new


@pytest.mark.parametrize("name", POLARS)
def test_a_column_of_polars_comes_back(name: str) -> None:
    column, kind = POLARS[name]
    frame = pl.DataFrame({"n": np.arange(3), name: column})
    kinds, found = again(frame)
    assert kinds == ["number", kind]
    assert_frame_equal(found, frame)


def test_a_table_of_arrow_comes_back() -> None:
    frame = pa.table({"a": ["x", None, "y"], "b": pa.array([1, 2, None], pa.int8()), "c": [True, False, None]})
    kinds, found = again(frame)
    assert kinds == ["text", "number", "boolean"]
    assert found.equals(frame)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([1, "a", 2.5], "cells of several kinds in column 'odd'"),
        ([{}, {}, {}], "type 'struct"),
        ([1.0, np.inf, 2.0], r"infinity \(inf\) in column 'odd', row 2"),
        ([1.0, np.nan, 2.0], "a missing cell in column 'odd', row 2"),
        (["a", None, "b"], "a missing cell in column 'odd', row 2"),
    ],
)
def test_what_is_no_column_is_named(cells: list[Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        checked_table(
            BaseEstimator(), pd.DataFrame({"n": [1, 2, 3], "odd": pd.Series(cells, dtype=object)}), reset=True
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": np.array([250, 255], np.uint8), "b": np.array([1, 2], np.int16)}),
        pd.DataFrame({"a": pd.array([250, 255], dtype="UInt8"), "b": pd.array([1, 2], dtype="Int16")}),
        pl.DataFrame({"a": pl.Series([250, 255], dtype=pl.UInt8), "b": pl.Series([1, 2], dtype=pl.Int16)}),
        pa.table({"a": pa.array([250, 255], pa.uint8()), "b": pa.array([1, 2], pa.int16())}),
    ],
)
def test_integers_beyond_the_type_of_their_column_do_not_wrap_round(frame: Any) -> None:
    """Draws of a column in bytes may lie beyond the largest byte."""
    kind = Frame.of(frame)
    assert kind is not None
    made = kind.build([np.array([256, -1]), np.array([-3, 4])])
    assert np.asarray(made["a"]).tolist() == [256, -1]
    assert np.asarray(made["b"]).tolist() == [-3, 4]
    found = Frame.of(made)
    assert found is not None
    assert [own.name for own in found.types] == ["Int64", "Int16"]
