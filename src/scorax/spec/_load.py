"""Strict loading of nested frozen dataclasses from plain mappings: a closed set of types, every error at once."""

import dataclasses
import functools
import sys
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from scorax._errors import InputError
from scorax._text import quote, suggest
from scorax.spec._ranges import Range

T = TypeVar("T")

_SHOWN_ERRORS = 8
_SCALARS: dict[type, str] = {bool: "true or false", int: "an integer", float: "a number", str: "text"}
_FITS: dict[type, Callable[[Any], bool]] = {
    bool: lambda value: isinstance(value, bool),
    int: lambda value: type(value) is int and -(2**63) <= value < 2**64,
    float: lambda value: type(value) in (int, float) and abs(value) <= sys.float_info.max,
    str: lambda value: isinstance(value, str),
}


class _Refused(Exception):
    """A value that does not fit; the errors are in the list already."""


def from_mapping(cls: type[T], mapping: Any, where: str = "config", do: str = "correct the configuration") -> T:
    """An instance of a dataclass from a mapping with its field names as keys.

    Fields may be of type ``bool``, ``int``, ``float``, ``str``, ``Literal``, ``X | None``, ``tuple[X, Y]``,
    ``tuple[X, ...]``, ``dict[str, X]`` or another dataclass, a union of dataclasses that a field ``kind``, a ``Literal`` of one
    text, tells apart (left out, it is the first), and ``Annotated[X, Range(...)]`` with a number for X. Nothing is
    converted, except an integer where a float is asked for and a list where a tuple is. A ``ValueError`` of ``__post_init__``
    is reported with its place.

    Args:
        cls: the dataclass.
        mapping: keys and values, as a file gave them; keys left out take the default of their field.
        where: what the place of an error begins with: the name of the file.
        do: what the user is told to do about it.

    Raises:
        InputError: one line with all errors: unknown keys with the nearest known one, missing keys, wrong types,
            refused values.
    """
    errors: list[str] = []
    try:
        return _dataclass(cls, mapping, "", errors)
    except _Refused:
        raise _refusal(where, errors, do) from None


class Checked:
    """Base of a frozen dataclass that refuses fields of another type, or outside their range, however it is made."""

    def __post_init__(self) -> None:
        errors: list[str] = []
        for name, hint in _hints(type(self)).items():
            value = getattr(self, name)
            # NumPy's scalars, as a parameter search passes them.
            value = value.item() if isinstance(value, np.generic) else value
            try:
                object.__setattr__(self, name, _value(hint, value, name, errors))
            except _Refused:
                continue
        if errors:
            raise _refusal(type(self).__name__, errors, "pass other values")


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def _refusal(where: str, errors: list[str], do: str) -> InputError:
    more = f"; and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
    return InputError(f"{where}: {'; '.join(errors[:_SHOWN_ERRORS])}{more}; {do}")


def _refuse(errors: list[str], place: str, expected: str, got: str) -> _Refused:
    errors.append(f"{place or 'the top level'}: expected {expected}, got {got}")
    return _Refused()


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return quote(value, 40) if isinstance(value, str) else quote(value, 40).strip("'")


def _dataclass(cls: type[T], mapping: Any, place: str, errors: list[str]) -> T:
    if not isinstance(mapping, Mapping):
        raise _refuse(errors, place, "a table", _shown(mapping))
    hints = _hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    prefix = f"{place}." if place else ""
    before = len(errors)
    for key in mapping:
        if key not in fields:
            known = f"one of {', '.join(fields)}" if fields else "no key"
            _refuse(errors, prefix + (key if str(key).isidentifier() else quote(key)), known, _unknown(key, fields))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in mapping:
            try:
                values[name] = _value(hints[name], mapping[name], prefix + name, errors)
            except _Refused:
                continue
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            _refuse(errors, prefix + name, "a value", "none")
    if len(errors) > before:
        raise _Refused
    try:
        return cls(**values)
    except (ValueError, TypeError) as error:
        errors.append(f"{place or 'the top level'}: {str(error).splitlines()[0] if str(error) else 'refused'}")
        raise _Refused from None


def _in_range(allowed: Range, value: Any, place: str, errors: list[str]) -> Any:
    if value not in allowed:
        raise _refuse(errors, place, f"{_SCALARS[type(value)]} in {allowed}", _shown(value))
    return value


def _unknown(key: Any, fields: Mapping[str, Any]) -> str:
    return f"an unknown key{suggest(str(key), fields)}"


def _value(hint: Any, value: Any, place: str, errors: list[str]) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(arguments, value, place, errors)
    if origin is Annotated:
        (allowed,) = hint.__metadata__
        return _in_range(allowed, _value(arguments[0], value, place, errors), place, errors)
    if origin is Literal:
        if not any(type(value) is type(choice) and value == choice for choice in arguments):
            near = suggest(value, [c for c in arguments if isinstance(c, str)]) if isinstance(value, str) else ""
            choices = ", ".join(map(repr, arguments))
            raise _refuse(errors, place, f"one of {choices}", _shown(value) + near)
        return value
    if origin is tuple:
        return _tuple(arguments, value, place, errors)
    if origin is dict:
        return _dictionary(arguments[1], value, place, errors)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if isinstance(value, hint):
            return value
        return _dataclass(hint, value, place, errors)
    if hint not in _SCALARS:
        raise TypeError(f"{place}: the type {hint!r} is not one a configuration may have")
    return _scalar(hint, value, place, errors)


def _union(arguments: tuple[Any, ...], value: Any, place: str, errors: list[str]) -> Any:
    others = [a for a in arguments if a is not types.NoneType]
    if value is None and len(others) < len(arguments):
        return None
    if len(others) == 1:
        return _value(others[0], value, place, errors)
    if not all(dataclasses.is_dataclass(a) and get_origin(_hints(a).get("kind")) is Literal for a in others):
        raise TypeError(f"{place}: a union may only be X | None, or of dataclasses that a Literal `kind` tells apart")
    if isinstance(value, tuple(others)):
        return value
    if not isinstance(value, Mapping):
        raise _refuse(errors, place, "a table", _shown(value))
    kinds = {get_args(_hints(a)["kind"])[0]: a for a in others}
    kind = _value(Literal[tuple(kinds)], value.get("kind", next(iter(kinds))), f"{place}.kind", errors)
    return _dataclass(kinds[kind], value, place, errors)


def _dictionary(hint: Any, value: Any, place: str, errors: list[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _refuse(errors, place, "a table", _shown(value))
    before, items = len(errors), {}
    for key, item in value.items():
        try:
            items[key] = _value(hint, item, f"{place}.{key if key.isidentifier() else quote(key)}", errors)
        except _Refused:
            continue
    if len(errors) > before:
        raise _Refused
    return items


def _tuple(arguments: tuple[Any, ...], value: Any, place: str, errors: list[str]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _refuse(errors, place, "a list", _shown(value))
    open_ended = len(arguments) == 2 and arguments[1] is Ellipsis
    hints = (arguments[0],) * len(value) if open_ended else arguments
    if len(value) != len(hints):
        raise _refuse(errors, place, f"a list of {len(hints)}", _shown(value))
    before, items = len(errors), []
    for i, (hint, item) in enumerate(zip(hints, value, strict=True)):
        try:
            items.append(_value(hint, item, f"{place}[{i}]", errors))
        except _Refused:
            continue
    if len(errors) > before:
        raise _Refused
    return tuple(items)


def _scalar(hint: type, value: Any, place: str, errors: list[str]) -> Any:
    if not _FITS[hint](value):
        raise _refuse(errors, place, _SCALARS[hint], _shown(value))
    return float(value) if hint is float else value


def to_json(obj: Any, *, sparse: bool = False) -> Any:
    """A dataclass as JSON, so that ``from_mapping(type(obj), to_json(obj)) == obj``.

    ``sparse`` leaves out fields that are ``None`` where that is their default.
    """
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        fields = [(f, getattr(obj, f.name)) for f in dataclasses.fields(obj) if f.init]
        return {
            f.name: to_json(value, sparse=sparse)
            for f, value in fields
            if not (sparse and value is None and f.default is None)
        }
    if isinstance(obj, tuple | list):
        return [to_json(item, sparse=sparse) for item in obj]
    if isinstance(obj, dict) and all(isinstance(key, str) for key in obj):
        return {key: to_json(item, sparse=sparse) for key, item in obj.items()}
    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    raise TypeError(f"a {type(obj).__name__} is not one of the types a configuration may have")
