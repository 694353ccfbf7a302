"""What a saved model may consist of, as JSON: a closed grammar, looked at before JAX is imported or a class is loaded.

A part of a model is ``null``, a truth value, a number, a string, or an object with one of these sets of keys::

    {"float": "nan" | "inf" | "-inf"}
    {"tuple": [part, ...]}  {"list": [part, ...]}  {"dict": {name: part, ...}}
    {"array": type, "shape": [...], "on": "device" | "host" | "scalar"}    the tensor named by its place, layers/0/weight
    {"class": registered name, "fields": {name: part, ...}}
    {"function": registered name}
    {"own": module and name, "fields": {...}}  {"own": module and name}    no part of scorax: never imported by a reader
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scorax._text import quote, suggest
from scorax.checkpoint._json import damaged
from scorax.checkpoint._tensors import TYPES
from scorax.spec import CLASSES, FUNCTIONS

_NOT_FINITE = ("nan", "inf", "-inf")
_PLACES = ("device", "host", "scalar")


@dataclass
class Contents:
    """What a document speaks of.

    Attributes:
        layout: shape and type of every tensor.
        own: place and name of every class and function that is not one of scorax.
    """

    layout: dict[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    own: list[tuple[str, str]] = field(default_factory=list)


def contents_of(document: Any, where: object, do: str) -> Contents:
    """The contents of a document.

    Args:
        document: what was read.
        where: the file it was read from.
        do: what the user is told to do about a part that is none.

    Raises:
        InputError: something is not of the grammar, or a name is not registered.
    """
    found = Contents()
    for place, node in _parts(document, (), where, do):
        if not isinstance(node, dict):
            continue
        if "array" in node:
            found.layout[named(place)] = (tuple(node["shape"]), node["array"])
        elif "own" in node:
            found.own.append((named(place), node["own"]))
    return found


def named(place: tuple[str, ...]) -> str:
    """The name of a place: of its tensor, and in messages."""
    return "/".join(place)


def _parts(node: Any, place: tuple[str, ...], where: object, do: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every part with its place, each looked at."""
    keys = frozenset(node) if isinstance(node, dict) else None
    at = f" at {quote(named(place))}" if place else ""
    if keys is None:
        if isinstance(node, list):
            raise damaged(where, f"a part of a model{at}", "a bare list", do)
    elif keys not in _FITS:
        raise damaged(where, f"a part of a model{at}", f"an object with the keys {quote(sorted(keys))}", do)
    elif not _FITS[keys](node):
        raise damaged(where, f"a part of a model under {quote(sorted(keys)[0])}{at}", "something else", do)
    else:
        for key, table in (("class", CLASSES), ("function", FUNCTIONS)):
            if key in keys and node[key] not in table:
                raise damaged(where, f"a {key} of scorax{at}", quote(node[key]) + suggest(node[key], table), do)
    yield place, node
    if isinstance(node, dict):
        for name, part in children(node):
            yield from _parts(part, (*place, name), where, do)


def children(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and parts of a part."""
    for key in ("fields", "dict"):
        yield from node.get(key, {}).items()
    for key in ("tuple", "list"):
        yield from ((str(number), part) for number, part in enumerate(node.get(key, ())))


def _is_array(node: dict[str, Any]) -> bool:
    shape = node["shape"]
    return (
        isinstance(node["array"], str)
        and node["array"] in TYPES
        and node["on"] in _PLACES
        and isinstance(shape, list)
        and all(type(length) is int and 0 <= length < 2**63 for length in shape)
        and (node["on"] != "scalar" or not shape)
    )


_FITS = {
    frozenset({"float"}): lambda node: node["float"] in _NOT_FINITE,
    frozenset({"tuple"}): lambda node: isinstance(node["tuple"], list),
    frozenset({"list"}): lambda node: isinstance(node["list"], list),
    frozenset({"dict"}): lambda node: isinstance(node["dict"], dict),
    frozenset({"array", "shape", "on"}): _is_array,
    frozenset({"class", "fields"}): lambda node: isinstance(node["class"], str) and isinstance(node["fields"], dict),
    frozenset({"function"}): lambda node: isinstance(node["function"], str),
    frozenset({"own", "fields"}): lambda node: isinstance(node["own"], str) and isinstance(node["fields"], dict),
    frozenset({"own"}): lambda node: isinstance(node["own"], str),
}
