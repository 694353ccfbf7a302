"""Simulated paths beside their exact law: convolutions, moments, the grid, the parts, and what the test of fit can see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import trapezoid
from scipy.stats import norm

from scorax.processes import (
    VE,
    VP,
    BrownianMotion,
    GeometricBrownianMotion,
    OrnsteinUhlenbeck,
    SubVP,
    Tabulated,
    critically_damped_langevin,
)
from scorax.simulation import Euler, Exact, PathPlan, PathStart, start_law, study_image, study_paths
from scorax.simulation._path_study import path_times

PROCESSES = [
    BrownianMotion(1.0, 0.5),
    OrnsteinUhlenbeck(1.5, 0.4, 0.8),
    GeometricBrownianMotion(0.3, 0.6),
    VP(),
    SubVP(),
    VE(0.1, 3.0),
    Tabulated.from_betas(np.linspace(1e-3, 0.2, 50)),
]
FALSE_ALARM = 1e-4
"""Bound on p of the tests of fit that must pass: each fails for one key in ten thousand."""


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)
def test_density_of_a_random_start_is_the_convolution(process) -> None:
    """Against Gauss-Hermite quadrature over the start; mass one, mean and sd by quadrature over the state."""
    with jax.enable_x64(True):
        t, x0, spread = jnp.asarray(0.6), 1.2, 0.3
        law = start_law(process, t, x0, spread)
        x = jnp.linspace(law.quantile(jnp.asarray(1e-12)), law.quantile(jnp.asarray(1 - 1e-12)), 20001)
        density = law.density(x)
        nodes, weights = hermegauss(60)
        starts = x0 * np.exp(spread * nodes) if isinstance(process, GeometricBrownianMotion) else x0 + spread * nodes
        mixed = sum(
            w / np.sqrt(2 * np.pi) * start_law(process, t, s).density(x) for s, w in zip(starts, weights, strict=True)
        )
        np.testing.assert_allclose(density, mixed, atol=2e-6 * float(density.max()))
        np.testing.assert_allclose(trapezoid(density, x), 1, atol=1e-6)
        mean = trapezoid(density * x, x)
        np.testing.assert_allclose(law.mean, mean, atol=1e-6)
        np.testing.assert_allclose(law.sd, np.sqrt(trapezoid(density * (x - mean) ** 2, x)), rtol=1e-5)


def test_brownian_law_is_the_textbook_one() -> None:
    """Mean x0 + mu t and variance sigma^2 t, plus that of the start."""
    law = start_law(BrownianMotion(2.0, 0.5), jnp.asarray(0.36), -1.0, 0.4)
    np.testing.assert_allclose([law.mean, law.sd], [-1 + 0.72, np.sqrt(0.09 + 0.16)], rtol=1e-6)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)
def test_exact_paths_fit(process) -> None:
    plan = PathPlan(until=1.0, at=[0.4, 1.0], num_paths=512, num_shown=3, num_steps=4, method=Exact())
    study = study_paths(process, PathStart(1.2, 0.3), plan, key=jax.random.key(3))
    assert study.shown.shape == (3, len(study.times))
    assert np.all(study.low < study.mean)
    assert np.all(study.mean < study.high)
    for marginal in study.marginals:
        assert marginal.p_value > FALSE_ALARM
        assert abs(marginal.mean - marginal.exact_mean) < 5 * marginal.exact_sd / np.sqrt(512)
        inside = np.sum(marginal.heights * np.diff(marginal.edges))
        assert 0.97 < inside <= 1 + 1e-9  # at most 0.2% of the law and of the values are cut off on either side


def test_the_test_of_fit_sees_an_error_of_time_steps() -> None:
    """Two Euler steps of rate 1.5 over one unit of time: the standard deviation is wrong by a third."""
    plan = PathPlan(until=1.0, at=[1.0], num_paths=512, num_shown=1, num_steps=2, method=Euler())
    study = study_paths(OrnsteinUhlenbeck(1.5, 0.0, 1.0), PathStart(2.0), plan, key=jax.random.key(0))
    assert study.marginals[0].p_value < 1e-6


def test_parts_add_up_where_the_drift_does_not_see_the_state() -> None:
    plan = PathPlan(until=1.0, at=[1.0], num_paths=100, num_shown=5, num_steps=16, method=Euler(), parts=True)
    study = study_paths(BrownianMotion(1.0, 0.5), PathStart(0.3), plan, key=jax.random.key(1))
    noise, drift = study.parts
    np.testing.assert_allclose(study.shown, noise + drift - 0.3, atol=1e-5)
    np.testing.assert_allclose(drift, np.broadcast_to(0.3 + study.times, drift.shape), atol=1e-5)


def test_grid_holds_the_chosen_times() -> None:
    times, places = path_times(0.1, 1.0, [0.55, 0.3, 1.0], 9)
    np.testing.assert_allclose(times[places], [0.3, 0.55, 1.0])
    np.testing.assert_allclose(times, [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0])
    # A time beside a node, closer than any step, takes its place.
    crowded, _ = path_times(0.0, 1.0, [0.5 + 1e-9], 4)
    np.testing.assert_array_equal(crowded, [0.0, 0.25, 0.5 + 1e-9, 0.75, 1.0])


def test_pixels_are_independent_standard_normals_under_their_law() -> None:
    """25 x 13 pixels: an image that does not fill its rows. Correlation of neighbours: false-alarm rate 6e-5."""
    image = np.random.default_rng(0).uniform(-1, 1, (25, 13))
    study = study_image(VP(), image, at=[0.3, 1.0], num_steps=1, method=Exact(), key=jax.random.key(0))
    np.testing.assert_array_equal(study.frames[0], image)
    assert all(marginal.p_value > FALSE_ALARM for marginal in study.marginals)
    last = study.frames[-1]
    correlation = np.corrcoef(last[:, 1:].ravel(), last[:, :-1].ravel())[0, 1]
    assert abs(correlation) < norm.isf(3e-5) / np.sqrt(last[:, 1:].size)


def test_laws_of_coupled_coordinates_are_refused() -> None:
    with pytest.raises(TypeError, match="coordinates are independent"):
        start_law(critically_damped_langevin(1), jnp.asarray(0.5), 0.0)


def test_impossible_starts_and_times_are_refused() -> None:
    with pytest.raises(ValueError, match="expected spread of PathStart of at least 0"):
        PathStart(1.0, -0.5)
    with pytest.raises(ValueError, match=r"up to until=0.5, got 0.4, 0.8"):
        PathPlan(0.5, (0.4, 0.8), 10, 2, 4, Euler())
    for x0 in (0.0, -1.0):
        with pytest.raises(ValueError, match="expected x0 above 0"):
            start_law(GeometricBrownianMotion(0.3, 0.6), jnp.asarray(0.5), x0)
