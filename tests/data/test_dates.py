"""Dates in the orders that people write them: read where nothing is in doubt, and written back as they were."""

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorax._errors import InputError
from scorax.data import TextFormat, TimeFormat, read_table, write_table
from scorax.data.formats import ISO, LAYOUTS, Layout, dates_in, layouts_of
from scorax.tables import Choices, examine
from scorax.tables.columns import Time

NAN = float("nan")
CODES = {"YYYY": "{0:%Y}", "MM": "{0:%m}", "DD": "{0:%d}", "M": "{0.month}", "D": "{0.day}"}
DAYS = st.dates(datetime.date(1000, 1, 1), datetime.date(9999, 12, 31))


def written(day: datetime.date, layout: str) -> str:
    mark = layout.strip("YMD")[0]
    return mark.join(CODES[piece] for piece in layout.split(mark)).format(day)


def file(path: Path, cells: list[str]) -> Path:
    path.write_text("k,day\n" + "".join(f"{j}.5,{cell}\n" for j, cell in enumerate(cells)))
    return path


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(LAYOUTS),
    st.lists(DAYS, min_size=1, max_size=6),
    st.sampled_from(["", " 07:30", " 23:59:01", " 7:30", "T0:00:59"]),
)
def test_a_column_of_dates_comes_back_byte_for_byte(tmp_path_factory, layout, days, clock):
    days = [
        *days,
        datetime.date(2024, 1, 31),
        datetime.date(2024, 9, 5),
    ]  # what says which is the day, and parts below ten
    path = file(tmp_path_factory.getbasetemp() / "dates.csv", [written(day, layout) + clock for day in days])
    table = read_table(path)
    form = table.formats[1]
    assert isinstance(form, TimeFormat)
    assert form.date == layout
    cells = [day.date() for day in form.cells(table.values[:, 1]).astype("datetime64[s]").tolist()]
    assert cells == days
    before = path.read_bytes()
    write_table(path, table.columns, table.values, table.formats, dialect=table.dialect)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("cells", "layouts"),
    [
        (["01/02/2024", "05/02/2024"], ("DD/MM/YYYY", "MM/DD/YYYY")),
        (["1/2/2024", "12/12/2024"], ("D/M/YYYY", "M/D/YYYY")),
        (["01/02/2024", "13/02/2024"], ("DD/MM/YYYY",)),
        (["01/02/2024", "02/13/2024"], ("MM/DD/YYYY",)),
        (["13/02/2024", "02/13/2024"], ()),
        (["01/02/2024", "1/12/2024"], ()),
        (["10/31/2024", "12/25/2024"], ("MM/DD/YYYY",)),
        (["01.02.2024"], ("DD.MM.YYYY",)),
        (["01.02.2024", "01/02/2024"], ()),
        (["2024/01/02", "2024/12/31"], ("YYYY/MM/DD",)),
        (["2024/13/02"], ()),
        (["01/02/24"], ()),
        (["2024-01-02"], ()),
        ([], ()),
    ],
)
def test_what_cells_may_be(cells, layouts):
    assert layouts_of(cells) == layouts


@pytest.mark.parametrize(
    "cells",
    [
        ["31/02/2024", "01/03/2024"],
        ["13/01/2024", "later"],
        ["13/01/2024", "13/01/2024 7:30"],
        ["13/01/2024 7:30", "13/01/2024 08:30"],
        ["13/01/2024 7:30 AM", "13/01/2024 8:30 PM"],
        ["2024-01-31 7:3"],
    ],
)
def test_what_is_no_date_in_every_cell_is_text(tmp_path, cells):
    assert isinstance(read_table(file(tmp_path / "t.csv", cells)).formats[1], TextFormat)


def test_hours_without_leading_zeros_are_read_over_blocks_and_written_so(tmp_path, monkeypatch):
    """As spreadsheets write them; a block whose hours have two digits may be of either way."""
    monkeypatch.setattr("scorax.data._csv._BLOCK", 2**10)
    for day in ("2024-01-31", "1/31/2024"):
        cells = [f"{day} 1{j % 10}:05" for j in range(200)] + [f"{day} {j % 24}:59" for j in range(200)]
        path = file(tmp_path / "t.csv", cells)
        table = read_table(path)
        form = table.formats[1]
        assert isinstance(form, TimeFormat)
        hours = [int(cell.split(" ")[1].split(":")[0]) for cell in cells]
        assert [time.hour for time in form.cells(table.values[:, 1]).tolist()] == hours
        write_table(tmp_path / "back.csv", table.columns, table.values, table.formats, dialect=table.dialect)
        assert (tmp_path / "back.csv").read_bytes() == path.read_bytes()
        other = TimeFormat("minute", "minute", " ").written_as(form)
        assert other.text(np.array([5.0])).to_pylist()[0].endswith(" 0:05")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1/31/2024 7:05 PM", "column 'day' looks like dates"),
        ("17:05", "column 'day' looks like times of day"),
        ("7:05 pm", "column 'day' looks like times of day"),
        ("0:07:05", "column 'day' looks like times of day"),
    ],
)
def test_times_that_are_not_read_are_noted_without_advice_that_would_be_refused(tmp_path, cell, said):
    (remark,) = read_table(file(tmp_path / "t.csv", [cell] * 3)).remarks
    assert remark.startswith(said)
    assert "--column" not in remark


@pytest.mark.parametrize("layout", LAYOUTS)
def test_texts_of_parquet_that_are_dates_are_noted_with_what_makes_them_dates(tmp_path, layout):
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(j) for j in range(40)]
    pq.write_table(pa.table({"day": [written(day, layout) for day in days]}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    (remark,) = table.remarks
    assert remark.endswith(f"--column day={layout}")
    column = examine(table, Choices.read([f"day={layout}"], [], [])).schema.columns[0]
    assert isinstance(column.format, TimeFormat)
    assert column.format.date == layout


def test_a_value_far_below_says_which_is_the_day(tmp_path, monkeypatch):
    monkeypatch.setattr("scorax.data._csv._BLOCK", 2**10)
    cells = ["01/02/2024"] * 400 + ["-", "13/02/2024", "NA"]
    table = read_table(file(tmp_path / "t.csv", cells), missing="keep")
    assert table.formats[1] == TimeFormat("day", "day", date="DD/MM/YYYY")
    np.testing.assert_array_equal(table.values[[0, -3, -2, -1], 1], [19754, NAN, 19766, NAN])
    assert table.formats[1].text(table.values[-3:, 1]).to_pylist() == [None, "13/02/2024", None]
    with pytest.raises(InputError, match="column 'day'"):
        read_table(tmp_path / "t.csv", missing="refuse")


def test_where_nothing_says_which_is_the_day_a_person_does(tmp_path):
    cells = [f"{1 + j % 12:02d}/{1 + j // 12 % 12:02d}/20{10 + j % 7}" for j in range(200)]
    table = read_table(file(tmp_path / "t.csv", [*cells, "-"]), missing="keep")
    assert isinstance(table.formats[1], TextFormat)
    assert any("--column day=DD/MM/YYYY or --column day=MM/DD/YYYY" in remark for remark in table.remarks)
    for known in ({"stated": ["day"]}, {"ignored": ["day"]}):
        assert read_table(tmp_path / "t.csv", missing="keep", **known).remarks == ()
    for layout, code in (("DD/MM/YYYY", "%d/%m/%Y"), ("MM/DD/YYYY", "%m/%d/%Y")):
        schema, remarks = examine(table, Choices.read([f"day={layout}"]))
        assert f"dates are read and written as {layout}" in [remark.text for remark in remarks]
        assert isinstance(schema.columns[1], Time)
        values = schema.match(table, "t.csv")
        found = schema.columns[1].format.cells(values[:, 1]).tolist()
        assert found == [*(datetime.datetime.strptime(cell, code).date() for cell in cells), None]
        assert schema.columns[1].format.text(values[:, 1]).to_pylist() == [*cells, None]
    for words, said in (
        ("day=DD.MM.YYYY", "expected dates DD.MM.YYYY in all cells"),
        ("k=DD/MM/YYYY", "cells of number"),
    ):
        with pytest.raises(InputError, match=said):
            examine(table, Choices.read([words]))


def test_texts_of_another_file_are_read_as_the_format_writes_them():
    form = TimeFormat("day", "day", date="MM/DD/YYYY")
    texts = TextFormat(("01/02/2024", "03/04/2024"))
    np.testing.assert_array_equal(form.taken(np.array([1.0, NAN, 0.0]), texts), [19786, NAN, 19724])
    asked: list[tuple[Layout, tuple[str, str], int]] = [
        ("D/M/YYYY", ("05/06/2024", "07/08/2024"), 19879),  # the fifth of June
        ("MM/DD/YYYY", ("5/6/2024", "7/8/2024"), 19849),  # the sixth of May
    ]
    for date, cells, day in asked:
        few = TimeFormat("day", "day", date=date).taken(np.array([0.0, NAN, 1.0]), TextFormat(cells))
        np.testing.assert_array_equal(few[:2], [day, NAN])
    with pytest.raises(ValueError, match="of text"):
        TimeFormat("day", "day", date="DD.MM.YYYY").taken(np.array([0.0]), texts)
    nanoseconds = TextFormat(("2000-01-01T00:00:00.000000001", "2024-01-01T00:00:00.000000001"))
    with pytest.raises(ValueError, match=r"more than 2.53 of a nanosecond"):
        dates_in(np.array([0.0, 1.0]), nanoseconds, ISO)
