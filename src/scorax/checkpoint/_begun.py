"""What a run is begun with, and what has to be the same where it is resumed."""

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from scorax._errors import refusal
from scorax._text import shown_path
from scorax.checkpoint._facts import RunFacts
from scorax.checkpoint._folder import RunFolder

_PACKAGES = ("scorax", "jax", "jaxlib", "numpy", "equinox", "optax")


def require_place(run: RunFolder, resume: bool) -> None:
    """Refuse a folder in which a fit would replace what it does not make again."""
    if run.exists():
        if not resume:
            raise refusal(
                run.path, expected="a new or empty folder", got="a run", do="resume it, or name another folder"
            )
    elif (foreign := run.foreign()) is not None:
        raise refusal(
            run.config,
            expected="the configuration of a run, or a new or empty folder",
            got=f"none, beside {shown_path(foreign)}",
            do="put config.json back, or name another folder with -o",
        )


def begun_facts(seed: int, **own: Any) -> RunFacts:
    """The facts of a run that begins here: its seed, what is its own, and what of the machine decides the bits."""
    from scorax._sharding import Sharding  # imports JAX

    devices = Sharding.of_training(None).devices
    return RunFacts(
        seed=seed,
        nproc=int(os.environ["NPROC"]) if os.environ.get("NPROC", "").isdigit() else os.cpu_count(),
        versions={name: metadata.version(name) for name in _PACKAGES},
        python=platform.python_version(),
        device=devices[0].device_kind,
        devices=len(devices),
        **own,
    )


def require_same(run: RunFolder, begun: RunFacts, facts: RunFacts, names: tuple[str, ...], what: str) -> None:
    """Refuse to resume with another seed or other data; ``what`` is what the run is of.

    Raises:
        InputError: a fact differs from the one that the run was begun with.
    """
    for name in names:
        if getattr(begun, name) != getattr(facts, name):
            raise refusal(
                run.path,
                expected=f"the {name} the run was begun with ({getattr(begun, name)})",
                got=str(getattr(facts, name)),
                do=f"resume with the same {what} and options, or name another folder with -o",
            )


def require_same_settings(run: RunFolder, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to resume with another configuration, both as JSON has them.

    Raises:
        InputError: a value differs from the one that the run was begun with.
    """
    for section in now:
        for key, value in now[section].items():
            if before[section][key] != value:
                raise refusal(
                    run.config,
                    expected=f"{section}.{key} = {before[section][key]}",
                    got=str(value),
                    do="resume with the configuration the run was begun with",
                )


def other_machine(begun: RunFacts, facts: RunFacts) -> tuple[str, ...]:
    """A line for each thing of the machine that differs from the one the run was begun on."""
    different = [
        name for name in ("nproc", "versions", "device", "devices") if getattr(begun, name) != getattr(facts, name)
    ]
    return tuple(f"warning: {name} differs from the run's: not equal bit for bit from here on" for name in different)
