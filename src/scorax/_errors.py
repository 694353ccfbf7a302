"""Errors a user meets: one clear line each, and the exit code the command line returns for it.

Every message has three parts: what was expected, what came, what to do. The classes carry the exit codes of the
public contract (``docs/cli.md``), so the command line maps an error to a code by attribute and never by type switch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scorax._text import shown_path


class ScoraxError(Exception):
    """Base of every error scorax raises on purpose; ``exit_code`` is what the command line returns for it."""

    exit_code: int = 1


class InputError(ScoraxError, ValueError):
    """Bad input, option, configuration or model file (exit code 2)."""

    exit_code = 2


class EnvironmentFailure(ScoraxError, OSError):
    """The machine refused: disk full, no permission, not enough memory (exit code 3)."""

    exit_code = 3


@dataclass(frozen=True)
class Fault:
    """What of a training was not finite.

    Attributes:
        quantity: its name.
        step: the step that was about to be taken, counted from 0.
        gradient_norm: global norm of the gradient at that step.
        in_a_row: steps in a row that had such a fault, with this one.
        member: of an ensemble the member that it happened to.
        rows: numbers of the rows in the batch of that step.
    """

    quantity: str
    step: int
    gradient_norm: float | None = None
    in_a_row: int = 1
    member: int | None = None
    rows: tuple[int, ...] = ()

    def line(self, *, learning_rate: float | None = None, columns: Sequence[str] = ()) -> str:
        """The three parts of an error; ``columns`` are those whose values in the batch are farthest off."""
        got = f"{self.quantity} that is not, at step {self.step}"
        got += "" if self.member is None else f" of member {self.member}"
        got += "" if self.in_a_row == 1 else f", the last of {self.in_a_row} in a row"
        details = [] if self.gradient_norm is None else [f"gradient norm {self.gradient_norm:.3g}"]
        details += [] if learning_rate is None else [f"learning rate {learning_rate:.3g}"]
        details += [f"farthest off in its batch: {', '.join(columns)}"] if columns else []
        return explain(
            expected="a training of finite numbers",
            got=got + (f" ({'; '.join(details)})" if details else ""),
            do="lower the learning rate, or look for extreme values in the data; what was saved before is intact",
        )


class DivergedError(ScoraxError, ArithmeticError):
    """Training produced a value that is not finite (exit code 4); ``fault`` says which, where that is known."""

    exit_code = 4

    def __init__(self, message: str, fault: Fault | None = None) -> None:
        super().__init__(message)
        self.fault = fault


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


def refusal(where: object, expected: str, got: str, do: str) -> InputError:
    """The error of an input that is named first: a file, a folder, a column or an argument."""
    return InputError(f"{shown_path(where)}: " + explain(expected=expected, got=got, do=do))
