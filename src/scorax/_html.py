"""Small tables for notebooks: everything in them is text."""

from collections.abc import Iterable, Sequence
from html import escape

from scorax._text import clean


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table without styles of its own; cells are escaped."""
    lines = [f"<caption>{_text(caption)}</caption>"]
    if any(header):
        lines.append(_row("th", header))
    lines += [_row("td", row) for row in rows]
    return f"<table>{''.join(lines)}</table>"


def _row(tag: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _text(cell: object) -> str:
    return escape(clean(str(cell)))
