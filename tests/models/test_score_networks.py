"""Models made of a network under any process: the network as score, and the gradient of an energy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles import awake, centred
from scorax.models import Denoiser, EnergyScore, ScoreFunction, ScoreNetwork, tweedie
from scorax.networks import MLP, AbstractNetwork, Ensemble
from scorax.processes import EDM, VP, AbstractProcess, Clean
from scorax.targets import ExactDenoiser

pytestmark = pytest.mark.usefixtures("double")  # float64, and no tolerance below 1e-12


def network(key=jax.random.key(0)):  # noqa: B008
    return awake(MLP(2, width=8, depth=1, key=key), key=key)


class Shaken(AbstractProcess):
    t0: float = 1.0
    t1: float = 5.0

    def perturb(self, t, x0, *, key):
        return x0


class Told(AbstractNetwork):
    """A network that says what it is told of the time."""

    def __call__(self, c_noise, x, condition=None, *, key=None):
        return jnp.full_like(x, c_noise)


@pytest.mark.parametrize(
    ("process", "t", "told"),
    [
        (Clean(), 0.7, 0.0),
        (EDM(), 3.0, 8 * np.tanh(np.log(3.0) / 8)),
        (Shaken(), 1.0, -8.0),
        (Shaken(), 3.0, 0.0),
        (Shaken(), 5.0, 8.0),
    ],
)
def test_what_the_network_is_told_of_the_time(process, t, told):
    np.testing.assert_allclose(ScoreNetwork(Told(), process)(t, jnp.ones(2)), told, atol=1e-12)


@pytest.mark.parametrize("process", [Clean(), VP(), EDM(), Shaken()], ids=repr)
def test_an_energy_model_is_conservative(process):
    """Symmetric Jacobian, and minus the gradient of the energy by differences."""
    model, t, x = (
        EnergyScore(network(), process),
        jnp.asarray(1.2 if process == Shaken() else 0.4),
        jnp.array([0.3, -0.8]),
    )
    jacobian = jax.jacfwd(lambda z: model(t, z))(x)
    np.testing.assert_allclose(jacobian, jacobian.T, rtol=1e-9)
    step = 1e-5
    for i in range(2):
        e = step * jnp.eye(2)[i]
        np.testing.assert_allclose(
            model(t, x)[i], (model.energy(t, x - e) - model.energy(t, x + e)) / (2 * step), rtol=1e-5
        )


@pytest.mark.parametrize("process", [VP(), EDM()], ids=repr)
def test_an_untrained_energy_is_the_standard_normal_under_the_process(process):
    model = EnergyScore(MLP(2, width=8, depth=1, key=jax.random.key(0)), process)
    exact = ExactDenoiser.create(centred(1.0, 2), process)
    t, x = jnp.asarray(0.4), jnp.array([0.3, -0.8])
    np.testing.assert_allclose(model(t, x), exact(t, x), rtol=1e-6)


def test_the_energy_scales_its_potential_as_karras_scales_a_network():
    """The gradient of the potential plays the part of F."""
    inner = network()

    class Gradient(AbstractNetwork):
        def __call__(self, c_noise, x, condition=None, *, key=None):
            return jax.grad(lambda y: jnp.sum(y * inner(c_noise, y)))(x)

    for process in (VP(), EDM()):
        t, x = jnp.asarray(0.4), jnp.array([0.3, -0.8])
        np.testing.assert_allclose(EnergyScore(inner, process)(t, x), Denoiser(Gradient(), process)(t, x), rtol=1e-9)


def test_an_ensemble_of_energies_is_the_energy_of_the_ensemble():
    stacked = [network(jax.random.key(i)) for i in range(3)]
    members = Ensemble(jax.tree.map(lambda *leaves: jnp.stack(leaves), *stacked))
    x = jnp.array([0.3, -0.8])
    mean = np.mean([EnergyScore(members.member(i)).energy(0.5, x) for i in range(3)])
    np.testing.assert_allclose(EnergyScore(members).energy(0.5, x), mean, rtol=1e-12)


def test_a_density_gives_its_score():
    """Unnormalised, on clean data by default; two scores of one density are equal."""
    law = centred(0.5, 2)
    model = ScoreFunction.of_density(law.log_density)
    np.testing.assert_allclose(model(0.3, jnp.array([1.0, -2.0])), [-2.0, 4.0], rtol=1e-12)
    assert isinstance(model.process, Clean)
    assert ScoreFunction.of_density(law.log_density, VP()).process == VP()


def test_tweedie_of_any_score_is_the_pair_of_the_denoiser():
    exact = ExactDenoiser.create(centred(0.5, 2), VP())
    plain = ScoreFunction(lambda t, x, condition: exact(t, x), VP())
    t, x = jnp.asarray(0.4), jnp.array([1.0, -2.0])
    for ours, theirs in zip(tweedie(plain, t, x), tweedie(exact, t, x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    with pytest.raises(TypeError, match="got Clean"):
        tweedie(ScoreNetwork(network()), t, x)
