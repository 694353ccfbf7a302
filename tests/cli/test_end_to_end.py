"""The whole job through the command line, on a tiny table and a tiny network."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from scorax.cli import main
from scorax.data import read_table

TINY = [
    *("--folds", "2", "--max-steps", "40"),
    *("--set", "network.width=8", "--set", "network.depth=1", "--set", "training.batch_size=32"),
    *("--set", "training.validate_every=10", "--set", "training.save_every=20", "--set", "noise.candidates=[0.1, 0.3]"),
    *("--set", "sampling.evaluations=4"),
]
Captured = pytest.CaptureFixture[str]


def _write_table(path: Path, rows: int, seed: int) -> Path:
    """A continuous column, one with two decimals that repeat, and a constant one."""
    random = np.random.default_rng(seed)
    lines = [f"{random.normal():.6f},{random.integers(-20, 20) / 100:.2f},3" for _ in range(rows)]
    path.write_text("\n".join(["height,=rounded,constant", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.csv`, `test.csv` and the finished run `run`."""
    folder = tmp_path_factory.mktemp("cli")
    train = _write_table(folder / "train.csv", 60, seed=0)
    test = _write_table(folder / "test.csv", 20, seed=1)
    assert main(["fit", str(train), "-o", str(folder / "run"), "--test", str(test), *TINY]) == 0
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_fit_leaves_a_whole_run_folder(work: Path) -> None:
    run = work / "run"
    for name in ("config.json", "schema.json", "transform.safetensors", "run.json", "metrics.jsonl", "report.html"):
        assert (run / name).is_file(), name
    config = json.loads((run / "config.json").read_text())
    assert config["ensemble"]["folds"] == 2
    assert config["training"]["max_steps"] == 40
    assert config["network"]["width"] == 8


def test_samplers_by_name(work: Path, capsys: Captured) -> None:
    run, out = str(work / "run"), work / "drawn.csv"
    assert main(["sample", run, "-n", "20", "-o", str(out), "--sampler", "auto", "--evaluations", "8"]) == 0
    said = capsys.readouterr()
    assert "8 evaluations: error" in said.out + said.err
    assert read_table(out).values.shape == (20, 3)
    out.unlink()
    assert main(["sample", run, "-n", "20", "-o", str(out), "--sampler", "ddpn"]) == 2
    assert "did you mean 'ddpm'" in capsys.readouterr().err.replace('"', "'")
    assert not out.exists()


@pytest.mark.bits
def test_two_devices_answer_with_the_bytes_of_one(work: Path) -> None:
    """Rows and their log-densities, each file whole."""
    run, test = str(work / "run"), str(work / "test.csv")
    answers = {}
    for devices in ("1", "2"):
        drawn, scored = work / f"drawn-{devices}.csv", work / f"scored-{devices}.npy"
        assert main(["sample", run, "-n", "150", "-o", str(drawn), "--devices", devices]) == 0
        assert main(["logp", run, test, "-o", str(scored), "--devices", devices]) == 0
        answers[devices] = drawn.read_bytes(), scored.read_bytes()
    assert answers["1"] == answers["2"]


def test_a_fit_on_two_devices_says_so_and_goes_on_on_one(work: Path, tmp_path: Path, capsys: Captured) -> None:
    """Its run says on how many it trained; a batch that they cannot share, and more than there are, are refused in a line."""
    train, run = str(work / "train.csv"), tmp_path / "run"
    assert main(["fit", train, "-o", str(run), *TINY, "--devices", "3"]) == 2
    assert "a batch that 3 devices share evenly, got batch_size=32" in capsys.readouterr().err
    assert main(["fit", train, "-o", str(run), *TINY, "--devices", "64"]) == 2
    assert not run.exists()
    assert main(["fit", train, "-o", str(run), *TINY, "--no-report", "--devices", "2"]) == 0
    assert json.loads((run / "run.json").read_text())["devices"] == 2
    capsys.readouterr()
    assert main(["fit", train, "-o", str(run), *TINY, "--no-report", "--resume"]) == 0
    assert "devices differs from the run's" in capsys.readouterr().err
    assert main(["sample", str(run), "-n", "3", "-o", str(tmp_path / "a.csv"), "--devices", "32"]) == 2
    assert "at most" in capsys.readouterr().err


def test_info_verifies_and_describes(work: Path, capsys: Captured) -> None:
    assert main(["info", str(work / "run"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["rows"] == 60
    assert facts["columns"] == 3
    assert facts["kinds"] == {"continuous": 1, "rounded": 1, "constant": 1}
    assert facts["step"] == 40
    assert facts["seed"] == 0
    assert facts["state"] == "finished"
    assert np.isfinite(facts["held_out_nats"])
    assert main(["info", str(work / "run")]) == 0
    assert "verified" in capsys.readouterr().out


def test_samples_have_the_units_columns_and_rounding_of_the_file(work: Path) -> None:
    out = work / "new.csv"
    assert main(["sample", str(work / "run"), "-n", "30", "-o", str(out)]) == 0
    text = out.read_text().splitlines()
    assert text[0] == "height,'=rounded,constant"
    rounded = [line.split(",")[1] for line in text[1:]]
    assert all(len(cell.partition(".")[2]) == 2 for cell in rounded)
    table = read_table(out)
    assert table.rows == 30
    assert np.all(table.values[:, 2] == 3)
    assert np.isfinite(table.values).all()


def test_samples_are_written_as_the_file_is(work: Path, tmp_path: Path) -> None:
    """The rows of ``train.csv`` with semicolons, decimal commas and a byte order mark: the same samples, written so."""

    def foreign(text: str) -> bytes:
        return text.replace(",", ";").replace(".", ",").replace("\n", "\r\n").encode("utf-8-sig")

    (tmp_path / "train.csv").write_bytes(foreign((work / "train.csv").read_text()))
    (tmp_path / "test.csv").write_bytes(foreign((work / "test.csv").read_text()))
    names = [str(tmp_path / name) for name in ("train.csv", "run", "test.csv")]
    assert main(["fit", names[0], "-o", names[1], "--test", names[2], "--no-report", *TINY]) == 0
    drawn = [tmp_path / "plain.csv", tmp_path / "foreign.csv"]
    for run, out in zip((work / "run", tmp_path / "run"), drawn, strict=True):
        assert main(["sample", str(run), "-n", "5", "-o", str(out)]) == 0
    assert drawn[1].read_bytes() == foreign(drawn[0].read_text())


def test_row_k_depends_on_the_seed_and_k_only(work: Path) -> None:
    def drawn(name: str, *options: str) -> np.ndarray:
        assert main(["sample", str(work / "run"), "-o", str(work / name), *options]) == 0
        return np.load(work / name)

    rows = drawn("a.npy", "-n", "30")
    assert np.array_equal(drawn("b.npy", "-n", "30", "--batch", "7"), rows)
    assert np.array_equal(drawn("c.npy", "-n", "11"), rows[:11])
    assert not np.array_equal(drawn("d.npy", "-n", "30", "--seed", "1"), rows)


def test_samples_on_standard_output(work: Path, capfd: Captured) -> None:
    assert main(["sample", str(work / "run"), "-n", "3", "-o", "-", "--raw-csv"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "height,=rounded,constant"
    assert len(lines) == 4


@pytest.mark.parametrize("command", [["sample", "-n", "100", "-o", "-"], ["info"]])
def test_a_reader_who_has_had_enough_is_no_error(work: Path, command: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    line = [sys.executable, "-m", "scorax", command[0], str(work / "run"), *command[1:]]
    done = subprocess.run(line, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_logp_writes_a_density_with_its_error(work: Path, capsys: Captured) -> None:
    out = work / "scored.csv"
    assert main(["logp", str(work / "run"), str(work / "test.csv"), "-o", str(out)]) == 0
    captured = capsys.readouterr()
    table = read_table(out)
    assert table.columns == ("row", "log_density", "error")
    assert np.array_equal(table.values[:, 0], np.arange(20))
    assert np.isfinite(table.values).all()
    assert np.all(table.values[:, 2] < 1e-2)
    mean = table.values[:, 1].mean()
    error = table.values[:, 1].std(ddof=1) / np.sqrt(20)
    assert captured.out == f"mean log-density {mean:.4f} ± {error:.4f} nats per row (20 rows)\n"
    assert "dequantised" in captured.err
    assert "nats: solver " in captured.err
    assert "divergence exact" in captured.err
    assert "warning" not in captured.err

    again = work / "again.npy"
    assert main(["logp", str(work / "run"), str(work / "test.csv"), "-o", str(again), "--batch", "7"]) == 0
    assert np.array_equal(np.load(again)[:, 1], table.values[:, 1])


def test_logp_by_probes_warns_of_no_error_that_is_small(work: Path, capsys: Captured) -> None:
    run, test, out = str(work / "run"), str(work / "test.csv"), work / "probed.npy"
    command = ["logp", run, test, "-o", str(out), "--precision", "float32"]
    assert main([*command, "--probes", "4", "--tolerance", "1e-7"]) == 0
    said = capsys.readouterr().err
    assert "divergence 4 probes" in said
    assert "warning" not in said  # the error of two thousandths is above the tolerance, and small all the same
    out.unlink()
    assert main([*command, "--probes", "4", "--exact"]) == 2
    assert "--exact or --probes" in capsys.readouterr().err
    assert not out.exists()


def test_columns_beside_those_of_the_run_are_passed_over_and_named(work: Path, capsys: Captured) -> None:
    header, *lines = (work / "test.csv").read_text().splitlines()
    wider = work / "wider.csv"
    wider.write_text("\n".join([f"id,{header},note", *(f"{k},{line},x" for k, line in enumerate(lines))]) + "\n")
    results = []
    for name in ("test.csv", "wider.csv"):
        assert main(["logp", str(work / "run"), str(work / name), "-o", str(work / "values.csv")]) == 0
        assert ("passed over, no columns of the model: 'id', 'note'" in capsys.readouterr().err) == (
            name == "wider.csv"
        )
        results.append((work / "values.csv").read_bytes())
    assert results[0] == results[1]


def test_logp_refuses_other_columns_and_tolerances(work: Path, capsys: Captured) -> None:
    other = work / "other.csv"
    other.write_text("height,weight\n1,2\n")
    out = work / "never.csv"
    assert main(["logp", str(work / "run"), str(other), "-o", str(out)]) == 2
    assert "=rounded" in capsys.readouterr().err
    assert main(["logp", str(work / "run"), str(work / "test.csv"), "-o", str(out), "--tolerance", "0"]) == 2
    assert "--tolerance" in capsys.readouterr().err
    assert not out.exists()


def test_report_is_written_again(work: Path, capsys: Captured) -> None:
    report = work / "run" / "report.html"
    verdict = work / "run" / "records" / "verdict.json"

    def said() -> str:
        return f"verdict: {json.loads(verdict.read_text())['headline']}\nreport: {report}\n"

    report.unlink()
    assert main(["report", str(work / "run")]) == 0
    assert capsys.readouterr().out == said()
    report.unlink()
    line = ["report", str(work / "run"), "--test", str(work / "test.csv"), "--data", str(work / "train.csv")]
    assert main(line) == 0
    assert capsys.readouterr().out == said()
    assert report.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    assert json.loads(verdict.read_text())["key"]["label"].endswith("test file"), "the verdict counts the new rows"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "training.lerning_rate=1"], ["lerning_rate", "learning_rate"]),
        (["--set", "trainig.max_steps=1"], ["trainig", "training"]),
        (["--set", "training.max_steps=many"], ["max_steps"]),
        (["--set", "training.validate_every=0"], ["validate_every", "[1, 100000000]"]),
        (["--config", "no.toml"], ["no.toml"]),
    ],
)
def test_configuration_is_strict(options: list[str], words: list[str], work: Path, capsys: Captured) -> None:
    assert main(["fit", str(work / "train.csv"), "-o", str(work / "strict"), *options]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    for word in words:
        assert word in line
    assert not (work / "strict").exists()


def test_resume_refuses_another_table_seed_or_configuration(work: Path, capsys: Captured) -> None:
    run, train, test = str(work / "run"), str(work / "train.csv"), str(work / "test.csv")
    before = _files(work / "run" / "steps")
    for table, options, word in (
        (test, ["--test", test, *TINY], "data"),
        (train, ["--test", test, *TINY, "--seed", "1"], "seed"),
        (train, ["--test", test, *TINY, "--set", "network.width=9"], "network.width"),
    ):
        assert main(["fit", table, "-o", run, "--resume", *options]) == 2
        assert word in capsys.readouterr().err.splitlines()[-1]
    assert _files(work / "run" / "steps") == before


@pytest.mark.reliability
def test_damaged_weights_are_named(work: Path, tmp_path: Path, capsys: Captured) -> None:
    subprocess.run(["cp", "-r", str(work / "run"), str(tmp_path / "run")], check=True)
    weights = sorted((tmp_path / "run" / "steps").glob("*/best.safetensors"))[-1]
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    for line in (["info"], ["sample", "-n", "2", "-o", str(tmp_path / "new.csv")]):
        assert main([line[0], str(tmp_path / "run"), *line[1:]]) == 2
        assert "best.safetensors" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.reliability
def test_folder_in_use(work: Path, capsys: Captured) -> None:
    from scorax.checkpoint import RunFolder

    line = [
        "fit",
        str(work / "train.csv"),
        "-o",
        str(work / "run"),
        "--resume",
        "--test",
        str(work / "test.csv"),
        *TINY,
    ]
    begun_by_another = [word for word in line if word != "--resume"]
    with RunFolder(work / "run").lock():
        for words in (line, begun_by_another):
            assert main(words) == 5
            assert "in use" in capsys.readouterr().err.splitlines()[-1]
    assert main(begun_by_another) == 2
    assert "holds something" in capsys.readouterr().err


@pytest.mark.reliability
def test_terminated_fit_saves_and_resumes_by_its_own_hint_to_the_same_bytes(work: Path, tmp_path: Path) -> None:
    run = tmp_path / "the run"
    line = ["fit", str(work / "train.csv"), "-o", str(run), "--no-report", "--test", str(work / "test.csv"), *TINY]
    line = [sys.executable, "-m", "scorax.cli", *line]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (run / "steps" / "00000000" / "MANIFEST.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    said, _, hint = err.splitlines()[-1].partition("go on with: scorax ")
    assert said.startswith("scorax: error: stopped by SIGTERM")

    assert main(shlex.split(hint)) == 0
    ours, theirs = _files(run / "steps" / "00000040"), _files(work / "run" / "steps" / "00000040")
    assert ours.keys() == theirs.keys()
    assert ours["best.safetensors"] == theirs["best.safetensors"]
    assert ours["optimizer.safetensors"] == theirs["optimizer.safetensors"]
    assert (run / "metrics.jsonl").read_bytes() == (work / "run" / "metrics.jsonl").read_bytes()


@pytest.mark.slow  # a fit of its own and four commands on it; CI runs it
def test_a_fit_under_masks_answers_for_columns_given_others(tmp_path: Path, capsys: Captured) -> None:
    """Told cells stay as they are told, also in another batch; a column given the others has a density; both need masks."""
    random = np.random.default_rng(3)
    colours = random.choice(["blue", "red"], 80)
    lines = [f"{random.normal():.6f},{random.normal():.6f},{colour}" for colour in colours]
    train = tmp_path / "train.csv"
    train.write_text("\n".join(["a,b,colour", *lines]) + "\n")
    run, out = tmp_path / "run", tmp_path / "drawn.csv"
    assert main(["fit", str(train), "-o", str(run), "--masks", "--no-report", *TINY]) == 0
    ask = ["sample", str(run), "-n", "20", "--given", "a=0.25, colour=red, b>=0", "-o"]
    assert main([*ask, str(out)]) == 0
    assert "draws meet the conditions" in capsys.readouterr().err
    drawn = read_table(out)
    assert np.all(drawn.values[:, 0] == 0.25)
    assert np.all(drawn.values[:, 1] >= 0)
    assert drawn.formats[2].text(drawn.values[:, 2]).to_pylist() == ["red"] * 20
    assert main([*ask, str(tmp_path / "again.csv"), "--batch", "3"]) == 0
    assert (tmp_path / "again.csv").read_bytes() == out.read_bytes()
    for given, rows in (("a,b", 80), ("colour", 80)):
        dense = tmp_path / f"{given}.csv"
        assert main(["logp", str(run), str(train), "--given", given, "-o", str(dense)]) == 0
        assert np.isfinite(read_table(dense).values[:, 1]).sum() == rows
    capsys.readouterr()
    assert main(["logp", str(run), str(train), "--rank", "2", "-o", str(tmp_path / "all.csv")]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  row ")]
    least = np.argsort(read_table(tmp_path / "all.csv").values[:, 1])[:2]
    assert [int(line.split()[1].rstrip(":")) for line in lines] == least.tolist()
    assert main(["logp", str(run), str(train), "--given", "a,b,colour", "-o", str(tmp_path / "no.csv")]) == 2
    assert main(["sample", str(run), "-n", "2", "--given", "colour=pink", "-o", str(tmp_path / "no.csv")]) == 2
    assert not (tmp_path / "no.csv").exists()
