"""Words to the terminal. Everything that came from a file is data: escaped, never markup, never a control sequence."""

import contextlib
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, direction overrides, lone surrogates, foreign line breaks


def clean(text: str) -> str:
    """`text` with every character that could move the cursor, reorder the line or end it shown as its escape."""
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _ESCAPED else char
        for char in text
    )


def one_line(text: str) -> str:
    """The lines of `text` joined into one, each cleaned."""
    return "; ".join(clean(line.strip()) for line in text.splitlines() if line.strip())


def say(text: str = "") -> None:
    """A line of result, on standard output."""
    print(clean(text))


def note(text: str) -> None:
    """A line about the work itself, on standard error. The work goes on where nobody reads it."""
    with contextlib.suppress(BrokenPipeError):
        print(clean(text), file=sys.stderr, flush=True)


def interactive() -> bool:
    """Whether standard error is a terminal that someone watches."""
    return sys.stderr.isatty() and not os.environ.get("CI")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """A table on standard output; the columns numbered in `right` are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=Text(clean(title)), title_justify="left", box=box.SIMPLE_HEAD, show_header=any(columns))
    for index, name in enumerate(columns):
        grid.add_column(Text(clean(name)), justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(clean(str(cell))) for cell in row))
    # A file has no width to fit into.
    Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 160).print(grid)
