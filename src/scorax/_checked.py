"""Arguments looked at where they enter: each refusal is one sentence, and names what was expected, what came, what to do."""

import dataclasses
import math
import numbers
import types
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from scorax._errors import explain
from scorax._text import quote


class Checked(eqx.Module):
    """Module whose fields are what their annotations say: numbers, whole numbers, strings, truth values, functions and other
    modules.

    Arrays and laws are left to those who use them. The types are looked at before ``__check_init__`` of a subclass,
    which may so compare numbers with numbers.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__check_init__" in cls.__dict__:  # Equinox runs the checks of a subclass before those of its parents
            setattr(cls, "__check_init__", _after_types(cls.__dict__["__check_init__"]))  # noqa: B010  pyright: another self

    def __check_init__(self) -> None:
        _check_types(self)


def _after_types(check: Callable[[Any], None]) -> Callable[[Any], None]:
    def checked(self: Any) -> None:
        _check_types(self)
        check(self)

    return checked


def _check_types(module: Checked) -> None:
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        require_kind(value, field.type, what=f"{field.name} of {type(module).__name__}")
        discrete = {int, bool} & set(_kinds(field.type)) and isinstance(value, np.integer | np.bool_)
        if discrete or (field.metadata.get("static") and isinstance(value, np.generic)):
            object.__setattr__(module, field.name, value.item())  # as of NumPy it would be data of a compiled program


def require_kind(value: Any, kind: Any, *, what: str) -> None:
    """Refuse a value that is not of a kind, which may be a union.

    Kinds are modules, dataclasses, protocols, functions, ``int``, ``float``, ``bool``, ``str`` and ``None``; others are not
    looked at.
    A ``float`` may be an array that is one number, traced or not.

    Raises:
        TypeError: it is something else, a class in the place of an instance, say.
        ValueError: the number is NaN.
    """
    kinds = _kinds(kind)
    if get_origin(kind) is Callable and not callable(value):
        raise TypeError(explain(expected=f"{what} as a function", got=shown(value), do="pass one, or a lambda"))
    modules = tuple(k for k in kinds if isinstance(k, type) and (dataclasses.is_dataclass(k) or _is_protocol(k)))
    if not (modules or {int, float, bool, str} & set(kinds)):
        return
    if any(_is(value, k) for k in kinds) or (float in kinds and _is_number(value)):
        if isinstance(value, numbers.Real) and math.isnan(value):
            raise ValueError(explain(expected=f"{what} as a number", got="nan", do="pass one that is known"))
        return
    raise TypeError(
        explain(expected=f"{what} as {_words(kinds, modules)}", got=shown(value), do=_advice(value, modules))
    )


def _kinds(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _is(value: Any, kind: Any) -> bool:
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if isinstance(kind, type) and _is_protocol(kind):
        return isinstance(value, kind) and not isinstance(value, type)  # a class has the methods too
    return isinstance(kind, type) and kind is not float and isinstance(value, kind)


def _is_protocol(kind: type) -> bool:
    return getattr(kind, "_is_runtime_protocol", False)


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray | jax.Array):
        return value.shape == () and jnp.issubdtype(value.dtype, np.number)
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _words(kinds: tuple[Any, ...], modules: tuple[type, ...]) -> str:
    known = {int: "a whole number", float: "a number", bool: "True or False", str: "a string", type(None): "None"}
    instances = [f"an instance of {module.__name__}" for module in modules]
    return " or ".join([*instances, *(known[k] for k in kinds if k in known)])


def _advice(value: Any, modules: tuple[type, ...]) -> str:
    if isinstance(value, type) and issubclass(value, modules):
        return f"make one of the class, as in {value.__name__}(...)"
    names = [name for module in modules for name in _finals(module)]
    if names:
        return f"pass {', '.join(names[:3])} or one of your own"
    return "make one" if modules else "convert it"


def _finals(module: type) -> list[str]:
    """Calls of the public classes of the library that are of this kind, those nearest to it first."""
    found, level = [], [module]
    while level:
        found += [each for each in level if each.__module__.startswith("scorax.")]
        level = [child for each in level for child in each.__subclasses__()]
    return [f"{each.__name__}(...)" for each in found if not each.__name__.startswith(("Abstract", "_"))]


def shown(value: Any) -> str:
    """A value as it is named in messages: small ones by themselves, others by their type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, bool | numbers.Number):
        return repr(value)
    if isinstance(value, str):
        return f"the string {quote(value)}"
    if isinstance(value, np.ndarray | jax.Array):
        return f"an array of {value.dtype}{list(value.shape)}"
    kind = type(value)
    plain = isinstance(value, Checked) or kind.__module__ == "builtins"  # another library may have an MLP too
    return kind.__name__ if plain else f"{kind.__module__}.{kind.__name__}"


def require_count(value: Any, what: str, *, least: int = 1) -> int:
    """A whole number as one of Python, whoever made it; refuse what is none, or less than ``least``.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is too small.
    """
    require_kind(value, int, what=what)
    if value < least:
        raise ValueError(explain(expected=f"{what} of at least {least}", got=f"{value}", do="pass a larger number"))
    return int(value)


def require_positive(value: Any, what: str) -> None:
    """Refuse a number that is not above zero.

    Raises:
        ValueError: it is not.
    """
    if not value > 0:
        raise ValueError(explain(expected=f"{what} above 0", got=f"{value}", do="pass a positive number"))


def require_not_negative(value: Any, what: str) -> None:
    """Refuse a number below zero, or NaN; one that a compiled program computes passes, as nobody knows it yet.

    Raises:
        ValueError: it is.
    """
    if not isinstance(value, Tracer) and not value >= 0:
        raise ValueError(explain(expected=f"{what} of at least 0", got=f"{value}", do="pass 0 or more"))


def require_finite(x: Any, what: str) -> None:
    """Refuse an array with NaN or infinity; one that a compiled program computes passes, as nobody knows it yet.

    Raises:
        ValueError: it has some.
    """
    count = 0 if isinstance(x, Tracer) else int(np.sum(~np.isfinite(np.asarray(x))))
    if count:
        raise ValueError(explain(expected=f"finite {what}", got=f"{count} of NaN or infinity", do="fill or drop them"))


def require_key(key: Any, what: str = "key") -> None:
    """Refuse what is no single random key; keys of either kind of JAX pass.

    Raises:
        TypeError: it is something else, a seed, say.
    """
    if isinstance(key, jax.Array):
        typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        if (typed and key.shape == ()) or (key.dtype == np.uint32 and key.shape in ((2,), (4,))):
            return
    raise TypeError(explain(expected=f"{what} as one random key", got=shown(key), do="pass jax.random.key(0), say"))


def require_shape(shape: Any) -> tuple[int, ...]:
    """The shape of one example; refuse what is none.

    Raises:
        TypeError: it is no tuple of whole numbers.
        ValueError: a length is less than one.
    """
    if not isinstance(shape, tuple | list):
        raise TypeError(explain(expected="shape as a tuple", got=shown(shape), do="pass (2,) for rows of two numbers"))
    return tuple(require_count(length, "a length in shape") for length in shape)


def require_row(x: Any, shape: tuple[int, ...], what: str) -> None:
    """Refuse what is no single row of a shape: several at once would be broadcast, or read as one.

    Raises:
        ValueError: it is of another shape.
    """
    if jnp.shape(x) != shape:
        raise ValueError(
            explain(
                expected=f"one row of shape {list(shape)} for {what}",
                got=f"shape {list(jnp.shape(x))}",
                do="map over rows, as in jax.vmap(law.log_density)(rows)",
            )
        )


def require_result(value: Any, shape: tuple[int, ...], *, expected: str, do: str) -> None:
    """Refuse a result of another shape, of a function that is not ours: JAX would broadcast it in silence.

    Raises:
        TypeError: it is no array and no number.
        ValueError: it is of another shape.
    """
    if isinstance(value, numbers.Number):
        value = np.asarray(value)
    if getattr(value, "shape", None) == shape:
        return
    if hasattr(value, "shape"):
        raise ValueError(explain(expected=expected, got=f"shape {list(value.shape)}", do=do))
    raise TypeError(explain(expected=expected, got=shown(value), do=do))
