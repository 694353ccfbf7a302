"""Words to the terminal. Everything that came from a file is data: escaped, never markup, never a control sequence."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from scorax._progress import note as note
from scorax._text import clean


def one_line(text: str) -> str:
    """The lines of `text` joined into one, each cleaned."""
    return "; ".join(clean(line.strip()) for line in text.splitlines() if line.strip())


def say(text: str = "") -> None:
    """A line of result, on standard output."""
    print(clean(text))


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
