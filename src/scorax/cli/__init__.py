"""The command line. Importing it loads a little of the standard library only: a signal is understood from the first moment."""

import sys
from collections.abc import Sequence

from scorax.cli._signals import Signals


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Without ``arguments`` it is that of the process, which then ends by signals as :class:`~scorax.cli._signals.Signals` says.
    """
    if arguments is not None:
        return _run(arguments)
    with Signals(last=True):
        return _run(sys.argv[1:])


def _run(arguments: Sequence[str]) -> int:
    from scorax.cli._app import run

    return run(arguments)


__all__ = ["main"]
