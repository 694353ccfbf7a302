"""Tables of discrete chains: exact nodes, both orders, refusals."""

import dataclasses
import io

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax._trees import named_arrays
from scorax.processes import VP, Tabulated

BETAS = np.linspace(1e-4, 0.02, 1000)
"""The chain of Ho et al. (2020)."""


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-6), ("float64", 1e-12)])
def test_trap_52_nodes_of_ddpm_are_exact(dtype, tolerance):
    """alpha_k^2 is the product of 1 - beta; the betas come back from the levels of neighbouring nodes."""
    process = Tabulated.from_betas(BETAS)
    assert (process.t0, process.t1, len(process.nodes)) == (1e-3, 1.0, 1000)
    squares = np.cumprod(1 - BETAS)
    with jax.enable_x64(dtype == "float64"):
        level = jax.vmap(process.level)(jnp.asarray(process.nodes, dtype))
        np.testing.assert_allclose(np.asarray(level.alpha, np.float64) ** 2, squares, rtol=tolerance)
        np.testing.assert_allclose(np.asarray(level.sigma, np.float64) ** 2, 1 - squares, rtol=tolerance)
    if dtype == "float64":
        alpha = np.concatenate([[1.0], level.alpha])
        np.testing.assert_allclose(1 - (alpha[1:] / alpha[:-1]) ** 2, BETAS, rtol=1e-9)


def test_signals_and_betas_state_one_chain_and_no_signal_at_the_end_is_nearly_none():
    squares = np.cumprod(1 - BETAS)
    given, made = Tabulated.from_alphas_cumprod(squares), Tabulated.from_betas(BETAS)
    np.testing.assert_allclose(given.log_ratios, made.log_ratios, rtol=1e-9, atol=1e-12)
    with jax.enable_x64(True):
        last = Tabulated.from_alphas_cumprod([*squares[:-1], 0.0]).level(jnp.asarray(1.0))
        np.testing.assert_allclose(float(last.alpha), 2.0**-12, rtol=1e-9)
        stretched = Tabulated.from_alphas_cumprod(squares, zero_terminal_snr=True)
        assert float(stretched.level(jnp.asarray(1.0)).alpha) < 2.0**-12


def test_the_stretched_chain_keeps_its_first_signal_and_the_ratios_of_differences():
    alphas = np.sqrt(np.cumprod(1 - BETAS))
    process = Tabulated.from_alphas_cumprod(alphas**2, zero_terminal_snr=True)
    with jax.enable_x64(True):
        found = np.asarray(jax.vmap(process.level)(jnp.asarray(process.nodes)).alpha)
    np.testing.assert_allclose(found[0], alphas[0], rtol=1e-9)
    steps, before = np.diff(found[:-1]), np.diff(alphas[:-1])
    np.testing.assert_allclose(steps / steps[0], before / before[0], rtol=1e-6)


def test_ddpm_chain_step_and_posterior_follow_from_two_nodes():
    """The transition between neighbours is sqrt(1 - beta), sqrt(beta); its Bayes inverse has Ho's variance (eq. 7)."""
    with jax.enable_x64(True):
        process, k = Tabulated.from_betas(BETAS), 500
        s, t = (jnp.asarray(time) for time in process.nodes[k - 1 : k + 1])
        step = process.transition(s, t)
        np.testing.assert_allclose(step.mean_map.value, np.sqrt(1 - BETAS[k]), rtol=1e-10)
        np.testing.assert_allclose(step.root.value, np.sqrt(BETAS[k]), rtol=1e-9)
        squares = np.cumprod(1 - BETAS)
        posterior = step.root.value**2 * process.variance(s) / process.variance(t)
        np.testing.assert_allclose(posterior, BETAS[k] * (1 - squares[k - 1]) / (1 - squares[k]), rtol=1e-9)


@pytest.mark.parametrize("apart", [1, 2, 5])
def test_trap_12_transitions_across_nodes_keep_their_digits_in_float32(apart):
    """From a tenth of an interval before a node to as much after another, against the difference in float64."""
    process = Tabulated.from_betas(BETAS)
    k = np.arange(100, 900, 100)
    s, t = ((process.nodes[k + j] + shift * 1e-4).astype(np.float32) for j, shift in ((0, -1), (apart - 1, 1)))
    got = jax.vmap(process.transition)(jnp.asarray(s), jnp.asarray(t))
    with jax.enable_x64(True):
        (early, noisy), (late, noisier) = (jax.vmap(process.level)(jnp.asarray(x, jnp.float64)) for x in (s, t))
        exact = np.sqrt(noisier**2 - (late / early * noisy) ** 2)
    np.testing.assert_allclose(got.root.value, exact, rtol=1e-4)


def test_ddpm_table_follows_vp():
    """Ho's chain is the discretisation of VP: 1000 beta_k is about beta(t); levels agree to the order of one step."""
    with jax.enable_x64(True):
        process = Tabulated.from_betas(BETAS)
        t = jnp.asarray(process.nodes[::50])
        ours, theirs = jax.vmap(process.log_ratio)(t), jax.vmap(VP().log_ratio)(t)
        np.testing.assert_allclose(ours, theirs, atol=0.05)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ladder_of_sigmas_in_either_order(order, dtype):
    sigmas = np.geomspace(0.01, 50.0, 10)
    process = Tabulated.from_sigmas(sigmas[::order])
    with jax.enable_x64(dtype == "float64"):
        level = jax.vmap(process.level)(jnp.asarray(process.nodes, dtype))
        np.testing.assert_allclose(level.sigma, sigmas, rtol=1e-6 if dtype == "float32" else 1e-12)
        assert np.all(level.alpha == 1)


def test_between_nodes_the_log_ratio_is_linear():
    with jax.enable_x64(True):
        process = Tabulated.from_sigmas([0.1, 1.0, 30.0])
        np.testing.assert_allclose(process.log_ratio(jnp.asarray(0.5)), np.log(np.sqrt(0.1)), rtol=1e-12)
        np.testing.assert_allclose(process.log_ratio(jnp.asarray(2.5 / 3)), 0.5 * np.log(30.0), rtol=1e-12)
        middle = dataclasses.replace(process, t0=0.5)
        assert np.array_equal(middle.nodes, np.array([2 / 3, 1.0]))


@pytest.mark.parametrize("other", [0.5 * BETAS, BETAS[:-1], BETAS[:500]], ids=["levels", "one fewer", "half"])
def test_leaves_read_into_another_table_are_refused(other):
    """Equinox reads leaves and no static fields: neither the wrong schedule nor one put together of both is ever used."""
    file = io.BytesIO()
    eqx.tree_serialise_leaves(file, Tabulated.from_betas(BETAS))

    def read(skeleton):
        file.seek(0)
        return eqx.tree_deserialise_leaves(file, skeleton)

    assert read(Tabulated.from_betas(BETAS)) == Tabulated.from_betas(BETAS)
    wrong, t = read(Tabulated.from_betas(other)), jnp.ones(())
    for use in (wrong.alpha, wrong.variance, wrong.time_of, wrong.drift_coefficient, lambda t: wrong.nodes):
        with pytest.raises(ValueError, match="expected the noise table that the weights were saved with"):
            use(t)


def test_a_ladder_is_not_the_chain_with_its_ratios():
    ladder = Tabulated.from_sigmas([0.5, 1.0, 2.0])
    chain = Tabulated(ladder.log_ratios, preserving=True, t0=ladder.t0)
    assert ladder.fingerprint != chain.fingerprint


def test_another_table_is_another_program():
    @eqx.filter_jit
    def level(process, t):
        return process.level(t)

    for betas in (BETAS, 0.5 * BETAS, BETAS[:500]):
        np.testing.assert_allclose(
            level(Tabulated.from_betas(betas), jnp.asarray(1.0)).alpha ** 2, np.prod(1 - betas), rtol=1e-5
        )


def test_tables_are_no_arrays_of_a_model():
    """Neither trained nor saved: the configuration states them."""
    assert named_arrays(Tabulated.from_betas(BETAS)) == {}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Tabulated.from_betas([0.0, 0.1]), "sigma = 0"),
        (lambda: Tabulated.from_betas([0.1, 1.0]), "alpha = 0"),
        (lambda: Tabulated.from_betas([0.1, np.nan]), "got nan"),
        (lambda: Tabulated.from_betas([0.1]), "at least two betas"),
        (lambda: Tabulated.from_betas(np.ones((2, 2))), "at least two betas"),
        (lambda: Tabulated.from_sigmas([1.0, 1.0, 2.0]), "strict order"),
        (lambda: Tabulated.from_alphas_cumprod([0.9, 0.95]), "strictly decreasing"),
        (lambda: Tabulated.from_alphas_cumprod([0.9, 0.0, -0.1]), "strictly decreasing"),
        (lambda: Tabulated.from_sigmas([0.0, 1.0]), "strict order"),
        (lambda: Tabulated.from_sigmas([1.0, 3.0, 2.0]), "strict order"),
        (lambda: dataclasses.replace(Tabulated.from_sigmas([1.0, 2.0]), t0=0.1), "first and the last node"),
        (lambda: Tabulated.from_sigmas([1.0, 2.0]).starting_at(-3.0), "first and the last node"),
    ],
)
def test_trap_52_levels_without_noise_or_signal_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
