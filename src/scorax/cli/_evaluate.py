"""`scorax evaluate`: a run on rows that took no part in its fit, as a table, a page and a JSON file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorax._errors import InputError, explain
from scorax._progress import RowProgress, duration
from scorax._text import shown_path
from scorax.cli._console import note, say, table
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._paths import refuse_overwriting, refuse_unwritable
from scorax.cli._read_as import ReadAs, ReadAsOption, others
from scorax.cli._runtime import Devices, pin_threads

if TYPE_CHECKING:
    from scorax.records import Evaluation, Sentence

_ROWS = 1000
_MOST_SAMPLES = 20_000
_SECONDS, _SECONDS_OF_NUMBERS, _SECONDS_OF_FIT = 0.005, 0.001, 0.012
"""Time of one processor, about: a coordinate and draw of a row with categories, a column of one of numbers, a row of the fit."""
_MOST_FITTED = 12_000
"""Rows of the fit beyond which baselines take fewer."""


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    test: Annotated[Path, typer.Option("--test", metavar="FILE", help="Rows that took no part in the fit.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="FILE", help="The table of the fit: for baselines, copies and training on samples."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PAGE", help="A page .html, or a folder for it. Default: in RUN."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples", min=20, metavar="N", help="Rows to generate. Default: as many as were fitted, to 20,000."
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", min=1, metavar="N", help="Held-out rows to score, at most, drawn at random.")
    ] = _ROWS,
    draws: Annotated[
        int, typer.Option("--draws", min=1, metavar="K", help="Draws of noisy codes a row, in a table with categories.")
    ] = 1,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COLUMN", help="Column to predict. Default: the last one.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Of all that is drawn.")] = 0,
    devices: Devices = 1,
    read_as: ReadAsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Judge a run on rows that took no part in its fit."""
    page = _page(output, run, test, data)
    from scorax.checkpoint import RunFolder
    from scorax.cli._rows import describe_test
    from scorax.data import open_table
    from scorax.tables import EvaluationRows, open_run

    saved = open_run(RunFolder(run))
    asked = EvaluationRows.of(
        saved,
        open_table(test, others=others(read_as, ReadAs.table), texts=saved.schema.texts, ignored=saved.schema.ignored),
        None if data is None else open_table(data, others=others(read_as, ReadAs.table), ignored=saved.schema.ignored),
        target=target,
        test_name=shown_path(test),
        data_name=shown_path(data),
    )
    describe_test(test, asked)
    scored = min(rows, len(asked.held))
    fitted = len(asked.held) if asked.fit is None else len(asked.fit)
    samples = max(20, min(fitted, _MOST_SAMPLES)) if samples is None else samples
    size = saved.schema.size(0, holes=False)
    seconds = scored * size.dimension * (_SECONDS * draws if size.categories else _SECONDS_OF_NUMBERS)
    seconds += _SECONDS_OF_FIT * min(fitted, _MOST_FITTED)
    note(
        f"about {duration(seconds)} of one processor beside compilation: {scored} of {asked.count} held-out rows to score "
        f"(--rows), {samples} rows to generate (--samples)"
    )
    if asked.partial:
        note(f"the {fitted:,} rows that the fit had in memory stand for all of it: copies of others are not found")
    if data is None:
        note("without --data: no baselines, nothing is trained on generated rows, and no copies are looked for")
    pin_threads(run, devices)
    from scorax._sharding import on_devices
    from scorax.diagnostics import verdict
    from scorax.records import HeldOut, Records
    from scorax.report import write_evaluation
    from scorax.tables import evaluate_run

    with on_devices(devices), RowProgress(samples + scored) as progress:
        found = evaluate_run(asked, samples=samples, scored=rows, draws=draws, seed=seed, on_event=progress.hear)
    sentences = verdict(Records(held_out=HeldOut((found.held_out,)))).sentences
    write_evaluation(page, found, sentences, run=run, test=test)
    if as_json:
        import json

        from scorax.spec import to_json

        print(json.dumps(to_json(found, sparse=True), indent=2))  # ASCII: JSON escapes whatever a name holds
    else:
        _show(found, sentences)
    note(f"report: {shown_path(page)}, numbers: {shown_path(page.with_suffix('.json'))}")


def _page(output: Path | None, run: Path, *inputs: Path | None) -> Path:
    """The page to write; what would replace a file of the run or an input is refused."""
    if output is None:
        return run / "evaluation.html"
    refuse_overwriting(output, run, *(path for path in inputs if path is not None))
    if output.suffix.lower() == ".html":
        if output.resolve().parent.is_dir():  # one that is missing is made
            refuse_unwritable(output)
        return output
    if output.suffix or output.is_file():
        got, do = f"-o {shown_path(output)}", "name a folder, or a file that ends in .html"
        raise InputError(explain(expected="a page or a folder", got=got, do=do))
    return output / "evaluation.html"


def _show(found: "Evaluation", sentences: "tuple[Sentence, ...]") -> None:
    """Two tables and the sentences, on standard output."""
    held, made = found.held_out, found.generated
    rows = [("this model", held.model.mean, held.model.error, "")]
    rows += [(b.name, b.mean, b.error, _signed(b.difference, b.difference_error)) for b in held.baselines]
    table(
        f"held-out log-density, {held.rows} rows",
        ("", "nats per row", "model minus it (paired)"),
        [(name, _signed(mean, error), difference) for name, mean, error, difference in rows],
        right=(1, 2),
    )
    figures = []
    for one in () if made.detections is None else made.detections.scores:
        name = f"detection, {one.classifier}: {one.asked} beside {one.beside}"
        figures.append((name, f"{one.score:.3f}", f"{one.low:.3f} to {one.high:.3f}", "1 is indistinguishable"))
    worst = max(made.columns.columns, key=lambda column: column.distance - column.expected)
    figures.append(
        (f"column farthest off: {worst.name}", f"{worst.distance:.3f}", "", f"by chance to {worst.expected:.3f}")
    )
    if made.associations is not None:
        pairs = made.associations
        figures.append(("associations of pairs, off by", f"{pairs.mean:.3f}", "", f"by chance to {pairs.limit:.3f}"))
    if made.usefulness is not None:
        use = made.usefulness
        name = f"trained on generated rows, {use.measure} of {use.target}"
        figures.append((name, f"{use.generated:.3f}", f"± {use.error:.3f}", f"trained on real rows {use.real:.3f}"))
    if made.copies is not None:
        copies = made.copies
        figures.append(
            ("nearer to a row of the fit", f"{copies.nearer:.3f}", f"± {copies.error:.3f}", "0.5 without copies")
        )
        name = "equal to a row of the fit"
        figures.append(
            (
                name,
                f"{copies.equal}",
                "",
                f"of {copies.equal_of}; held-out rows {copies.held_equal} of {copies.held_of}",
            )
        )
    table("generated rows", ("", "value", "error or 95 %", "beside"), figures, right=(1, 2))
    never = () if made.impossible is None else (made.impossible.orders, made.impossible.levels)
    parts = (made.detections, made.columns, made.associations, *never, made.usefulness, made.copies)
    for text in [s.text for s in sentences] + [part.sentence for part in parts if part is not None]:
        say(f"- {text}")


def _signed(value: float, error: float | None) -> str:
    return f"{value:.3f}" if error is None else f"{value:.3f} ± {error:.3f}"
