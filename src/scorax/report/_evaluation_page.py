"""The page of an evaluation: a run on rows that took no part in its fit."""

from pathlib import Path

from scorax._write import make_folder, write_bytes, write_json
from scorax.records import Evaluation, Sentence
from scorax.report import _density_figures
from scorax.report._template import far_columns, numbers_text, template
from scorax.report._text import label
from scorax.spec import to_json


def write_evaluation(
    page: Path, evaluation: Evaluation, sentences: tuple[Sentence, ...], *, run: Path, test: Path
) -> None:
    """Write the page of an evaluation, and its numbers as JSON beside it; each is whole or the one that was there.

    Args:
        page: the file of the page; its folder is made where there is none.
        evaluation: what ``scorax.tables.evaluate_run`` computed.
        sentences: what the log-densities say in words.
        run: the folder of the run.
        test: the file of the held-out rows.
    """
    make_folder(page.parent)
    write_json(page.with_suffix(".json"), to_json(evaluation, sparse=True))
    write_bytes(page, _rendered(evaluation, sentences, run, test).encode())


def _rendered(evaluation: Evaluation, sentences: tuple[Sentence, ...], run: Path, test: Path) -> str:
    generated = evaluation.generated
    fit = (
        "not given: no baselines, no training on generated rows, no copies"
        if generated.fit is None
        else f"{generated.fit:,}"
    )
    return template("evaluation.html").render(
        title=label(f"{run.resolve().name or run} on {test.name}", 60),
        facts=[
            ("run", label(run, 80)),
            ("held-out rows", f"{generated.held:,} of {label(test, 80)}"),
            ("rows of the fit", fit),
            ("generated rows", f"{generated.generated:,}"),
            ("draws of noisy codes a row", f"{evaluation.draws}"),
            ("seed", f"{evaluation.seed}"),
        ],
        sentences=sentences,
        c=evaluation.held_out,
        gains=_density_figures.gains(evaluation.held_out),
        generated=generated,
        far_columns=far_columns(generated),
        numbers=numbers_text(to_json(evaluation, sparse=True)),
    )
