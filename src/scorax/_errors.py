"""Errors a user meets: one clear line each, and the exit code the command line returns for it.

Every message has three parts: what was expected, what came, what to do. The classes carry the exit codes of the
public contract (``docs/cli.md``), so the command line maps an error to a code by attribute and never by type switch.
"""


class ScoraxError(Exception):
    """Base of every error scorax raises on purpose; ``exit_code`` is what the command line returns for it."""

    exit_code: int = 1


class InputError(ScoraxError, ValueError):
    """Bad input, option, configuration or model file (exit code 2)."""

    exit_code = 2


class EnvironmentFailure(ScoraxError, OSError):
    """The machine refused: disk full, no permission, not enough memory (exit code 3)."""

    exit_code = 3


class DivergedError(ScoraxError, ArithmeticError):
    """Training produced a value that is not finite (exit code 4)."""

    exit_code = 4


class FolderInUseError(ScoraxError):
    """Another process holds the lock of the run folder (exit code 5)."""

    exit_code = 5


class Interrupted(ScoraxError):
    """A signal ended the work after its state was saved; ``exit_code`` is 130 (SIGINT) or 143 (SIGTERM, SIGHUP)."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def explain(*, expected: str, got: str, do: str) -> str:
    """One line in the three parts of every scorax error: expected, got, do this."""
    return f"expected {expected}, got {got}; {do}"
