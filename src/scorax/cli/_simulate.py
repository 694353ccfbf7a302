"""`scorax simulate`: paths of a named process, against the exact law."""

from typing import Annotated

import typer

from scorax._errors import InputError, explain
from scorax._text import quote, shown_path
from scorax.cli._forward import (
    AsJson,
    At,
    Clock,
    Forward,
    Method,
    MethodName,
    Output,
    ProcessName,
    Seed,
    Steps,
    Until,
    forward,
    tell,
)
from scorax.cli._named_processes import NamedProcess, find, require_finite
from scorax.cli._process_options import takes_numbers
from scorax.cli._runtime import pin_threads


@takes_numbers
def simulate(
    process: ProcessName,
    output: Output,
    numbers: dict[str, float],
    x0: Annotated[float | None, typer.Option("--x0", help="Where paths start.")] = None,
    x0_spread: Annotated[
        float, typer.Option("--x0-spread", help="Standard deviation of a normal random start; gbm: of its logarithm.")
    ] = 0.0,
    until: Until = None,
    at: At = None,
    paths: Annotated[int, typer.Option("--paths", min=100, max=1_000_000, help="Paths behind the histograms.")] = 5000,
    shown: Annotated[int, typer.Option("--shown", min=1, max=500, help="Paths drawn.")] = 30,
    steps: Steps = None,
    method: MethodName = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="Draw the same noise also without drift, and the drift without noise.")
    ] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
    image: Annotated[str | None, typer.Option("--image", hidden=True)] = None,
) -> None:
    """Draw paths of a process beside its exact law.

    The table holds means and standard deviations with their exact values, and the test of Kolmogorov and Smirnov of all
    paths against the exact distribution. euler and milstein have an error of the order of the step: with many paths and
    few steps the test finds it (a small p). With exact, p is below 0.01 in one of a hundred seeds, at each time.
    """
    if image is not None:
        do = f"type scorax noise {process} {image} -o {shown_path(output)}"
        raise InputError(explain(expected="options of paths", got=f"--image {quote(image)}", do=do))
    named = find(process)
    plan = forward(named, numbers, Clock(until, at, steps, method), output, fractions=(0.1, 0.4, 1.0))
    start, spread = _start(named, x0, x0_spread)
    if parts and plan.method is Method.exact:
        raise InputError(
            explain(expected="--method euler or milstein with --parts", got="exact", do="add --method euler")
        )
    pin_threads(None)
    made = plan.process()

    import jax

    from scorax._write import replacing
    from scorax.report import paths_figure
    from scorax.simulation import PathPlan, PathStart, study_paths

    wanted = PathPlan(plan.until, plan.at, paths, min(shown, paths), plan.steps, plan.steps_by(), parts)
    study = study_paths(made, PathStart(start, spread), wanted, key=jax.random.key(seed))
    title = _title(plan, start, spread)
    with replacing(plan.output) as file:
        file.write(paths_figure(study, title, plan.kind))
    law = "paths beside their exact law"
    tell(plan, study.marginals, title, what=law, as_json=as_json, start={"x0": start, "x0_spread": spread})


def _start(named: NamedProcess, x0: float | None, spread: float) -> tuple[float, float]:
    """Where paths start, and how wide."""
    start = require_finite("--x0", named.x0 if x0 is None else x0)
    if named.positive and start <= 0:
        raise InputError(explain(expected=f"a positive --x0 for {named.name}", got=f"{start:g}", do="start above 0"))
    if require_finite("--x0-spread", spread) < 0:
        raise InputError(explain(expected="--x0-spread of 0 or more", got=f"{spread:g}", do="pass its size"))
    return start, spread


def _title(plan: Forward, x0: float, spread: float) -> str:
    start = f"X(0) = {x0:g}"
    if spread:
        what, centre = ("log X(0)", f"log {x0:g}") if plan.named.positive else ("X(0)", f"{x0:g}")
        start = f"{what} ~ N({centre}, {spread:g}²)"
    return f"{plan.equation}\n{start}; {plan.method.value}, {plan.steps} steps"
