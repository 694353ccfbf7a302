import warnings

import numpy as np
import pytest

from scorax._errors import InputError
from scorax.data import Table, embedded, read_table
from scorax.tables import examine, notes


def rows(**columns) -> Table:
    return Table.of_columns({name: np.asarray(cells) for name, cells in columns.items()})


def normal(seed: int, n: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


LARGE = np.append(normal(1, 49), 1e290)
ODD = {
    "a name that runs": (rows(**{"=1+1": normal(0), "b": normal(1)}), "a spreadsheet runs '=1+1' as a formula"),
    "a cell that dwarfs the others": (rows(a=LARGE, b=normal(0)), "1e+290 in column 'a', row 50 is a million times"),
    "a small one": (rows(a=normal(0), b=-LARGE), "-1e+290 in column 'b', row 50"),
    "across float64": (rows(a=np.array([-8e304, 1.0, 2.0, 3.0]), b=normal(0, 4)), "-8e+304 in column 'a', row 1"),
    "equal columns": (rows(a=normal(0), b=normal(1), c=normal(0)), "columns 'a' and 'c' are equal or differ in units"),
    "units": (
        rows(celsius=normal(0), f=1.8 * normal(0) + 32, k=273.15 - normal(0)),
        "'celsius' and 'f'; 'celsius' and 'k'",
    ),
    "copied rows of decimals": (
        rows(a=np.repeat(np.round(normal(0), 6), 4), b=np.repeat(np.round(normal(1), 6), 4)),
        "150 of 200 rows repeat an earlier one: a row and its copies are held out together",
    ),
    "copied rows": (
        rows(a=np.repeat(normal(0), 4), b=np.repeat(normal(1), 4)),
        "150 of 200 rows repeat an earlier one: a row and its copies are held out together",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_about_a_table_is_one_line(name):
    table, said = ODD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (line,) = notes(table)
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize("name", ["wine", "iris", "diabetes", "breast_cancer", "two_moons"])
def test_ordinary_tables_have_nothing_odd(name):
    assert notes(embedded(name)) == ()


def test_copies_are_ordinary_where_all_columns_are_of_few_values():
    assert notes(rows(a=np.arange(60) % 3, b=np.arange(60) % 5)) == ()


def test_rows_repeat_by_chance_where_values_do_so_more_often_than_rows():
    fares = np.random.default_rng(0).choice(normal(1, 20), 400)
    ages = np.random.default_rng(1).integers(20, 24, 400)
    assert notes(rows(fare=fares, age=ages)) == ()


def test_a_lone_time_is_shown_as_it_is_written(tmp_path):
    times = [*(f"2024-01-01T12:{minute:02}:00" for minute in range(40)), "9999-12-31T12:00:00"]
    (tmp_path / "t.csv").write_text("t,b\n" + "".join(f"{time},{k}\n" for k, time in enumerate(times)))
    table = read_table(tmp_path / "t.csv")
    assert "9999-12-31T12:00" in notes(table, examine(table).schema)[0]


def test_lone_cells_have_to_be_alone():
    assert notes(rows(a=np.append(normal(1, 48), [1e290, 2e290]), b=normal(0))) == ()
    assert notes(rows(flag=np.append(np.zeros(49, int), 1), b=normal(0))) == ()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a,b\n1,2\n\n3,4\n\n\n5,7\n", ("blank lines passed over: 3",)),
        (b"a,b\r\n1,2\r\n\r\n3,4\r\n5,7\r\n", ("blank lines passed over: 1",)),
        (b"a,b\r1,2\r3,4\r5,7", ("lone carriage return ends, as on old computers: 3",)),
        (b"a,b\n1,2\r3,4\n5,7\n", ("lone carriage return ends, as on old computers: 1",)),
        (b"a,b\n1,2\n3,4\n5,7\r", ("lone carriage return ends, as on old computers: 1",)),
        (b"a,b\r\n1,2\r\n3,4\r\n5,7\r\n", ()),
        (b"a,b\n1,2\n3,4\n5,7", ()),
        (b"'=a,b\n1,2\n3,4\n5,7", ("'=a'",)),
    ],
)
def test_what_a_reader_passes_over_is_said(tmp_path, data, said):
    (tmp_path / "t.csv").write_bytes(data)
    table = read_table(tmp_path / "t.csv")
    assert table.values.tolist() == [[1, 2], [3, 4], [5, 7]]
    found = notes(table)
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_that_end_a_lone_column_are_no_rows(tmp_path, end, monkeypatch):
    """Whatever the blocks of the reader: here of a few lines, with more blank lines than one holds."""
    monkeypatch.setattr("scorax.data._csv._BLOCK", 64)
    monkeypatch.setattr("scorax.data._csv._SCANNED", 7)
    for cells in (["1", "2", "3"], ["1", "", "3"], ["x", "yes", '""'], ["4"] * 50):
        for blank in (0, 1, 2, 70):
            text = "".join(cell + end for cell in ("a", *cells)) + end * blank
            (tmp_path / "t.csv").write_bytes(text.encode())
            table = read_table(tmp_path / "t.csv", missing="keep")
            assert table.rows == len(cells)
            assert np.isnan(table.values[:, 0]).tolist() == [cell in ("", '""') for cell in cells]
            assert (f"blank lines at the end passed over: {blank}" in table.remarks) == (blank > 0)
    (tmp_path / "t.csv").write_bytes(f"a{end * 4}".encode())
    with pytest.raises(InputError, match="rows below the header"):
        read_table(tmp_path / "t.csv", missing="keep")


def test_ends_of_lines_are_counted_across_blocks(tmp_path):
    """Blocks are of 4 MiB: an end of line of two characters falls between two of them, for one of four lengths of a line."""
    for shift in range(4):
        body = b"1,2\r\n\r\n" * 700_000
        (tmp_path / "t.csv").write_bytes(b"a,b" + b"b" * shift + b"\r\n" + body)
        assert read_table(tmp_path / "t.csv").remarks == ("blank lines passed over: 700000",)
