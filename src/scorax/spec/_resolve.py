"""From defaults, a file, ``--set`` and flags to one configuration: the later wins."""

import copy
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from scorax._errors import InputError, refusal
from scorax._text import quote, shown_path
from scorax.spec._load import from_mapping
from scorax.spec._toml import MAXIMUM_DEPTH, parse_toml, read_toml

T = TypeVar("T")

_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}(?:\.[A-Za-z0-9_-]{1,100})*")
_LONGEST = 10_000


def apply_sets(mapping: Mapping[str, Any], sets: Iterable[str]) -> dict[str, Any]:
    """A copy of the mapping with settings ``a.b=value`` put in; the value is TOML, or else plain text.

    Raises:
        InputError: a setting without ``=``, with a key that is none, or one that goes through a value as if it were
            a table.
    """
    result = copy.deepcopy(dict(mapping))
    for setting in sets:
        key, equals, text = setting.partition("=")
        key = key.strip()
        if not equals or len(setting) > _LONGEST or not _KEY.fullmatch(key) or key.count(".") >= MAXIMUM_DEPTH:
            raise refusal(
                "--set",
                expected="key=value or a.b=value",
                got=quote(setting),
                do="write e.g. --set training.max_steps=500",
            )
        put(result, key, _parse(text.strip()), "--set")
    return result


def put(mapping: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Sets a dotted key in nested dictionaries, making those that are missing."""
    *path, last = key.split(".")
    for depth, part in enumerate(path):
        mapping = mapping.setdefault(part, {})
        if not isinstance(mapping, dict):
            raise refusal(
                where,
                expected=f"a table at {'.'.join(path[: depth + 1])}",
                got="a value",
                do=f"check the key {quote(key)}",
            )
    mapping[last] = value


def _parse(text: str) -> Any:
    """The TOML value of a text; the text itself where it is none or is of a kind that no field has."""
    if "\n" in text or "\r" in text:
        return text
    try:
        value = parse_toml(f"value = {text}\n".encode(), "--set")["value"]
    except (InputError, UnicodeEncodeError, tomllib.TOMLDecodeError):
        return text
    return value if isinstance(value, bool | int | float | str | list | dict) else text


def resolve(
    cls: type[T],
    *,
    file: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    sets: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> T:
    """The configuration from all its sources: defaults < file < sets < flags.

    Args:
        cls: the dataclass whose defaults are the base.
        file: a TOML file, or a mapping read already (a preset, a ``config.json``).
        sets: ``a.b=value`` as given by ``--set``.
        flags: values of named flags by dotted key; ``None`` means that the flag was not given.
    """
    if file is None or isinstance(file, Mapping):
        mapping, where = dict(file or {}), "config"
    else:
        mapping, where = read_toml(file), shown_path(file)
    mapping = apply_sets(mapping, sets)
    for key, value in (flags or {}).items():
        if value is not None:
            put(mapping, key, value, f"--{key.rsplit('.', 1)[-1].replace('_', '-')}")
    return from_mapping(cls, mapping, where)
