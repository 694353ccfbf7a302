"""What may be written where; refused before anything slow begins."""

import os
from pathlib import Path
from typing import Literal

from scorax._errors import EnvironmentFailure, InputError, explain
from scorax._text import shown_path
from scorax._write import is_special


def stream(output: Path) -> Path:
    """The path to write: ``-`` is standard output."""
    return Path("/dev/stdout") if str(output) == "-" else output


def refuse_overwriting(output: Path, *inputs: Path, option: str = "-o") -> None:
    """Refuse an output that is one of the inputs, or that lies inside an input folder."""
    target = output.resolve()
    for source in inputs:
        if target == source.resolve() or source.resolve() in target.parents:
            got = f"{option} {shown_path(output)}, which is part of {shown_path(source)}"
            raise InputError(
                explain(expected="an output apart from the input", got=got, do=f"name another with {option}")
            )


def refuse_unwritable(output: Path, option: str = "-o") -> None:
    """Refuse a file that cannot be made where it is asked for: it would be found when all work is done.

    Raises:
        InputError: there is no such folder, or the file is a folder.
        EnvironmentFailure: nothing can be written in the folder.
    """
    if str(output) == "-" or is_special(output):
        return
    folder = output.resolve().parent
    expected = f"{option} {shown_path(output)} to be a file in a folder"
    if output.is_dir():
        raise InputError(explain(expected=expected, got="a folder", do=f"name a file with {option}"))
    if not folder.is_dir():
        got, do = f"no folder {shown_path(output.parent)}", "make it first, or name another"
        raise InputError(explain(expected=expected, got=got, do=do))
    if not os.access(folder, os.W_OK | os.X_OK):
        got, do = f"no permission to write in {shown_path(output.parent)}", "change it, or name another folder"
        raise EnvironmentFailure(explain(expected=expected, got=got, do=do))


def refuse_inputs_inside(folder: Path, *inputs: Path) -> None:
    """Refuse a run folder that is one of the inputs, or holds one: what is written in it could replace it."""
    for source in inputs:
        if folder.resolve() in (source.resolve(), *source.resolve().parents):
            same = folder.resolve() == source.resolve()
            got = f"-o {shown_path(folder)}, which {'is the input' if same else f'holds {shown_path(source)}'}"
            raise InputError(
                explain(expected="a run folder apart from the input", got=got, do="name another folder with -o")
            )


def require_folder(output: Path) -> None:
    """Refuse to resume what is not there."""
    if not output.is_dir():
        got = f"no folder {shown_path(output)}"
        raise InputError(explain(expected="a run folder to resume", got=got, do="start it without --resume"))


def require_resumable(output: Path, kind: Literal["table", "pictures"] = "table") -> None:
    """Refuse a run that another process writes in, of another kind, or of which too little is whole to go on."""
    from scorax.checkpoint import RunFolder
    from scorax.pictures import begun_pictures
    from scorax.tables import begun_run

    run = RunFolder(output)
    with run.lock():
        if run.exists():
            begun = begun_pictures if kind == "pictures" else begun_run
            begun(run)


def refuse_full_folder(output: Path, *, do: str) -> None:
    """Refuse a folder that holds something: it is never overwritten. One that is being written in says by whom."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        from scorax.checkpoint import RunFolder

        RunFolder(output).require_free()
        got = f"{shown_path(output)}, which holds something"
        raise InputError(explain(expected="a new or empty folder", got=got, do=do))
