"""A model as a document and named arrays, and back; the grammar is that of ``_document``."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_origin

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import AbstractArray

from scorax._checked import require_kind, shown
from scorax._errors import InputError, explain, refusal
from scorax._text import quote, shown_path
from scorax._trees import kept_on, named_arrays, placed, with_named_arrays
from scorax.checkpoint._document import children, named
from scorax.checkpoint._tensors import TYPES
from scorax.spec import CLASSES, FUNCTIONS, own_name, registered, registered_name

Model = TypeVar("Model")
Place = tuple[str, ...]


def described(model: eqx.Module) -> tuple[Any, dict[str, np.ndarray]]:
    """The document of a model and its arrays by name.

    Raises:
        TypeError: a part is nothing that a file can hold; the message names it.
    """
    names: set[str] = set()
    document = _node(model, (), names)
    arrays = named_arrays(model)
    if names != set(arrays):
        odd = sorted(names ^ set(arrays))[0]
        got = "one in a static field or in an object that is no PyTree"
        raise _refused(odd, "arrays in fields that are data", got, do="make it a number of Python, or the field data")
    return document, arrays


def _node(value: Any, place: Place, names: set[str]) -> Any:
    if value is None or type(value) in (bool, int) or (type(value) is str and _is_text(value)):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _array(value, place, names)
    if type(value) in (tuple, list):
        return {type(value).__name__: [_node(part, (*place, str(i)), names) for i, part in enumerate(value)]}
    if type(value) is dict and all(type(key) is str and _is_text(key) for key in value):
        return {"dict": {key: _node(part, (*place, key), names) for key, part in value.items()}}
    fields = _fields(value)
    if fields is not None:
        parts = {name: _node(getattr(value, name), (*place, name), names) for name in fields}
        name = registered_name(type(value), CLASSES)
        return {"own": own_name(type(value)), "fields": parts} if name is None else {"class": name, "fields": parts}
    name = registered_name(value, FUNCTIONS)
    if name is not None:
        return {"function": name}
    if callable(value) and hasattr(value, "__qualname__") and not hasattr(value, "__self__"):
        return {"own": own_name(value)}
    raise _refused(named(place), "numbers, text, arrays, modules and functions", shown(value))


def _is_text(value: str) -> bool:
    """Whether it can be written: half of a surrogate pair cannot."""
    return value.encode(errors="ignore").decode() == value


def _array(value: Any, place: Place, names: set[str]) -> dict[str, Any]:
    name, kind = named(place), str(value.dtype)
    if isinstance(value, Tracer) or kind not in TYPES or name in names:
        got = "a second one of that name" if name in names else "a traced one" if kind in TYPES else f"one of {kind}"
        raise _refused(name, "an array of numbers", got)
    names.add(name)
    return {"array": kind, "shape": list(value.shape), "on": kept_on(value)}


def _fields(value: Any) -> tuple[str, ...] | None:
    """Names of the fields of a module, dataclass or named tuple."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return tuple(field.name for field in dataclasses.fields(value))
    return getattr(value, "_fields", None) if isinstance(value, tuple) else None


def _refused(name: str, expected: str, got: str, do: str = "save the model without it") -> TypeError:
    return TypeError(explain(expected=f"{expected} at {quote(name)}", got=got, do=do))


def rebuilt(document: Any, arrays: dict[str, np.ndarray], where: object, do: str) -> Any:
    """The model of a document that speaks of registered names only; the checks of its classes have run.

    Args:
        document: the tree of the model, as :func:`~scorax.checkpoint._document.contents_of` has looked at it.
        arrays: its arrays by name.
        where: the file it was read from.
        do: what the user is told to do about a class that has other fields.

    Raises:
        InputError: a class has other fields, or refuses them.
    """

    def build(node: Any, place: Place) -> Any:
        if not isinstance(node, dict):
            return node
        parts = {name: build(part, (*place, name)) for name, part in children(node)}
        if "class" in node:
            at = f"{shown_path(where)}: {quote(named(place))}" if place else shown_path(where)
            return _assembled(registered(node["class"], CLASSES), parts, at, do)
        if "array" in node:
            return placed(arrays[named(place)], node["on"], named(place))
        if "function" in node:
            return registered(node["function"], FUNCTIONS)
        if "float" in node:
            return float(node["float"])
        return parts if "dict" in node else (tuple if "tuple" in node else list)(parts.values())

    return build(document, ())


def _assembled(cls: type[Model], values: dict[str, Any], where: str, do: str) -> Model:
    """An instance with these fields, as its constructor would leave it: its types are looked at, then its own checks run."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    name = cls.__name__
    expected = {field.name for field in fields}
    if set(values) != expected:
        odd = sorted(set(values) ^ expected)[0]
        wanted, got = ("with", "none") if odd in expected else ("without", "one")
        raise refusal(where, expected=f"{name} {wanted} {quote(odd)}", got=got, do=do)
    model = object.__new__(cls)
    for field in fields:
        object.__setattr__(model, field.name, values[field.name])
    try:
        for field in fields:
            _require_type(values[field.name], field.type, what=f"{field.name} of {name}")
        for base in cls.__mro__:
            check: Callable[[Any], None] | None = base.__dict__.get("__check_init__")
            if check is not None:
                check(model)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{where}: {said}") from None
    return model


def _require_type(value: Any, hint: Any, *, what: str) -> None:
    """``require_kind``, which leaves arrays and tuples to those who use them, and these two."""
    require_kind(value, hint, what=what)
    if get_origin(hint) is tuple:
        of, *rest = get_args(hint)
        if not isinstance(value, tuple):
            raise TypeError(explain(expected=f"{what} as a tuple", got=shown(value), do="restore the file"))
        for part in value if rest == [...] else ():
            _require_type(part, of, what=f"a part of {what}")
    if isinstance(hint, type) and issubclass(hint, AbstractArray) and not eqx.is_array(value):
        raise TypeError(explain(expected=f"{what} as an array", got=shown(value), do="restore the file"))


def filled(like: Model, saved: Any, arrays: dict[str, np.ndarray], where: object) -> Model:
    """``like`` with saved arrays for its own, if everything else in it is what was saved.

    Raises:
        InputError: a class, function, number, shape or type is another; the message names the place and both.
        TypeError: ``like`` has a part that is in no saved model.
    """
    own, _ = described(like)  # type: ignore[arg-type]
    difference = _difference(saved, own, ())
    if difference is not None:
        place, then, now = difference
        raise refusal(
            where,
            expected=f"like= with {quote(named(place) or 'the model')} as saved, {_words(then)}",
            got=_words(now),
            do="build it as the saved model was built",
        )
    return with_named_arrays(like, arrays, where=shown_path(where))


def _difference(saved: Any, own: Any, place: Place) -> tuple[Place, Any, Any] | None:
    """The first place where two documents differ, but for where arrays are kept: ``like`` says that."""
    if not (isinstance(saved, dict) and isinstance(own, dict)):
        return None if type(saved) is type(own) and repr(saved) == repr(own) else (place, saved, own)
    then, now = dict(children(saved)), dict(children(own))
    if _head(saved) != _head(own) or set(then) != set(now):
        return place, saved, own
    for name in then:
        difference = _difference(then[name], now[name], (*place, name))
        if difference is not None:
            return difference
    return None


def _head(node: dict[str, Any]) -> dict[str, Any]:
    """What a part is, without its own parts."""
    return {
        key: None if isinstance(part, list | dict) and key != "shape" else part
        for key, part in node.items()
        if key != "on"
    }


def _words(node: Any) -> str:
    """A part of a model in a few words."""
    if not isinstance(node, dict):
        return quote(node, 40) if isinstance(node, str) else repr(node)[:40]
    if "array" in node:
        return f"{node['array']}{node['shape']}"
    for key in ("class", "function", "own", "float"):
        if key in node:
            return quote(node[key], 100).strip("'")
    return f"a {next(iter(node))} of {len(dict(children(node)))}"
