"""The commands put together, and the one place where an exception becomes an exit code."""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from scorax._errors import EnvironmentFailure, explain
from scorax.cli._check import check
from scorax.cli._demo import demo
from scorax.cli._evaluate import evaluate
from scorax.cli._failures import print_error, print_failure, usage_message
from scorax.cli._fit import fit
from scorax.cli._impute import impute
from scorax.cli._infer import infer
from scorax.cli._info import info
from scorax.cli._launch import launch
from scorax.cli._logp import logp
from scorax.cli._noise import noise
from scorax.cli._report import report
from scorax.cli._runtime import log_to_stderr, use_compile_cache
from scorax.cli._sample import sample
from scorax.cli._schema import schema
from scorax.cli._simulate import simulate

GLOBAL_FLAGS = ("--debug", "--no-compile-cache")
"""Flags that may stand anywhere on the line, before or after the name of the command."""

app = typer.Typer(
    name="scorax",
    help="Fit a score-based generative model to a table, sample it, and get log-densities with their error.",
    epilog="Start with: scorax demo",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> bool:
    if asked:
        from scorax import __version__

        print(f"scorax {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error. May stand anywhere.")] = False,
    no_compile_cache: Annotated[
        bool, typer.Option("--no-compile-cache", help="Keep no compiled programs on disk. May stand anywhere.")
    ] = False,
) -> None:
    """Only declares the global options for --help: `main` takes them off the line first, wherever they stand."""


class _Failure(Exception):
    """Carries the error of a command past the argument parser, which has ideas of its own about some of them."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (Exception, KeyboardInterrupt) as error:
            raise _Failure(error) from error

    return run


for _command in (
    demo,
    schema,
    fit,
    sample,
    logp,
    impute,
    infer,
    evaluate,
    simulate,
    noise,
    report,
    info,
    check,
    launch,
):
    app.command(_command.__name__)(_guarded(_command))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    flags, rest = _split_flags(list(arguments))
    debug = "--debug" in flags
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  stays open as long as the process
    if sys.stdout is None:
        print_error("expected an open standard output, got a closed one; redirect it to a file or to /dev/null")
        return 3
    log_to_stderr(debug)
    use_compile_cache("--no-compile-cache" not in flags)
    try:
        code = typer.main.get_command(app).main(rest or ["--help"], prog_name="scorax", standalone_mode=False)
        _flush()
    except SystemExit:
        return _unread()  # how the parser ends where nobody reads its help
    except Exception as caught:
        error = caught.error if isinstance(caught, _Failure) else caught
        if isinstance(error, BrokenPipeError):
            return _unread()
        message = usage_message(error)
        if message is not None:
            print_error(f"{message} (scorax --help, or scorax COMMAND --help, says what there is)")
            return 2
        code = print_failure(error, debug=debug)
        with contextlib.suppress(EnvironmentFailure, BrokenPipeError):
            _flush()  # the first error is the one that counts
    return code or 0


def _split_flags(arguments: Sequence[str]) -> tuple[set[str], list[str]]:
    """The global flags on the line, and the line without them; nothing after ``--`` is a flag."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    flags = {word for word in arguments[:end] if word in GLOBAL_FLAGS}
    return flags, [word for place, word in enumerate(arguments) if place >= end or word not in GLOBAL_FLAGS]


def _flush() -> None:
    """Write out what was printed: a full disk behind a redirected standard output is an error like any other."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _drop_output()
        if isinstance(error, BrokenPipeError):
            raise
        raise EnvironmentFailure(
            explain(
                expected="room for the standard output", got=str(error.strerror), do="free some space or redirect it"
            )
        ) from error


def _unread() -> int:
    """The exit code where the reader of a pipe has had enough, as `head` has: that is no error."""
    _drop_output()
    return 0


def _drop_output() -> None:
    """Send what cannot be written to nowhere, or the interpreter would complain once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
