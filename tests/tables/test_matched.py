"""Rows of a table piece by piece: those of the table read whole, wherever it is cut, and larger than a table may be."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorax._errors import InputError
from scorax.data import Limits, open_table, read_table, write_table
from scorax.tables import MatchedRows, Schema, Unseen, examine

RANDOM = np.random.default_rng(0)
ROWS = 90
TABLE = pa.table(
    {
        "a": RANDOM.normal(size=ROWS),
        "k": pa.array([None if k % 8 == 0 else "xyz"[k % 3] for k in range(ROWS)]),
        "n": pa.array([2**60 + k * k for k in range(ROWS)]),
        "t": pa.array(np.arange(ROWS) * 86_400, pa.timestamp("s")),
    }
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder of two files, in row groups of seven rows."""
    for number, part in enumerate((TABLE.slice(0, 31), TABLE.slice(31))):
        pq.write_table(part, tmp_path / f"{number}.parquet", row_group_size=7)
    return tmp_path


def matched(path: Path) -> tuple[MatchedRows, np.ndarray]:
    """The rows piece by piece, and all at once."""
    table = read_table(path, missing="keep")
    schema: Schema = examine(table).schema
    return MatchedRows(open_table(path), schema, "rows"), schema.match(table, "rows")


@pytest.mark.parametrize("part", [range(ROWS), range(5), range(6, 8), range(30, 32), range(31, 90), range(89, 90)])
def test_pieces_are_the_rows_of_the_whole(path: Path, part: range) -> None:
    rows, whole = matched(path)
    pieces = list(rows.pieces(part))
    assert [piece.start for piece in pieces] == np.cumsum([part.start, *(len(p.values) for p in pieces)])[:-1].tolist()
    np.testing.assert_array_equal(np.concatenate([piece.values for piece in pieces]), whole[part.start : part.stop])
    numbers = RANDOM.permutation(np.array(part))[:9]
    np.testing.assert_array_equal(rows.take(numbers), whole[numbers])


def test_other_files_are_pieces_of_what_was_read(tmp_path: Path) -> None:
    values = RANDOM.normal(size=(70_000, 1))
    write_table(tmp_path / "a.npy", ["a"], values)
    rows, whole = matched(tmp_path / "a.npy")
    pieces = list(rows.pieces(range(1, 70_000)))
    assert [(piece.start, len(piece.values)) for piece in pieces] == [(1, 65_536), (65_537, 4_463)]
    np.testing.assert_array_equal(np.concatenate([piece.values for piece in pieces]), whole[1:])
    assert (pieces[0].where, pieces[1].where) == ("rows, after row 1", "rows, after row 65,537")


def test_a_table_may_be_larger_than_one_in_memory(path: Path) -> None:
    limits = Limits(total_bytes=ROWS * 4 * 8 - 1)
    with pytest.raises(InputError, match="expected at most 2879 bytes"):
        read_table(path, limits=limits)
    assert open_table(path, limits=limits).rows == ROWS


def test_what_is_wrong_is_named_by_piece_and_file(path: Path) -> None:
    rows, _ = matched(path)
    pq.write_table(TABLE.set_column(0, "a", pa.array([1.0] * 40 + [np.inf] * 50)), path / "1.parquet")
    with pytest.raises(InputError, match=r"1\.parquet: expected a finite number in every cell, .*row 41 "):
        list(MatchedRows(open_table(path), rows.schema, "rows").pieces())
    pq.write_table(TABLE.set_column(1, "k", pa.array(list(range(ROWS)))).slice(0, 9), path / "0.parquet")
    with pytest.raises(InputError, match=r"1\.parquet: expected the columns of '0\.parquet'"):
        open_table(path)


def test_what_was_never_seen_is_counted_over_pieces() -> None:
    first, second = Unseen(2, (("k", ("u", "v")),)), Unseen(1, (("n", ("1",)), ("k", ("v", "w"))))
    assert first + second == Unseen(3, (("k", ("u", "v", "w")), ("n", ("1",))))
    assert Unseen(0, ()) + second == second
