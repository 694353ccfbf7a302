import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from file_refusals import refusal
from scorax._errors import InputError
from scorax.data import BooleanFormat, Limits, NumberFormat, Table, _csv, fingerprint, read_table


@pytest.fixture
def csv(tmp_path):
    def write(data: str | bytes) -> Path:
        (tmp_path / "t.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
        return tmp_path / "t.csv"

    return write


@pytest.mark.parametrize(
    ("data", "columns", "values", "decimals"),
    [
        ("a,b\n1,2.50\n3,4.2\n", ("a", "b"), [[1, 2.5], [3, 4.2]], (0, 2)),
        ("a,b\r\n+1, 2 \r\n-3,.5", ("a", "b"), [[1, 2], [-3, 0.5]], (0, 1)),
        (b"\xef\xbb\xbfa,b\r1,2\r3,4\r", ("a", "b"), [[1, 2], [3, 4]], (0, 0)),
        ("a,b\n1,2e3\n3,4.\n", ("a", "b"), [[1, 2000], [3, 4]], (0, 1)),
        ('"a,1","b\n2"\n"1",2\n', ("a,1", "b\n2"), [[1, 2]], (0, 0)),
        ("a,b\n\n1,2\n\n3,4\n\n", ("a", "b"), [[1, 2], [3, 4]], (0, 0)),
        ("'=a,'b,''+c\n1,2,3\n", ("=a", "'b", "'+c"), [[1, 2, 3]], (0, 0, 0)),
        ("0,1\n5,6\n", ("0", "1"), [[5, 6]], (0, 0)),
        ("a,b\n1,1.25e-3\n3,1e+2\n", ("a", "b"), [[1, 0.00125], [3, 100]], (0, 5)),
        ("a,b\n1, 1.50 \n3,1e-7\n", ("a", "b"), [[1, 1.5], [3, 1e-7]], (0, 7)),
        ("a,b\n1,1e-99\n3,1e99\n", ("a", "b"), [[1, 1e-99], [3, 1e99]], (0, None)),
        ("a,b\n1,0.1234567890123\n", ("a", "b"), [[1, 0.1234567890123]], (0, None)),
        ("größe,名\n1,2\n", ("größe", "名"), [[1, 2]], (0, 0)),
    ],
)
def test_what_a_csv_file_says(csv, data, columns, values, decimals):
    table = read_table(csv(data))
    assert table.columns == columns
    assert table.values.tolist() == values
    assert table.values.dtype == np.float64
    assert [(form.kind, getattr(form, "decimals", None)) for form in table.formats] == [("number", d) for d in decimals]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "empty file"),
        ("\n\n", "empty row"),
        ("a,b\n", "rows below the header"),
        ("a,b", "rows below the header"),
        ("a,b\n1,2\n3\n", "1 in row 2"),
        ("a,b\n1,2\n3,4,5\n", "3 in row 2"),
        ("a,b\n1,2\n3,\n", "missing cell in column 'b', row 2 (1 of 2 rows)"),
        ("a,b\n1,2\nNA,3\nnull,3\n", "missing cell in column 'a', row 2 (2 of 3 rows)"),
        ("a,b\n1,2\nnan,3\n", "missing cell in column 'a', row 2"),
        ("a\n1\n\n2\n", "missing cell in column 'a', row 2"),
        ("a,b\n1,-inf\n", "infinite or too large number in column 'b', row 1"),
        ("a,b\n1,1e999\n", "infinite or too large number in column 'b', row 1"),
        ("a,a\n1,2\n", "columns 1 and 2 both named 'a'"),
        (",a\n1,2\n1,3\n", "column 1 without a name"),
        ("a;b\n1;2\n3\n", "2 cells in every row, got 1 in row 2"),
        ("a, \n1,2\n", "column 2 without a name"),
        ("1.5,2\n3,4\n", "numbers ('1.5' ...)"),
        ("sep=;\na;b\n1;2\n", "got 'sep=;', which tells a spreadsheet the delimiter; delete this line"),
        ('\ufeff"sep=\t"\r\na\tb\r\n1\t2\r\n', "which tells a spreadsheet the delimiter"),
        ("SEP=,,\na,b\n1,2\n", "got 'SEP=,,', which tells a spreadsheet"),
        (
            "a,b\n1,2\n18446744073709551616,2\n",
            "64 bits, and below 2^53 in size beside decimal numbers, got a larger one in column 'a', row 2",
        ),
        (
            "a,b\n1.5,2\n9007199254740993,2\n",
            "2^53 in size beside decimal numbers, got a larger one in column 'a', row 2",
        ),
        ("a,b\n-1,2\n9007199254740992,2\n", "range over at most 2^53, got -1 to 9007199254740992 in column 'a'"),
        ("a,b\n1,2\n" + "9" * 5000 + ",2\n", "column 'a', row 2"),
        (b"a,b\n1,2\n\xff,4\n", "other bytes at line 3"),
        (b"a\xff,b\n1,2\n", "other bytes at line 1"),
        ("a,b\n1,2\n".encode("utf-16"), "expected UTF-8 text, got UTF-16 text; save the file as CSV in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "zero bytes, as of UTF-16"),
        (b"a,b\n1,\x00\n", "zero bytes"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04aaaa", "zip"),
        ('a,b\n1,"2', "open at the end"),
        ('a,b\n1,"2\n3,4\n', "quote"),
        ('a,b\n1,5" pipe\n2,"x\n3,y\n4,z\n', "open at the end"),
        ('a,b\n1,5" pipe\n2,"x""', "open at the end"),
        ('"a,b\n1,2\n', "row 1 unreadable"),
        ("a,b\n1," + "2" * 1_500_000 + "\n", "cells of at most 1000000 bytes"),
        ("a,b\n1," + "2" * 9_000_000 + "\n", "4 MiB"),
        ("a" * 1_000_001 + ",b\n1,2\n", ""),
        ("a" * 9_000_000, "header line"),
        ("\x1b[31m,\x1b[31m\n1,2\n", "both named '\\x1b[31m'"),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_named(csv, data, said):
    assert said in refusal(csv(data))


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        (['5" pipe', "x"], ['5" pipe', "x"]),
        (['"5"" pipe"', 'x"y"', '"y"k"', '"a,""\nb"'], ['5" pipe', 'x"y"', 'yk"', 'a,"\nb']),
        (['""', '"x"', 'y"'], [None, "x", 'y"']),
    ],
)
def test_a_quote_inside_of_a_cell_is_a_letter(csv, start, cells, texts):
    table = read_table(
        csv(start + '"b",a\n' + "".join(f"{cell},{k}\n" for k, cell in enumerate(cells))), missing="keep"
    )
    assert table.formats[0].cells(table.values[:, 0]).tolist() == texts


def test_quotes_are_paired_over_the_blocks_of_a_file(csv, monkeypatch):
    rows = ['"x,""y"""', "z", '""""', '5"', '"a\nb"'] * 7
    text = '"t",n\n' + "".join(f"{cell},{k}\n" for k, cell in enumerate(rows))
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr(_csv, "_SCANNED", size)
        assert read_table(csv(text)).rows == 35
        assert "open at the end" in refusal(csv(text + '"c'))


def test_a_count_runs_over_the_whole_file(csv):
    rows = 300_000
    bad = {1234: "", 250_000: "", 299_999: "inf"}
    path = csv("a,b\n" + "".join(f"{bad.get(i, '1')},123456789.25\n" for i in range(rows)))
    assert f"infinite or too large number in column 'a', row 300000 (1 of {rows} rows)" in refusal(path)
    bad.pop(299_999)
    path = csv("a,b\n" + "".join(f"{bad.get(i, '1')},123456789.25\n" for i in range(rows)))
    assert f"row 1235 (2 of {rows} rows)" in refusal(path)
    assert read_table(path, missing="drop").rows == rows - 2


def test_missing_cells_are_kept_or_dropped_on_request(csv):
    path = csv("a,b\n1,\n3,4\n NA ,0.5\n")
    kept = read_table(path, missing="keep")
    np.testing.assert_array_equal(kept.values, [[1, np.nan], [3, 4], [np.nan, 0.5]])
    assert kept.formats == (NumberFormat(0), NumberFormat(1, fewest=0))
    assert read_table(path, missing="drop").values.tolist() == [[3, 4]]
    assert "every row" in refusal(csv("a\nNA\nNA\n"), missing="drop")
    assert "infinite" in refusal(csv("a,b\ninf,\n"), missing="keep")


def test_too_many_columns_are_refused_and_the_limit_can_be_raised(csv):
    wide = ",".join(f"c{j}" for j in range(300)) + "\n" + ",".join("1" * 300) + "\n"
    assert "at most 299 columns" in refusal(csv(wide), limits=Limits(columns=299))
    assert read_table(csv(wide), limits=Limits(columns=300)).values.shape == (1, 300)
    assert "10000 columns" in refusal(csv(",".join(f"c{j}" for j in range(200_000)) + "\n"))
    assert "at most 1000 bytes" in refusal(csv("a,b\n" + "1,2\n" * 100), limits=Limits(total_bytes=1000))


@pytest.fixture
def parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(**columns) -> Path:
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        return tmp_path / "t.parquet"

    return write


def test_the_number_types_of_parquet(parquet):
    import decimal

    import pyarrow as pa

    table = read_table(
        parquet(
            a=pa.array([1, -2], pa.int8()),
            b=[0.5, 1e-3],
            c=[True, False],
            d=pa.array([decimal.Decimal("1.50"), decimal.Decimal("-0.25")]),
            e=pa.array([1, 2], pa.float32()),
        )
    )
    assert table.values.tolist() == [[1, 0.5, 1, 1.5, 1], [-2, 1e-3, 0, -0.25, 2]]
    numbers = tuple(map(NumberFormat, (0, None, 2, None)))
    assert table.formats == (*numbers[:2], BooleanFormat(), *numbers[2:])


def test_what_is_wrong_in_a_parquet_file_is_named(parquet, tmp_path):
    assert "type 'binary' in column 'b'" in refusal(parquet(a=[1], b=[b"x"]))
    assert "type 'list" in refusal(parquet(a=[[1, 2]]))
    assert "missing cell in column 'b', row 2 (1 of 2 rows)" in refusal(parquet(a=[1, 2], b=[1, None]))
    assert "infinite" in refusal(parquet(a=[1.0, float("inf")]))
    assert "2^53, got 0 to 9007199254740993 in column 'a'" in refusal(parquet(a=[0, 2**53 + 1]))
    assert "rows" in refusal(parquet(a=np.zeros(0)))
    path = parquet(a=[1.0, None], b=[True, None])
    np.testing.assert_array_equal(read_table(path, missing="keep").values, [[1, 1], [np.nan, np.nan]])
    assert "bytes" in refusal(parquet(a=np.zeros(1000)), limits=Limits(total_bytes=7999))
    data = path.read_bytes()
    for end in (4, 8, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:end])
        refusal(path)


def test_what_is_no_data_file(tmp_path):
    assert "folder" in refusal(tmp_path)
    (tmp_path / "wine.csv").write_text("a\n1\n")
    assert "did you mean 'wine.csv'" in refusal(tmp_path / "wine.cvs")
    (tmp_path / "wine.xls").write_text("a")
    assert "'.xls'" in refusal(tmp_path / "wine.xls")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe" in refusal(tmp_path / "pipe.csv")
    (tmp_path / "x.parquet").write_text("a,b\n1,2\n")
    assert "other bytes" in refusal(tmp_path / "x.parquet")
    refusal(tmp_path / ("n" * 300 + ".csv"))
    with pytest.raises(InputError):
        read_table("a\0b.csv")


def test_a_fingerprint_tells_tables_apart():
    values = np.arange(6.0).reshape(3, 2)
    base = fingerprint(Table(("a", "b"), values, (NumberFormat(),) * 2))
    assert base.rows == 3
    assert base.columns == 2
    assert base == fingerprint(Table(("a", "b"), np.asfortranarray(values), (NumberFormat(0),) * 2))
    for other in (
        Table(("ab", ""), values, (NumberFormat(),) * 2),
        Table(("a", "b"), values + 1e-12, (NumberFormat(),) * 2),
        Table(("a", "b"), values[::-1], (NumberFormat(),) * 2),
    ):
        assert fingerprint(other).sha256 != base.sha256


def test_a_table_of_an_array():
    assert Table.of([[1, 2]]).formats == (NumberFormat(0),) * 2
    assert Table.of(np.zeros((2, 1)), ["only"]).columns == ("only",)
    for wrong in (np.zeros(3), np.zeros((2, 2), complex), [["a"]], np.array([[0], [2**60]]), [[2**64]]):
        with pytest.raises(InputError):
            Table.of(wrong)


def test_bad_files_are_refused_without_jax(csv):
    code = (
        "import sys\nfrom scorax.data import read_table\n"
        "try: read_table(sys.argv[1])\nexcept ValueError as e: print(e)\n"
        "assert not {'jax', 'sklearn', 'pandas', 'scipy'} & set(sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(csv("a,b,c,d\ninf,x,yes,2024-01-31\n1,,no,2024-02-01\n"))],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "infinite" in result.stdout
