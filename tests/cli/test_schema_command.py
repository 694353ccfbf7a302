"""`scorax schema`, and the options of `fit` that say what columns are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scorax.cli import main
from scorax.data import read_table
from scorax.tables import Choices, FitConfig, FitRows, Schema, examine

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    path = tmp_path / "table.csv"
    age, debt = generator.integers(17, 91, 300), np.exp(generator.normal(9, 1, 300)) * (generator.random(300) < 0.6)
    lines = (
        f"{k + 1},{a},{d:.2f},{x:.6f}"
        for k, (a, d, x) in enumerate(zip(age, debt, generator.normal(size=300), strict=True))
    )
    path.write_text("id,age,debt,x\n" + "\n".join(lines) + "\n")
    return path


def test_a_line_a_column_without_jax_in_two_seconds(table: Path) -> None:
    code = (
        "import sys, time; from scorax.cli import main\n"
        "began = time.process_time(); code = main(sys.argv[1:])\n"
        "print(time.process_time() - began, 'jax' in sys.modules, 'pandas' in sys.modules, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    line = [sys.executable, "-c", code, "schema", str(table)]
    answer = subprocess.run(line, env=dict(os.environ), capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    *_, last = answer.stderr.splitlines()
    seconds, *loaded = last.split()
    assert loaded == ["False", "False"]
    assert float(seconds) < 2
    rows = [line.split(maxsplit=1) for line in answer.stdout.splitlines()]
    assert [name for name, _ in rows] == ["id", "age", "debt", "x"]
    assert rows[0][1].startswith("left out")
    assert "spikes 0; log" in rows[2][1]
    assert "far more often than what is near" in rows[2][1]


def test_what_is_written_is_what_is_found_and_may_be_edited(table: Path, tmp_path: Path, capsys: Captured) -> None:
    output = tmp_path / "schema.json"
    words = ["--column", "age=integer,0..120", "--ignore", "x"]
    assert main(["schema", str(table), "-o", str(output), *words]) == 0
    assert "ends from 0 to 120" in capsys.readouterr().out
    obj = json.loads(output.read_text())
    rows = read_table(table, missing="keep")
    expected = examine(rows, Choices.read(words[1:2], ignored=["x"])).schema
    assert Schema.from_json(obj) == expected
    assert [one["name"] for one in obj["left_out"]] == ["id", "x"]
    (age,) = (column for column in obj["columns"] if column["name"] == "age")
    age["map"]["base"]["high"] = 90
    assert Schema.from_json(obj).columns[0].summary != expected.columns[0].summary


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--column age", "NAME=KIND"),
        ("--column age=count,0..20", "values between the stated ends"),
        ("--column agee=count", "did you mean 'age'"),
        ("--ignore agee", "did you mean 'age'"),
        ("--category agee", "did you mean 'age'"),
        ("--column age=count --ignore age", "one word on column 'age'"),
    ],
)
@pytest.mark.parametrize("command", ["schema {table}", "fit {table} -o {run}"])
def test_wrong_words_end_with_2(
    table: Path, tmp_path: Path, capsys: Captured, command: str, words: str, said: str
) -> None:
    line = command.format(table=table, run=tmp_path / "run").split()
    assert main([*line, *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_schema_is_not_written_over_its_table(table: Path, capsys: Captured) -> None:
    assert main(["schema", str(table), "-o", str(table)]) == 2
    assert "apart from the input" in capsys.readouterr().err
    assert main(["schema", str(table), "-o", str(table.parent)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "to be a file in a folder, got a folder" in said.err


def test_fit_takes_a_schema_or_words(table: Path, tmp_path: Path, capsys: Captured) -> None:
    output, run = tmp_path / "schema.json", tmp_path / "run"
    assert main(["schema", str(table), "-o", str(output)]) == 0
    capsys.readouterr()
    assert main(["fit", str(table), "-o", str(run), "--schema", str(output), "--ignore", "x"]) == 2
    assert "--schema beside" in capsys.readouterr().err
    output.write_text("[]")
    assert main(["fit", str(table), "-o", str(run), "--schema", str(output)]) == 2
    assert "schema.json: expected an object" in capsys.readouterr().err
    assert not run.exists()


def test_what_is_left_out_of_a_fit_is_no_part_of_its_rows(table: Path) -> None:
    rows = FitRows(read_table(table), choices=Choices.read(ignored=["id", "debt"]), holdout=0.2)
    split = rows.split(FitConfig(), 0)
    assert split.schema.names == ("age", "x")
    assert split.train.shape == (240, 2)
    given = FitRows(read_table(table), given=split.schema, holdout=0.2).split(FitConfig(), 0)
    assert given.schema == split.schema
    np.testing.assert_array_equal(given.train, split.train)


def test_what_a_person_says_decides_what_a_model_sees(table: Path) -> None:
    found = FitRows(read_table(table)).split(FitConfig(), 0).schema
    assert "age" not in found.code_names
    split = FitRows(read_table(table), choices=Choices.read(["age=count"])).split(FitConfig(), 0)
    assert "age" in split.schema.code_names
