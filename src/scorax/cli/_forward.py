"""What `scorax simulate` and `scorax noise` share: a named process up to a time, looked at against its exact law."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scorax._errors import InputError, explain
from scorax._text import shown_path
from scorax.cli._console import note, say, table
from scorax.cli._named_processes import NamedProcess, require_finite, settings
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._paths import refuse_unwritable

if TYPE_CHECKING:
    from scorax.processes import AbstractExactSDE
    from scorax.simulation import AbstractMethod, Marginal

KINDS = (".png", ".svg", ".pdf")
_STEPS = 1000
_DOUBT = 1e-3


class Method(StrEnum):
    """How steps are made."""

    euler = "euler"
    milstein = "milstein"
    exact = "exact"


ProcessName = Annotated[
    str, typer.Argument(metavar="PROCESS", help="brownian, ou, gbm, vp, ve, subvp or ddpm (a chain of linear betas).")
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The picture: .png, .svg or .pdf.")]
Until = Annotated[float | None, typer.Option("--until", help="End of the time axis.")]
At = Annotated[
    list[float] | None, typer.Option("--at", metavar="T", help="Time of a histogram or a frame; repeatable.")
]
Steps = Annotated[
    int | None, typer.Option("--steps", min=1, max=100_000, help="Steps in time (1000; ddpm: the nodes).")
]
MethodName = Annotated[
    Method | None, typer.Option("--method", help="euler, milstein, or exact: no error in time. ddpm: exact.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Every random number follows from it.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


@dataclass(frozen=True)
class Clock:
    """What the line says of time, where it says it."""

    until: float | None
    at: Sequence[float] | None
    steps: int | None
    method: Method | None


@dataclass(frozen=True)
class Forward:
    """A process from 0 to ``until``, seen at the times ``at``: checked without JAX."""

    named: NamedProcess
    numbers: dict[str, float]
    until: float
    at: list[float]
    steps: int
    method: Method
    output: Path

    @property
    def equation(self) -> str:
        return self.named.equation(self.numbers)

    @property
    def kind(self) -> str:
        """Of the picture."""
        return self.output.suffix.lower()[1:]

    def process(self) -> "AbstractExactSDE":
        """The process itself; imports JAX.

        Raises:
            InputError: numbers that the process refuses, or a time before its clock begins.
        """
        try:
            made = self.named.make(self.numbers, self.until)
        except ValueError as error:  # its own three parts are the line
            raise InputError(f"{self.named.name}: {error}") from error
        if self.at[0] <= made.t0 * (1 + 1e-6):
            got = f"{self.at[0]:g}"
            raise InputError(explain(expected=f"--at after {made.t0:g}", got=got, do="name later times"))
        return made

    def steps_by(self) -> "AbstractMethod":
        """How steps are made; imports JAX."""
        from scorax.simulation import Euler, Exact, Milstein

        return {Method.euler: Euler, Method.milstein: Milstein, Method.exact: Exact}[self.method]()


def forward(
    named: NamedProcess, numbers: Mapping[str, float], clock: Clock, output: Path, *, fractions: Sequence[float]
) -> Forward:
    """The line with its defaults: times are these fractions of the clock where none are named.

    Raises:
        InputError: a file of no known kind or that cannot be made, or a time, a number or a step that cannot be.
    """
    if output.suffix.lower() not in KINDS:
        got = f"-o {shown_path(output)}"
        raise InputError(explain(expected=f"a picture ({', '.join(KINDS)})", got=got, do="name one of these"))
    refuse_unwritable(output)
    chosen = settings(named, numbers)
    end = require_finite("--until", named.until if clock.until is None else clock.until)
    if not 0 < end <= named.longest:
        do = "keep to the clock of the process"
        raise InputError(explain(expected=f"--until in (0, {named.longest:g}]", got=f"{end:g}", do=do))
    times = sorted(clock.at) if clock.at else [fraction * end for fraction in fractions]
    gaps = [later - t for t, later in zip([0.0, *times], times, strict=False)]
    if not (len(times) <= 12 and all(gap >= 1e-5 * end for gap in gaps) and times[-1] <= end * (1 + 1e-9)):
        got = ", ".join(f"{t:g}" for t in times[:12])
        do = "name at most 12 different times"
        raise InputError(explain(expected=f"--at in (0, {end:g}], no two closer than {1e-5 * end:g}", got=got, do=do))
    chain = "nodes" in chosen
    count = clock.steps or (round(chosen["nodes"] * end) - 1 if chain else _STEPS)
    method = clock.method or (Method.exact if chain else Method.euler)
    return Forward(named, chosen, end, times, max(count, 1), method, output)


def tell(
    plan: Forward,
    marginals: "Sequence[Marginal]",
    title: str,
    *,
    what: str,
    as_json: bool,
    start: Mapping[str, Any] | None = None,
) -> None:
    """Means, standard deviations and the test against the exact law at each time, as a table or as JSON."""
    columns = ("t", "mean", "exact_mean", "sd", "exact_sd", "distance", "p_value")
    rows = [[getattr(marginal, column) for column in columns] for marginal in marginals]
    if as_json:
        facts: dict[str, Any] = {
            "process": plan.named.name,
            **plan.numbers,
            **(start or {}),
            "method": plan.method.value,
            "marginals": [dict(zip(columns, row, strict=True)) for row in rows],
            "picture": str(plan.output),
        }
        print(json.dumps(facts, indent=2))
    else:
        for line in title.splitlines():
            say(line)
        table(
            what,
            ("t", "mean", "exact", "sd", "exact", "KS D", "p"),
            [[*(f"{x:.4g}" for x in row[:5]), f"{row[5]:.3g}", f"{row[6]:.2g}"] for row in rows],
            right=range(7),
        )
        say(f"picture: {shown_path(plan.output)}")
    if any(row[6] < _DOUBT for row in rows) and plan.method is not Method.exact:
        note(f"p below {_DOUBT:g}: the error of {plan.method.value} in time shows; take more --steps or --method exact")
