"""Folders: all Parquet is one table, all pictures are pictures, and a mixture is refused, naming both."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from scorax._errors import InputError
from scorax.cli import main
from scorax.data import holds_pictures, read_pictures, read_table

RANDOM = np.random.default_rng(0)
TABLE = pa.table(
    {
        "a": RANDOM.normal(size=40).round(2),
        "k": pa.array([f"{k % 3}" for k in range(40)]).dictionary_encode(),
        "n": pa.array([None if k % 7 == 0 else k for k in range(40)], pa.int32()),
    }
)


def folder(path: Path, cuts: tuple[int, ...] = (13, 13, 30)) -> Path:
    path.mkdir(exist_ok=True)
    ends = (0, *cuts, 40)
    for number, (start, stop) in enumerate(pairwise(ends)):
        pq.write_table(TABLE.slice(start, stop - start), path / f"part-{number}.parquet", row_group_size=5)
    return path


def picture(path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)


def test_the_files_of_a_folder_are_one_table(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "whole.parquet")
    parts = folder(tmp_path / "parts")
    (parts / "_SUCCESS").touch()
    (parts / ".part-0.parquet.crc").touch()
    assert not holds_pictures(parts)
    whole, found = (read_table(path, missing="keep") for path in (tmp_path / "whole.parquet", parts))
    assert (found.columns, found.formats, found.remarks) == (whole.columns, whole.formats, whole.remarks)
    np.testing.assert_array_equal(found.values, whole.values)
    dropped = [read_table(path, missing="drop").values for path in (tmp_path / "whole.parquet", parts)]
    np.testing.assert_array_equal(dropped[0], dropped[1])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            TABLE.drop_columns("n"),
            "part-3.parquet: expected the columns of 'part-0.parquet': 'n' of type int32, got no",
        ),
        (TABLE.append_column("z", TABLE["a"]), "no further column, got 'z' of type double"),
        (TABLE.set_column(0, "a", pa.array(range(40))), "'a' of type double, got 'a' of type int64"),
        (TABLE.select(["k", "a", "n"]), "'a' of type double, got 'k' of type dictionary"),
        (TABLE.set_column(0, "a", pa.array([np.inf] * 40)), "part-3.parquet: expected a finite number in every cell"),
    ],
)
def test_a_file_that_differs_is_named(tmp_path: Path, other: pa.Table, message: str) -> None:
    folder(tmp_path)
    pq.write_table(other, tmp_path / "part-3.parquet")
    with pytest.raises(InputError) as refused:
        read_table(tmp_path, missing="keep")
    assert message in str(refused.value)


def test_missing_cells_are_named_by_file_and_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"part-0\.parquet: .*a missing cell in column 'n', row 1 \(2 of 13 rows\)"):
        read_table(folder(tmp_path))
    pq.write_table(TABLE.slice(1, 5), tmp_path / "part-0.parquet")
    with pytest.raises(InputError, match=r"part-2\.parquet: .*row 2 \(3 of 17 rows\)"):
        read_table(tmp_path)


def test_a_mixture_is_refused_naming_both_or_read_by_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both, run = tmp_path / "both", tmp_path / "run"
    both.mkdir()
    folder(both)
    picture(both / "a.png")
    for read in (holds_pictures, read_table, read_pictures):
        with pytest.raises(InputError, match=r"part-0\.parquet"):
            read(both)
    assert main(["fit", str(both), "-o", str(run)]) == 2
    said = capsys.readouterr().err
    assert "got 'part-0.parquet' beside 'a.png'; take one out, or say what to read: --as table" in said
    assert not run.exists()
    found = read_table(both, missing="keep", others="pass over")
    assert (found.rows, found.remarks[0]) == (40, "1 other file or folder passed over")
    pictures = read_pictures(both, others="pass over")
    assert (len(pictures.images), pictures.remarks) == (1, ("4 other files passed over",))


def test_folders_beside_parquet_and_folders_of_nothing(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "year=2020").mkdir()
    with pytest.raises(InputError, match=r"'part-0\.parquet' beside the folder 'year=2020'"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="expected a folder of Parquet files, got a folder without one"):
        read_table(tmp_path / "year=2020")
