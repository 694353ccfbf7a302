"""`scorax report`: the page of a run, from its records."""

from pathlib import Path
from typing import Annotated

import typer

from scorax._errors import InputError, explain
from scorax._text import shown_path
from scorax.cli._console import say
from scorax.cli._pictures import of_pictures, refuse_options
from scorax.cli._runtime import pin_threads


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    test: Annotated[
        Path | None, typer.Option("--test", metavar="FILE", help="Score these rows first and show them as held out.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="The rows of the fit, to compare baselines on --test.")
    ] = None,
) -> None:
    """Write the report of a run again."""
    if data is not None and test is None:
        raise InputError(explain(expected="--test beside --data", got="--data alone", do="add --test FILE"))
    from scorax.checkpoint import RunFolder, read_metrics, read_records, verify_run

    folder = RunFolder(run)
    verify_run(folder, but=(folder.report.name,))
    if of_pictures(run):
        refuse_options("pictures", test=test, data=data)
    read_records(folder)
    read_metrics(folder)
    if test is not None:
        from scorax.cli._rows import describe_test
        from scorax.data import open_table
        from scorax.tables import EvaluationRows, open_run

        saved = open_run(folder)
        asked = EvaluationRows.of(
            saved,
            open_table(test, texts=saved.schema.texts, ignored=saved.schema.ignored),
            None if data is None else open_table(data, ignored=saved.schema.ignored),
            test_name=shown_path(test),
            data_name=shown_path(data),
        )
        describe_test(test, asked)
        pin_threads(run)
        from scorax.report import write_report
        from scorax.tables import evaluate_test

        write_report(run)  # the page may be gone or damaged, and only records of a whole run are replaced
        evaluate_test(asked)
    say_report(run)


def say_report(run: Path) -> None:
    """Write the page of a run, and say its headline and where it is."""
    from scorax.checkpoint import RunFolder, read_records
    from scorax.report import write_report

    page = write_report(run)
    verdict = read_records(RunFolder(run)).verdict
    if verdict is not None:
        say(f"verdict: {verdict.headline}")
    say(f"report: {shown_path(page)}")
