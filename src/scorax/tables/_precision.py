"""The precision of a run is its own: what JAX was told about 64 bits elsewhere in the process changes none of its numbers."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")


def in_own_precision(function: Callable[P, R]) -> Callable[P, R]:
    """The function with JAX's 64 bits off at its start, whatever ``jax_enable_x64`` says; it may turn them on inside."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.enable_x64(False):
            return function(*args, **kwargs)

    return run
