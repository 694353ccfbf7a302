"""`scorax check`: every method on targets whose answer is known."""

from typing import Annotated

import typer

from scorax._errors import InputError, ScoraxError, explain
from scorax._progress import interactive
from scorax._text import quote
from scorax.cli._console import note, say, table


class ChecksFailed(ScoraxError):
    """At least one method missed its closed-form answer by more than its tolerance."""

    exit_code = 1


def check(
    only: Annotated[str | None, typer.Option("--only", metavar="NAME", help="Only checks named like this.")] = None,
) -> None:
    """Run every method on targets of known answer."""
    from scorax.checks import check_names

    if only is not None and not check_names(only):
        do = "scorax check without --only lists them all"
        raise InputError(explain(expected="a part of the name of a check", got=quote(only), do=do))
    from rich.console import Console
    from rich.progress import track

    from scorax.checks import run_checks

    shown = {"console": Console(stderr=True), "transient": True, "disable": not interactive()}
    records = list(track(run_checks(only), "checking", **shown))
    table(
        "scorax on targets with a known answer",
        ("check", "truth", "answer", "error", "tolerance", ""),
        [
            (r.name, f"{r.truth:.6g}", f"{r.answer:.6g}", f"{r.error:.2g}", f"{r.tolerance:.2g}", _verdict(r.passed))
            for r in records
        ],
        right=(1, 2, 3, 4),
    )
    for record in records:
        if record.note:
            note(f"note: {record.note}")
    failed = [r.name for r in records if not r.passed]
    if failed:
        raise ChecksFailed(f"{len(failed)} of {len(records)} checks failed: {', '.join(failed)}")
    say(f"all {len(records)} checks passed")


def _verdict(passed: bool) -> str:
    return "ok" if passed else "FAILED"
