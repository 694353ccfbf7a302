"""From an exception to one line and an exit code. The codes are a public contract: docs/cli.md."""

import traceback

from scorax._errors import InputError, ScoraxError
from scorax.cli._console import note, one_line

_MEMORY = (
    "out of memory; ask for smaller pieces: a smaller --batch (sample, logp) or --set training.batch_size=... (fit)"
)


def explain_failure(error: BaseException) -> tuple[int, str]:
    """The exit code of `error` and the line that a user reads."""
    text = one_line(str(error))
    match error:
        case ScoraxError():
            return error.exit_code, text
        case KeyboardInterrupt():
            return 130, "interrupted"
        case MemoryError():
            return 3, _MEMORY
        case FileNotFoundError() | IsADirectoryError() | NotADirectoryError() | FileExistsError():
            return InputError.exit_code, text
        case OSError():
            return 3, f"{text}; check free space, permissions and limits"
    if "RESOURCE_EXHAUSTED" in text and "Runtime" in type(error).__name__:
        return 3, _MEMORY  # XLA's own error for memory: naming its class would import JAX
    name = type(error).__name__
    return (
        1,
        f"this is a bug in scorax ({name}: {text}); please report it with the output of the same command and --debug",
    )


def usage_message(error: BaseException) -> str | None:
    """What the argument parser has to say if `error` is its own. Its classes moved between versions: none is named."""
    message = getattr(error, "format_message", None)
    return one_line(str(message())) if callable(message) and hasattr(error, "exit_code") else None


def print_failure(error: BaseException, *, debug: bool) -> int:
    """Print the traceback with `debug`, then the line; the exit code."""
    code, text = explain_failure(error)
    if debug:
        traceback.print_exception(error)
    if text:  # else a process that was started has said it
        print_error(text)
    return code


def print_error(text: str) -> None:
    note(f"scorax: error: {text}")
