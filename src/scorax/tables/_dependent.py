"""Columns that need another one to be what they are: copies, and differences."""

from collections.abc import Sequence
from typing import NamedTuple

from scorax._text import quote
from scorax.tables.columns import AbstractColumn, AbstractNumber, Copy, Difference


class Rests(NamedTuple):
    """A column that is another one and an excess.

    Attributes:
        place: of the column.
        column: what it is.
        source: place of the other column.
    """

    place: int
    column: Difference
    source: int


class Follows(NamedTuple):
    """A column that is the image of another one.

    Attributes:
        place: of the column.
        column: what it is.
        source: place of the other column.
    """

    place: int
    column: Copy
    source: int


def copies_of(columns: Sequence[AbstractColumn]) -> tuple[Follows, ...]:
    """Every copy."""
    place = {column.name: j for j, column in enumerate(columns)}
    return tuple(Follows(j, c, place[c.source]) for j, c in enumerate(columns) if isinstance(c, Copy))


def differences_of(columns: Sequence[AbstractColumn]) -> tuple[Rests, ...]:
    """Every difference, each after what it rests on; those that rest on themselves are left out."""
    place = {column.name: j for j, column in enumerate(columns)}
    left = {column.name: column for column in columns if isinstance(column, Difference)}
    found: list[Difference] = []
    while ready := [column for column in left.values() if column.source not in left]:
        found += ready
        left = {name: column for name, column in left.items() if column not in ready}
    return tuple(Rests(place[column.name], column, place[column.source]) for column in found)


def resting_on(name: str, differences: Sequence[Rests]) -> tuple[str, ...]:
    """The names of the differences that rest on a column, or on one that does."""
    found = [name]
    for _, column, _ in differences:
        if column.source in found:
            found.append(column.name)
    return tuple(found[1:])


def require_sources(columns: Sequence[AbstractColumn]) -> None:
    """Refuse columns without the one that they need.

    Raises:
        ValueError: there is one.
    """
    known = {column.name for column in columns if not isinstance(column, Copy)}
    numbers = {column.name for column in columns if isinstance(column, AbstractNumber)}
    for column in columns:
        if isinstance(column, Copy) and column.source not in known:
            raise ValueError(
                f"column {quote(column.name)} is a copy of {quote(column.source)}, which is no column of its own"
            )
        if isinstance(column, Difference) and column.source not in numbers:
            raise ValueError(
                f"column {quote(column.name)} rests on {quote(column.source)}, which is no column of numbers"
            )
    differences = [column for column in columns if isinstance(column, Difference)]
    if len(differences_of(columns)) < len(differences):
        raise ValueError(f"columns rest on each other among {', '.join(quote(column.name) for column in differences)}")
