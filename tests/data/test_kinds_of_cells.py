"""What a column of text cells is taken for, by kind; what is decided for a person is said."""

from pathlib import Path

import numpy as np
import pytest

from file_refusals import refusal
from scorax.data import BooleanFormat, Dialect, NumberFormat, Table, TextFormat, TimeFormat, read_table
from scorax.tables import examine

NAN = float("nan")


@pytest.fixture
def csv(tmp_path):
    def write(data: str | bytes, name: str = "t.csv") -> Path:
        (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return tmp_path / name

    return write


def column(csv, *cells: str, header: str = "k,a") -> Table:
    """The table of a running number and a column ``a`` of these cells."""
    delimiter = header[1]
    return read_table(
        csv("\n".join([header, *(f"{i * i}{delimiter}{cell}" for i, cell in enumerate(cells))]) + "\n"), missing="keep"
    )


@pytest.mark.parametrize(
    ("cells", "form", "values"),
    [
        (("b", "a", "b"), TextFormat(("a", "b")), [1, 0, 1]),
        (("", "a", "NA", "null", "?"), TextFormat(("a",)), [NAN, 0, NAN, NAN, NAN]),
        ((" b", "b"), TextFormat((" b", "b")), [0, 1]),
        (("None", "Some", "-"), TextFormat(("-", "None", "Some")), [1, 2, 0]),
        (('"a,b"', '"c""d"', "é"), TextFormat(("a,b", 'c"d', "é")), [0, 1, 2]),
        (("00501", "10001"), TextFormat(("00501", "10001")), [0, 1]),
        (("00501", "1.5", "00502"), NumberFormat(1, fewest=0), [501, 1.5, 502]),
        (("1", "x", "2"), TextFormat(("1", "2", "x")), [0, 2, 1]),
        (("1_000", "0x10"), TextFormat(("0x10", "1_000")), [1, 0]),
        (("1", "", "NA", "-", "None", "<NA>"), NumberFormat(0), [1, NAN, NAN, NAN, NAN, NAN]),
        (("1.50", ".", "NaN"), NumberFormat(2), [1.5, NAN, NAN]),
        (("1.5", "20.0", ".", "0.125"), NumberFormat(3, fewest=1), [1.5, 20, NAN, 0.125]),
        (("1.5", "20", "", "0.10"), NumberFormat(2), [1.5, 20, NAN, 0.1]),
        (("", "NA", ""), NumberFormat(0), [NAN, NAN, NAN]),
        (("True", "False"), BooleanFormat("False", "True"), [1, 0]),
        (("yes", "", "no", "NA"), BooleanFormat("no", "yes"), [1, NAN, 0, NAN]),
        (("T", "F"), BooleanFormat("F", "T"), [1, 0]),
        (("N", "y"), BooleanFormat("N", "y"), [0, 1]),
        (("TRUE", "TRUE"), BooleanFormat("FALSE", "TRUE"), [1, 1]),
        (("false", "false"), BooleanFormat("false", "true"), [0, 0]),
        (("True", "TRUE", "False"), TextFormat(("False", "TRUE", "True")), [2, 1, 0]),
        (("yes", "yes"), TextFormat(("yes",)), [0, 0]),
        (("yes", "true"), TextFormat(("true", "yes")), [1, 0]),
        (("true", "1"), TextFormat(("1", "true")), [1, 0]),
        (("1970-01-03", "", "1969-12-31"), TimeFormat("day", "day"), [2, NAN, -1]),
        (("1970-01-01T00:01", "1970-01-01T01:00"), TimeFormat("minute", "minute"), [1, 60]),
        (("1970-01-02 00:00:00", "1970-01-01 00:00:00"), TimeFormat("day", "second", " "), [1, 0]),
        (
            ("1970-01-01T00:00:00.5Z", "1970-01-01T00:00:01Z"),
            TimeFormat("millisecond", "millisecond", "T", "Z"),
            [500, 1000],
        ),
        (("1970-01-01T02:00:00+02:00",) * 2, TimeFormat("day", "second", "T", "+02:00"), [0, 0]),
        (("1970-01-01 00:00:07+00",) * 2, TimeFormat("second", "second", " ", "+00"), [7, 7]),
        (("1969-12-31 20:30:00-0330",) * 2, TimeFormat("day", "second", " ", "-0330"), [0, 0]),
        (("1970-01-01 00:00:07.25 UTC",) * 2, TimeFormat("millisecond", "millisecond", " ", " UTC"), [7250, 7250]),
        (("1970-01-01T00:02z",) * 2, TimeFormat("minute", "minute", "T", "z"), [2, 2]),
        (("1970-01-01T02:01+02",) * 2, TimeFormat("minute", "minute", "T", "+02"), [1, 1]),
        (
            ("1970-01-01T02:00+02", "1970-01-01T03:00+03"),
            TextFormat(("1970-01-01T02:00+02", "1970-01-01T03:00+03")),
            [0, 1],
        ),
        (
            ("1970-01-01 00:00:00.000007", "1970-01-01 00:00:00.000009"),
            TimeFormat("microsecond", "microsecond", " "),
            [7, 9],
        ),
        (("1970-01-01 00:00:00.000000007",) * 2, TimeFormat("nanosecond", "nanosecond", " "), [7, 7]),
        (("2024-02-30", "2024-02-28"), TextFormat(("2024-02-28", "2024-02-30")), [1, 0]),
        (("0001-01-01", "9999-12-31"), TimeFormat("day", "day"), [-719162, 2932896]),
    ],
)
def test_what_a_column_of_cells_is(csv, cells, form, values):
    table = column(csv, *cells)
    assert table.columns == ("k", "a")
    assert table.formats[1] == form
    np.testing.assert_array_equal(table.values[:, 1], values)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("1", "NA", "NA"), "'NA' is read as missing: 2 cells of column 'a'"),
        (("a", "NA", "b"), "'NA' is read as missing: 1 cell of column 'a'"),
        (("1", "2", "oops", "3"), "because of 'oops' in row 3 (1 of 4 cells are no numbers)"),
        (("$1,200", "$900", "$1,000,000"), "numbers with signs, units or separators ('$1,200')"),
        (("12%", "3.5%", "99%"), "numbers with signs, units or separators ('12%')"),
        (("1 kg", "20 kg", "3 kg"), "numbers with signs, units or separators ('1 kg')"),
        (("\u22120.5", "\u22121.5", "\u22122"), "numbers with signs, units or separators ('\u22120.5')"),
        (("1.5", "\u22122", "3"), "in row 2 (1 of 3 cells are no numbers): write plain numbers, such as -1200.50"),
        (("1.5", "oops", "3"), "in row 2 (1 of 3 cells are no numbers): empty them"),
        (("31/12/24", "1/1/25"), "looks like dates ('31/12/24') and is read as text"),
        (("2024-01-31", "2024-01-31 12:00"), "looks like dates"),
        (("2024-03-31T01:30+01:00", "2024-03-31T03:30+02:00"), "with Z, UTC, one offset or without"),
        (("Jan 1 1970", "Feb 12 1971"), "looks like dates"),
        (("None", "Some", "Some"), "'None' in 1 cell of column 'a' is read as text"),
        (("1700000000", "1700000001"), "may be seconds since 1970 (1700000000 is on 2023-11-14)"),
        (("1700000000000000000", "1700000001000000000"), "may be nanoseconds since 1970"),
    ],
)
def test_what_is_decided_is_said(csv, cells, said):
    quoted = [f'"{cell}"' if "," in cell else cell for cell in cells]
    assert any(said in line for line in column(csv, *quoted).remarks)


def test_plain_columns_are_read_without_a_word(csv):
    table = column(csv, "1.5", "", "2")
    assert table.remarks == ()
    assert column(csv, "a", "bb", "").remarks == ()


@pytest.mark.parametrize("first", ["1", "true", "2024-01-31", "1.5", "00501", "x", ""])
def test_a_column_is_of_one_kind_whatever_comes_far_below(csv, first, monkeypatch):
    """Several blocks of the reader, the last of another kind: all cells are texts as written."""
    monkeypatch.setattr("scorax.data._csv._BLOCK", 2**10)
    rows = 1000
    cells = [first] * rows + ["NA"] * 5 + ["late"] + [first]
    path = csv("k,a\n" + "\n".join(f"{i}.2500,{cell}" for i, cell in enumerate(cells)) + "\n")
    table = read_table(path, missing="keep")
    levels = tuple(sorted({first, "late"} - {""}))
    assert table.formats == (NumberFormat(4), TextFormat(levels))
    places = {level: float(k) for k, level in enumerate(levels)}
    np.testing.assert_array_equal(table.values[:, 1], [places.get(cell, NAN) for cell in cells])


def test_a_zero_in_a_late_block_is_seen(csv, monkeypatch):
    monkeypatch.setattr("scorax.data._csv._BLOCK", 2**10)
    first = "k,a\n" + "".join(f"{i},1.25\n{i},3.0\n" for i in range(200))
    assert read_table(csv(first + "".join(f"{i},2\n" for i in range(400)))).formats[1] == NumberFormat(2)
    assert read_table(csv(first + "".join(f"{i},2.5\n" for i in range(400)))).formats[1] == NumberFormat(2, fewest=1)
    assert read_table(csv(first + "1,0.50\n")).formats[1] == NumberFormat(2)


def test_words_of_a_late_block_complete_a_pair(csv, monkeypatch):
    monkeypatch.setattr("scorax.data._csv._BLOCK", 2**10)
    path = csv("k,a\n" + "".join(f"{i}.2500,\n" for i in range(1000)) + "1.2500,yes\n2.2500,no\n")
    assert read_table(path, missing="keep").formats[1] == BooleanFormat("no", "yes")


@pytest.mark.parametrize(
    ("data", "dialect", "names", "values"),
    [
        ("a;b\n1,5;2\n-,25;3\n", Dialect(";", ","), ("a", "b"), [[1.5, 2], [-0.25, 3]]),
        ("a;b\r\n1.5;2\r\n", Dialect(";", line_end="\r\n"), ("a", "b"), [[1.5, 2]]),
        ("a\tb\n1\t2.5\n", Dialect("\t"), ("a", "b"), [[1, 2.5]]),
        ("a|b\n1|2.5\n", Dialect("|"), ("a", "b"), [[1, 2.5]]),
        ('"a","b"\n"1,5","2"\n"0,5","3"\n', Dialect(",", ",", "all"), ("a", "b"), [[1.5, 2], [0.5, 3]]),
        ("x, mm;y, mm\n1,5;2,5\n3,5;4,5\n", Dialect(";", ","), ("x, mm", "y, mm"), [[1.5, 2.5], [3.5, 4.5]]),
        ('"a;b"\n1\n2\n', Dialect(quoted="texts"), ("a;b",), [[1], [2]]),
        (b"\xef\xbb\xbfa,b\n1,2\n", Dialect(byte_order_mark=True), ("a", "b"), [[1, 2]]),
        ("a;b\n1,234;5\n2,345;6\n", Dialect(";", ","), ("a", "b"), [[1.234, 5], [2.345, 6]]),
        ("a\tb\n1,234\t0,5\n2,345\t1,5\n", Dialect("\t", ","), ("a", "b"), [[1.234, 0.5], [2.345, 1.5]]),
    ],
)
def test_the_dialect_is_found(csv, data, dialect, names, values):
    table = read_table(csv(data))
    assert table.columns == names
    assert table.values.tolist() == values
    assert table.dialect == dialect


def test_commas_that_may_stand_between_thousands_are_no_decimals(csv):
    for data in ("a\tb\n1,234\t5\n2,345\t6\n", 'a,b\n"1,234",5\n"2,345",6\n', "a;b;c\n1.5;2.5;1,234\n1.5;2.5;7,345\n"):
        table = read_table(csv(data))
        assert TextFormat(("1,234", "2,345")) in table.formats or TextFormat(("1,234", "7,345")) in table.formats
        assert table.dialect.decimal == "."
    assert any("separators" in line for line in read_table(csv('a,b\n"1,234",5\n"2,345",6\n"12,345",7\n')).remarks)


def test_row_names_are_left_out_and_said(csv):
    for data in (",a\n0,5\n1,7\n", '"",a\nx,5\ny,7\n', ",a\n7,5\n3,7\n", "Unnamed: 0,a\n0,5\n1,7\n"):
        table = read_table(csv(data))
        assert table.columns == ("a",)
        assert table.values.tolist() == [[5], [7]]
        assert "left out" in table.remarks[0]
    assert read_table(csv("a,b,\n1,2,\n3,4,\n")).columns == ("a", "b")
    assert read_table(csv(",a\n4,5\n")).columns == ("a",)
    assert read_table(csv("Unnamed: 0,a\n3,5\n1,7\n")).columns == ("Unnamed: 0", "a")
    assert "column 2 without a name" in refusal(csv("a,\n1,2\n1,3\n"))
    assert "missing cell in column 'a', row 2" in refusal(csv(",a\n0,5\n1,\n"))


def test_a_file_of_tabs_has_an_ending_of_its_own(csv):
    assert read_table(csv("a\tb\n1\t2\n", "t.tsv")).columns == ("a", "b")


def test_cells_of_few_rows_are_texts_where_a_table_before_says_so(csv):
    """Alone they are numbers, truth values, times, or missing; and nothing is noted of what is known."""
    header, rows = "a,b,c,d,x", ["1.1,yes,2024-01-31,None,1.5", "1.10,no,2024-02-29,-,2.5"]
    alone = read_table(csv("\n".join([header, *rows])), missing="keep")
    assert [form.kind for form in alone.formats] == ["number", "boolean", "time", "number", "number"]
    before = read_table(csv("\n".join([header, *rows, "x,maybe,later,Some,3.5"])))
    assert before.texts == {"a", "b", "c", "d"}
    few = read_table(csv("\n".join([header, *rows])), texts=before.texts)
    schema = examine(before).schema
    np.testing.assert_array_equal(schema.match(few, "few"), before.values[:2])
    assert few.remarks == ()
