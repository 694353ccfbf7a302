"""Parts of a job are the bytes of the whole, and what is no part is refused at once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import tiny
from scorax import ScoreDensity
from scorax.cli import main
from scorax.data import read_table, write_table


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two numbers, and a table of 50 rows to score."""
    folder = tmp_path_factory.mktemp("parts")
    rows = tiny.clusters()
    ScoreDensity(tiny.TINY, random_state=0).fit(rows).save(folder / "run")
    for ending in ("csv", "parquet"):
        write_table(folder / f"rows.{ending}", ["x0", "x1"], rows[::6])
    return folder


def job(work: Path, command: str, name: str, *options: str) -> Path:
    table = [str(work / "rows.csv")] if command == "logp" else []
    assert main([command, str(work / "run"), *table, "-o", str(work / name), *options]) == 0
    return work / name


@pytest.mark.parametrize(("command", "whole"), [("sample", ["-n", "50"]), ("logp", [])])
def test_parts_of_csv_join_to_the_bytes_of_the_whole(work: Path, command: str, whole: list[str]) -> None:
    expected = job(work, command, f"{command}.csv", *whole).read_bytes()
    parts = [job(work, command, f"{command}-{a}.csv", "--rows", f"{a}:{b}") for a, b in ((0, 7), (7, 8), (8, 50))]
    assert b"".join(part.read_bytes() for part in parts) == expected


@pytest.mark.parametrize(("command", "whole"), [("sample", ["-n", "50"]), ("logp", [])])
def test_parts_of_parquet_and_arrays_are_the_rows_of_the_whole(work: Path, command: str, whole: list[str]) -> None:
    for ending in ("parquet", "npy"):
        expected = read_table(job(work, command, f"{command}.{ending}", *whole)).values
        names = [
            job(work, command, f"{command}-{a}.{ending}", "--rows", f"{a}:{b}", "--batch", "9")
            for a, b in ((0, 20), (20, 50))
        ]
        np.testing.assert_array_equal(np.concatenate([read_table(name).values for name in names]), expected)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sample {run} -o {new}.csv", "expected -n N, or --rows A:B, got neither"),
        ("sample {run} -o {new}.csv -n 3 --rows 0:3", "got both"),
        ("sample {run} -o {new}.csv --rows 3", "expected --rows A:B, the rows A to B - 1"),
        ("sample {run} -o {new}.csv --rows 3:3", "with A below B, got 3:3"),
        ("sample {run} -o {new}.csv --rows -1:3", "expected --rows A:B"),
        ("sample {run} -o {new}.csv --rows 0:4294967297", "got 0:4294967297 of 4,294,967,296 rows"),
        ("sample {run} -o {new}.csv --rows 0:3 --given x0>7", "conditions that draws are passed over for"),
        ("logp {run} {rows} -o {new}.csv --rows 40:51", "got 40:51 of 50 rows; end it with 50 at most"),
        ("logp {run} {rows} -o {new}.csv --rows 0:3 --rank 2", "--rank N among all rows, or --rows A:B, got both"),
    ],
)
def test_what_is_no_part_is_refused(
    work: Path, line: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"run": work / "run", "rows": work / "rows.csv", "new": tmp_path / "new"}
    assert main(line.format(**places).split()) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_rows_of_a_folder_are_scored_as_those_of_a_file(work: Path) -> None:
    """Two files, several row groups: pieces and batches do not show in a byte."""
    folder = work / "folder"
    folder.mkdir()
    table = pq.read_table(work / "rows.parquet")
    for name, part in (("a", table.slice(0, 17)), ("b", table.slice(17))):
        pq.write_table(part, folder / f"{name}.parquet", row_group_size=5)
    out = [work / f"logp-{name}.csv" for name in ("file", "folder", "part", "rest")]
    options: list[list[str]] = [[], ["--batch", "3"], ["--rows", "0:20"], ["--rows", "20:50"]]
    for path, own, rows in zip(out, options, (work / "rows.parquet", *[folder] * 3), strict=True):
        assert main(["logp", str(work / "run"), str(rows), "-o", str(path), *own]) == 0
    whole = out[0].read_bytes()
    assert (out[1].read_bytes(), out[2].read_bytes() + out[3].read_bytes()) == (whole, whole)


def test_parts_with_holes_and_levels_join_and_one_draw_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first rows have no hole and the others have; the error of one draw is not known, and no density is lost."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(40, 2)), columns=["number", "other"])
    rows["level"] = random.choice(["a", "b"], size=40)
    rows.loc[12::3, "number"] = np.nan
    rows.to_csv(tmp_path / "rows.csv", index=False)
    ScoreDensity(tiny.TINY, random_state=0).fit(rows).save(tmp_path / "run")
    names = ["whole", "first", "second"]
    for name, part in zip(names, ([], ["--rows", "0:9"], ["--rows", "9:40"]), strict=True):
        line = ["logp", str(tmp_path / "run"), str(tmp_path / "rows.csv"), "-o", str(tmp_path / f"{name}.csv")]
        assert main([*line, "--draws", "1", *part]) == 0
    whole, *parts = ((tmp_path / f"{name}.csv").read_bytes() for name in names)
    assert b"".join(parts) == whole
    said = capsys.readouterr()
    assert "are not finite" not in said.out + said.err
    assert "error of a single draw not known" in said.out + said.err
