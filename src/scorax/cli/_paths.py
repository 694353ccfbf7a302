"""What may be written where; refused before anything slow begins."""

from pathlib import Path

from scorax._errors import InputError, explain
from scorax._text import shown_path


def stream(output: Path) -> Path:
    """The path to write: ``-`` is standard output."""
    return Path("/dev/stdout") if str(output) == "-" else output


def refuse_overwriting(output: Path, *inputs: Path) -> None:
    """Refuse an output that is one of the inputs, or that lies inside an input folder."""
    target = output.resolve()
    for source in inputs:
        if target == source.resolve() or source.resolve() in target.parents:
            got = f"-o {shown_path(output)}, which is part of {shown_path(source)}"
            raise InputError(
                explain(expected="an output apart from the input", got=got, do="name another file with -o")
            )


def require_folder(output: Path) -> None:
    """Refuse to resume what is not there."""
    if not output.is_dir():
        got = f"no folder {shown_path(output)}"
        raise InputError(explain(expected="a run folder to resume", got=got, do="start it without --resume"))


def require_resumable(output: Path) -> None:
    """Refuse a run that another process writes in, or of which too little is whole to go on."""
    from scorax.checkpoint import RunFolder, kind_of_run
    from scorax.pictures import begun_pictures
    from scorax.tables import begun_run

    run = RunFolder(output)
    with run.lock():
        if run.exists():
            begun = begun_pictures if kind_of_run(run) == "pictures" else begun_run
            begun(run)


def refuse_full_folder(output: Path, *, do: str) -> None:
    """Refuse a folder that holds something: it is never overwritten. One that is being written in says by whom."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        from scorax.checkpoint import RunFolder

        RunFolder(output).require_free()
        got = f"{shown_path(output)}, which holds something"
        raise InputError(explain(expected="a new or empty folder", got=got, do=do))
