"""The numbers of a named process as options of a command: their one home."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "drift": (float, typer.Option("--drift", help="brownian, gbm: the drift mu.")),
    "sigma": (float, typer.Option("--sigma", help="brownian, ou, gbm: size of the noise.")),
    "rate": (float, typer.Option("--rate", help="ou: inverse relaxation time.")),
    "mean": (float, typer.Option("--mean", help="ou: mean of the stationary law.")),
    "beta_min": (float, typer.Option("--beta-min", help="vp, subvp, ddpm: first rate.")),
    "beta_max": (float, typer.Option("--beta-max", help="vp, subvp, ddpm: last rate.")),
    "sigma_min": (float, typer.Option("--sigma-min", help="ve: smallest noise.")),
    "sigma_max": (float, typer.Option("--sigma-max", help="ve: largest noise.")),
    "nodes": (int, typer.Option("--nodes", min=2, max=100_000, help="ddpm: steps of the chain.")),
}


def takes_numbers(command: Callable[..., None]) -> Callable[..., None]:
    """A command with a parameter ``numbers``, given on the line as one option each; those left out are not in it."""

    @functools.wraps(command)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in _OPTIONS}
        command(**given, numbers={name: float(value) for name, value in chosen.items() if value is not None})

    parameters = dict(inspect.signature(command, eval_str=True).parameters)
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option])
        for name, (kind, option) in _OPTIONS.items()
    ]
    del parameters["numbers"]
    own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters.values()]
    run.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]  what the parser of the line reads
    return run
