"""A command with its options as the line a person would type."""

import inspect
import os
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import typer


def command_line(command: Callable[..., None], values: Mapping[str, Any]) -> str:
    """The line that calls ``command`` with these values, to be pasted into a shell; what stands at its default is left out.

    Args:
        command: function of a command, its parameters annotated for typer.
        values: the value of every parameter.
    """
    alone = typer.Typer(add_completion=False)
    alone.command()(command)
    parameters = inspect.signature(command).parameters
    places: list[str] = []
    options: list[str] = []
    for declared in typer.main.get_command(alone).params:
        value = values[str(declared.name)]
        if declared.param_type_name == "argument":
            places.append(str(value))
        elif isinstance(value, bool):
            if value != parameters[str(declared.name)].default:
                options.append((declared.opts if value else declared.secondary_opts)[-1])
        elif value != parameters[str(declared.name)].default:
            for each in value if isinstance(value, list | tuple) else [value]:
                options += [declared.opts[-1], str(each)]
    if any(place.startswith("-") for place in places):
        options.append("--")
        words = [*options, *places]
    else:
        words = [*places, *options]
    return " ".join(map(_word, ["scorax", command.__name__, *words]))


def _word(text: str) -> str:
    """A word of the line, quoted where a shell would read it otherwise; what a terminal cannot show by its escapes."""
    if text.isprintable():
        return shlex.quote(text)
    shown = (chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}" for byte in os.fsencode(text))
    return f"$'{''.join(shown)}'"
