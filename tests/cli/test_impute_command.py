"""`scorax impute`: what is missing is filled, and every other byte of the file stays."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from scorax.cli import main
from scorax.cli._impute import _formats
from scorax.data import NumberFormat, Table, TableWriter, filled_writer, open_table, read_table, write_table
from scorax.tables import examine

TINY = [
    *("--folds", "1", "--max-steps", "5", "--set", "network.width=8", "--set", "network.depth=1"),
    *("--set", "training.batch_size=32", "--set", "ensemble.starts=['gaussian']", "--set", "noise.candidates=[0.1]"),
    *("--set", "sampling.evaluations=4"),
]
Captured = pytest.CaptureFixture[str]
HEADER = '\ufeff"height, in m";=risk;colour;children;note\r\n'


def _line(random: np.random.Generator, k: int) -> str:
    """Semicolons, decimal commas with odd digits, quotes, several words for what is missing, and a column that is left out."""
    height = f"{random.normal(1.7, 0.1):.2f}".replace(".", ",")
    height = ("NA", height, f" {height}", f'"{height}"', f"{height}0", height, height)[k % 7]
    risk = "" if k % 5 == 1 else f"{random.normal():.9f}".replace(".", ",")
    colour = "NA" if k % 6 == 2 else random.choice(['"dark; ""blue"""', "red", '"red"'])
    children = '""' if k % 9 == 3 else str(random.poisson(1))
    note = "" if k % 4 == 0 else f"no {k}; é" if k % 2 == 0 else str(k)
    return f'{height};{risk};{colour};{children};"{note}"' + ("\r\n\r\n" if k == 11 else "\r\n")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and its run under masks."""
    folder, random = tmp_path_factory.mktemp("impute"), np.random.default_rng(0)
    lines = [_line(random, k) for k in range(80)]
    (folder / "train.csv").write_bytes("".join([HEADER, *lines]).encode().removesuffix(b"\r\n"))
    options = ["--ignore", "note", "--masks", "--no-report", *TINY, "--set", "training.filling_rounds=1"]
    assert main(["fit", str(folder / "train.csv"), "-o", str(folder / "run"), *options]) == 0
    return folder


def _cells(path: Path) -> list[list[bytes]]:
    """Raw cells, line by line; no delimiter stands in quotes but in one level."""
    held = path.read_bytes().replace(b'"dark; ""blue"""', b"BLUE").replace(b"; \xc3\xa9", b"")
    return [line.split(b";") for line in held.split(b"\r\n")]


def test_known_cells_keep_every_byte_and_the_others_are_of_their_column(work: Path, capsys: Captured) -> None:
    out = work / "out.csv"
    assert main(["impute", str(work / "run"), str(work / "train.csv"), "-o", str(out), "--seed", "3"]) == 0
    said = capsys.readouterr().err
    assert re.search(r"\d+ cells filled in \d+ of 80 rows", said)
    before, after = _cells(work / "train.csv"), _cells(out)
    assert len(before) == len(after)
    changed = 0
    for k, (old, new) in enumerate(zip(before, after, strict=True)):
        assert len(old) == len(new)
        for j, (a, b) in enumerate(zip(old, new, strict=True)):
            if k and len(old) > 1 and a in (b"NA", b"", b'""') and j < 4:
                changed += 1
                assert re.fullmatch([rb'"?\d,\d{2,3}"?', rb"-?\d+,\d+(e-\d+)?", rb'BLUE|red|"red"', rb"\d+"][j], b), (
                    j,
                    b,
                )
            else:
                assert a == b
    assert changed == int(np.isnan(read_table(out.with_name("train.csv"), missing="keep").values[:, :4]).sum())
    table = read_table(out, missing="keep")
    assert not np.isnan(table.values[:, :4]).any()
    assert "note" in said


def test_several_draws_are_several_files_and_batches_do_not_change_them(work: Path, capsys: Captured) -> None:
    ask = ["impute", str(work / "run"), str(work / "train.csv"), "--draws", "2", "-o"]
    assert main([*ask, str(work / "many.csv")]) == 0
    assert "too narrow" in capsys.readouterr().err
    assert main([*ask, str(work / "again.csv"), "--batch", "7"]) == 0
    first, second = (work / f"many.{k}.csv" for k in (1, 2))
    assert first.read_bytes() != second.read_bytes()
    for k, path in ((1, first), (2, second)):
        assert (work / f"again.{k}.csv").read_bytes() == path.read_bytes()
    assert not (work / "many.csv").exists()


def test_a_mean_has_its_spread_beside_it_and_other_endings_have_the_same_rows(work: Path) -> None:
    ask = ["impute", str(work / "run"), str(work / "train.csv"), "--method", "mean", "--draws", "10"]
    assert main([*ask, "-o", str(work / "mean.csv"), "--spread", str(work / "spread.csv")]) == 0
    assert main([*ask, "-o", str(work / "mean.parquet")]) == 0
    rows, same = read_table(work / "mean.csv", missing="keep"), read_table(work / "mean.parquet", missing="keep")
    np.testing.assert_array_equal(rows.values[:, :4], same.values[:, :4])
    spread = read_table(work / "spread.csv", missing="keep")
    assert spread.columns == ("row", "column", "mean", "deviation", "q05", "q50", "q95", "share")
    holes = np.isnan(read_table(work / "train.csv", missing="keep").values[:, :4])
    assert spread.rows == holes.sum()
    names = np.array(spread.formats[1].text(spread.values[:, 1]).to_pylist())
    own = names == "height, in m"
    found = rows.values[spread.values[own, 0].astype(int) - 1, 0]
    np.testing.assert_allclose(found, spread.values[own, 2], atol=0.0051)
    share = spread.values[names == "colour", 7]
    assert np.all((share >= 0.5) & (share <= 1))


def test_cells_that_are_finer_than_those_of_the_fit_are_not_rounded(work: Path) -> None:
    lines = [HEADER, '1,71234;;red;1;"x"\r\n', 'NA;0,5;red;1;"y"\r\n', '1,8;-1,5;red;;"z"\r\n']
    (work / "finer.csv").write_bytes("".join(lines).encode())
    assert main(["impute", str(work / "run"), str(work / "finer.csv"), "-o", str(work / "finer.parquet")]) == 0
    before, after = (read_table(work / f"finer.{kind}", missing="keep").values[:, :2] for kind in ("csv", "parquet"))
    there = ~np.isnan(before)
    np.testing.assert_array_equal(after[there], before[there])
    assert not np.isnan(after).any()


def test_a_parquet_file_is_filled_piece_by_piece(work: Path) -> None:
    """Row groups of seven rows, whose texts and numbers differ, and one group of all rows give the same bytes."""
    table = read_table(work / "train.csv", missing="keep")
    numbers = np.where(np.arange(80) % 3, 2.0**53 - 100 + np.arange(80), np.nan)  # integers that count from an origin
    columns, formats = (*table.columns, "id"), [*table.formats, NumberFormat(0, 2**53, unsigned=False)]
    values = np.column_stack([table.values, numbers - 2.0**53])
    for name, size in (("one", 80), ("many", 7)):
        with TableWriter(work / f"{name}.parquet", columns, formats) as writer:
            for start in range(0, 80, size):
                writer.write(values[start : start + size])
    ask = [("--draws", "1"), ("--method", "median", "--draws", "6")]
    for k, options in enumerate(ask):
        for name in ("one", "many"):
            spread = ("--spread", str(work / f"{name}.spread.csv")) if k else ()
            for ending in ("csv", "parquet"):
                out = str(work / f"{name}.out.{ending}")
                assert (
                    main(["impute", str(work / "run"), str(work / f"{name}.parquet"), "-o", out, *options, *spread])
                    == 0
                )
        for name in ("out.csv", "spread.csv")[: k + 1]:
            assert (work / f"one.{name}").read_bytes() == (work / f"many.{name}").read_bytes()
        one, many = (pq.read_table(work / f"{name}.out.parquet") for name in ("one", "many"))
        assert one.equals(many)
        before = pq.read_table(work / "one.parquet")
        assert one.schema == before.schema
        for name in ("note", "id"):
            assert one[name].equals(before[name])
    assert pq.ParquetFile(work / "many.out.parquet").num_row_groups == 12


@pytest.mark.parametrize(
    "words",
    ["impute RUN FAR", "logp RUN FAR --given risk", "logp RUN FAR --rank 1", "sample RUN -n 3 --given risk=1e300"],
)
def test_a_cell_that_no_model_can_be_told_is_refused_before_any_work(words: str, work: Path, capsys: Captured) -> None:
    """In single precision it is infinite, and the answers would be no numbers."""
    far, out = work / "far.csv", work / "no.csv"
    far.write_text('"height, in m";=risk;colour;children\n1,71;0,5;red;1\n1,71;1e300;;2\n')
    line = words.replace("risk", "=risk").replace("RUN", str(work / "run")).replace("FAR", str(far)).split()
    assert main([*line, "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert "a million times beyond those of the fit in column '=risk', got 1e+300" in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_an_array_stays_an_array(work: Path, tmp_path: Path) -> None:
    values = np.random.default_rng(4).normal(size=(60, 3))
    values[::5, 1] = np.nan
    np.save(tmp_path / "train.npy", values)
    run = str(tmp_path / "run")
    assert main(["fit", str(tmp_path / "train.npy"), "-o", run, "--masks", "--no-report", *TINY]) == 0
    assert main(["impute", run, str(tmp_path / "train.npy"), "-o", str(tmp_path / "out.npy")]) == 0
    whole = np.load(tmp_path / "out.npy")
    np.testing.assert_array_equal(whole[~np.isnan(values)], values[~np.isnan(values)])
    assert np.isfinite(whole).all()
    whole_rows = tmp_path / "whole.csv"
    write_table(whole_rows, ("x0", "x1", "x2"), whole)
    assert main(["impute", run, str(whole_rows), "-o", str(tmp_path / "same.csv")]) == 0
    assert (tmp_path / "same.csv").read_bytes() == whole_rows.read_bytes()


def test_what_cannot_be_filled_is_refused_in_one_line(work: Path, tmp_path: Path, capsys: Captured) -> None:
    run, table, out = str(work / "run"), str(work / "train.csv"), str(tmp_path / "no.csv")
    unseen = tmp_path / "unseen.csv"
    unseen.write_text('"height, in m";=risk;colour;children\n1,71;;pink;2\n1,72;0,5;red;1\n')
    plain = str(tmp_path / "plain")
    np.save(tmp_path / "plain.npy", np.random.default_rng(1).normal(size=(60, 2)))
    assert main(["fit", str(tmp_path / "plain.npy"), "-o", plain, "--no-report", *TINY]) == 0
    capsys.readouterr()
    for arguments, words in (
        ([run, table, "-o", table], "apart from the input"),
        ([run, table, "-o", out, "--spread", str(tmp_path / "s.csv")], "--method mean"),
        ([run, table, "-o", out, "--method", "mean", "--spread", out], "apart from the input"),
        ([run, table, "-o", out, "--draws", "201"], "at most 200"),
        ([run, table, "-o", "-", "--draws", "2"], "a file for each"),
        ([run, table, "-o", str(tmp_path / "none" / "no.csv")], "no folder"),
        ([run, table, "-o", out, "--as", "images"], "--as table"),
        ([run, table, "-o", str(tmp_path / "no.xls")], "an output ending in"),
        ([run, table, "-o", str(tmp_path / "no.npy")], "an ending that holds numbers only"),
        ([run, str(unseen), "-o", out], "values of the fit"),
        ([plain, str(tmp_path / "plain.npy"), "-o", out], "fit again with --masks"),
    ):
        assert main(["impute", *arguments]) == 2, words
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1, error
    assert not list(tmp_path.glob("no*"))


def test_truth_values_and_times_are_filled_as_the_file_has_them(tmp_path: Path) -> None:
    """The fit has other words, another layout and another unit than the file that is filled."""
    random, days = np.random.default_rng(4), np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]").astype(str)
    lines = ["ok,day,at,n\n"]
    for k, day in enumerate(days):
        other = ".".join(reversed(day.split("-")))
        lines.append(f"{('True', 'False')[k % 2]},{other},{day} {k % 24:02d}:30,{random.normal():.3f}\n")
    (tmp_path / "fit.csv").write_text("".join(lines))
    (tmp_path / "holes.csv").write_text(
        "ok,day,at,n\nyes,2024-01-05,2024-01-05T10:30:00,1\n,,,2\nno,2024-02-05,2024-01-05T11:30:00,3\n"
    )
    schema = examine(read_table(tmp_path / "fit.csv")).schema
    source = open_table(tmp_path / "holes.csv")
    assert isinstance(source.held, Table)
    formats = _formats(source, source.held, schema, set())
    values = schema.match(source.held, "holes.csv")
    values[1] = [1, *schema.match(read_table(tmp_path / "fit.csv"), "fit.csv")[7, 1:3], 2]
    with filled_writer(tmp_path / "whole.csv", tmp_path / "holes.csv", source, formats) as write:
        write(replace(source.held, values=values, formats=tuple(formats.values())))
    assert (tmp_path / "whole.csv").read_text().splitlines()[2] == "yes,2024-01-08,2024-01-08T07:30:00,2"


def test_texts_of_the_fit_are_known_cells_whatever_they_look_like(tmp_path: Path, capsys: Captured) -> None:
    """``None`` and ``-`` are levels; a file that has nothing else in their column is not filled there."""
    random = np.random.default_rng(0)
    lines = [f"{random.normal():.3f},{word}\n" for word in random.choice(["None", "-", "brick"], 60)]
    (tmp_path / "train.csv").write_text("".join(["x,wall\n", *lines]))
    run = str(tmp_path / "run")
    assert main(["fit", str(tmp_path / "train.csv"), "-o", run, "--masks", "--no-report", *TINY]) == 0
    few, out = tmp_path / "few.csv", tmp_path / "out.csv"
    few.write_text("x,wall\n0.5,None\n,None\n-0.25,-\n")
    assert main(["impute", run, str(few), "-o", str(out)]) == 0
    assert "1 cell filled in 1 of 3 rows" in capsys.readouterr().err
    assert [line.split(",")[1] for line in out.read_text().splitlines()] == ["wall", "None", "None", "-"]
    scores = []
    for rows in ("0.5,None\n-0.25,-\n", "0.5,None\n-0.25,-\n0,brick\n"):
        few.write_text(f"x,wall\n{rows}")
        assert main(["logp", run, str(few), "-o", str(out)]) == 0
        scores.append(out.read_text().splitlines()[:3])
    assert scores[0] == scores[1]
