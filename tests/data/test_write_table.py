import os

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorax._errors import EnvironmentFailure, InputError
from scorax.data import (
    BooleanFormat,
    NumberFormat,
    Table,
    TableWriter,
    TextFormat,
    TimeFormat,
    arrow_batch,
    read_table,
    write_table,
)
from scorax.tables import Schema

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8).filter(
    lambda name: bool(name.strip())
)
numbers = st.floats(allow_nan=False, allow_infinity=False)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


@settings(max_examples=60)
@given(
    st.lists(names, min_size=1, max_size=14, unique=True).filter(lambda found: not all(_is_number(n) for n in found)),
    st.data(),
)
def test_every_table_reads_back(tmp_path_factory, columns, data):
    rows = data.draw(st.integers(1, 5))
    values = np.array(data.draw(st.lists(numbers, min_size=rows * len(columns), max_size=rows * len(columns))))
    values = values.reshape(rows, -1)
    for suffix in (".csv", ".parquet", ".npy"):
        path = tmp_path_factory.getbasetemp() / f"back{suffix}"
        write_table(path, columns, values)
        try:
            table = read_table(path)
        except InputError as error:
            # The shortest text of a large whole number has no point: such a column is refused as identifiers are.
            assert "2^53" in str(error)  # noqa: PT017
            assert np.abs(values).max() > 2**53
            continue
        assert np.array_equal(table.values, values)
        if suffix != ".npy":
            assert table.columns == tuple(columns)


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "＝x", "'=x", "''@x"])
def test_a_name_that_a_spreadsheet_would_run_is_written_as_text(tmp_path, name):
    path = tmp_path / "t.csv"
    write_table(path, ["a", name], np.array([[-1.0, 2.0]]))
    assert f"'{name}".encode() in path.read_bytes()
    assert path.read_bytes().endswith(b"\n-1,2\n")
    assert read_table(path).columns == ("a", name)
    write_table(path, ["a", name], np.array([[-1.0, 2.0]]), raw_names=True)
    assert f"'{name}".encode() not in path.read_bytes()


def test_numbers_are_written_with_the_decimals_of_their_column(tmp_path):
    values = np.array([[1.0, -0.05, 0.1, 1e-9, 2.5], [2.0, 3.0, 1 / 3, 2e-9, np.nan], [-3.0, 1e15, 5.0, 0.0, -np.inf]])
    write_table(tmp_path / "t.csv", list("abcde"), values, (0, 2, None, 9, 1))
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "a,b,c,d,e",
        "1,-0.05,0.1,0.000000001,2.5",
        "2,3.00,0.3333333333333333,0.000000002,nan",
        "-3,1000000000000000.00,5,0.000000000,-inf",
    ] or (tmp_path / "t.csv").read_text().splitlines()[3].startswith("-3,1")
    np.testing.assert_array_equal(values[:2, :4], read_table(_first_rows(tmp_path, 3), missing="keep").values[:, :4])


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("minute", None),
        ("minute", "Z"),
        ("second", " UTC"),
        ("second", "+02:00"),
        ("second", "-0330"),
        ("minute", "+00"),
    ],
)
def test_times_reach_parquet_and_pandas_whatever_their_unit_and_zone(tmp_path, written, zone):
    form = TimeFormat("minute", written, zone=zone)
    values = np.array([[28_445_070.0], [np.nan], [-1.0]])
    write_table(tmp_path / "t.parquet", ["t"], values, [form])
    table = read_table(tmp_path / "t.parquet", missing="keep")
    np.testing.assert_array_equal(form.taken(table.values[:, 0], table.formats[0]), values[:, 0])
    frame = pq.read_table(tmp_path / "t.parquet").to_pandas()
    assert frame["t"][0] == pd.Timestamp(28_445_070 * 60, unit="s", tz=None if zone is None else "UTC")


def test_what_is_missing_is_null_in_a_record_batch():
    formats = (NumberFormat(), NumberFormat(0), BooleanFormat(), TextFormat(("x",)), TimeFormat("day", "day"))
    batch = arrow_batch(np.array([[0.0] * 5, [np.nan] * 5, [0.0] * 5]), list("abcde"), formats, "t")
    assert [cells.is_null(nan_is_null=True).to_pylist() for cells in batch.columns] == [[False, True, False]] * 5
    assert [cells.null_count for cells in batch.columns] == [1] * 5
    infinite = arrow_batch(np.array([[np.inf], [-np.inf]]), ["a"], [NumberFormat()], "t")
    assert infinite.column(0).to_pylist() == [np.inf, -np.inf]


def _first_rows(folder, lines):
    text = (folder / "t.csv").read_text().splitlines()[:lines]
    (folder / "head.csv").write_text("\n".join(text) + "\n")
    return folder / "head.csv"


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy"])
def test_chunks_make_the_file_of_the_whole(tmp_path, suffix):
    values = np.round(np.random.default_rng(0).normal(size=(1000, 3)), 2)
    schema = Schema.infer(Table(("a", "b", "c"), values, (NumberFormat(2),) * 3))
    with TableWriter(tmp_path / f"parts{suffix}", schema.names, schema.formats) as writer:
        for start in (0, 1, 500, 500):
            writer.write(values[start : {0: 1, 1: 500, 500: 1000}[start]])
            values_left = values[:0]
            writer.write(values_left)
            if writer.rows == 1000:
                break
    assert np.array_equal(read_table(tmp_path / f"parts{suffix}").values, values)
    assert os.listdir(tmp_path) == [f"parts{suffix}"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy"])
def test_a_failed_write_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    write_table(path, ["a"], np.zeros((2, 1)))
    before = path.read_bytes()

    def work() -> None:
        with TableWriter(path, ["a"]) as writer:
            writer.write(np.ones((5, 1)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    with pytest.raises(ValueError, match="columns"), TableWriter(path, ["a"]) as writer:
        writer.write(np.ones((5, 2)))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_outputs_that_cannot_be(tmp_path):
    for path in (tmp_path / "t.xls", tmp_path / "t", tmp_path, tmp_path / "none" / "t.csv"):
        with pytest.raises(InputError):
            write_table(path, ["a"], np.zeros((1, 1)))
    for columns in ([], ["a", "a"], [" "]):
        with pytest.raises(InputError):
            write_table(tmp_path / "t.csv", columns, np.zeros((1, len(columns))))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the machine has no /dev/full")
def test_a_full_device():
    with pytest.raises(EnvironmentFailure, match="/dev/full"):
        write_table("/dev/full", ["a"], np.zeros((10, 1)))


def test_a_pipe_takes_csv_and_refuses_an_array_of_unknown_length(tmp_path):
    for name in ("pipe", "pipe.npy"):
        os.mkfifo(tmp_path / name)
        reader = os.open(tmp_path / name, os.O_RDONLY | os.O_NONBLOCK)
        if name == "pipe":
            write_table(tmp_path / name, ["a"], np.ones((2, 1)))
            assert os.read(reader, 100) == b'"a"\n1\n1\n'
        else:
            with pytest.raises(InputError, match="pipe"), TableWriter(tmp_path / name, ["a"]):
                pass
        os.close(reader)
