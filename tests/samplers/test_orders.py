"""Orders of convergence by slope, against the exact flow of a correlated Gaussian (never isotropic: there schemes agree)."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import noisy
from scorax.processes import VP
from scorax.samplers import (
    DDIM,
    AdamsBashforth,
    DPMSolver,
    EulerMaruyama,
    Heun,
    LogRatioGrid,
    Node,
    ProbabilityFlow,
    UniPC,
    _multistep,
    nodes,
    sample_path,
)
from scorax.samplers._multistep import _moments
from scorax.targets import ExactDenoiser, gaussian

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def correlated():
    """A correlated Gaussian under VP, and the exact map of its flow from the first to the last state."""
    with jax.enable_x64(True):
        covariance = np.array([[1.0, 0.7], [0.7, 0.8]])
        process = VP(t0=1e-3)
        model = ExactDenoiser.create(gaussian(np.array([0.5, -1.0]), covariance), process)
        first, last = (noisy(model.target, process, t) for t in (process.t1, process.t0))

        def flow(x1):
            basis, start, end = (
                np.asarray(p)
                for p in (first.components.basis[0], first.components.variances[0], last.components.variances[0])
            )
            return np.asarray(last.components.mean[0]) + basis @ (
                np.sqrt(end / start) * (basis.T @ (np.asarray(x1) - np.asarray(first.components.mean[0])))
            )

        return model, flow


@pytest.mark.parametrize(("sampler", "order"), [(DDIM, 1), (Heun, 2), (DPMSolver, 2), (AdamsBashforth, 2)])
def test_trap_18_order_of_the_deterministic_samplers(correlated, sampler, order):
    """Slope of the error between 64 and 128 steps against the exact flow."""
    with jax.enable_x64(True):
        model, flow = correlated
        errors = []
        for num_steps in (64, 128):
            _, (states,) = sample_path(model, sampler(num_steps, LogRatioGrid()), 1, key=KEY)
            errors.append(np.linalg.norm(states[-1] - flow(states[0])))
        assert abs(np.log2(errors[0] / errors[1]) - order) < 0.15


@pytest.mark.parametrize(
    ("sampler", "least"),
    [(DPMSolver(1, order=3), 3), (UniPC(1, order=1), 2), (UniPC(1), 3), (UniPC(1, order=3), 4)],
    ids=["DPMSolver 3", "UniPC 1", "UniPC 2", "UniPC 3"],
)
def test_trap_53_orders_of_the_multistep_family(correlated, sampler, least):
    """At least the stated slope: the constants of the first, lower steps are tiny where the law is nearly that at t1."""
    with jax.enable_x64(True):
        model, flow = correlated
        errors = []
        for num_steps in (64, 256):
            own = dataclasses.replace(sampler, num_steps=num_steps)
            _, (states,) = sample_path(model, own, 1, key=KEY)
            errors.append(np.linalg.norm(states[-1] - flow(states[0])))
        assert np.log2(errors[0] / errors[1]) / 2 > least - 0.25


def test_trap_53_half_of_the_square_term_is_of_order_two(correlated, monkeypatch):
    """What published programs of order 3 do, and the page says of them."""
    whole = _multistep._through

    def half(places, moments):
        return whole(places, [moments[0], moments[1], moments[2] / 2])

    monkeypatch.setattr(_multistep, "_through", half)
    with jax.enable_x64(True):
        model, flow = correlated
        errors = []
        for num_steps in (63, 127):  # other programs than those of the whole term
            _, (states,) = sample_path(model, DPMSolver(num_steps, order=3), 1, key=KEY)
            errors.append(np.linalg.norm(states[-1] - flow(states[0])))
        assert abs(np.log2(errors[0] / errors[1]) - 2) < 0.15


def test_moments_are_those_of_a_quadrature():
    places, weights = np.polynomial.legendre.leggauss(40)
    v = (places + 1) / 2
    for h in (1e-6, 1e-2, 0.7, 0.999, 1.0, 3.0, 30.0):
        with jax.enable_x64(True):
            found = [float(m) for m in _moments(jnp.asarray(h), 4)]
        expected = [np.sum(weights / 2 * h * np.exp(-h * (1 - v)) * v**k) for k in range(4)]
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_trap_18_weak_order_of_euler_maruyama(correlated):
    """Covariance carried through the sampler's own affine steps (Jacobian and noise), without drawing; slope one."""
    with jax.enable_x64(True):
        model, _ = correlated
        process = model.process
        target = noisy(model.target, process).components
        exact = np.asarray((target.basis[0] * target.variances[0]) @ target.basis[0].T)

        @jax.jit
        def steps(times, levels):
            pairs = [jax.tree.map(lambda n, s=s: n[s], (times, levels)) for s in (slice(None, -1), slice(1, None))]

            def one(t, s):
                def step(x, key):
                    return EulerMaruyama().step(model, x, Node(*t), Node(*s), None, key=key)

                noise = step(jnp.zeros(2), KEY) - step(jnp.zeros(2), jax.random.key(1))
                raw = jax.random.normal(KEY, (2,)) - jax.random.normal(jax.random.key(1), (2,))
                return jax.jacfwd(step)(jnp.zeros(2), KEY), noise / raw

            return jax.vmap(one)(*pairs)

        errors = []
        for num_steps in (400, 800):
            grid = nodes(LogRatioGrid(), process, num_steps, jnp.dtype("float64"))
            jacobians, gains = (np.asarray(part) for part in steps(grid.t, grid.level))
            first = noisy(model.target, process, process.t1).components
            covariance = np.asarray((first.basis[0] * first.variances[0]) @ first.basis[0].T)
            for jacobian, gain in zip(jacobians, gains, strict=True):
                covariance = jacobian @ covariance @ jacobian.T + np.diag(gain**2)
            errors.append(np.linalg.norm(covariance - exact))
        assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.15


def test_trap_18_adaptive_flow_meets_its_tolerance(correlated):
    """Error falls with the tolerance and is below a hundred times it."""
    with jax.enable_x64(True):
        model, flow = correlated
        errors = []
        for tolerance in (1e-4, 1e-8):
            sampler = ProbabilityFlow(rtol=tolerance, atol=tolerance, num_nodes=2)
            _, (states,) = sample_path(model, sampler, 1, key=KEY)
            errors.append(np.linalg.norm(states[-1] - flow(states[0])) / tolerance)
        assert max(errors) < 100
