"""First two moments of a linear SDE over an interval: the moment equations, solved."""

from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from scorax.processes._diffusion import Matrix
from scorax.processes._kernel import GaussianKernel

ORDER = 18
"""Terms of the Taylor series on an interval with ``2 |F| h <= 1``: the remainder is below the rounding of float64."""


class Moments(NamedTuple):
    r"""Mean map $\Phi$, shift $c$ and covariance $S$ of the state at the end given that at the start.

    $$ \Phi' = F \Phi, \qquad c' = F c + b, \qquad S' = F S + S F^T + L L^T. $$
    """

    mean_map: Float[Array, "d d"]
    shift: Float[Array, " d"]
    covariance: Float[Array, "d d"]

    def kernel(self) -> GaussianKernel:
        """The Gaussian kernel with these moments."""
        # The entries of S may differ by many powers of h (position and velocity of damped Langevin), so the root is that of
        # the correlations, scaled back; eigenvalues and not Cholesky, as coordinates without noise are allowed.
        scale = jnp.sqrt(jnp.diag(self.covariance))
        inverse = jnp.where(scale > 0, 1 / jnp.where(scale > 0, scale, 1.0), 0.0)
        values, basis = jnp.linalg.eigh(self.covariance * inverse[:, None] * inverse)
        root = scale[:, None] * basis * jnp.sqrt(jnp.maximum(values, 0.0))
        return GaussianKernel(Matrix(self.mean_map), self.shift, Matrix(root))


def constant_moments(
    drift: Float[Array, "d d"], offset: Float[Array, " d"], covariance_rate: Float[Array, "d d"], h: Float[Array, ""]
) -> Moments:
    """Moments over a length ``h`` where F, b and ``L L^T`` are constant: Taylor series on ``h / 2^k``, doubled k times.

    Van Loan's block exponential holds ``exp(-F h)`` beside ``exp(F h)`` and loses all digits of a long or stiff interval, and
    the small entries of a short one; the series keeps both.
    """
    norm = 2 * jnp.max(jnp.sum(jnp.abs(drift), axis=1)) * h
    doublings = jnp.ceil(jnp.log2(jnp.maximum(norm, 1.0))).astype(int)
    step = h * jnp.exp2(-doublings.astype(h.dtype))
    identity = jnp.eye(drift.shape[0], dtype=h.dtype)

    def add_term(j: Array, carry: tuple[Moments, Moments]) -> tuple[Moments, Moments]:
        total, (phi, c, s) = carry
        share = step / j
        term = Moments(share * (drift @ phi), share * (drift @ c), share * (drift @ s + s @ drift.T))
        return jax.tree.map(jnp.add, total, term), term

    first = Moments(step * drift, step * offset, step * covariance_rate)
    total = Moments(identity + first.mean_map, first.shift, first.covariance)
    total, _ = jax.lax.fori_loop(2, ORDER + 1, add_term, (total, first))

    def double(_: Array, m: Moments) -> Moments:
        phi, c, s = m
        return Moments(phi @ phi, phi @ c + c, phi @ s @ phi.T + s)

    return jax.lax.fori_loop(0, doublings, double, total)


def varying_moments(
    drift: Callable[[Array], Float[Array, "d d"]],
    offset: Callable[[Array], Float[Array, " d"]],
    covariance_rate: Callable[[Array], Float[Array, "d d"]],
    s: Float[Array, ""],
    t: Float[Array, ""],
) -> Moments:
    """Moments from ``s`` to ``t`` by an adaptive solve of the moment equations; NaN where the solve fails."""
    start = drift(s)
    identity = jnp.eye(start.shape[0], dtype=start.dtype)

    def field(r: Any, m: Moments, args: None) -> Moments:
        r = jnp.asarray(r)
        matrix = drift(r)
        spread = matrix @ m.covariance
        return Moments(
            matrix @ m.mean_map,
            matrix @ m.shift + offset(r),
            spread + spread.T + covariance_rate(r),
        )

    double = start.dtype == jnp.float64
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        diffrax.Dopri8() if double else diffrax.Dopri5(),
        s,
        t,
        None,
        Moments(identity, jnp.zeros_like(start[0]), jnp.zeros_like(start)),
        stepsize_controller=diffrax.PIDController(rtol=1e-10 if double else 1e-6, atol=1e-13 if double else 1e-9),
        throw=False,
    )
    ok = solution.result == diffrax.RESULTS.successful
    return jax.tree.map(lambda leaf: jnp.where(ok, leaf[-1], jnp.nan), solution.ys)
