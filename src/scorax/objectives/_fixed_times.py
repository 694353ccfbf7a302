"""Laws that sit on given times: one noise level, or the nodes of a tabulated process."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._errors import explain
from scorax._text import quote
from scorax.objectives._times import AbstractTimes
from scorax.processes import AbstractProcess


def _numbers(times: Sequence[float] | np.ndarray | Array) -> tuple[float, ...]:
    return tuple(float(t) for t in np.asarray(times, np.float64).reshape(-1))


class NodeTimes(AbstractTimes):
    r"""Uniform over given times; the integral over the clock becomes the mean $\frac1N \sum_i \lambda(t_i)\, E[loss(t_i)]$.

    With ``VarianceWeighting`` and the nodes of a tabulated process it is the simple loss of DDPM (Ho et al. 2020, eq. 14) or the
    objective of NCSN (Song and Ermon 2019, eq. 6), each halved.

    Args:
        times: the times, in the clock of the process, where the noise is not zero.

    Raises:
        ValueError: no times, or a time outside the clock (DDPM's index 0, where there is no noise, is one).
    """

    times: tuple[float, ...] = eqx.field(static=True, converter=_numbers)

    def __check_init__(self) -> None:
        if not self.times or not all(np.isfinite(self.times)):
            raise ValueError(explain(expected="finite times, at least one", got=quote(self.times), do="pass the nodes"))

    def quantile(self, process: AbstractProcess, u: Float[Array, ""]) -> Float[Array, ""]:
        _check_clock(process, min(self.times), max(self.times))
        place = jnp.floor(u * len(self.times)).astype(jnp.int32)
        # u is below one, but its product may round up to the number of times.
        return jnp.asarray(self.times, u.dtype)[jnp.minimum(place, len(self.times) - 1)]

    def density(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(t)


class FixedTime(AbstractTimes):
    """One time only; the integral over the clock becomes the value there: score matching at one noise level.

    Args:
        time: the time.

    Raises:
        ValueError: the time is outside the clock.
    """

    time: float

    def quantile(self, process: AbstractProcess, u: Float[Array, ""]) -> Float[Array, ""]:
        _check_clock(process, self.time, self.time)
        return jnp.full_like(u, self.time)

    def density(self, process: AbstractProcess, t: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(t)


def _check_clock(process: AbstractProcess, first: float, last: float) -> None:
    rounding = 1e-6  # nodes kept in float32 may step over an end
    if not (first >= process.t0 * (1 - rounding) and last <= process.t1 * (1 + rounding)):
        raise ValueError(
            explain(
                expected=f"times in the clock [{process.t0:g}, {process.t1:g}]",
                got=f"times from {first:g} to {last:g}",
                do="leave out times without noise, or move the ends of the process",
            )
        )
