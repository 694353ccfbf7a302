"""What a person says of the rows to draw: cells that are known, and ranges and sets that rows lie in. No JAX."""

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from scorax._errors import InputError, explain, refusal
from scorax._text import listing, percent, quote, suggest
from scorax.data import TextFormat, read_cells
from scorax.tables._config import ResolvedConfig
from scorax.tables._schema import Schema
from scorax.tables._scorable import require_known, require_told
from scorax.tables.columns import AbstractColumn, AbstractLevels, AbstractNumber, Constant, Difference

_COMPARED: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_OPERATOR = re.compile(r"\s*(>=|<=|!=|==|=|>|<|in\b)\s*")
_SET = re.compile(r"\{([^{}]*)\}")
_CELL = re.compile(r'\s*"([^"]*)"\s*|([^,]*)')
_COMMA = re.compile(r"\s*(,\s*|$)")
_PATIENCE, _AT_ONCE = 100_000, 512
_MOST = 10_000_000
"""Draws that are looked at for one answer: an hour or so of a small model. What it takes is estimated after ``_PATIENCE``."""
FORM = 'NAME=VALUE, NAME>=VALUE or NAME in {VALUE, VALUE}, joined by commas, such as "class=g, age>=65"'


@dataclass(frozen=True, eq=False)
class Condition:
    """A condition on one column.

    Attributes:
        column: its place in the schema.
        operator: ``=``, ``!=``, ``>=``, ``<=``, ``>``, ``<`` or ``in``.
        values: of the cells that are named, as rows have them.
    """

    column: int
    operator: str
    values: Float[np.ndarray, " k"]

    def holds(self, rows: Float[np.ndarray, "n columns"]) -> Bool[np.ndarray, " n"]:
        """Which rows it holds for."""
        return self.among(rows[:, self.column])

    def among(self, own: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Which values of the column it holds for."""
        if self.operator in _COMPARED:
            return _COMPARED[self.operator](own, float(self.values[0]))
        return np.isin(own, self.values, invert=self.operator == "!=")


class Told(NamedTuple):
    """Conditions taken apart.

    Attributes:
        known: the cells that a model is told, NaN elsewhere; ``None`` without any.
        rest: what draws have to meet beside; ``None`` where nothing is.
    """

    known: Float[np.ndarray, " columns"] | None
    rest: "Conditions | None"


@dataclass(frozen=True, eq=False)
class Conditions:
    """What rows have to meet.

    Attributes:
        each: conditions on columns; all of them have to hold.
    """

    each: tuple[Condition, ...]

    @staticmethod
    def read(text: str, schema: Schema, where: str = "--given") -> "Conditions":
        """Conditions from words such as ``class=g, age>=65, colour in {red, blue}``.

        A name is that of a column, with whatever signs it has, bare or in double quotes; a value with a comma stands in them.

        Raises:
            InputError: no such form, no such column, a value that is none of the column's, or a column that is told twice.
        """
        each, rest = [], text.strip()
        while rest:
            name, found = _column(rest, schema.names, _OPERATOR)
            if name is None or found is None:
                word = re.split(r"[=<>!,]| in ", rest, maxsplit=1)[0].strip()
                got = f"{quote(rest, 40)}{'' if word in schema.names else suggest(word, schema.names)}"
                point = "write decimals with a point, and " if each and rest[0].isdigit() else ""
                do = f"{point}begin with one of the columns {listing(schema.names)}"
                raise refusal(where, expected=FORM, got=got, do=do)
            sign, start = found[1].replace("==", "="), found.end()
            cells = (_SET if sign == "in" else _CELL).match(rest, start)
            texts = [] if cells is None else _texts(cells, several=sign == "in")
            end = None if cells is None else _COMMA.match(rest, cells.end())
            if cells is None or end is None or not texts or not all(texts):
                raise refusal(where, expected=FORM, got=quote(rest, 40), do="write it in this form")
            each.append(_condition(schema, name, sign, texts, where))
            rest = rest[end.end() :]
        if not each:
            raise refusal(where, expected=FORM, got="nothing", do="say something of a column, or leave it out")
        told = [schema.names[one.column] for one in each if one.operator == "="]
        twice = [name for name in told if told.count(name) > 1]
        if twice:
            raise refusal(where, expected="one value for each column", got=f"two for {quote(twice[0])}", do="drop one")
        for j in sorted({one.column for one in each}):
            _require_possible(schema.columns[j], [one for one in each if one.column == j], where)
        return Conditions(tuple(each))

    def told(self, schema: Schema, *, masks: bool) -> "Told":
        """What a model is told, and what draws have to meet beside.

        It is told equalities, where it is trained under masks and describes the column.

        Raises:
            InputError: a number shall have a value, and the model is not trained under masks: no draw would ever have it; or a
                column shall have one that has no density beside the others, or without the column that bounds it.
        """
        row, rest = np.full(len(schema.columns), np.nan), []
        for one in self.each:
            column = schema.columns[one.column]
            if one.operator == "=" and masks and one.column in schema.free:
                row[one.column] = one.values[0]
            elif one.operator == "=" and column.widths:
                raise InputError(
                    explain(
                        expected=f"a range for {quote(column.name)}, a number, of a model that was trained on whole rows",
                        got="one value",
                        do="say a range, or fit again with --masks",
                    )
                )
            else:
                rest.append(one)
        require_known(row, schema, where="what is given")
        return Told(None if np.isnan(row).all() else row, Conditions(tuple(rest)) if rest else None)

    def holds(self, rows: Float[np.ndarray, "n columns"]) -> Bool[np.ndarray, " n"]:
        """Which rows all of them hold for."""
        return np.all([one.holds(rows) for one in self.each], axis=0)


def _require_possible(column: AbstractColumn, conditions: Sequence[Condition], place: str) -> None:
    """Refuse conditions on one column that no value of it meets: all draws would be passed over.

    Raises:
        InputError: they contradict one another, or the ends or the levels of the column.
    """
    named = [one.values for one in conditions if one.operator in ("=", "in")]
    low, high, ends, single = -np.inf, np.inf, "", True
    if named:
        possible = named[0]
    elif isinstance(column, AbstractLevels):
        possible = column.points
    elif isinstance(column, Constant):
        possible = np.array([column.value])
    elif isinstance(column, AbstractNumber) and not isinstance(column, Difference):
        (low, high), ends, single, possible = column.map.base.ends, column.ends, False, np.array(column.spikes)
    else:
        single, possible = False, np.empty(0)  # the ends of a difference are those of its excess
    if np.all([one.among(possible) for one in conditions], axis=0).any():
        return
    if not single:
        lower = [(float(one.values[0]), one.operator == ">") for one in conditions if one.operator in (">", ">=")]
        upper = [(float(one.values[0]), one.operator == "<") for one in conditions if one.operator in ("<", "<=")]
        low, above = max([(low, False), *lower])
        high, below = min([(high, False), *upper], key=lambda end: (end[0], not end[1]))
        if low < high or (low == high and not above and not below):
            return
    expected = f"conditions on {quote(column.name)} that a value of it meets"
    got = f"none{f', of values {ends}' if ends else ''}"
    raise refusal(place, expected=expected, got=got, do="drop or widen one of them")


def _column(text: str, names: Sequence[str], then: re.Pattern[str]) -> tuple[str | None, re.Match[str] | None]:
    """The longest name that a text begins with, bare or in double quotes, and what is found behind it."""
    forms = [(form, name) for name in names for form in (name, f'"{name}"') if text.startswith(form)]
    for form, name in sorted(forms, key=lambda pair: len(pair[0]), reverse=True):
        found = then.match(text, len(form))
        if found:
            return name, found
    return None, None


def _texts(found: re.Match[str], *, several: bool) -> list[str]:
    if several:
        return [a or b.strip() for a, b in _CELL.findall(found[1]) if (a or b.strip())]
    return [found[1] if found[1] is not None else found[2].strip()]


def _condition(schema: Schema, name: str, sign: str, texts: Sequence[str], where: str) -> Condition:
    j = schema.names.index(name)
    column, place = schema.columns[j], f"{where}, {name}"
    if isinstance(column.format, TextFormat):  # whatever else the words could be
        form = TextFormat(tuple(sorted(set(texts))))
        values = np.array([form.levels.index(text) for text in texts], float)
    else:
        values, form = read_cells(texts, name, where)
    try:
        own = column.format.taken(values, form)
    except ValueError as error:
        expected, got = f"a value of a column of {column.format.kind}s", f"{listing(texts)}, {error}"
        raise refusal(place, expected=expected, got=got, do="write it as in the table") from None
    if np.isnan(own).any():
        raise refusal(
            place, expected="a value", got=listing(texts), do="a cell that is missing or infinite is no condition"
        )
    if sign in _COMPARED:
        if column.format.kind in ("text", "boolean"):
            got, do = f"{sign} of {column.format.kind}s", f"write {name}=VALUE or {name} in {{...}}"
            raise refusal(place, expected="= or in, for what has no order", got=got, do=do)
    else:
        if sign != "!=" and column.step is not None and not column.format.holds(own):
            expected, got = f"values that column {quote(name)} may have", f"{listing(texts)}, between two of them"
            raise refusal(place, expected=expected, got=got, do="round it, or say a range")
        if isinstance(column, AbstractLevels):
            _require_levels(column, own, texts, place)
        column.require(own, f"{where}, {name}")
        rows = np.full((len(own), len(schema.columns)), np.nan)
        rows[:, j] = own
        require_told(rows, schema, where=f"{where}, {name}")
    return Condition(j, sign, own)


def _require_levels(column: AbstractLevels, values: Float[np.ndarray, " k"], texts: Sequence[str], place: str) -> None:
    """Refuse a value that no row of the fit has."""
    unseen = column.encode(values).levels[:, 0] < 0
    if unseen.any():
        levels = [str(cell) for cell in column.format.cells(column.points).tolist()]
        word = texts[int(np.argmax(unseen))]
        near = suggest(word, levels) if isinstance(column.format, TextFormat) else ""
        got, do = f"{quote(word)}{near}", f"ask for {listing(levels, 12)}"
        raise refusal(place, expected="a value of the fit", got=got, do=do)


def told(given: str | None, schema: Schema, config: ResolvedConfig, *, where: str = "--given") -> Told:
    """The conditions that a person states on the rows to draw, taken apart; nothing where there are none.

    Raises:
        InputError: words that cannot be read, or one value for a number under a model that is not trained under masks.
    """
    if given is None:
        return Told(None, None)
    return Conditions.read(given, schema, where).told(schema, masks=config.training.masks > 0)


class Piece(NamedTuple):
    """Some of the rows that meet conditions.

    Attributes:
        rows: in their order.
        looked: how many draws were looked at so far.
        met: how many of them meet the conditions.
    """

    rows: Float[np.ndarray, "m columns"]
    looked: int
    met: int


def kept(
    draw: Callable[[int, int], Float[np.ndarray, "count columns"]],
    conditions: Conditions | None,
    number: int,
    batch: int,
) -> Iterator[Piece]:
    """The first ``number`` rows of an endless table that conditions hold for, in their order, in pieces.

    Args:
        draw: rows ``start`` to ``start + count`` of the table.
        conditions: what holds for the rows; ``None`` for all.
        number: of rows.
        batch: rows drawn at a time, at most; does not change them.

    Raises:
        InputError: there is none among the first 100,000, or so few that all would take more than ten million.
    """
    looked = met = 0
    while met < number:
        left = number - met
        count = min(batch, left if conditions is None else max(_AT_ONCE, 2 * left))
        rows = draw(looked, count)
        rows = rows if conditions is None else rows[conditions.holds(rows)]
        looked, met = looked + count, met + len(rows)
        if met < number and looked >= _PATIENCE and number * looked > met * _MOST:
            expected, got, do = "conditions that some rows of the model meet", "none", "ask for a wider range"
            if met:
                expected = f"conditions of which {number:,} rows take at most {_MOST:,} draws"
                got, do = f"{met:,} ({percent(met / looked)})", f"{do}, or for fewer rows"
            raise InputError(explain(expected=expected, got=f"{got} in {looked:,} draws", do=do))
        yield Piece(rows[:left], looked, met)


def given_columns(text: str, schema: Schema, where: str = "--given") -> list[str]:
    """Names of columns that are known, from names joined by commas.

    Raises:
        InputError: a name of no column that the model describes, one that is named twice, or all of them.
    """
    free, found, rest = [schema.names[j] for j in schema.free], [], text.strip()
    while rest:
        name, end = _column(rest, free, _COMMA)
        if name is None or end is None or name in found:
            word = rest.split(",", 1)[0].strip()
            got = f"{quote(word)}{' again' if name else suggest(word, free)}"
            do = f"name columns among {listing(free)}"
            raise refusal(where, expected="names of columns of the model", got=got, do=do)
        found.append(name)
        rest = rest[end.end() :]
    if len(found) in (0, len(free)):
        got = "none" if not found else "all"
        do = "leave one out: its density is asked for" if found else "name one"
        raise refusal(where, expected="some of the columns", got=got, do=do)
    return found
