"""`scorax simulate`: paths of a named process, or an image in noise, against the exact law."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scorax._errors import InputError, explain
from scorax._text import shown_path
from scorax.cli._console import note, say, table
from scorax.cli._named_processes import NamedProcess, find, flag, require_finite, settings
from scorax.cli._numbers import LARGEST_SEED
from scorax.cli._paths import refuse_overwriting
from scorax.cli._runtime import pin_threads

if TYPE_CHECKING:
    from scorax.processes import AbstractExactSDE
    from scorax.simulation import AbstractMethod, ImageStudy, PathStudy

KINDS = (".png", ".svg", ".pdf")
_STEPS, _PATHS, _SHOWN = 1000, 5000, 30
_DOUBT = 1e-3


class Method(StrEnum):
    """How steps are made."""

    euler = "euler"
    milstein = "milstein"
    exact = "exact"


@dataclass(frozen=True)
class _Plan:
    """A checked command line."""

    named: NamedProcess
    numbers: dict[str, float]
    x0: float
    spread: float
    until: float
    at: list[float]
    steps: int
    method: Method
    image: Path | None
    output: Path

    @property
    def title(self) -> str:
        equation = self.named.equation(self.numbers)
        if self.image is not None:
            return f"{equation}; method {self.method.value}"
        start = f"X(0) = {self.x0:g}"
        if self.spread:
            what = "log X(0)" if self.named.positive else "X(0)"
            centre = f"log {self.x0:g}" if self.named.positive else f"{self.x0:g}"
            start = f"{what} ~ N({centre}, {self.spread:g}²)"
        return f"{equation}\n{start}; {self.method.value}, {self.steps} steps"


def simulate(
    process: Annotated[
        str,
        typer.Argument(metavar="PROCESS", help="brownian, ou, gbm, vp, ve, subvp or ddpm (a chain of linear betas)."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The picture: .png, .svg or .pdf.")],
    image: Annotated[
        Path | None,
        typer.Option(
            "--image", metavar="FILE", help="Noise the pixels of this PNG or JPEG; digit: one of scikit-learn."
        ),
    ] = None,
    drift: Annotated[float | None, typer.Option("--drift", help="brownian, gbm: the drift mu.")] = None,
    sigma: Annotated[float | None, typer.Option("--sigma", help="brownian, ou, gbm: size of the noise.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="ou: inverse relaxation time.")] = None,
    mean: Annotated[float | None, typer.Option("--mean", help="ou: mean of the stationary law.")] = None,
    beta_min: Annotated[float | None, typer.Option("--beta-min", help="vp, subvp, ddpm: first rate.")] = None,
    beta_max: Annotated[float | None, typer.Option("--beta-max", help="vp, subvp, ddpm: last rate.")] = None,
    sigma_min: Annotated[float | None, typer.Option("--sigma-min", help="ve: smallest noise.")] = None,
    sigma_max: Annotated[float | None, typer.Option("--sigma-max", help="ve: largest noise.")] = None,
    nodes: Annotated[int | None, typer.Option("--nodes", min=2, max=100_000, help="ddpm: steps of the chain.")] = None,
    x0: Annotated[float | None, typer.Option("--x0", help="Where paths start.")] = None,
    x0_spread: Annotated[
        float | None,
        typer.Option("--x0-spread", help="Standard deviation of a normal random start; gbm: of its logarithm."),
    ] = None,
    until: Annotated[float | None, typer.Option("--until", help="End of the time axis.")] = None,
    at: Annotated[
        list[float] | None, typer.Option("--at", metavar="T", help="Time of a histogram or a frame; repeatable.")
    ] = None,
    paths: Annotated[
        int | None, typer.Option("--paths", min=100, max=1_000_000, help="Paths behind the histograms (5000).")
    ] = None,
    shown: Annotated[int | None, typer.Option("--shown", min=1, max=500, help="Paths drawn (30).")] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, max=100_000, help="Steps in time (1000; ddpm: the nodes).")
    ] = None,
    method: Annotated[
        Method | None, typer.Option("--method", help="euler, milstein, or exact: no error in time. ddpm: exact.")
    ] = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="Draw the same noise also without drift, and the drift without noise.")
    ] = False,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Every random number follows from it.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Draw paths of a process beside its exact law.

    The table holds means and standard deviations with their exact values, and the test of Kolmogorov and Smirnov of all
    paths against the exact distribution. euler and milstein have an error of the order of the step: with many paths and
    few steps the test finds it (a small p). With exact, p is below 0.01 in one of a hundred seeds, at each time.
    """
    named = find(process)
    given = {
        "drift": drift, "sigma": sigma, "rate": rate, "mean": mean, "beta_min": beta_min, "beta_max": beta_max,
        "sigma_min": sigma_min, "sigma_max": sigma_max, "nodes": None if nodes is None else float(nodes),
    }  # fmt: skip
    plan = _plan(named, settings(named, given), x0, x0_spread, until, at, steps, method, image, output)
    _refuse_beside(image is not None, x0=x0, x0_spread=x0_spread, paths=paths, shown=shown, parts=parts or None)
    if parts and plan.method is Method.exact:
        raise InputError(
            explain(expected="--method euler or milstein with --parts", got="exact", do="add --method euler")
        )
    pin_threads(None)
    made = _made(plan)
    start = made.t0
    if plan.at[0] <= start * (1 + 1e-6):
        raise InputError(explain(expected=f"--at after {start:g}", got=f"{plan.at[0]:g}", do="name later times"))
    if image is not None:
        study = _image(plan, made, image, seed)
    else:
        study = _paths(plan, made, paths or _PATHS, shown or _SHOWN, parts, seed)
    _report(plan, study, as_json=as_json)


def _plan(
    named: NamedProcess,
    numbers: dict[str, float],
    x0: float | None,
    spread: float | None,
    until: float | None,
    at: Sequence[float] | None,
    steps: int | None,
    method: Method | None,
    image: Path | None,
    output: Path,
) -> _Plan:
    """The line with its defaults, checked without JAX."""
    if output.suffix.lower() not in KINDS:
        got = f"-o {shown_path(output)}"
        raise InputError(explain(expected=f"a picture ({', '.join(KINDS)})", got=got, do="name one of these"))
    if image is not None:
        refuse_overwriting(output, image)
        if named.positive:
            do = "use another process: a black pixel has no logarithm"
            raise InputError(explain(expected="states that may be negative with --image", got=named.name, do=do))
    start = require_finite("--x0", named.x0 if x0 is None else x0)
    if named.positive and start <= 0:
        raise InputError(explain(expected=f"a positive --x0 for {named.name}", got=f"{start:g}", do="start above 0"))
    width = require_finite("--x0-spread", spread or 0.0)
    if width < 0:
        raise InputError(explain(expected="--x0-spread of 0 or more", got=f"{width:g}", do="pass its size"))
    end = require_finite("--until", named.until if until is None else until)
    if not 0 < end <= named.longest:
        do = "keep to the clock of the process"
        raise InputError(explain(expected=f"--until in (0, {named.longest:g}]", got=f"{end:g}", do=do))
    fractions = (0.05, 0.15, 0.4, 1.0) if image is not None else (0.1, 0.4, 1.0)
    times = sorted(at) if at else [fraction * end for fraction in fractions]
    gaps = [later - t for t, later in zip([0.0, *times], times, strict=False)]
    if not (len(times) <= 12 and all(gap >= 1e-5 * end for gap in gaps) and times[-1] <= end * (1 + 1e-9)):
        got = ", ".join(f"{t:g}" for t in times[:12])
        do = "name at most 12 different times"
        raise InputError(explain(expected=f"--at in (0, {end:g}], no two closer than {1e-5 * end:g}", got=got, do=do))
    chain = "nodes" in numbers
    count = steps or (round(numbers["nodes"] * end) - 1 if chain else _STEPS)
    chosen = method or (Method.exact if chain else Method.euler)
    return _Plan(named, numbers, start, width, end, times, max(count, 1), chosen, image, output)


def _refuse_beside(image: bool, **given: object) -> None:
    """Options of paths say nothing about an image."""
    for option, value in given.items():
        if image and value is not None:
            raise InputError(explain(expected="no options of paths with --image", got=flag(option), do="leave it out"))


def _made(plan: _Plan) -> "AbstractExactSDE":
    try:
        return plan.named.make(plan.numbers, plan.until)
    except ValueError as error:  # numbers that the process refuses: its own three parts are the line
        raise InputError(f"{plan.named.name}: {error}") from error


def _method(plan: _Plan) -> "AbstractMethod":
    from scorax.simulation import Euler, Exact, Milstein

    return {Method.euler: Euler, Method.milstein: Milstein, Method.exact: Exact}[plan.method]()


def _paths(plan: _Plan, process: "AbstractExactSDE", paths: int, shown: int, parts: bool, seed: int) -> "PathStudy":
    import jax

    from scorax._write import replacing
    from scorax.report import paths_figure
    from scorax.simulation import PathPlan, PathStart, study_paths

    wanted = PathPlan(plan.until, plan.at, paths, min(shown, paths), plan.steps, _method(plan), parts)
    study = study_paths(process, PathStart(plan.x0, plan.spread), wanted, key=jax.random.key(seed))
    with replacing(plan.output) as file:
        file.write(paths_figure(study, plan.title, plan.output.suffix.lower()[1:]))
    return study


def _image(plan: _Plan, process: "AbstractExactSDE", image: Path, seed: int) -> "ImageStudy":
    import jax

    from scorax._write import replacing
    from scorax.data import read_image
    from scorax.processes import AbstractLinearSDE
    from scorax.report import image_figure
    from scorax.simulation import study_image

    assert isinstance(process, AbstractLinearSDE)  # narrowed for the type checker; `_plan` refuses the other by name
    study = study_image(
        process,
        read_image(image),
        at=plan.at,
        num_steps=-(-plan.steps // len(plan.at)),
        method=_method(plan),
        key=jax.random.key(seed),
    )
    with replacing(plan.output) as file:
        file.write(image_figure(study, plan.title, plan.output.suffix.lower()[1:]))
    return study


def _report(plan: _Plan, study: "PathStudy | ImageStudy", *, as_json: bool) -> None:
    columns = ("t", "mean", "exact_mean", "sd", "exact_sd", "distance", "p_value")
    rows = [[getattr(marginal, column) for column in columns] for marginal in study.marginals]
    if as_json:
        facts: dict[str, Any] = {
            "process": plan.named.name,
            **plan.numbers,
            **({} if plan.image is not None else {"x0": plan.x0, "x0_spread": plan.spread}),
            "method": plan.method.value,
            "marginals": [dict(zip(columns, row, strict=True)) for row in rows],
            "picture": str(plan.output),
        }
        print(json.dumps(facts, indent=2))
    else:
        for line in plan.title.splitlines():
            say(line)
        table(
            "pixels, standardised by their exact law" if plan.image is not None else "paths beside their exact law",
            ("t", "mean", "exact", "sd", "exact", "KS D", "p"),
            [[*(f"{x:.4g}" for x in row[:5]), f"{row[5]:.3g}", f"{row[6]:.2g}"] for row in rows],
            right=range(7),
        )
        say(f"picture: {shown_path(plan.output)}")
    if any(row[6] < _DOUBT for row in rows) and plan.method is not Method.exact:
        note(f"p below {_DOUBT:g}: the error of {plan.method.value} in time shows; take more --steps or --method exact")
