"""Columns as ``schema.json`` holds them: one record a column, of its kind's own fields; and the versions before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scorax._errors import refusal
from scorax._text import quote
from scorax.data import Dialect, Limits, NumberFormat, check_names
from scorax.spec import from_mapping, to_json
from scorax.tables.columns import KINDS, AbstractColumn

VERSION, _FLAT = 4, 2
"""Version 3 had no ``holed``. Versions 1 and 2 had one record for all kinds, with ``null`` where a field is not the kind's; see
:class:`FlatColumn`."""

_DO = "the file is damaged or foreign"


@dataclass(frozen=True)
class LeftOut:
    """A column of a table that is no part of its rows: neither modelled nor generated.

    Attributes:
        name: of the column.
        why: in words.
    """

    name: str
    why: str


def written(
    columns: tuple[AbstractColumn, ...],
    left_out: tuple[LeftOut, ...],
    dialect: Dialect,
    holed: tuple[str, ...] | None,
) -> dict[str, Any]:
    """The parts of a schema as JSON of this version."""
    return {
        "version": VERSION,
        "dialect": to_json(dialect),
        "columns": [{"kind": column.kind, **to_json(column)} for column in columns],
        "left_out": [to_json(one) for one in left_out],
        "holed": None if holed is None else list(holed),
    }


def read_schema(
    obj: Any, where: str
) -> tuple[tuple[AbstractColumn, ...], tuple[LeftOut, ...], Dialect, tuple[str, ...] | None]:
    """The parts of a schema from JSON of any version, with no unknown key.

    Raises:
        InputError: it is something else.
    """
    _expect(isinstance(obj, dict), where, "an object", type(obj).__name__)
    _expect("version" in obj, where, "the key version", "none")
    version = obj["version"]
    _expect(type(version) is int and 1 <= version <= VERSION, where, f"a version up to {VERSION}", version)
    keys = ("version", "columns") if version <= _FLAT else ("version", "dialect", "columns", "left_out")
    keys = keys if version < VERSION else (*keys, "holed")
    for key in obj:
        _expect(key in keys, where, f"the keys {', '.join(keys)}", key)
    _expect("columns" in obj, where, "the key columns", "none")
    _expect(isinstance(obj["columns"], list), where, "a list of columns", type(obj["columns"]).__name__)
    columns = tuple(_column(item, f"{where}: columns[{j}]", version) for j, item in enumerate(obj["columns"]))
    left_out = obj.get("left_out", [])
    _expect(isinstance(left_out, list), where, "a list of columns left out", type(left_out).__name__)
    left = [from_mapping(LeftOut, item, f"{where}: left_out[{j}]", _DO) for j, item in enumerate(left_out)]
    check_names([column.name for column in columns], where, Limits())
    check_names([*(column.name for column in columns), *(one.name for one in left)], where, Limits())
    dialect = from_mapping(Dialect, obj.get("dialect", {}), f"{where}: dialect", _DO)
    holed = obj.get("holed")
    _expect(holed is None or isinstance(holed, list), where, "a list of columns with missing cells", holed)
    for name in holed or ():
        _expect(name in {column.name for column in columns}, f"{where}: holed", "names of columns", name)
    return columns, tuple(left), dialect, None if holed is None else tuple(holed)


def _column(item: Any, where: str, version: int) -> AbstractColumn:
    _expect(isinstance(item, Mapping), where, "an object", type(item).__name__)
    if version <= _FLAT:
        item = _of_its_kind(item, where, version)
    kind = item.get("kind")
    _expect(isinstance(kind, str) and kind in KINDS, f"{where}.kind", f"one of {', '.join(KINDS)}", kind)
    return from_mapping(KINDS[kind], {key: value for key, value in item.items() if key != "kind"}, where, _DO)


@dataclass(frozen=True)
class FlatColumn:
    """A column of version 2, of any kind; that of version 1 had no ``origin`` and was written with its ``decimals``."""

    name: str
    kind: Literal["constant", "integer", "rounded", "continuous"]
    gap: float | None
    decimals: int | None
    low: float
    high: float
    value: float | None
    offset: float | None
    step: float | None
    origin: int
    written: int | None


def _of_its_kind(item: Mapping[str, Any], where: str, version: int) -> dict[str, Any]:
    """A column of an earlier version as this one writes it."""
    implied = {"origin": 0, "written": item.get("decimals")} if version == 1 else {}
    for key in implied:
        _expect(key not in item, where, f"no key {key} in version 1", key)
    flat = from_mapping(FlatColumn, {**item, **implied}, where, _DO)
    grid = {"decimals": flat.decimals, "gap": flat.gap, "offset": flat.offset, "step": flat.step}
    seen = {"low": flat.low, "high": flat.high}
    own: dict[str, Any] = {
        "constant": {"value": flat.value},
        "integer": {"seen": seen, "grid": grid},
        "rounded": {"seen": seen, "grid": grid},
        "continuous": {"seen": seen},
    }[flat.kind]
    for key, value in {**({} if "grid" in own else grid), **({} if "value" in own else {"value": flat.value})}.items():
        _expect(value is None, f"{where}.{key}", f"null in a column of kind {flat.kind}", value)
    try:
        form = NumberFormat.of(flat.written, flat.origin, flat.high)
    except ValueError as error:
        raise refusal(where, expected="a column", got=str(error), do=_DO) from None
    return {"kind": flat.kind, "name": flat.name, "format": to_json(form), **own}


def _expect(holds: bool, where: str, expected: str, got: object) -> None:
    if not holds:
        raise refusal(where, expected=expected, got=quote(got), do=_DO)
