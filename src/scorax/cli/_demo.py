"""`scorax demo`: the main job on embedded data, through the same functions as the other commands."""

from pathlib import Path
from typing import Annotated

import typer

from scorax._text import shown_path
from scorax.cli._console import say
from scorax.cli._fit import fit
from scorax.cli._logp import logp
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._paths import refuse_full_folder
from scorax.cli._sample import sample

_MOST_ROWS = 2300  # so that the training rows of the toys take the recipe of larger tables
_TOY_STEPS = 1200  # one member, one start, a short schedule, few cut-offs, half the width: the toys take about a minute
_TOY_SETS = ["noise.candidates=[0.03, 0.06, 0.1]", 'ensemble.starts=["gaussian"]', "network.width=64"]
_TEST_SHARE, _MOST_TEST_ROWS = 0.2, 250
_SAMPLES = 1000

_NEXT = """
Everything is in {folder}:
  run/report.html   the fit in pictures and numbers: open it in a browser
  run/              the model, its schema and the records of the report
  samples.csv       {samples} new rows
  scored.csv        the log-density of every test row, with its error
  train.csv         the rows of the fit; test.csv those kept back

Next, with a table of your own:
  scorax fit table.csv -o runs/mine
  scorax sample runs/mine -n 1000 -o new.csv
  scorax logp runs/mine table.csv -o scored.csv"""


_PICTURE_MINUTES = 2.2
_NEXT_OF_PICTURES = """
Everything is in {folder}:
  run/report.html      the fit in pictures and numbers: open it in a browser
  run/                 the model and the records of the report
  sheet.png            100 new digits; sevens.png ten new sevens, guided
  pictures/            the pictures of the fit, a folder for each class

Next, with a folder of your own:
  scorax fit folder -o runs/mine
  scorax sample runs/mine -n 64 -o sheet.png
  scorax logp runs/mine folder -o bits.csv"""


def demo(
    data: Annotated[
        str, typer.Option("--data", metavar="NAME", help="wine, moons, or another embedded table; digits are pictures.")
    ] = "wine",
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where everything goes.")] = Path(
        "scorax-demo"
    ),
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Every random number follows from it.")
    ] = 0,
) -> None:
    """Do it all on embedded data, in a few minutes."""
    from scorax.data import is_toy

    refuse_full_folder(output, do="name another folder with -o, or remove it")
    if data == "digits":
        _demo_of_pictures(output, seed)
        return
    train, test, run = output / "train.csv", output / "test.csv", output / "run"
    _write_split(data, seed, train, test)
    toy = is_toy(data)
    fit(
        train,
        run,
        test=test,
        seed=seed,
        sets=_TOY_SETS if toy else None,
        folds=1 if toy else None,
        max_steps=_TOY_STEPS if toy else None,
    )
    sample(run, output / "samples.csv", _SAMPLES, seed=seed)
    logp(run, test, output / "scored.csv", seed=seed)
    for line in _NEXT.format(folder=shown_path(output), samples=_SAMPLES).splitlines():
        say(line)


def _write_split(name: str, seed: int, train: Path, test: Path) -> None:
    """Write the embedded table as the two files a user would bring, split by `seed`."""
    import numpy as np

    from scorax._write import make_folder
    from scorax.data import embedded, write_table

    table = embedded(name, seed=seed)
    order = np.random.default_rng(seed).permutation(table.rows)[:_MOST_ROWS]
    cut = min(round(len(order) * _TEST_SHARE), _MOST_TEST_ROWS)
    make_folder(train.parent)
    for path, rows in ((test, order[:cut]), (train, order[cut:])):
        write_table(path, table.columns, table.values[np.sort(rows)], table.formats)


def _demo_of_pictures(output: Path, seed: int) -> None:
    """Fit scikit-learn's 8 x 8 digits as a user would fit a folder with a folder for each class."""
    from scorax._sheet import png, write_png
    from scorax._write import make_folder
    from scorax.data import embedded_digits

    pictures = embedded_digits()
    folder, run = output / "pictures", output / "run"
    for name in pictures.classes:
        make_folder(folder / name)
    for name, image in zip(pictures.names, pictures.images, strict=True):
        write_png(folder / name, png(image))
    fit(folder, run, seed=seed, minutes=_PICTURE_MINUTES)
    sample(run, output / "sheet.png", 100, seed=seed)
    sample(run, output / "sevens.png", 10, seed=seed, class_name="7", guidance=2.0)
    for line in _NEXT_OF_PICTURES.format(folder=shown_path(output)).splitlines():
        say(line)
