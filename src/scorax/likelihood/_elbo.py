"""The evidence lower bound of the reverse-time SDE on the log-density of its draws, by Monte Carlo with its error."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from scorax._checked import require_key, require_kind
from scorax._divergence import value_and_divergence, value_and_quadratic_forms
from scorax._errors import explain
from scorax._probes import RademacherProbe
from scorax._rows import RowKeys, map_rows, one_or_each
from scorax._trees import cast, rows_at
from scorax._types import Condition, Key
from scorax.models import (
    AbstractDenoiser,
    AbstractScoreModel,
    FlowEnds,
    bound,
    check_told,
    flow_ends,
    flow_field,
    gaussian_process,
    level_of_angle,
    num_targets,
    on_targets,
    require_denoiser,
    require_noisy_state,
    require_state,
    terminal_log_density,
    without_clock,
)
from scorax.processes import AbstractGaussianLaw


class Bound(NamedTuple):
    """Lower bounds of log-densities, in nats, estimated without bias, and their standard errors from independent replicates.

    A bound is not above the log-density; an estimate of it may be, by noise.
    """

    value: Float[Array, "*rows"]
    standard_error: Float[Array, "*rows"]


def elbo(
    model: AbstractScoreModel,
    x: Float[Array, "n *shape"] | Float[np.ndarray, "n *shape"],
    condition: Condition = None,
    *,
    num_times: int = 32,
    num_replicates: int = 32,
    num_probes: int | None = None,
    key: Key,
) -> Bound:
    r"""Evidence lower bound of the reverse-time SDE at states ``x`` of ``t0``, for a denoiser of a Gaussian process.

    Draws of the reverse SDE from the law at ``t1`` have a log-density at ``t0`` that is at least

    $$ E \log p_{t_1}(x_{t_1})
       - \int_{t_0}^{t_1} E\left[ \tfrac12 g^2 |s|^2 + g^2\, \nabla\!\cdot s - \nabla\!\cdot f \right] dt, $$

    the expectations over the forward process from ``x`` at ``t0``. The two are equal where ``s`` is the score of the forward
    process and ``p_{t_1}`` its law. Where it is not, this is a statement about :class:`~scorax.samplers.ReverseSDE` and its
    like, and ``log_prob`` one about the deterministic flow: they are different laws, and the bound of one does not bound the
    other. Use it to judge a model that is sampled with noise. Averaged over the data it falls short of their mean
    log-density by $\tfrac12 \int g^2 E |s - \nabla \log p_t|^2 dt$ and the divergence at ``t1``.

    It is computed without the singularities of the clock, in the angle $a$ and the state $y = x / R$ of the deterministic
    flow. Let $v$ be its field, $v^r$ that of the Gaussian law $p^r$ of the model's moments (the standard normal law where
    there are none), whose bound is its log-density, and $\delta = v - v^r$. With $c = \cos a / \cos a_0$ the bound is

    $$ \log p^r_{t_0}(x) - \int_{a_0}^{a_1} E\left[ 2 c\, (y_0 \cdot \delta - c\, \nabla\!\cdot \delta)
       + \cot(a) (|v|^2 - |v^r|^2) \right] da, \qquad y = c\, y_0 + \sqrt{1 - c^2} \; noise, $$

    where Stein's identity has taken the noise out of $y \cdot \delta$. So a model of a Gaussian law has no sampling error at
    all, and another one that of its distance from a Gaussian. Half of the angles are uniform in $a^{1/3}$, half in
    $(\pi/2 - a)^{1/3}$, in strata with one random shift. The standard error is that of independent replicates of the whole
    rule, with ``num_replicates - 1`` degrees of freedom.

    Args:
        model, x, condition: a denoiser, and rows as for ``log_prob``.
        num_times: angles of one replicate.
        num_replicates: independent replicates; the standard error falls as its root.
        num_probes: Rademacher directions of each divergence; all coordinates, exactly, where it is ``None``.
        key: root key; row ``k`` uses ``fold_in(key, k)`` and depends on no other row.

    Raises:
        TypeError: the model is no denoiser, ``x`` is not floating-point, or the key is none.
        ValueError: no times, fewer than two replicates, fewer than one probe, or rows or a condition that are wrong as for
            ``log_prob``.

    Reference: Song, Durkan, Murray and Ermon (2021), *Maximum likelihood training of score-based models*, theorem 3.
    """
    require_kind(model, AbstractScoreModel, what="model")
    x = jnp.asarray(x)
    require_key(key)
    bare = _checked(model, x.dtype, num_times, num_replicates, num_probes)
    rows = (x, one_or_each(condition, len(x)))
    check_told(model, condition, x.shape[1:])
    if len(x) > 0:
        require_state(cast(model, x.dtype), x.shape[1:], x.dtype, rows_at(rows[1], np.zeros((), int)), precise=False)
    of_row = eqx.Partial(_row, cast(bare, x.dtype), flow_ends(model, x.dtype), (num_times, num_replicates, num_probes))
    return map_rows(of_row, rows, RowKeys(key, range(len(x))), shape=x.shape[1:])


def _checked(
    model: AbstractScoreModel, dtype: jnp.dtype, num_times: int, num_replicates: int, num_probes: int | None
) -> AbstractDenoiser:
    """The model without its clock, which :func:`flow_ends` has read, where the bound can be had from it."""
    require_noisy_state(model)
    require_denoiser(model, asker="elbo", do="use log_prob, or make the score a Denoiser")
    gaussian_process(model.process)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(explain(expected="floating-point rows", got=str(dtype), do="convert them first"))
    least = {"num_times": (num_times, 1), "num_replicates": (num_replicates, 2), "num_probes": (num_probes, 1)}
    for name, (number, fewest) in least.items():
        if number is not None and number < fewest:
            raise ValueError(explain(expected=f"{name} of at least {fewest}", got=str(number), do="take more"))
    denoiser = without_clock(model)
    assert isinstance(denoiser, AbstractDenoiser)  # as required above
    return denoiser


def _row(
    model: AbstractDenoiser,
    ends: FlowEnds,
    sizes: tuple[int, int, int | None],
    told: tuple[Float[Array, "*shape"], Condition],
    key: Key,
) -> Bound:
    model, condition = bound(model, told[1])
    x = on_targets(model, told[0])
    num_times, num_replicates, num_probes = sizes
    field, reference = flow_field(model, condition), cast(model.moments, x.dtype)
    y0 = x / ends.start_radius
    times = _times(ends)

    def integrand(u: Float[Array, ""], key: Key) -> Float[Array, ""]:
        """The integrand over u, at its angle and one noisy state there."""
        noise_key, probe_key = jax.random.split(key)
        rise, slope = times(u)
        angle = ends.start + rise
        c = jnp.cos(angle) / jnp.cos(ends.start)
        # 1 - c^2 without the difference, which has no digits just above a0.
        variance = jnp.sin(rise) * jnp.sin(angle + ends.start) / jnp.cos(ends.start) ** 2
        noise = jax.random.normal(noise_key, x.shape, x.dtype)
        y = c * y0 + jnp.sqrt(variance) * noise

        def residual(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
            return field(angle, z) - _gaussian_velocity(reference, angle, z)

        if num_probes is None:
            delta, divergence = value_and_divergence(residual, y)
        else:
            keys = jax.random.split(probe_key, num_probes)
            probes = jax.vmap(lambda k: RademacherProbe()(x.shape, x.dtype, key=k))(keys)
            delta, forms = value_and_quadratic_forms(residual, y, probes)
            divergence = jnp.mean(forms)
        known = _gaussian_velocity(reference, angle, y)
        squares = jnp.sum(delta * (delta + 2 * known)) / jnp.tan(angle)
        return slope * (2 * c * (jnp.sum(y0 * delta) - c * divergence) + squares)

    def replicate(key: Key) -> Float[Array, ""]:
        shift_key, draw_key = jax.random.split(key)
        u = (jnp.arange(num_times, dtype=x.dtype) + jax.random.uniform(shift_key, (), x.dtype)) / num_times
        return jnp.mean(jax.vmap(integrand)(u, jax.random.split(draw_key, num_times)))

    # One replicate after the other: memory is that of one, however many there are.
    integrals = jax.lax.map(replicate, jax.random.split(key, num_replicates))
    d = num_targets(model, condition, x.shape)
    start = terminal_log_density(model, level_of_angle(ends.start), y0) - d * jnp.log(ends.start_radius)
    return Bound(start - jnp.mean(integrals), jnp.std(integrals, ddof=1) / jnp.sqrt(num_replicates))


def _times(ends: FlowEnds) -> Callable[[Float[Array, ""]], tuple[Float[Array, ""], Float[Array, ""]]]:
    """Quantiles of the angles: ``u`` in [0, 1) to the angle less that of ``t0``, and the inverse of the density there.

    One half is uniform in the cube root of the angle, for structure of any scale of the data. The other is uniform in that of
    its distance from pi/2, where a noise prediction that is wrong makes a field that is large: without it the rare angles
    that matter would be missing from the standard error as well.
    """
    last = jnp.pi / 2 - ends.end
    near, far = (jnp.cbrt(angle) for angle in (ends.start, last))
    below = jnp.cbrt(ends.end) - near
    above = jnp.cbrt(jnp.pi / 2 - ends.start) - far

    def quantile(u: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        low, high = 2 * u * below, (2 - 2 * u) * above
        from_start = low * (3 * near**2 + 3 * near * low + low**2)
        to_end = high * (3 * far**2 + 3 * far * high + high**2)
        # The differences of cubes keep their digits at the end they belong to; the other end only rounds.
        rise = jnp.where(u < 0.5, from_start, jnp.maximum(ends.end - ends.start - to_end, 0))
        left = jnp.where(u < 0.5, ends.end - ends.start - from_start, to_end)
        density = 1 / (jnp.cbrt(ends.start + rise) ** 2 * below) + 1 / (jnp.cbrt(last + left) ** 2 * above)
        return rise, 6 / density

    return quantile


def _gaussian_velocity(
    law: AbstractGaussianLaw | None, angle: Float[Array, ""], y: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    r"""Angle flow of a Gaussian law, $\cos a \sin a\, (I - S) (\cos^2 a\, S + \sin^2 a)^{-1} (y - \cos a\, m)
    - \sin a\, m$; zero for the standard normal one."""
    if law is None:
        return jnp.zeros_like(y)
    pulled = law.at(level_of_angle(angle)).precision_times(y.reshape(-1))
    turned = pulled - law.covariance_times(pulled)
    return (jnp.cos(angle) * jnp.sin(angle) * turned - jnp.sin(angle) * law.mean).reshape(y.shape)
