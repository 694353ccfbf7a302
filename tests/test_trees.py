import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scorax._errors import InputError
from scorax._trees import all_finite, array_spec, cast, copied, move_average, named_arrays, trainable, with_named_arrays
from scorax.models import Denoiser
from scorax.networks import MLP, MixtureSkip
from scorax.processes import VP, GaussianLaw


def denoiser(network=None) -> Denoiser:
    network = MLP(2, width=4, depth=1, key=jax.random.key(0)) if network is None else network
    return Denoiser(network=network, process=VP(), moments=GaussianLaw.standard(2))


def test_only_the_network_trains():
    model = denoiser()
    marked = trainable(model)
    assert all(jax.tree.leaves(eqx.filter(marked.network, lambda leaf: isinstance(leaf, bool))))
    assert not any(jax.tree.leaves(marked.moments))
    assert marked.process.beta_max is False


def test_facts_inside_a_network_do_not_train():
    network = MLP(2, width=4, depth=1, key=jax.random.key(0))
    skip = MixtureSkip(network, np.zeros(1), np.zeros((1, 2)), np.eye(2)[None], np.ones((1, 2)))
    marked = trainable(denoiser(skip)).network
    assert not any(jax.tree.leaves(marked.law))
    assert all(jax.tree.leaves(marked.network))


def test_names_are_paths_and_refuse_anything_else():
    network = MLP(2, width=4, depth=1, key=jax.random.key(0))
    arrays = named_arrays(network)
    assert set(arrays) == {f"layers/{i}/{part}" for i in (0, 1) for part in ("weight", "bias")}
    assert array_spec(network)["layers/1/weight"] == ((4, 2), "float32")
    with pytest.raises(InputError, match="absent"):
        with_named_arrays(network, {k: v for k, v in arrays.items() if k != "layers/0/bias"}, where="w")
    with pytest.raises(InputError, match="expected tensor 'odd' of w absent"):
        with_named_arrays(network, {**arrays, "odd": np.zeros(1)}, where="w")
    for wrong in (np.zeros((2, 4), np.float32), np.zeros((4, 2), np.float64)):
        with pytest.raises(InputError, match="layers/1/weight"):
            with_named_arrays(network, {**arrays, "layers/1/weight": wrong}, where="w")


def test_trap_38_average_of_a_ramp_in_closed_form():
    """With start 0 the average of 1, 2, ..., n at decay D is n - D (1 - D^n) / (1 - D)."""
    decay, average = 0.9, {"w": jnp.zeros(())}
    for value in range(1, 31):
        average = move_average(average, {"w": jnp.asarray(float(value))}, decay)
    np.testing.assert_allclose(average["w"], 30 - decay * (1 - decay**30) / (1 - decay), rtol=1e-5)


def test_small_helpers():
    tree = {"a": jnp.ones(2), "n": 3, "i": jnp.arange(2)}
    other = copied(tree)
    assert other["a"] is not tree["a"]
    assert other["a"].unsafe_buffer_pointer() != tree["a"].unsafe_buffer_pointer()
    assert bool(all_finite(tree))
    assert not bool(all_finite({**tree, "a": jnp.array([1.0, jnp.nan])}))
    assert cast(tree, jnp.dtype("float16"))["a"].dtype == jnp.float16
    assert cast(tree, jnp.dtype("float16"))["i"].dtype == tree["i"].dtype
