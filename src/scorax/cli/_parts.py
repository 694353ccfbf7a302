"""Parts of a job: rows A to B - 1 of the output of a command that is run whole, so that several machines share it."""

import re

from scorax._errors import InputError, explain
from scorax._text import quote
from scorax.cli._numbers import MOST_ROWS

_FORM = "--rows A:B, the rows A to B - 1, the first one is 0"


def part_of(text: str, rows: int = MOST_ROWS) -> range:
    """The rows of a part, of so many in all.

    Raises:
        InputError: no two whole numbers, none between them, or more than there are.
    """
    found = re.fullmatch(r"([0-9]{1,15}):([0-9]{1,15})", text)
    if found is None:
        raise InputError(explain(expected=_FORM, got=quote(text, 40), do="try --rows 0:1000"))
    part = range(int(found[1]), int(found[2]))
    if not part:
        raise InputError(explain(expected=f"{_FORM}, with A below B", got=text, do="exchange them, or widen the part"))
    if part.stop > rows:
        got = f"{text} of {rows:,} rows"
        raise InputError(explain(expected="rows that there are", got=got, do=f"end it with {rows} at most"))
    return part


def rows_to_draw(number: int | None, rows: str | None) -> range:
    """The rows that ``-n`` or ``--rows`` ask for.

    Raises:
        InputError: neither of them or both are given, or the part is none.
    """
    if (number is None) == (rows is None):
        got = "neither" if rows is None else "both"
        do = "say how many with -n, or which with --rows"
        raise InputError(explain(expected="-n N, or --rows A:B", got=got, do=do))
    return range(number or 0) if rows is None else part_of(rows)
