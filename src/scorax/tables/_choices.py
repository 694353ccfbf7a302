"""What a person says of the columns of a table: kinds, ends, and what to leave out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scorax._errors import InputError, explain, refusal
from scorax._text import listing, quote, suggest
from scorax.data.formats import LAYOUTS, Layout
from scorax.tables.columns import Stated

STATED_KINDS = ("category", "continuous", "count", "integer", "ordered", "rounded")
"""Kinds that a person may state. An ``integer`` with few points between its ends has levels, as a ``count`` has in any case."""

_WITH_ENDS = ("continuous", "count", "integer", "rounded")


@dataclass(frozen=True)
class Choices:
    """What a person says of columns; the others are found.

    Attributes:
        kinds: of columns by name.
        ignored: columns that are left out.
        dates: of columns of texts by name, how the dates in them are written.
    """

    kinds: Mapping[str, Stated] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    dates: Mapping[str, Layout] = field(default_factory=dict)

    @staticmethod
    def read(columns: Sequence[str] = (), categories: Sequence[str] = (), ignored: Sequence[str] = ()) -> "Choices":
        """Choices as words: ``NAME=KIND``, ``NAME=KIND,LOW..HIGH``, ``NAME=DD/MM/YYYY``; names of categories, and to leave out.

        Raises:
            InputError: a word is none of that form, or a column is named twice.
        """
        kinds: dict[str, Stated] = {}
        said = [_stated(words) for words in columns] + [(name, Stated("category")) for name in categories]
        for name, stated in said:
            if name in kinds or name in ignored:
                expected = f"one word on column {quote(name)}"
                raise InputError(explain(expected=expected, got="two", do="state its kind once, or ignore it"))
            kinds[name] = stated
        dates: dict[str, Layout] = {
            name: layout for name, stated in kinds.items() for layout in LAYOUTS if stated.kind == layout
        }
        kinds = {name: stated for name, stated in kinds.items() if name not in dates}
        return Choices(kinds, frozenset(ignored), dates)

    @property
    def stated(self) -> frozenset[str]:
        """Names of the columns that they are about."""
        return self.ignored.union(self.kinds, self.dates)

    def require_known(self, names: Sequence[str]) -> None:
        """Refuse choices about other columns.

        Raises:
            InputError: there is one.
        """
        unknown = [name for name in (*self.kinds, *self.dates, *self.ignored) if name not in names]
        if unknown:
            near = suggest(unknown[0], names)
            raise InputError(
                explain(
                    expected="the name of a column",
                    got=f"{quote(unknown[0])}{near}",
                    do=f"name one of {listing(names)}",
                )
            )


def _stated(words: str) -> tuple[str, Stated]:
    """A column and its kind from ``NAME=KIND,LOW..HIGH``; how dates are written stands in the place of a kind."""
    form = "NAME=KIND or NAME=KIND,LOW..HIGH"
    name, equals, rest = words.rpartition("=")
    if not equals or not name:
        raise refusal("--column", expected=form, got=quote(words), do="try --column age=integer,0..120")
    kind, comma, span = rest.partition(",")
    known = (*STATED_KINDS, *LAYOUTS)
    if kind not in known:
        got, do = f"{quote(kind)}{suggest(kind, known)} for column {quote(name)}", "state one of them"
        raise refusal("--column", expected="one of " + ", ".join(known), got=got, do=do)
    if not comma:
        return name, Stated(kind)
    low, dots, high = span.partition("..")
    try:
        ends = float(low) if low else -math.inf, float(high) if high else math.inf
    except ValueError:
        ends = None
    ordered = ends is not None and ends[0] < ends[1] and any(map(math.isfinite, ends))
    if not (dots and ordered) or ends is None:
        got, do = f"{quote(span)} for column {quote(name)}", "write 0..120, 0.. or ..120"
        raise refusal("--column", expected="two numbers LOW..HIGH that ascend, or one of them", got=got, do=do)
    if kind not in _WITH_ENDS:
        got = f"ends for column {quote(name)} of kind {kind}"
        raise refusal("--column", expected="ends of a column of numbers", got=got, do="leave the ends out")
    return name, Stated(kind, *ends)
