"""Files that lie, by kind: each is refused in one line, in bounded memory, with nothing left behind; or it is read rightly.

``pytest -n 2 --hypothesis-profile=thorough tests/data/test_malformed.py`` draws 20,000 files for each reader.
"""

import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malformed_files import GOOD, HEADERS, KINDS, NAMED, ONE, THREE, header, several, shaped, single
from parquet_bytes import DICTIONARY, Said, file, page, run
from scorax._errors import InputError
from scorax.data import read_table
from scorax.tables import Schema

pytestmark = pytest.mark.reliability


def refused(path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError) as caught:
            read_table(path)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 500 + len(str(path))
    assert path.name in message
    return message


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("suffix", "name"), NAMED, ids=[f"{suffix} {name}" for suffix, name in NAMED])
def test_what_is_malformed_is_refused_in_one_line(tmp_path, monkeypatch, suffix, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"t{suffix}").write_bytes(KINDS[suffix][name])
    refused(tmp_path / f"t{suffix}")
    assert os.listdir(tmp_path) == [f"t{suffix}"]


@pytest.mark.parametrize("name", HEADERS)
def test_a_malformed_array_is_refused_inside_an_archive(tmp_path, name):
    path = tmp_path / "t.npz"
    for members in ([("X.npy", HEADERS[name])], [("X.npy", GOOD), ("columns.npy", HEADERS[name])]):
        path.write_bytes(several(*members))
        refused(path)


def test_refusals_take_little_memory(tmp_path):
    """All of them in one process that may take 100 MB more than the imports do."""
    for number, (suffix, name) in enumerate(NAMED):
        (tmp_path / f"{number}{suffix}").write_bytes(KINDS[suffix][name])
    code = """if True:
        import os, resource, sys
        from scorax.data import read_table
        import numpy, pyarrow.csv, pyarrow.parquet
        status = open("/proc/self/statm").read().split()
        bound = int(status[5]) * os.sysconf("SC_PAGE_SIZE") + 100 * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
        for name in sorted(os.listdir(sys.argv[1])):
            try:
                read_table(os.path.join(sys.argv[1], name))
            except ValueError:
                continue
            print("accepted", name)
    """
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert answer.stdout == ""
    assert answer.stderr == ""


@pytest.mark.parametrize("name", ["plain", "spaces", "python 2", "fortran", "version 2", "no spaces"])
def test_headers_that_are_odd_but_right_are_read(tmp_path, name):
    texts = {
        "plain": shaped("(2, 1)"),
        "spaces": shaped("( 2 ,1 )") + " " * 5000,
        "python 2": shaped("(2L, 1L)"),
        "fortran": shaped("(2, 1)", fortran="True"),
        "version 2": shaped("(2, 1)"),
        "no spaces": "{'shape':(2,1),'fortran_order':False,'descr':'<f8'}",
    }
    version = b"\x02\x00" if name == "version 2" else b"\x01\x00"
    data = header(texts[name], version, data=np.array([1.5, -2.0]).tobytes())
    for path, raw in ((tmp_path / "t.npy", data), (tmp_path / "t.npz", single("X.npy", data))):
        path.write_bytes(raw)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert read_table(path).values.tolist() == [[1.5], [-2.0]]


def test_the_file_that_is_edited_above_is_right_without_the_edit(tmp_path):
    path = tmp_path / "t.parquet"
    for said, values in ((Said(3, THREE), [0, 1, 2]), (Said(5, ONE + page(run(5), 5, DICTIONARY), len(ONE)), [1] * 5)):
        path.write_bytes(file(said))
        assert read_table(path).values[:, 0].tolist() == values


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
@pytest.mark.parametrize("pages", ["1.0", "2.0"])
def test_pages_as_writers_make_them_are_read(tmp_path, compression, pages):
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(0)
    columns = {
        "normal": random.normal(size=70_000),
        "same": np.ones(70_000),
        "small": random.integers(0, 3, 70_000).astype(np.int8),
        "truth": random.random(70_000) < 0.5,
        "holes": pa.array(np.arange(70_000.0), mask=random.random(70_000) < 0.3),
    }
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table(columns),
        path,
        compression=compression,
        data_page_version=pages,
        data_page_size=10_000,
        row_group_size=30_000,
        write_page_index=True,
        write_page_checksum=True,
        use_byte_stream_split=["normal"],
        use_dictionary=["same", "small"],
    )
    table = read_table(path, missing="keep")
    assert np.array_equal(table.values[:, 0], columns["normal"])
    assert np.array_equal(table.values[:, 3], columns["truth"])
    assert np.isnan(table.values[:, 4]).sum() == columns["holes"].null_count


def test_an_empty_group_of_rows_is_passed_over(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"a": [1.5, 2.0]})
    with pq.ParquetWriter(tmp_path / "t.parquet", table.schema) as writer:
        for part in (table.slice(0, 0), table, table.slice(0, 0), table):
            writer.write_table(part)
    assert read_table(tmp_path / "t.parquet").values[:, 0].tolist() == [1.5, 2, 1.5, 2]


def change(data: bytes) -> st.SearchStrategy[bytes]:
    """A good file with a few bytes replaced, removed or put in, or cut."""

    def edit(edits: list[tuple[int, bytes, int]], end: int) -> bytes:
        changed = bytearray(data[:end])
        for place, new, removed in edits:
            changed[place : place + removed] = new
        return bytes(changed)

    at = st.integers(0, len(data))
    edits = st.lists(st.tuples(at, st.binary(max_size=8), st.integers(0, 8)), min_size=0, max_size=4)
    return st.builds(edit, edits, st.one_of(st.just(len(data)), at))


def words(text: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(text.split("|")), max_size=30).map("".join)


def readable() -> dict[str, bytes]:
    """One good file of each kind."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    array, archive, table = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(12.0).reshape(4, 3))
    np.savez_compressed(archive, X=np.arange(12).reshape(4, 3), columns=np.array(["a", "b", "c"]))
    pq.write_table(pa.table({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]}), table)
    text = b'a,"b b",c\n1,2.50,1e-3\n17000000000000000,-3,"4"\n'
    return {".npy": array.getvalue(), ".npz": archive.getvalue(), ".parquet": table.getvalue(), ".csv": text}


FILES = readable()
_NPY = "{|}|(|)|[|]|'|,|: |-|~|0x|9|L|True|False|None|descr|fortran_order|shape|<f8|>i4|\\|'descr': '<f8'|'shape': (1, 2)|\n"
_CSV = "a|b|,|1|.5|e|-|+|9007199254740993|18446744073709551615|\"|\n|\r|\t| |'|=|nan|inf|true|NA|;|\u00e9|e9999|-0"
_CSV += "|yes|no|None|x|2024-01-31|T12:00|:00|Z|+02:00|00|\n1,2"
DRAWN = {
    ".npy": st.one_of(
        change(FILES[".npy"]), words(_NPY).map(header), st.binary(max_size=80).map(lambda b: GOOD[:10] + b)
    ),
    ".npz": st.one_of(
        change(FILES[".npz"]), change(single("X.npy", GOOD)), words(_NPY).map(lambda t: single("X.npy", header(t)))
    ),
    ".parquet": st.one_of(change(FILES[".parquet"]), change(file(Said(3, THREE)))),
    ".csv": st.one_of(change(FILES[".csv"]), words(_CSV).map(str.encode), st.binary(max_size=60)),
}


# What a callback of a library cannot hand on is printed.
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("suffix", KINDS)
@given(st.data())
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, suffix, data):
    folder = tmp_path_factory.getbasetemp() / f"any{suffix}"
    folder.mkdir(exist_ok=True)
    path = folder / f"any{suffix}"
    path.write_bytes(data.draw(DRAWN[suffix]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            table = read_table(path)
            schema = Schema.infer(table)
        except InputError as error:
            assert str(error).isprintable()  # noqa: PT017
        else:
            assert np.isfinite(table.values).all()
            back = schema.decode(schema.encode(table.values))
            assert schema.matrix(back).shape == table.values.shape
    assert os.listdir(folder) == [path.name]
