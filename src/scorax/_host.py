"""Small float64 computations ahead of time, whatever precision or trace they are called under."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax


@contextmanager
def host_float64() -> Iterator[None]:
    """Context in which JAX operations on concrete values run at once and in float64, also while ``jit`` is tracing.

    Grids, ends of flows and other tables are made here once, so a float32 program starts from correctly rounded numbers.
    """
    with jax.ensure_compile_time_eval(), jax.enable_x64(True):
        yield
