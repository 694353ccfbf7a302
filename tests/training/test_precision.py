"""Training in float64: every number of the state is of that precision, and as exact."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from scorax.models import Denoiser, EnergyScore, ScoreNetwork
from scorax.networks import MLP, AbstractNetwork, DiT, Ensemble
from scorax.objectives import DenoisingScoreMatching, ImplicitScoreMatching
from scorax.processes import VP
from scorax.training import FitOptions, PowerAverages, Validation, adamw, fit

KEY = jax.random.key(0)
ROWS = np.random.default_rng(0).standard_normal((40, 2))
DENOISING = DenoisingScoreMatching()


def small(key=KEY) -> MLP:
    return MLP(2, width=8, depth=1, key=key)


def plain() -> Denoiser:
    return Denoiser(small(), VP())


def three() -> Denoiser:
    return Denoiser(Ensemble.create(small, 3, key=KEY), VP())


def train(model, *, rows=ROWS, objective=DENOISING, state=None, num_steps=8, **options) -> list:
    """Host copies of every yielded state."""
    settings = FitOptions(batch_size=16, every=4, **options)
    states = fit(
        model, objective, rows, adamw(1e-2, num_steps=8), key=KEY, num_steps=num_steps, options=settings, state=state
    )
    return [jax.tree.map(lambda leaf: np.array(leaf) if eqx.is_array(leaf) else leaf, state) for state in states]


def held(*folds) -> dict:
    return {"validation": Validation(folds, every=4, num_draws=64)}


FIVE, NEXT, LAST = np.arange(5), np.arange(5, 9), np.arange(9, 12)
MESH = jax.make_mesh((2,), ("data",), devices=jax.devices()[:2])


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (plain, {}),
        (plain, held(FIVE)),
        (plain, {"nan": "skip", "averages": PowerAverages()}),
        (plain, {"mesh": MESH}),
        (three, held(FIVE, NEXT, LAST)),
        (three, {"nan": "skip", "accumulate": 2}),
        (lambda: ScoreNetwork(small(), VP()), {}),
        (lambda: EnergyScore(small(), VP()), {"objective": ImplicitScoreMatching()}),
        (
            lambda: Denoiser(DiT((4, 1), patch=2, width=8, depth=1, heads=2, key=KEY), VP()),
            {"rows": np.random.default_rng(1).standard_normal((40, 4, 1))},
        ),
    ],
    ids=["plain", "held out", "skip", "devices", "members", "members in parts", "score", "energy", "grid"],
)
def test_a_training_of_float64_is_of_float64_and_goes_on(double, build, options):
    straight = train(build(), **options)
    numbers = [leaf for leaf in jax.tree.leaves(straight[-1]) if np.issubdtype(leaf.dtype, np.inexact)]
    assert {leaf.dtype for leaf in numbers} == {np.dtype(np.float64)}
    middle = jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, straight[1])
    resumed = train(build(), state=middle, **options)[-1]
    pairs = zip(jax.tree.leaves(resumed), jax.tree.leaves(straight[-1]), strict=True)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def test_a_batch_in_parts_is_the_whole_to_the_rounding_of_float64(double):
    whole, parts = (train(plain(), accumulate=parts)[-1].ema for parts in (1, 2))
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_rows_are_no_wider_than_the_weights(double):
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, plain())
    with pytest.raises(ValueError, match="rows of float32, as the weights of MLP are, got float64"):
        train(narrow)
    with pytest.raises(ValueError, match=r"a score like its state, float32\[2\], from Denoiser, got float64"):
        train(plain(), rows=ROWS.astype(np.float32))
    assert train(narrow, rows=ROWS.astype(np.float32))[-1].loss.dtype == np.float32


class Counting(AbstractNetwork):
    """A network without a number to train."""

    weight: jax.Array

    def __call__(self, c_noise, x, condition=None, *, key=None):
        return self.weight @ x


def test_a_network_with_nothing_to_train_is_refused():
    with pytest.raises(TypeError, match=r"arrays of floating-point numbers to train, got .*Counting"):
        next(fit(Denoiser(Counting(jnp.eye(2, dtype=int)), VP()), DENOISING, ROWS, optax.adam(1), key=KEY, num_steps=1))
