"""What long work shows: a bar for a person at a terminal or in a notebook, plain lines for a log."""

import math
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from importlib.util import find_spec
from types import TracebackType

from scorax._events import AbstractAdvance, Event, Note, Phase, Saved
from scorax._text import clean


def note(text: str) -> None:
    """A line about the work itself, on standard error. The work goes on where nobody reads it."""
    with suppress(BrokenPipeError):
        print(clean(text), file=sys.stderr, flush=True)


def interactive() -> bool:
    """Whether somebody watches standard error: a terminal, or a notebook that has the widgets a moving bar needs."""
    if sys.stderr.isatty():
        return not os.environ.get("CI")
    shell = sys.modules.get("IPython")
    notebook = shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
    return notebook and find_spec("ipywidgets") is not None


class View(ABC):
    """Where progress is drawn."""

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def stop(self) -> None: ...

    @abstractmethod
    def line(self, text: str) -> None: ...

    @abstractmethod
    def phase(self, text: str) -> None: ...

    @abstractmethod
    def steps(self, step: int, max_steps: int, detail: str, what: str = "step") -> None: ...


class Progress:
    """Turns the events of a fit into what a view draws, and promises a time once the rate has been measured."""

    def __init__(self, view: View | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view or (Bar() if interactive() else Lines())
        self._rate = Rate(clock)
        self._promised = False

    def __enter__(self) -> "Progress":
        self._view.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._view.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case AbstractAdvance():
                self._steps(event)
            case Phase(text):
                self._view.phase(text)
            case Note(text):
                self._view.line(text)
            case Saved():
                """Nothing to show."""

    def _steps(self, event: AbstractAdvance) -> None:
        step, max_steps = event.step, event.max_steps
        detail = describe(event)
        left = self._rate.seconds_left(step, max_steps)
        if left:
            detail += f", {'at most' if event.stops_early else 'about'} {duration(left)} left"
            if not self._promised:
                self._promised = True
                sooner = " at most; training ends sooner when held-out rows stop improving" if event.stops_early else ""
                self._view.line(f"about {duration(left)}{sooner}")
        self._view.steps(step, max_steps, detail)


class Rate:
    """How long is left, at the rate since the first call, whose own time went into the compile."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start: tuple[int, float] | None = None

    def seconds_left(self, done: int, total: int) -> float | None:
        """Time until ``total``; ``None`` before there is a rate."""
        if done == 0:
            return None
        now = self._clock()
        if self._start is None:
            self._start = (done, now)
        since, spent = done - self._start[0], now - self._start[1]
        return (total - done) * spent / since if since else None


_ROWS: ContextVar["RowProgress | _Parts | None"] = ContextVar("rows whose progress is shown", default=None)


class RowProgress:
    """Shows how many of ``total`` rows are done, as a context around calls that map over rows.

    Work of less than ten seconds leaves no lines in a log.
    """

    def __init__(self, total: int, view: View | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._done = total, 0
        self._view = view or (Bar() if interactive() else Lines(begun=True))
        self._rate = Rate(clock)

    def __enter__(self) -> "RowProgress":
        self._token = _ROWS.set(self)
        self._view.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._view.stop()
        _ROWS.reset(self._token)

    def hear(self, event: Event) -> None:
        """Show what is done from now on, and notes."""
        match event:
            case Phase(text):
                self._view.phase(text)
            case Note(text):
                self._view.line(text)

    def advance(self, count: int) -> None:
        """That many more rows are done."""
        self._done = min(self._done + count, self._total)
        left = self._rate.seconds_left(self._done, self._total)
        self._view.steps(self._done, self._total, f"about {duration(left)} left" if left else "", "row")


def uncounted() -> AbstractContextManager[None]:
    """A context whose rows are not counted: they are a part of the work on rows that are."""
    return _counted_by(None)


class _Parts:
    """Counts rows of which ``parts`` make one row of ``whole``."""

    def __init__(self, whole: "RowProgress | _Parts", parts: int) -> None:
        self._whole, self._parts, self._done = whole, parts, 0

    def advance(self, count: int) -> None:
        """That many more parts are done."""
        rows, self._done = divmod(self._done + count, self._parts)
        if rows:
            self._whole.advance(rows)


def parts_of_rows(parts: int) -> AbstractContextManager[None]:
    """A context in which so many rows are one of those that are counted, such as several draws of a row."""
    shown = _ROWS.get()
    return _counted_by(None if shown is None else _Parts(shown, parts))


@contextmanager
def _counted_by(counter: "RowProgress | _Parts | None") -> Iterator[None]:
    token = _ROWS.set(counter)
    try:
        yield
    finally:
        _ROWS.reset(token)


def counted() -> bool:
    """Whether somebody in this context shows how many rows are done."""
    return _ROWS.get() is not None


def rows_done(count: int) -> None:
    """Say that rows are done to whoever shows it in this context, if anybody does."""
    shown = _ROWS.get()
    if shown is not None:
        shown.advance(count)


def describe(event: AbstractAdvance) -> str:
    """Loss, held-out nats and active ensemble members of a progress event, in words."""
    parts = [f"loss {event.loss:.4g}"] if math.isfinite(event.loss) else []  # there is none before the first step
    # NaN before the first validation of a round.
    if event.held_out_nats is not None and not math.isnan(event.held_out_nats):
        parts.append(f"held-out {event.held_out_nats:.3f} nats")
    if event.members > 1:
        parts.append(f"{event.active} of {event.members} members training")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """A length of time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


class Lines(View):
    """Plain lines on standard error; those about steps at most one every ten seconds, the first at once or, where work that is
    quick shall say nothing (``begun``), after as long."""

    def __init__(self, every: float = 10.0, *, begun: bool = False) -> None:
        self._every, self._begun = every, begun
        self._shown = time.monotonic() if begun else float("-inf")

    def start(self) -> None:
        """Nothing to set up."""

    def stop(self) -> None:
        """Nothing to put back."""

    def line(self, text: str) -> None:
        note(text)

    def phase(self, text: str) -> None:
        note(text)

    def steps(self, step: int, max_steps: int, detail: str, what: str = "step") -> None:
        now = time.monotonic()
        if now - self._shown >= self._every or (step == max_steps and not self._begun):
            self._shown = now
            note(f"{what} {step}/{max_steps}: {detail}" if detail else f"{what} {step}/{max_steps}")


class Bar(View):
    """A progress bar on standard error; lines scroll past above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=Console(file=sys.stderr, markup=False, highlight=False),
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, detail="")

    def start(self) -> None:
        self._bar.start()

    def stop(self) -> None:
        self._bar.stop()

    def line(self, text: str) -> None:
        self._bar.console.print(clean(text))

    def phase(self, text: str) -> None:
        self._bar.update(self._task, description=clean(text), detail="")

    def steps(self, step: int, max_steps: int, detail: str, what: str = "step") -> None:
        doing = "training" if what == "step" else f"{what}s"
        self._bar.update(self._task, description=doing, completed=step, total=max_steps, detail=detail)
