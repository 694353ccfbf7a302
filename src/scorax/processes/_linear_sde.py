"""Linear SDEs with matrices, and critically damped Langevin dynamics as one of them."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from scorax._checked import require_count
from scorax._errors import explain
from scorax.processes._abstract import Law
from scorax.processes._diffusion import Matrix
from scorax.processes._kernel import GaussianKernel
from scorax.processes._law import GaussianLaw
from scorax.processes._linear import AbstractLinearSDE
from scorax.processes._moments import constant_moments, varying_moments

Coefficient: TypeAlias = np.ndarray | Array | Callable[[Array], Array]
"""A constant, held on the host in float64 and cast where it is used (an array where ``jit`` traces it), or a function of time."""


class LinearSDE(AbstractLinearSDE):
    r"""Linear SDE $dX = (F(t) X + b(t)) dt + L(t) dW$ on flat rows of ``d`` coordinates with ``m`` Brownian motions.

    Constant coefficients have their kernel from the matrix exponential (a Taylor series with doubling); functions of time
    from an adaptive solve of the moment equations, for every time that is asked for. Clean data stand at time 0.

    Args:
        drift_matrix: F, ``(d, d)`` or a function of time.
        noise_matrix: L, ``(d, m)`` or a function of time.
        offset: b, ``(d,)`` or a function of time; none where it is ``None``.
        prior: law at ``t1``; where it is ``None`` it is the image of the data's moments.
        t0: cut-off of the clock; 0 is allowed where the data have a density and no conditional score is asked for.
        t1: end of the clock.

    Raises:
        ValueError: constants that do not fit together or are not finite, or ``t0 < 0`` or ``t0 >= t1``.

    Reference: Särkkä and Solin (2019), *Applied stochastic differential equations*, eqs. 6.2 and 6.20.
    """

    drift_matrix: Coefficient
    noise_matrix: Coefficient
    offset: Coefficient | None
    t0: float
    t1: float
    prior: Law | None = None

    def __init__(
        self,
        drift_matrix: ArrayLike | Callable[[Array], Array],
        noise_matrix: ArrayLike | Callable[[Array], Array],
        offset: ArrayLike | Callable[[Array], Array] | None = None,
        prior: Law | None = None,
        t0: float = 0.0,
        t1: float = 1.0,
    ) -> None:
        self.drift_matrix = _coefficient(drift_matrix)
        self.noise_matrix = _coefficient(noise_matrix)
        self.offset = None if offset is None else _coefficient(offset)
        self.prior = prior  # pyright: ignore[reportIncompatibleMethodOverride]  a stored property
        self.t0, self.t1 = t0, t1

    def __check_init__(self) -> None:
        check_start(self.t0, self.t1)
        for name, constant in (("F", self.drift_matrix), ("L", self.noise_matrix), ("b", self.offset)):
            if isinstance(constant, np.ndarray) and not np.all(np.isfinite(constant)):
                raise ValueError(
                    explain(expected=f"finite numbers in {name}", got="a NaN or an infinity", do="pass known constants")
                )
        shapes = [
            c.shape if isinstance(c, np.ndarray) else None for c in (self.drift_matrix, self.noise_matrix, self.offset)
        ]
        drift, noise, offset = shapes
        rows = {shape[0] for shape in shapes if shape}
        if (
            (drift is not None and (len(drift) != 2 or drift[0] != drift[1]))
            or (noise is not None and len(noise) != 2)
            or (offset is not None and len(offset) != 1)
            or len(rows) > 1
        ):
            raise ValueError(
                explain(
                    expected="F of shape (d, d), L of shape (d, m) and b of shape (d,)",
                    got=f"{drift}, {noise}, {offset}",
                    do="write a scalar as a 1 x 1 matrix",
                )
            )

    def drift(self, t: Float[Array, ""], x: Float[Array, " d"]) -> Float[Array, " d"]:
        matrix = _at(self.drift_matrix, t, x.dtype)
        if x.shape != matrix.shape[1:]:
            raise ValueError(
                explain(
                    expected=f"a flat state of {matrix.shape[-1]} numbers, as F of {type(self).__name__} has it",
                    got=f"shape {list(x.shape)}",
                    do="pass such rows; critically damped Langevin takes data and velocities side by side",
                )
            )
        return matrix @ x + self._offset(t, x.dtype)

    def diffusion(self, t: Float[Array, ""], x: Float[Array, " d"]) -> Matrix:
        return Matrix(_at(self.noise_matrix, t, x.dtype))

    def transition(self, s: Float[Array, ""], t: Float[Array, ""]) -> GaussianKernel:
        dtype = t.dtype
        if any(callable(c) for c in (self.drift_matrix, self.noise_matrix, self.offset)):
            return varying_moments(
                lambda r: _at(self.drift_matrix, r, dtype),
                lambda r: self._offset(r, dtype),
                lambda r: _squared(_at(self.noise_matrix, r, dtype)),
                s,
                t,
            ).kernel()
        rate = _squared(_at(self.noise_matrix, t, dtype))
        return constant_moments(_at(self.drift_matrix, t, dtype), self._offset(t, dtype), rate, t - s).kernel()

    def _offset(self, t: Float[Array, ""], dtype: jnp.dtype) -> Float[Array, " d"]:
        if self.offset is None:
            return jnp.zeros(_at(self.drift_matrix, t, dtype).shape[0], dtype)
        return _at(self.offset, t, dtype)


def critically_damped_langevin(
    dimension: int, *, mass: float = 0.25, rate: float = 4.0, t0: float = 0.0, t1: float = 1.0
) -> LinearSDE:
    r"""Critically damped Langevin diffusion on augmented rows ``(x, v)`` of ``2 dimension`` coordinates.

    $$ dx = \frac{\beta}{M} v \, dt, \qquad
       dv = -\beta x \, dt - \frac{\Gamma \beta}{M} v \, dt + \sqrt{2 \Gamma \beta}\, dW, \qquad \Gamma^2 = 4 M. $$

    Noise enters the velocity only and reaches the data through it, so paths of the data are smooth. Clean rows are data with
    velocities drawn from ``N(0, gamma M)`` for a small gamma; the law at ``t1`` is taken as the stationary one,
    ``N(0, I)`` for the data and ``N(0, M I)`` for the velocity.

    Args:
        dimension: number of coordinates of the data.
        mass: M; the default is that of the paper.
        rate: beta; the default is that of the paper.
        t0: cut-off of the clock.
        t1: end of the clock.

    Raises:
        ValueError: a dimension below one, or a mass or rate that is not positive.

    Reference: Dockhorn, Vahdat and Kreis (2022), *Score-based generative modeling with critically-damped Langevin
    diffusion*, eqs. 5 and 6.
    """
    dimension = require_count(dimension, "dimension")
    if not mass > 0 or not rate > 0:
        raise ValueError(
            explain(
                expected="positive mass and rate",
                got=f"{mass}, {rate}",
                do="pass 0.25 and 4.0 for mass and rate",
            )
        )
    friction = 2 * math.sqrt(mass)
    identity = np.eye(dimension)
    drift = np.kron(rate * np.array([[0.0, 1 / mass], [-1.0, -friction / mass]]), identity)
    noise = np.concatenate([np.zeros((dimension, dimension)), math.sqrt(2 * friction * rate) * identity])
    stationary = np.diag(np.repeat([1.0, mass], dimension))
    return LinearSDE(drift, noise, prior=GaussianLaw.from_moments(np.zeros(2 * dimension), stationary), t0=t0, t1=t1)


def check_start(t0: float, t1: float) -> None:
    """Refuse a clock that does not run forward from time 0 or later.

    Raises:
        ValueError: not ``0 <= t0 < t1``, or a clock without an end.
    """
    if not 0 <= t0 < t1 < math.inf:
        raise ValueError(explain(expected="a finite clock with 0 <= t0 < t1", got=f"{t0}, {t1}", do="order the clock"))


def _coefficient(value: Any) -> Coefficient:
    return cast(Callable[[Array], Array], value) if callable(value) else np.asarray(value, np.float64)


def _at(coefficient: Coefficient, t: Float[Array, ""], dtype: jnp.dtype) -> Array:
    value = coefficient(t) if callable(coefficient) else coefficient
    return jnp.asarray(value, dtype)


def _squared(matrix: Float[Array, "d m"]) -> Float[Array, "d d"]:
    return matrix @ matrix.T
