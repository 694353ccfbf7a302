"""Arrays and archives of NumPy as tables."""

import io
import os
import zipfile

import numpy as np
import pytest

from file_refusals import refusal
from scorax._errors import InputError
from scorax.data import Limits, read_table


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=array.dtype.hasobject)
    return out.getvalue()


def forged(shape: str, descr: str = "'<f8'", data: bytes = b"") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.array([[True, False]]),
        np.arange(6, dtype=np.float16).reshape(3, 2),
    ],
)
def test_arrays_of_every_number_type(tmp_path, array):
    for name, data in (("t.npy", npy(array)), ("t.npz", archive({"any": npy(array)}))):
        (tmp_path / name).write_bytes(data)
        table = read_table(tmp_path / name)
        assert table.columns == tuple(f"x{j}" for j in range(array.shape[1]))
        np.testing.assert_array_equal(table.values, array.astype(float))


WRONG_ARRAYS = {
    "1-D": npy(np.arange(3.0)),
    "3-D": npy(np.zeros((2, 2, 2))),
    "empty": npy(np.zeros((0, 3))),
    "object": npy(np.array([[{}]], dtype=object)),
    "complex": npy(np.zeros((2, 2), complex)),
    "text": npy(np.array([["a"]])),
    "record": npy(np.zeros((2, 2), [("a", float)])),
    "date": npy(np.zeros((2, 2), "M8[s]")),
    "nan": npy(np.array([[1, np.nan]])),
    "inf": npy(np.array([[1, np.inf]])),
    "far integers": npy(np.array([[0, 0], [2**53 + 1, 0]])),
    "farthest integers": npy(np.array([[-(2**63)], [2**63 - 1]])),
    "unsigned": npy(np.array([[0], [2**64 - 1]], dtype=np.uint64)),
    "cut": npy(np.zeros((9, 9)))[:-1],
    "extended": npy(np.zeros((9, 9))) + b" ",
    "no data": npy(np.zeros((9, 9)))[:20],
    "2^60 rows": forged("(1152921504606846976, 2)"),
    "wraps to zero": forged("(4294967296, 4294967296)"),
    "wraps round": forged("(9223372036854775809, 2)", data=bytes(16)),
    "2^40 columns": forged("(1, 1099511627776)"),
    "negative": forged("(-1, -2)", data=bytes(16)),
    "float shape": forged("(1.0, 2)", data=bytes(16)),
    "true shape": forged("(True, 2)", data=bytes(16)),
    "no shape": forged("'x'"),
    "no type": forged("(1, 2)", "'zz'"),
    "code": forged("(1, 2)", "__import__('os').system('touch pwned')"),
    "nested": forged("(" * 3000 + ")" * 3000),
    "long header": forged("(1, 2)" + " " * 60_000),
    "version": b"\x93NUMPY\x09\x00" + bytes(64),
    "magic": b"\x93NUMPX" + bytes(64),
}


@pytest.mark.parametrize("name", WRONG_ARRAYS)
def test_wrong_arrays_are_refused(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.npy").write_bytes(WRONG_ARRAYS[name])
    refusal(tmp_path / "t.npy")
    (tmp_path / "t.npz").write_bytes(archive({"X": WRONG_ARRAYS[name]}))
    refusal(tmp_path / "t.npz")
    assert sorted(os.listdir(tmp_path)) == ["t.npy", "t.npz"]


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name + ".npy", data)
    return out.getvalue()


def test_the_matrix_of_an_archive_and_its_names(tmp_path):
    path = tmp_path / "t.npz"
    X = np.arange(6.0).reshape(3, 2)
    np.savez_compressed(path, X=X, other=np.zeros((5, 5)), y=np.arange(3), columns=np.array(["a", "größe"]))
    table = read_table(path)
    assert table.columns == ("a", "größe")
    np.testing.assert_array_equal(table.values, X)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"a": npy(np.zeros((2, 2))), "b": npy(np.zeros((2, 2)))}, "2 2-D arrays ('a', 'b')"),
        ({"a": npy(np.zeros(2))}, "0 2-D arrays"),
        ({}, "0 2-D arrays"),
        ({"X": npy(np.zeros((2, 2))), "columns": npy(np.array(["a"]))}, "2 column names"),
        ({"X": npy(np.zeros((2, 2))), "columns": npy(np.array(["a", "a"]))}, "both named 'a'"),
        ({"X": npy(np.zeros((2, 2))), "columns": npy(np.array([1, 2]))}, "1-D array of strings"),
        ({"X": npy(np.zeros((2, 2))), "columns": npy(np.array(["a", {}], object))}, "1-D array of strings"),
        ({"X": npy(np.zeros((2, 2))), "columns": forged("(2,)", "'<U1'", b"\xff" * 8)}, "columns"),
        ({f"n{i}": b"" for i in range(1001)}, "at most 1000"),
    ],
)
def test_wrong_archives_are_refused(tmp_path, members, said):
    (tmp_path / "t.npz").write_bytes(archive(members))
    assert said in refusal(tmp_path / "t.npz")


def test_bombs_and_lies_in_archives(tmp_path):
    path = tmp_path / "t.npz"
    path.write_bytes(archive({"X": npy(np.zeros((2**20, 10)))}, zipfile.ZIP_DEFLATED))
    assert "packed into" in refusal(path)
    assert "once decompressed" in refusal(path, limits=Limits(total_bytes=10**6))
    data = bytearray(archive({"X": npy(np.random.default_rng(0).normal(size=(100, 2)))}, zipfile.ZIP_DEFLATED))
    for place in np.random.default_rng(1).integers(0, len(data), 60).tolist():
        changed = data.copy()
        changed[place] ^= 16
        path.write_bytes(changed)
        try:
            assert read_table(path).values.shape == (100, 2)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
