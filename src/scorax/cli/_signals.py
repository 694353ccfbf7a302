"""Signals: end soon and cleanly, also when the main thread is stuck inside a compile.

The C-level handler writes the number of a signal into a pipe at once; Python's own handlers only run when the main
thread is back in the interpreter, and what they raise may come up anywhere: in an import, in a destructor, in the handling
of another error. So no handler does anything, and a watcher thread, which reads the pipe, is the one place that decides:

- SIGINT, SIGTERM, SIGHUP: the process ends with exit code 130 or 143. Files are replaced whole, so this costs what was not
  saved and nothing else. Work that polls ends itself by :class:`Interrupted`, where nothing is lost; if it has not noticed
  after `grace` seconds, the watcher ends the process.
  A SIGHUP that was ignored before, as `nohup` has it, stays so.
- A second SIGINT leaves at once.
- SIGUSR1: save and go on.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Literal

from scorax._errors import Interrupted
from scorax._temporary import remove_unfinished

ENDING = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
"""Signals that end the work, and the exit code of each."""


class Signals:
    """A context in which signals are noted. Outside the main thread Python allows no handlers: it then notes nothing.

    Args:
        polled: whether the work asks :meth:`poll` between its pieces and so decides where it stops (`fit` saves first).
            Without, the process ends at once.
        hint: what the line about a signal says at its end; asked when it is written.
        grace: seconds that polled work has for noticing.
        last: whether nothing but the end of the process follows: signals that come then change its exit code no more.
    """

    def __init__(
        self, *, polled: bool = False, hint: Callable[[], str] = lambda: "", grace: float = 8.0, last: bool = False
    ) -> None:
        self._polled = polled
        self._hint = hint
        self._grace = grace
        self._last = last
        self._received: signal.Signals | None = None
        self._noticed = False
        self._save = threading.Event()

    def __enter__(self) -> "Signals":
        self._active = threading.current_thread() is threading.main_thread()
        if self._active:
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._writer, False)
            self._watcher = threading.Thread(target=self._watch, name="scorax-signals", daemon=True)
            self._watcher.start()
            self._old_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            numbers = [number for number in (*ENDING, signal.SIGUSR1) if not _told_to_ignore(number)]
            self._old_handlers = {number: signal.signal(number, _heard) for number in numbers}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._active:
            return
        for number, handler in self._old_handlers.items():
            signal.signal(number, signal.SIG_IGN if self._last else handler)
        signal.set_wakeup_fd(self._old_wakeup)
        os.write(self._writer, b"\0")
        self._watcher.join()
        os.close(self._reader)
        os.close(self._writer)
        if error is None:
            self._raise_if_received()  # the last piece of work never polled again: still say that a signal came

    def poll(self) -> Literal["save"] | None:
        """Raise :class:`Interrupted` if an ending signal came; ``"save"`` once after each SIGUSR1; else None."""
        self._raise_if_received()
        if self._save.is_set():
            self._save.clear()
            return "save"
        return None

    def _raise_if_received(self) -> None:
        if self._received is not None:
            self._noticed = True
            number = self._received
            raise Interrupted(f"stopped by {number.name}{self._hint()}", exit_code=ENDING[number])

    def _watch(self) -> None:
        deadline: float | None = None
        while True:
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._reader], [], [], wait)[0]:
                deadline = None
                if not self._noticed and self._received is not None:
                    self._leave(self._received)
                continue
            for byte in os.read(self._reader, 64):
                if byte == 0:
                    return
                number = signal.Signals(byte)
                if number == signal.SIGUSR1:
                    self._save.set()
                elif number in ENDING:
                    if not self._polled or number == self._received == signal.SIGINT:
                        self._leave(number)
                    if self._received is None:
                        self._received, deadline = number, time.monotonic() + self._grace

    def _leave(self, number: signal.Signals) -> None:
        remove_unfinished()
        show_cursor = "\x1b[?25h" if sys.stderr is not None and sys.stderr.isatty() else ""
        line = f"{show_cursor}scorax: error: stopped by {number.name}{self._hint()}\n"
        with contextlib.suppress(OSError):  # nobody may be reading
            os.write(2, line.encode(errors="replace"))
        os._exit(ENDING[number])


def _heard(number: int, frame: FrameType | None) -> None:
    """A handler must exist for the wake-up pipe to be written; that is all it is for."""


def _told_to_ignore(number: signal.Signals) -> bool:
    """Whether whoever started the process wants it to outlive its terminal."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
