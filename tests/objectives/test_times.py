"""The laws of training times, with the optimised programs of a user: the last digits at the ends of the clock count."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax.objectives import LikelihoodTimes, LogNormalTimes, UniformTimes
from scorax.processes import EDM, VE, VP

by_process = pytest.mark.parametrize("process", [VP(), VE(), EDM()], ids=repr)


@pytest.mark.parametrize("times", [UniformTimes(), LogNormalTimes(), LikelihoodTimes()], ids=repr)
@by_process
def test_trap_10_density_is_that_of_the_quantile(times, process):
    """dt/du = 1 / density over the inner quantiles, the ends are those of the clock, and the order is kept."""
    with jax.enable_x64(True):

        @jax.jit
        @jax.vmap
        def quantile(v):
            t, rate = jax.jvp(lambda w: times.quantile(process, w), (v,), (jnp.ones_like(v),))
            return t, rate, times.density(process, t)

        t, rate, density = (np.asarray(part) for part in quantile(np.array([0.0, *np.linspace(0.01, 0.99, 33), 1.0])))
        np.testing.assert_allclose((rate * density)[1:-1], 1.0, rtol=1e-6)
        np.testing.assert_allclose(t[[0, -1]], [process.t0, process.t1], rtol=1e-6, atol=1e-9)
        assert np.all(np.diff(t) > 0)


@by_process
def test_trap_10_float32_times_stay_in_the_clock(process):
    laws = (UniformTimes(), LogNormalTimes(), LikelihoodTimes())

    @jax.jit
    @jax.vmap
    def quantiles(v):
        times = [law.quantile(process, v) for law in laws]
        return times, [law.density(process, t) for law, t in zip(laws, times, strict=True)]

    for t, density in zip(*quantiles(np.arange(256, dtype=np.float32) / 256), strict=True):
        assert t.dtype == jnp.float32
        assert np.all((t >= np.float32(process.t0)) & (t <= np.float32(process.t1)))
        assert np.all(np.isfinite(density) & (density > 0))
