"""`scorax noise`: an image under a named process, pixel by pixel, against the exact law."""

from pathlib import Path
from typing import Annotated

import typer

from scorax._errors import InputError, explain
from scorax.cli._forward import AsJson, At, Clock, MethodName, Output, ProcessName, Seed, Steps, Until, forward, tell
from scorax.cli._named_processes import find
from scorax.cli._paths import refuse_overwriting
from scorax.cli._process_options import takes_numbers
from scorax.cli._runtime import pin_threads


@takes_numbers
def noise(
    process: ProcessName,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A PNG or JPEG; digit: one of scikit-learn.")],
    output: Output,
    numbers: dict[str, float],
    until: Until = None,
    at: At = None,
    steps: Steps = None,
    method: MethodName = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Put the pixels of an image in noise, each with its own, beside their exact law.

    Pixels go to the state of the process on the scale -1 to 1. The table holds them at each time, standardised by their
    exact law, and the test of Kolmogorov and Smirnov against N(0, 1).
    """
    named = find(process)
    if named.positive:
        do = "use another process: a black pixel has no logarithm"
        raise InputError(explain(expected="a process whose states may be negative", got=named.name, do=do))
    clock = Clock(until, at, steps, method)
    plan = forward(named, numbers, clock, output, fractions=(0.05, 0.15, 0.4, 1.0))
    refuse_overwriting(output, image)
    pin_threads(None)
    made = plan.process()

    import jax

    from scorax._write import replacing
    from scorax.data import read_image
    from scorax.processes import AbstractLinearSDE
    from scorax.report import image_figure
    from scorax.simulation import study_image

    assert isinstance(made, AbstractLinearSDE)  # narrowed for the type checker: the others have positive states
    study = study_image(
        made,
        read_image(image),
        at=plan.at,
        num_steps=-(-plan.steps // len(plan.at)),
        method=plan.steps_by(),
        key=jax.random.key(seed),
    )
    title = f"{plan.equation}; method {plan.method.value}"
    with replacing(plan.output) as file:
        file.write(image_figure(study, title, plan.kind))
    tell(plan, study.marginals, title, what="pixels, standardised by their exact law", as_json=as_json)
