"""What a person says of the parameters of a simulator: names, and the priors they were drawn from. No JAX."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from scorax._errors import InputError, explain, refusal
from scorax._text import listing, quote, suggest
from scorax.data import Table
from scorax.tables._schema import Schema
from scorax.tables.columns import PRIORS, AbstractColumn, AbstractNumber, Cells, Parameter, Prior

_ONE = re.compile(r"\s*(?P<name>[^=]+?)\s*=\s*(?P<kind>\w+)\s*\((?P<numbers>[^()]*)\)\s*(?:,|$)")
FORM = "NAME=LAW(NUMBERS), joined by commas, such as 'a=uniform(-1,1), b=normal(0,2)'"


def read_priors(text: str, where: str = "--prior") -> dict[str, Prior]:
    """Priors from words such as ``a=uniform(-1,1), b=normal(0,2)``, in their order.

    Raises:
        InputError: no such form, a law of no such name or with other numbers, or a parameter that is named twice.
    """
    found: dict[str, Prior] = {}
    place = 0
    while place < len(text):
        one = _ONE.match(text, place)
        if one is None:
            got = quote(text[place:].strip(), 40)
            raise refusal(where, expected=FORM, got=got, do="write it in this form")
        name = one["name"]
        if name in found:
            expected = f"one prior of {quote(name)}"
            raise refusal(where, expected=expected, got="two", do="state it once")
        found[name] = _law(one["kind"], one["numbers"], f"{where}, {name}: ")
        place = one.end()
    if not found:
        raise refusal(where, expected=FORM, got="nothing", do="state a prior, or leave it out")
    return found


def _law(kind: str, numbers: str, place: str) -> Prior:
    law = PRIORS.get(kind)
    if law is None:
        known = map(_signature, PRIORS)
        got = f"{quote(kind)}{suggest(kind, list(PRIORS))}"
        raise InputError(place + explain(expected="a known law", got=got, do=f"take one of {'; '.join(known)}"))
    try:
        given = [float(number) for number in numbers.split(",")]
    except ValueError:
        given = []
    if len(given) != len(fields(law)) - 1 or not np.isfinite(given).all():
        got = f"{kind}({numbers.strip()})"
        raise InputError(place + explain(expected=_signature(kind), got=got, do="give these numbers"))
    try:
        return law(*given)
    except ValueError as error:
        raise InputError(place + explain(expected=_signature(kind), got=str(error), do="give other numbers")) from None


def _signature(kind: str) -> str:
    names = [part.name for part in fields(PRIORS[kind]) if part.name != "kind"]
    return f"{kind}({', '.join(names)})"


def parameter_columns(
    table: Table, names: Sequence[str], priors: Mapping[str, Prior] | None, where: str
) -> tuple[AbstractColumn, ...]:
    """The columns of the parameters: with their priors, or numbers as they are where none are stated.

    Raises:
        InputError: no such column, one that is not of numbers or has one value only, a value outside the support of its
            prior, or a parameter without a prior where others have one.
    """
    if priors is not None:
        _require_same(names, priors, where)
    return tuple(_column(table, name, None if priors is None else priors[name], where) for name in names)


def _require_same(names: Sequence[str], priors: Mapping[str, Prior], where: str) -> None:
    for one in (*priors, *names):
        if one not in names or one not in priors:
            lacks = "a parameter" if one in priors else "a prior"
            got = f"none for {quote(one)}{suggest(one, list(names)) if one in priors else ''}"
            do = f"name the parameters {listing(names)}, each with its prior"
            raise refusal(where, expected=f"{lacks} for each", got=got, do=do)


def _column(table: Table, name: str, prior: Prior | None, where: str) -> AbstractColumn:
    if name not in table.columns:
        got, do = f"{quote(name)}{suggest(name, table.columns)}", f"name some of {listing(table.columns)}"
        raise refusal(where, expected="the column of a parameter", got=got, do=do)
    j = table.columns.index(name)
    values, form = table.values[:, j], table.formats[j]
    if form.kind != "number" or np.isnan(values).any() or len(np.unique(values)) < 2:
        kind = form.kind if form.kind != "number" else "a missing cell" if np.isnan(values).any() else "one value"
        got = f"{kind} in column {quote(name)}"
        do = "leave the rows out, or the parameter"
        raise refusal(where, expected="different numbers in every row", got=got, do=do)
    if prior is not None:
        found = Parameter.of(Cells(name, values, form), prior)
        found.require(values, where)
        return found
    (plain,) = Schema.infer(replace(table, columns=(name,), values=values[:, None], formats=(form,))).columns
    assert isinstance(plain, AbstractNumber)
    return plain


def odd_priors(
    columns: Sequence[AbstractColumn], values: Mapping[str, np.ndarray], *, level: float = 1e-6
) -> Iterator[str]:
    """Lines on parameters whose values do not look like draws from their prior (Kolmogorov and Smirnov's test)."""
    from scipy.stats import kstest

    for column in columns:
        if isinstance(column, Parameter):
            own = values[column.name]
            p = float(kstest(column.encode(own).numbers[:, 0], "norm").pvalue)
            if p < level:
                yield (
                    f"the values of {quote(column.name)} do not look like draws from {column.prior} (p = {p:.0e}): the "
                    "posterior is that of the law they were drawn from"
                )
