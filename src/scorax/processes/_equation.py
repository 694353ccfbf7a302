"""The drift and the diffusion of an equation held against a state, before anything is computed."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array

from scorax._checked import shown
from scorax._errors import explain
from scorax._shapes import shapes_of
from scorax.processes._abstract import AbstractProcess, AbstractSDE
from scorax.processes._diffusion import Diagonal, Matrix, Scalar


def require_equation(
    process: AbstractProcess, shape: tuple[int, ...], dtype: DTypeLike, *, precise: bool = True
) -> None:
    """Refuse a drift or a diffusion that does not fit a state of this shape and precision: it would be broadcast to one, in
    silence, where the arguments of a function are in the wrong order, say. A process without an equation passes, and a higher
    precision where ``precise`` is false.

    Only shapes are computed.

    Raises:
        TypeError: the drift is no array, or the diffusion none of its three kinds.
        ValueError: either is of another shape, or raises the precision of the state.
    """
    if not isinstance(process, AbstractSDE):
        return
    kind, name = jnp.dtype(dtype), type(process).__name__
    most = kind if precise else None
    t, state = jax.ShapeDtypeStruct((), kind), jax.ShapeDtypeStruct(shape, kind)
    drift = shapes_of(_drift, process, t, state)
    if not _fits(drift, shape, most):
        raise (ValueError if isinstance(drift, jax.ShapeDtypeStruct) else TypeError)(
            explain(
                expected=f"a drift(t, x) of {name} like its state, {kind}{list(shape)}",
                got=_described(drift),
                do="write it as a function of the time first and of one state, and return a number for each coordinate",
            )
        )
    diffusion = shapes_of(_diffusion, process, t, state)
    if not isinstance(diffusion, Scalar | Diagonal | Matrix):
        raise TypeError(
            explain(
                expected=f"a diffusion(t, x) of {name} that is a Scalar, a Diagonal or a Matrix",
                got=_described(diffusion),
                do="say what the numbers are, as in Scalar(g), of scorax.processes",
            )
        )
    value, flat, fitting = diffusion.value, True, shape
    if isinstance(diffusion, Scalar):
        fitting = ()
    elif isinstance(diffusion, Matrix):
        flat, fitting = len(shape) == 1, (*shape, *(value.shape[1:] if len(value.shape) == 2 else ("m",)))
    if not (flat and _fits(value, fitting, most)):
        wanted = f"{type(diffusion).__name__} of {kind}[{', '.join(map(str, fitting))}]"
        raise ValueError(
            explain(
                expected=f"{wanted} in the diffusion(t, x) of {name}, for a state {kind}{list(shape)}",
                got=_described(value),
                do="write it as a function of the time first and of one state; a Matrix is for flat states",
            )
        )


def _drift(process: AbstractSDE, t: Array, x: Array) -> Any:
    return process.drift(t, x)


def _diffusion(process: AbstractSDE, t: Array, x: Array) -> Any:
    return process.diffusion(t, x)


def _fits(value: Any, shape: tuple[Any, ...], dtype: jnp.dtype | None) -> bool:
    if not isinstance(value, jax.ShapeDtypeStruct) or value.shape != shape:
        return False
    if dtype is None:
        return not jnp.issubdtype(value.dtype, jnp.complexfloating)
    return value.weak_type or jnp.result_type(value.dtype, dtype) == dtype


def _described(value: Any) -> str:
    return f"{value.dtype}{list(value.shape)}" if isinstance(value, jax.ShapeDtypeStruct) else shown(value)
