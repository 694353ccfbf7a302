"""Evidence, effective sample size and expectations of weighted draws, within four standard errors (false alarms 6e-5 each)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import mixture, noisy
from scorax.diagnostics import Importance, importance_weights
from scorax.processes import EDM, VP
from scorax.samplers import DDPM, ReverseSDE
from scorax.targets import ExactDenoiser, gaussian

pytestmark = pytest.mark.usefixtures("double")  # statistics and differences far above rounding
KEY = jax.random.key(0)
DRAWS = 2048
LOG_Z = 3.7


def shifted(law):
    """An unnormalised density with a known constant."""
    return lambda x: law.log_density(x) + LOG_Z


def test_evidence_and_expectations_of_a_mixture_from_a_broad_gaussian():
    target = mixture()
    model = ExactDenoiser.create(gaussian(np.zeros(2), 1.5 * np.eye(2)), EDM())
    got = importance_weights(model, shifted(target), num_samples=DRAWS, key=KEY)
    assert abs(got.log_evidence - LOG_Z) < 4 * got.log_evidence_error
    assert 0.01 < got.log_evidence_error < 0.1
    assert got.numerical_error < 1e-4
    np.testing.assert_allclose(np.exp(got.log_weights).sum(), 1, rtol=1e-12)
    weights = np.exp(np.asarray(target.log_weights))
    mean = weights @ np.asarray(target.components.mean)
    ours = got.mean(lambda x: x)
    assert np.all(np.abs(ours.value - mean) < 4 * ours.standard_error)
    # The second moment, and a function of one number whose mean is one.
    basis, variances = np.asarray(target.components.basis), np.asarray(target.components.variances)
    means = np.asarray(target.components.mean)
    seconds = (basis * variances[:, None]) @ basis.transpose(0, 2, 1) + means[:, :, None] * means[:, None]
    square = got.mean(lambda x: x[:, None] * x)
    assert np.all(np.abs(square.value - np.einsum("k,kij->ij", weights, seconds)) < 4 * square.standard_error)
    one = got.mean(lambda x: jnp.ones(()))
    assert one.value == pytest.approx(1)
    assert one.standard_error < 1e-12


@pytest.mark.parametrize(("dimension", "scale"), [(1, 1.5), (3, 1.3)])
def test_effective_sample_size_of_gaussians(dimension, scale):
    """From N(0, s^2) to N(0, 1) it is (sqrt(2 s^2 - 1) / s^2)^d of the draws; the tolerance is the delta method's."""
    process = EDM()
    model = ExactDenoiser.create(gaussian(np.zeros(dimension), (scale**2 - process.t0**2) * np.eye(dimension)), process)
    target = gaussian(np.zeros(dimension), np.eye(dimension))
    got = importance_weights(model, target.log_density, num_samples=DRAWS, key=jax.random.key(1))
    share = (np.sqrt(2 * scale**2 - 1) / scale**2) ** dimension
    w = np.exp(got.log_weights) * DRAWS
    # d log(m1^2 / m2) = 2 dm1 / m1 - dm2 / m2
    relative = np.std(2 * w - w**2 / np.mean(w**2), ddof=1) / np.sqrt(DRAWS)
    assert abs(got.effective_sample_size / DRAWS / share - 1) < 4 * relative
    assert abs(got.log_evidence) < 4 * got.log_evidence_error
    # and the standard error of the evidence is sqrt((1 / share - 1) / n)
    np.testing.assert_allclose(got.log_evidence_error, np.sqrt((1 / share - 1) / DRAWS), rtol=0.25)


@pytest.mark.slow  # three seconds of compiling; CI runs it
def test_trap_48_a_noisy_trace_would_be_evidence_and_there_is_none():
    """With the target of the model itself all weights are one; a noise tau in them would add tau^2 / 2 to the evidence."""
    process, law = VP(), mixture(3)
    model = ExactDenoiser.create(law, process)
    got = importance_weights(model, shifted(noisy(law, process)), num_samples=256, key=KEY)
    # VP ends at cos(a1) = 7e-3, where the mixture is not quite the Gaussian of its moments.
    np.testing.assert_allclose(got.log_evidence, LOG_Z, atol=1e-3)
    np.testing.assert_allclose(got.log_weights, -np.log(256), atol=1e-2)
    assert got.effective_sample_size == pytest.approx(256, rel=1e-4)
    tau = 1.2
    noise = tau * np.random.default_rng(0).standard_normal((400, 256))
    biased = np.log(np.mean(np.exp(got.log_weights + np.log(256) + noise), axis=-1))
    # E log of a mean of 256 lognormals: tau^2 / 2 less half the squared error, (exp(tau^2) - 1) / 512.
    np.testing.assert_allclose(biased.mean(), tau**2 / 2 - (np.exp(tau**2) - 1) / 512, atol=0.03)


def test_states_without_mass_have_no_weight():
    """N(0, 1) cut to the positive half-line: Z is a half, the mean is sqrt(2 / pi)."""
    process = EDM()
    model = ExactDenoiser.create(gaussian(np.zeros(1), np.eye(1)), process)
    law = gaussian(np.zeros(1), np.eye(1))
    got = importance_weights(
        model, lambda x: jnp.where(x[0] > 0, law.log_density(x), -jnp.inf), num_samples=DRAWS, key=jax.random.key(2)
    )
    assert abs(got.log_evidence - np.log(0.5)) < 4 * got.log_evidence_error
    mean = got.mean(lambda x: x[0])
    assert abs(mean.value - np.sqrt(2 / np.pi)) < 4 * mean.standard_error


def test_the_error_of_the_mean_is_that_of_repetitions():
    """Spread of 400 self-normalised means of 256 weighted draws against their mean standard error, to 20%."""
    generator = np.random.default_rng(0)
    x = 1.5 * generator.standard_normal((400, 256, 1))
    raw = -0.5 * x[..., 0] ** 2 + 0.5 * (x[..., 0] / 1.5) ** 2
    means, errors = [], []
    for draws, log_weights in zip(x, raw, strict=True):
        log_weights = log_weights - np.log(np.sum(np.exp(log_weights)))
        mean = Importance(jnp.asarray(draws), log_weights, 1.0, 0.0, 0.0, 0.0).mean(lambda row: row[0] ** 2)
        means.append(mean.value)
        errors.append(mean.standard_error)
    np.testing.assert_allclose(np.std(means), np.mean(errors), rtol=0.2)


def test_refusals():
    law = gaussian(np.zeros(1), np.eye(1))  # of the size above, whose programs it takes
    model = ExactDenoiser.create(law, EDM())
    for sampler in (DDPM(), ReverseSDE()):
        with pytest.raises(TypeError, match=f"flow for importance_weights, got {type(sampler).__name__}"):
            importance_weights(model, law.log_density, sampler, 8, key=KEY)
    for wrong, message in (
        (lambda x: jnp.nan * x[0], "number or minus infinity, got nan at draw 0"),
        (lambda x: jnp.inf + 0 * x[0], "number or minus infinity, got inf"),
        (lambda x: -jnp.inf + 0 * x[0], "mass where the model has some"),
        (lambda x: -0.5 * x**2, r"one number, got shape \(1,\)"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            importance_weights(model, wrong, num_samples=8, key=KEY)
