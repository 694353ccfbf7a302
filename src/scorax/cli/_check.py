"""`scorax check`: every method on targets whose answer is known."""

from typing import Annotated

import typer

from scorax._errors import InputError, ScoraxError
from scorax.cli._console import say, table


class ChecksFailed(ScoraxError):
    """At least one method missed its closed-form answer by more than its tolerance."""

    exit_code = 1


def check(
    only: Annotated[
        str | None, typer.Option("--only", metavar="NAME", help="Run the checks whose name contains NAME.")
    ] = None,
) -> None:
    """Run every method on targets of known answer."""
    from scorax.studies import run_checks

    records = list(run_checks(only=only))
    if not records:
        raise InputError(f"expected the name of a check, got {only!r}; scorax check without --only lists them all")
    table(
        "scorax on targets with a known answer",
        ("check", "truth", "answer", "error", "tolerance", ""),
        [
            (*map(_cell, (r.name, r.truth, r.answer, r.error, r.tolerance)), "ok" if r.passed else "FAILED")
            for r in records
        ],
        right=(1, 2, 3, 4),
    )
    failed = [r.name for r in records if not r.passed]
    if failed:
        raise ChecksFailed(f"{len(failed)} of {len(records)} checks failed: {', '.join(failed)}")
    say(f"all {len(records)} checks passed")


def _cell(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
