"""Pictures from a folder to sheets, bits and filled pixels, by the commands a person types; and what they refuse."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scorax._errors import InputError
from scorax.cli import main
from scorax.cli._picture_output import picture_writer
from scorax.data import read_pictures
from scorax.pictures._schema import PictureSchema

RANDOM = np.random.default_rng(2)
TINY = [
    "--set", "network.width=4", "--set", "network.multiples=[1, 1]", "--max-steps", "3", "--set", "training.batch_size=8",
    "--set", "training.sheets=1", "--minutes", "0.01",
]  # fmt: skip


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures of 8 x 8 in two classes; a run of them, and one under masks."""
    folder = tmp_path_factory.mktemp("pictures")
    for k in range(40):
        shade = RANDOM.integers(0, 120, (8, 8)) + 100 * (k % 2)
        save(folder / "data" / ("dark", "light")[k % 2] / f"{k}.png", shade.astype(np.uint8))
    assert main(["fit", str(folder / "data"), "-o", str(folder / "run"), *TINY]) == 0
    assert main(["fit", str(folder / "data"), "-o", str(folder / "masked"), "--masks", "--no-report", *TINY]) == 0
    return folder


def test_a_run_of_pictures_is_described(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder / "run"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["state"], found["pictures"], found["masks"]) == ("pictures", "finished", 40, False)
    assert found["classes"] == ["dark", "light"]
    assert main(["report", str(folder / "run")]) == 0
    page = (folder / "run" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "<script" not in page


def test_draws_go_to_a_sheet_a_file_or_a_folder(folder: Path, tmp_path: Path) -> None:
    run = str(folder / "run")
    assert main(["sample", run, "-n", "4", "-o", str(tmp_path / "all")]) == 0
    found = read_pictures(tmp_path / "all" / "pictures")
    assert found.shape == (8, 8, 1)
    assert len(found.images) == 4
    assert main(["sample", run, "-n", "4", "-o", str(tmp_path / "x.npz")]) == 0
    arrays = read_pictures(tmp_path / "x.npz")
    order = np.argsort([name.split("/")[-1] for name in found.names])
    np.testing.assert_array_equal(arrays.images, found.images[order])
    assert main(["sample", run, "-n", "3", "-o", str(tmp_path / "s.png"), "--class", "light", "--guidance", "2"]) == 0
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.size == (10 * 66 + 2, 68)


def test_bits_are_written_with_their_error(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "few" / "a.png", np.full((8, 8), 60, np.uint8))
    save(tmp_path / "few" / "b.png", np.full((8, 8), 160, np.uint8))
    assert (
        main(["logp", str(folder / "run"), str(tmp_path / "few"), "-o", str(tmp_path / "b.csv"), "--probes", "2"]) == 0
    )
    assert "bits per number (2 pictures)" in capsys.readouterr().out
    with (tmp_path / "b.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["a.png", "b.png"]
    for row in rows:
        assert math.isclose(float(row["bits"]), -float(row["log_probability"]) / (64 * math.log(2)), rel_tol=1e-6)
        assert 0 < float(row["error"]) < 1


def test_masked_pixels_are_filled_and_others_stay(folder: Path, tmp_path: Path) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[2:4, 2:6] = 255
    save(tmp_path / "mask.png", mask)
    picture = next((folder / "data" / "dark").iterdir())
    arguments = [str(picture), "--mask", str(tmp_path / "mask.png"), "-o", str(tmp_path / "out.png")]
    assert main(["impute", str(folder / "masked"), *arguments]) == 0
    before, after = read_pictures(picture).images[0], read_pictures(tmp_path / "out.png").images[0]
    np.testing.assert_array_equal(before[mask == 0], after[mask == 0])
    assert not np.array_equal(before[mask > 0], after[mask > 0])


@pytest.mark.slow  # nine seconds: bits and masks of a picture; CI runs it
def test_pictures_of_another_size_are_brought_to_that_of_the_run(folder: Path, tmp_path: Path) -> None:
    """Each pixel twice as wide is scaled back to itself, where nothing but whole blocks is averaged."""
    run, masked = str(folder / "run"), str(folder / "masked")
    picture = next((folder / "data" / "dark").iterdir())
    own = read_pictures(picture).images[0, ..., 0]
    mask = np.zeros((8, 8), np.uint8)
    mask[2:4, 2:6] = 255
    for name, array in (("mask", mask), ("picture", own)):
        save(tmp_path / f"{name}.png", array)
        save(tmp_path / f"large-{name}.png", np.kron(array, np.ones((8, 8), np.uint8)))
    brought = read_pictures(tmp_path / "large-picture.png", size=8).images[0, ..., 0]
    save(tmp_path / "brought.png", brought)
    for name, words in (("a", ["brought.png"]), ("b", ["large-picture.png", "--size", "8"])):
        scored = [str(tmp_path / words[0]), "-o", str(tmp_path / f"{name}.csv"), "--probes", "2", *words[1:]]
        assert main(["logp", run, *scored]) == 0
        large = "large-" if words[1:] else ""
        asked = ["--mask", str(tmp_path / f"{large}mask.png"), "-o", str(tmp_path / f"{name}.png"), *words[1:]]
        assert main(["impute", masked, str(tmp_path / words[0]), *asked]) == 0
    first, second = (pd.read_csv(tmp_path / f"{name}.csv").drop(columns="picture") for name in "ab")
    np.testing.assert_array_equal(first, second)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("name", ["../outside", "/tmp", "..", ".hidden", "a/b"])
def test_a_class_that_is_no_name_of_a_folder_is_written_to_an_archive_only(tmp_path: Path, name: str) -> None:
    schema = PictureSchema(8, 8, 1, (name, "b"), (1, 1))
    with pytest.raises(InputError, match="classes that can name folders"):
        picture_writer(tmp_path / "new", schema, 0)
    picture_writer(tmp_path / "new.npz", schema, 0)(np.zeros((2, 8, 8, 1), np.uint8), np.array([0, 1]))
    found = read_pictures(tmp_path / "new.npz")
    assert found.classes == tuple(sorted((name, "b")))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fit {data} -o {new} --folds 3", "expected options of pictures, got --folds, of a table"),
        ("fit {table} -o {new} --flip", "expected options of a table, got --flip, of pictures"),
        ("fit {data} -o {new} --set network.depht=1", "depht"),
        ("fit {missing} -o {new}", "no such file"),
        ("sample {run} -n 2 -o {new}.jpg", "expected a .png, .npy, .npz or a folder"),
        ("sample {run} -n 2 -o {new}.png --class ligth", "got 'ligth' (did you mean 'light'?)"),
        ("impute {masked} {picture} --class ligth -o {new}.png", "got 'ligth' (did you mean 'light'?)"),
        ("impute {run} {picture} --mask {picture} -o {new}.png --method mean", "--method, of a table"),
        ("sample {run} -n 2 -o {new}.png --sampler heun", "--sampler, of a table"),
        (
            "impute {run} {picture} --mask {picture} -o {new}.png",
            "trained under masks, got one of whole pictures; fit it with",
        ),
        ("impute {masked} {picture} -o {new}.png", "a mask of the pixels to fill, got none"),
        ("logp {run} {wide} -o {new}.csv", "pictures of 8 x 8 in grey, got 9 x 9 in grey; add --size 8"),
        ("sample {run} -n 2 -o {new}.png --guidance -1", "a finite --guidance of 0 or more, got -1"),
        ("sample {run} -n 2 -o {new}.png --average 0.1", "expected averages kept along the training, got none"),
        ("evaluate {run} --test {table} -o {new}", "the run of a table, got one of pictures"),
        ("report {run} --test {table}", "--test, of a table"),
    ],
)
def test_what_is_refused(
    folder: Path, tmp_path: Path, line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "wide.png", RANDOM.integers(0, 255, (9, 9), np.uint8))
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 12)
    places = {name: folder / name for name in ("data", "run", "masked")}
    places |= {"new": tmp_path / "new", "missing": tmp_path / "none", "table": tmp_path / "t.csv"}
    places |= {"wide": tmp_path / "wide.png", "picture": next((folder / "data" / "dark").iterdir())}
    assert main(line.format(**places).split()) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.slow  # fifteen seconds: every part is drawn and scored anew; CI runs it
def test_parts_of_pictures_are_the_pictures_of_the_whole(folder: Path, tmp_path: Path) -> None:
    run, data = str(folder / "run"), str(folder / "data" / "dark")
    for name, part in (("whole", ["-n", "5"]), ("a", ["--rows", "0:3"]), ("b", ["--rows", "3:5"])):
        assert main(["sample", run, "-o", str(tmp_path / f"{name}.npz"), *part]) == 0
    for name in ("images", "labels"):
        whole, *parts = (np.load(tmp_path / f"{part}.npz")[name] for part in ("whole", "a", "b"))
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    for name, part in (("whole", []), ("a", ["--rows", "0:8"]), ("b", ["--rows", "8:20"])):
        assert main(["logp", run, data, "-o", str(tmp_path / f"{name}.csv"), "--probes", "2", *part]) == 0
    whole, *parts = ((tmp_path / f"{part}.csv").read_bytes() for part in ("whole", "a", "b"))
    assert b"".join(parts) == whole
