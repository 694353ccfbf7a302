"""Bad command lines and bad inputs: the exit code, one line, nothing written, JAX never imported."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from scorax.cli import main
from scorax.cli._rows import ReadAsMissing
from scorax.data import NumberFormat, TextFormat

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("x,y\n" + "".join(f"{i * 0.37 % 1:.6f},{i * 0.61 % 1:.6f}\n" for i in range(60)))
    return path


def _refused(arguments: list[str], captured: Captured, *words: str) -> None:
    assert main(arguments) == 2
    out, err = captured.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("scorax: error: ")]
    assert out == ""
    assert lines == err.splitlines()[-1:]
    assert "Traceback" not in err
    for word in words:
        assert word in lines[0]


def test_version_and_help(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"scorax {version('scorax')}\n"
    assert main([]) == 0
    listing = capsys.readouterr().out
    for command in ("demo", "schema", "fit", "sample", "logp", "simulate", "noise", "report", "info", "check"):
        assert f"\n  {command} " in listing
        assert main([command, "--help"]) == 0
        assert command in capsys.readouterr().out


SEEDED = ("demo", "fit t.csv -o run", "sample run -n 1 -o new.csv", "logp run t.csv -o out.csv", "simulate ou -o p.png")
"""Commands with a seed, of which JAX keeps 32 bits: one more would be another seed in silence."""


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("fti", "fti"),
        ("fit --nope", "--nope"),
        ("fit", "TABLE"),
        ("fit t.csv", "--output"),
        ("sample run -n 0 -o new.csv", "-n"),
        ("sample run -n many -o new.csv", "-n"),
        (f"sample run -n {2**32 + 1} -o new.csv", "4294967296"),
        *((f"{line} --seed {2**32}", "4294967295") for line in SEEDED),
        ("logp run t.csv -o out.csv --precision float16", "--precision"),
    ],
)
def test_bad_options(line: str, word: str, capsys: Captured) -> None:
    _refused(line.split(), capsys, word)


def test_missing_file(tmp_path: Path, capsys: Captured) -> None:
    run = tmp_path / "run"
    _refused(["fit", str(tmp_path / "no.csv"), "-o", str(run)], capsys, "no.csv", "no such file")
    assert not run.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,y\n1,2\n3,\n", ["at least 10 rows", "got 2"]),
        (
            "x,note\n" + "".join(f"{i},a note of more than six words on {i}\n" for i in range(20)),
            ["'note'", "--ignore"],
        ),
        ("x,y\n1,2\n3,inf\n", ["'y'", "infinite"]),
        ("", ["empty"]),
    ],
)
def test_bad_tables_are_refused_by_name(text: str, words: list[str], tmp_path: Path, capsys: Captured) -> None:
    path, run = tmp_path / "bad.csv", tmp_path / "run"
    path.write_text(text)
    _refused(["fit", str(path), "-o", str(run)], capsys, "bad.csv", *words)
    assert not run.exists()


def test_hostile_column_names_are_shown_escaped(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("x\x1b[2J,y\ninf,2\n")
    _refused(["fit", str(path), "-o", str(tmp_path / "run")], capsys, r"\x1b[2J")


def test_folder_that_holds_something(table: Path, tmp_path: Path, capsys: Captured) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "mine.txt").write_text("keep")
    _refused(["fit", str(table), "-o", str(run)], capsys, "--resume")
    _refused(["demo", "-o", str(run)], capsys, "holds something")
    assert (run / "mine.txt").read_text() == "keep"


def test_a_schema_of_another_table_is_refused(table: Path, tmp_path: Path, capsys: Captured) -> None:
    other, schema = tmp_path / "other.csv", str(tmp_path / "other.json")
    other.write_text(table.read_text().replace("x,y", "x,z"))
    assert main(["schema", str(other), "-o", schema]) == 0
    capsys.readouterr()
    _refused(["fit", str(table), "-o", str(tmp_path / "run"), "--schema", schema], capsys, "table.csv", "column 'z'")
    assert not (tmp_path / "run").exists()


def test_resume_needs_a_run(table: Path, tmp_path: Path, capsys: Captured) -> None:
    _refused(["fit", str(table), "-o", str(tmp_path / "run"), "--resume"], capsys, "no folder")


def test_holdout_is_checked(table: Path, tmp_path: Path, capsys: Captured) -> None:
    run = str(tmp_path / "run")
    _refused(["fit", str(table), "-o", run, "--holdout", "1.5"], capsys, "--holdout", "1.5")
    _refused(["fit", str(table), "-o", run, "--holdout", "0.2", "--test", str(table)], capsys, "both")
    said = ("a hold-out that leaves at least 10 rows to fit, got 6 of 60", "hold fewer rows out")
    _refused(["fit", str(table), "-o", run, "--holdout", "0.9"], capsys, *said)


def test_outputs_never_overwrite_their_inputs(table: Path, tmp_path: Path, capsys: Captured) -> None:
    before = table.read_bytes()
    run, spread = tmp_path / "run", str(table)
    new = ["-o", str(tmp_path / "new.csv"), "--method", "mean"]
    _refused(["impute", str(run), str(table), *new, "--spread", spread], capsys, f"--spread {spread}", "part of")
    _refused(["infer", str(table), "--observed", spread, "-o", str(tmp_path)], capsys, f"holds {spread}")
    _refused(["logp", str(run), str(table), "-o", str(table)], capsys, "part of")
    _refused(["sample", str(run), "-n", "5", "-o", str(run / "new.csv")], capsys, "part of")
    assert table.read_bytes() == before


@pytest.mark.parametrize("command", [["info"], ["sample", "-n", "5", "-o", "new.csv"]])
def test_not_a_run_folder(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    _refused([command[0], "empty", *command[1:]], capsys, "empty")
    _refused([command[0], "absent", *command[1:]], capsys, "absent")
    assert not (tmp_path / "new.csv").exists()


def _process(arguments: list[str], **options: int) -> tuple[int, str, set[str]]:
    script = (
        "import sys; from scorax.cli import main; code = main(sys.argv[1:])\n"
        "print('MODULES', *sys.modules, file=sys.stderr); sys.exit(code)"
    )
    line = [sys.executable, "-c", script, *arguments]
    result = subprocess.run(line, stderr=subprocess.PIPE, text=True, timeout=60, check=False, **options)
    error, _, modules = result.stderr.partition("MODULES ")
    return result.returncode, error, set(modules.split())


REFUSED = """
import sys
import numpy as np
from scorax.cli import main

sys.path.insert(0, sys.argv[1])
from saved_runs import whole_run

whole_run("run")
damaged = whole_run("damaged")
(damaged.step_path(2) / "weights.safetensors").write_bytes(b"x")
open("table.csv", "w").write("a,b\\n" + "".join(f"{i * 0.37 % 1:.6f},{i * 0.61 % 1:.6f}\\n" for i in range(60)))
open("other.csv", "w").write("a,c\\n1,2\\n")
open("missing.csv", "w").write("a,b\\n1,\\n")
open("far.csv", "w").write("b\\n1e300\\n")
__import__("os").mkdir("tables")
open("table.xyz", "w").write("a\\n1\\n")
np.save("pictures.npy", pictures := np.arange(30 * 64).astype(np.uint8).reshape(30, 8, 8))
np.save("few.npy", pictures[:3])
open("bad.toml", "w").write("[training]\\nmax_stesp = 3\\n")
before = {path.name for path in __import__("pathlib").Path().rglob("*")}
held = __import__("contextlib").ExitStack()
held.enter_context(damaged.lock())
for line in sys.stdin.read().splitlines():
    code = main(line.split())
    print(code, "jax" in sys.modules, line)
left = {path.name for path in __import__("pathlib").Path().rglob("*")} - before - {"lock", "lock.holder"}
print("left", *left)
"""

LINES = """\
fit missing.csv -o new
fit none.csv -o new
fit table.xyz -o new
fit table.csv -o new --config bad.toml
fit table.csv -o new --config none.toml
fit table.csv -o new --set training.max_steps=0
fit table.csv -o new --set training.learning_rate=1e300
fit table.csv -o new --set network.width=1099511627776
fit table.csv -o new --set nosuch=1
fit table.csv -o new --folds 61
fit table.csv -o new --distributed
fit table.csv -o new --devices 7
fit few.npy -o new
fit pictures.npy -o new --devices 3
fit pictures.npy -o new --labels none.npy
fit tables -o tables/new
fit table.csv -o damaged --resume
sample none -n 5 -o new.csv
sample damaged -n 5 -o new.csv
sample run -n 5 -o new.xyz
sample run -n 5 -o new.csv --sampler nosuch
sample run -n 5 -o none/new.csv
sample run -n 5 -o tables
sample run -n 5 -o new.csv --given a>2,a<1
sample run -n 5 -o new.csv --given a>=1e300,a<1e300
logp none table.csv -o new.csv
logp damaged table.csv -o new.csv
logp run other.csv -o new.csv
logp run none.csv -o new.csv
logp run table.csv -o new.xyz
logp run table.csv -o none/new.csv
logp run table.csv -o new.csv --as images
impute run table.csv -o none/new.csv
infer table.csv --observed far.csv -o new --parameters a
infer table.csv --observed far.csv -o . --parameters a
infer table.csv --observed far.csv -o new --prior a=normal(0,-1)
check --only nosuch
report none
report damaged
report run --test none.csv
info none
info damaged
demo --data nosuch -o new
simulate nosuch -o new.png
simulate ou -o new.xyz
simulate ou -o new.png --rate -1
simulate vp -o new.png --beta-min 30
"""


def test_what_is_wrong_is_refused_without_jax(tmp_path: Path) -> None:
    """JAX takes seconds to import and hundreds of megabytes: whatever can be looked at before it, is."""
    line = [sys.executable, "-c", REFUSED, str(Path(__file__).parents[1])]
    result = subprocess.run(line, input=LINES, capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    *answers, left = result.stdout.splitlines()
    assert answers == [f"{5 if '--resume' in line else 2} False {line}" for line in LINES.splitlines()]
    assert left == "left"
    said = ("scorax: error: ", "constant, stored", "left out, neither", "note: ")
    assert all(
        line.startswith(said)
        for line in result.stderr.splitlines()
        if "columns (" not in line and "pictures of 8 x 8" not in line
    )


@pytest.mark.reliability
def test_full_standard_output_is_an_environment_error() -> None:
    with open("/dev/full", "w") as full:
        code, error, _ = _process(["--help"], stdout=full.fileno())
    assert code == 3
    assert error.startswith("scorax: error: ")
    assert error.count("\n") == 1


@pytest.mark.reliability
def test_closed_standard_output_is_an_environment_error() -> None:
    script = f'exec "{sys.executable}" -c "import sys; from scorax.cli import main; sys.exit(main([\'--help\']))" >&-'
    result = subprocess.run(["bash", "-c", script], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert result.returncode == 3
    assert "closed" in result.stderr


def test_texts_that_csv_makes_missing_are_said_in_one_line(capsys: Captured) -> None:
    values, formats = (
        np.array([[0.0, 1.0], [1.0, 0.0], [0.0, np.nan]]),
        (TextFormat(("NA", "x")), TextFormat(("", "y"))),
    )
    for name, said in (("o.csv", True), ("o.TSV", True), ("-", True), ("o.parquet", False)):
        found = ReadAsMissing(Path(name))
        found.add(("a", "b"), values, formats)
        found.add(("a", "b"), values[1:2], formats)
        found.warn()
        error = capsys.readouterr().err
        assert error.count("\n") == said
        assert ("a reader of CSV takes '', 'NA' in 4 cells of 'a', 'b' for missing" in error) == said
    quiet = ReadAsMissing(Path("o.csv"))
    quiet.add(("a", "b"), np.ones((2, 2)), (formats[0], NumberFormat(0)))
    quiet.warn()
    assert capsys.readouterr().err == ""
