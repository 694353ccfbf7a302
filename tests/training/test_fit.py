import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from oracles import rows_of
from scorax._errors import DivergedError
from scorax._trees import network_arrays, trainable
from scorax.models import Denoiser
from scorax.networks import MLP, Ensemble, MixtureSkip
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import VP, Tabulated
from scorax.targets import ExactDenoiser, gaussian
from scorax.training import Examples, FitOptions, Rows, Validation, adamw, fit, initial_state
from scorax.training._state import single_model
from scorax.training._steps import Draws, Problem, _loss_and_gradient
from scorax.transforms import Dequantize

KEY = jax.random.key(0)
ROWS = np.random.default_rng(0).standard_normal((40, 2)).astype(np.float32)
OBJECTIVE = DenoisingScoreMatching()
ADAM = optax.adam(1e-2)


def small(key=KEY) -> MLP:
    return MLP(2, width=8, depth=1, key=key)


PLAIN = Denoiser(network=small(), process=VP())
THREE = Denoiser(network=Ensemble.create(small, 3, key=KEY), process=VP())
FOLDS = (np.arange(0, 10), np.arange(10, 25), np.arange(25, 30))


def run(model=PLAIN, *, num_steps=20, optimizer=ADAM, rows=ROWS, state=None, **options):
    """Host copies of every yielded state."""
    settings = FitOptions(batch_size=16, every=5, **options)
    states = fit(model, OBJECTIVE, rows, optimizer, key=KEY, num_steps=num_steps, options=settings, state=state)
    return [jax.tree.map(lambda leaf: np.array(leaf) if eqx.is_array(leaf) else leaf, state) for state in states]


def as_state(host):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf) if eqx.is_array(leaf) else leaf, host)


def same(a, b) -> bool:
    return all(
        np.array_equal(x, y, equal_nan=True) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (PLAIN, {}),
        (PLAIN, {"validation": Validation((np.arange(10),), every=5, num_draws=64)}),
        (
            THREE,
            {
                "validation": Validation(FOLDS, every=5, num_draws=256),
                "member_rows": [np.setdiff1d(np.arange(40), fold) for fold in FOLDS],
                "rows": Rows(ROWS, visit=Dequantize(np.array([0.1, 0.0]))),
            },
        ),
    ],
    ids=["plain", "validated", "ensemble"],
)
@pytest.mark.bits
def test_resumed_is_straight_bit_for_bit(model, options):
    straight = run(model, **options)
    assert [int(state.step) for state in straight] == [0, 5, 10, 15, 20]
    for start in (0, 2):
        resumed = run(model, state=as_state(straight[start]), **options)
        assert [int(state.step) for state in resumed] == [int(state.step) for state in straight[start + 1 :]]
        assert all(same(a, b) for a, b in zip(resumed, straight[start + 1 :], strict=True))


def test_a_run_cut_inside_a_call_resumes_to_the_same_weights():
    """The end of a shorter run is in the middle of a call of the longer one; validations fall on the same steps."""
    options = {"validation": Validation((np.arange(10),), every=10, num_draws=64)}
    straight, short = run(**options), run(num_steps=13, **options)
    resumed = run(state=as_state(short[-1]), **options)
    assert [int(state.step) for state in resumed] == [15, 20]
    assert same(resumed[-1].weights, straight[-1].weights)
    assert same(resumed[-1].ema, straight[-1].ema)
    assert same(resumed[-1].validation_loss, straight[-1].validation_loss)


def test_states_come_every_so_many_steps_and_the_first_has_no_loss():
    for every, steps in ((5, [0, 5, 10, 12]), (12, [0, 12])):
        states = list(fit(PLAIN, OBJECTIVE, ROWS, ADAM, key=KEY, num_steps=12, options=FitOptions(16, every)))
        assert [int(state.step) for state in states] == steps
        assert np.isnan(states[0].loss)
        assert all(np.isfinite(state.loss) for state in states[1:])


def test_validation_falls_on_the_first_call_that_reaches_it():
    states = run(num_steps=20, validation=Validation((np.arange(10),), every=7, num_draws=64))
    changed = [int(b.step) for a, b in itertools.pairwise(states) if a.validation_loss != b.validation_loss]
    assert changed == [10, 15, 20]  # past 7, past 14, the end


def test_trap_38_average_of_a_ramp_through_fit():
    """An optimiser that adds one to every weight: the average follows its recursion with the warm-up decay."""
    ramp = optax.GradientTransformation(
        lambda params: optax.EmptyState(), lambda grads, state, params=None: (jax.tree.map(jnp.ones_like, grads), state)
    )
    first, *_, last = run(optimizer=ramp, ema_decay=0.6)
    start = first.weights.network.layers[0].weight
    average = start.astype(np.float64)
    for step in range(20):
        decay = min(0.6, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * (start + step + 1)
    np.testing.assert_allclose(last.weights.network.layers[0].weight, start + 20, rtol=1e-5)
    np.testing.assert_allclose(last.ema.network.layers[0].weight, average, rtol=1e-5)
    assert same(last.best, last.ema)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_trap_41_a_single_bad_cell_is_refused(bad):
    data = ROWS.copy()
    data[17, 1] = bad
    with pytest.raises(ValueError, match="finite"):
        run(rows=data)
    with pytest.raises(ValueError, match="got none"):
        run(rows=ROWS[:0])


def test_trap_41_a_step_that_diverges_raises():
    blow = optax.GradientTransformation(
        lambda params: optax.EmptyState(),
        lambda grads, state, params=None: (jax.tree.map(lambda g: jnp.full_like(g, jnp.nan), grads), state),
    )
    with pytest.raises(DivergedError, match="a loss that is not, at step 1 "):
        run(optimizer=blow)


@pytest.mark.parametrize("model", [PLAIN, THREE], ids=["plain", "ensemble"])
def test_a_batch_in_parts_makes_the_update_of_the_whole(model):
    """The mean of the gradients of equal parts is that of the batch, whatever the optimiser makes of it: to rounding.

    Adam divides by the root of a square, so a gradient near zero may move a weight by a whole rate; 20 steps stay in 2e-5.
    """
    for optimizer, least in ((optax.sgd(0.05), 1e-6), (adamw(1e-2, num_steps=20), 2e-5)):
        whole, parts = (run(model, optimizer=optimizer, accumulate=count)[-1] for count in (1, 4))
        for a, b in zip(jax.tree.leaves(whole.weights), jax.tree.leaves(parts.weights), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=least)
        np.testing.assert_allclose(whole.loss, parts.loss, rtol=1e-5)
    with pytest.raises(
        ValueError, match="a batch that 3 parts of accumulate share evenly, got batch_size=16; pass a mul"
    ):
        FitOptions(16, accumulate=3)


def test_a_part_of_a_batch_is_what_is_in_memory_at_a_time():
    """XLA's own count of the temporary bytes of a step: a batch of 4,096 in 16 parts takes less than a quarter of it whole."""
    model = Denoiser(network=MLP(2, width=64, depth=2, key=KEY), process=VP())
    weights, rest = eqx.partition(single_model(model), trainable(single_model(model)))
    problem = Problem(OBJECTIVE, None, *eqx.partition(rest, network_arrays(rest)))
    source, places = Examples(jnp.asarray(ROWS), None), jnp.zeros(4096, int)

    def temporary(parts: int) -> int:
        def step(weights, places):
            return _loss_and_gradient(weights, problem, source, Draws.of(places, jnp.dtype("float32"), KEY), parts)

        return jax.jit(step).lower(weights, places).compile().memory_analysis().temp_size_in_bytes

    assert temporary(16) < temporary(1) / 4


def test_the_users_model_and_an_old_state_outlive_the_run():
    model = Denoiser(network=small(), process=VP())
    before = [np.array(leaf) for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_array))]
    states = run(model)
    resumable = as_state(states[1])
    run(model, state=resumable)
    run(model, state=resumable)
    after = [np.array(leaf) for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_array))]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert not same(states[-1].weights, states[0].weights)


def test_a_taken_model_outlives_the_donation_of_its_state():
    states = fit(PLAIN, OBJECTIVE, ROWS, ADAM, key=KEY, num_steps=15, options=FitOptions(16, 5))
    next(states)
    taken = [next(states).model(PLAIN, which) for which in ("best", "ema", "weights") for _ in [0]]
    list(states)
    for model in taken:
        assert np.all(np.isfinite(model(jnp.asarray(0.3), jnp.ones(2))))


def test_weights_of_a_model_built_otherwise_are_refused():
    betas = np.linspace(0.01, 0.4, 6)
    model, other = (Denoiser(network=small(), process=Tabulated.from_betas(table)) for table in (betas, 0.5 * betas))
    state = initial_state(model, ADAM)
    assert eqx.tree_equal(state.model(model).process, model.process)
    for like in (other, PLAIN, THREE):
        with pytest.raises(ValueError, match="weights of a Denoiser built like this one"):
            state.model(like)


def test_members_train_on_their_own_rows_and_stop_by_themselves():
    """A member whose held-out rows are unlike its own rows stops first; its arrays freeze while the others go on."""
    data = 0.3 * ROWS  # narrower than the untrained model: there is something to learn
    data[:10] *= 20  # the held-out rows of member 0: what helps its own rows hurts them
    validation = Validation(FOLDS, every=5, patience=2, num_draws=256)
    rows = [np.setdiff1d(np.arange(10, 40), fold) for fold in FOLDS]
    still = Rows(data, visit=Dequantize(np.zeros(2)))  # changes nothing, and makes it the program of a test above
    states = run(THREE, rows=still, num_steps=60, validation=validation, member_rows=rows)
    active = np.stack([state.active for state in states])
    ends = np.where(active.all(0), len(states), active.argmin(0))
    assert ends[0] < max(ends[1:])
    stopped = states[ends[0]]
    assert int(stopped.step) - int(stopped.best_step[0]) >= 10
    leaves = [jax.tree.leaves(state.weights) for state in (stopped, states[-1])]
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(*leaves, strict=True))
    later = int(np.argmax(ends))
    assert any(not np.array_equal(a[later], b[later]) for a, b in zip(*leaves, strict=True))
    for state in states[1:]:
        assert np.all(state.best_loss <= states[0].best_loss)


def test_members_differ_and_draw_their_own_noise():
    """Members that start alike on the same rows part ways: rows and noise come from streams of their own."""
    network = small()
    alike = Ensemble(jax.tree.map(lambda leaf: jnp.asarray(np.stack([leaf] * 3)), network))
    last = run(Denoiser(network=alike, process=VP()))[-1]
    for one, other in itertools.combinations(range(3), 2):
        assert not any(np.array_equal(leaf[one], leaf[other]) for leaf in jax.tree.leaves(last.weights))


def test_ensemble_is_the_mean_of_its_members_in_every_reading():
    last = as_state(run(THREE)[-1])
    model = last.model(THREE, "weights")
    members = [Denoiser(network=model.network.member(i), process=VP()) for i in range(3)]
    t, x = jnp.asarray(0.3), jnp.array([0.7, -0.4])
    for read in (lambda m: m(t, x), lambda m: m.predict(t, x).x0, lambda m: m.predict(t, x).noise):
        parts = np.stack([read(member) for member in members])
        np.testing.assert_allclose(read(model), parts.mean(0), rtol=1e-4, atol=1e-6)
        assert np.ptp(parts, axis=0).min() > 0


def test_facts_inside_the_network_are_not_trained():
    skip = MixtureSkip(small(), np.zeros(1), np.array([[0.3, -0.2]]), np.eye(2)[None], np.array([[0.5, 1.2]]))
    model = Denoiser(network=skip, process=VP())
    last = as_state(run(model, optimizer=adamw(1e-2, num_steps=20))[-1]).model(model)
    assert eqx.tree_equal(last.network.law, skip.law)
    assert not eqx.tree_equal(last.network.network, skip.network)


def test_wrong_numbers_of_members_are_refused():
    with pytest.raises(ValueError, match="3 members"):
        run(THREE, member_rows=[np.arange(10)] * 2)
    with pytest.raises(ValueError, match="none for member 1"):
        run(THREE, validation=Validation((np.arange(3), np.arange(0), np.arange(3))))


def test_initial_state_has_the_shapes_of_a_trained_one():
    for model in (PLAIN, THREE):
        ours, theirs = initial_state(model, ADAM), run(model, num_steps=5)[-1]
        shapes = [[(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state)] for state in (ours, theirs)]
        assert shapes[0] == shapes[1]


def test_fit_recovers_the_score_of_a_gaussian():
    """Correlated N(m, S) from 4000 rows: the loss of the fitted model is within 0.03 nats of the exact one's.

    Both on the same 20000 stratified draws of the law, so their difference has a standard error of about 0.003 nats.
    """
    law = gaussian(np.array([0.2, -0.3]), np.array([[1.0, 0.8], [0.8, 1.0]]))
    rows = rows_of(law, 4000, key=KEY)
    model = Denoiser(network=MLP(2, width=32, depth=2, key=KEY), process=VP())
    optimizer = adamw(5e-3, num_steps=800)
    options = FitOptions(ema_decay=0.99)
    *_, last = fit(model, OBJECTIVE, rows, optimizer, key=KEY, num_steps=800, options=options)
    fitted, exact = last.model(model), ExactDenoiser.create(law, VP())
    fresh, keys = rows_of(law, 20_000, key=jax.random.key(1)), jax.random.split(jax.random.key(2), 20_000)
    u = (jnp.arange(20_000) + 0.5) / 20_000

    @eqx.filter_jit
    def losses(m):
        return jax.vmap(lambda x, v, k: OBJECTIVE(m, x, v, key=k, training=False))(fresh, u, keys)

    excess = np.asarray(losses(fitted) - losses(exact), np.float64)
    start = np.asarray(losses(model) - losses(exact), np.float64)
    assert excess.mean() + 4 * excess.std() / np.sqrt(20_000) < 0.05
    assert start.mean() > 0.3  # KL(N(m, S) || N(0, I)) is 0.58: there was something to learn


def test_a_call_is_compiled_once(caplog):
    # A value placed or typed differently after the first call would double the time to the first step of every fit.
    options = FitOptions(8, 5, validation=Validation((np.arange(7),), every=5))
    data = np.random.default_rng(0).normal(size=(31, 3)).astype(np.float32)  # shapes that no other test has compiled
    model = Denoiser(network=MLP(3, width=5, depth=1, key=jax.random.key(0)), process=VP())
    with caplog.at_level("WARNING"), jax.log_compiles():
        list(
            fit(
                model,
                DenoisingScoreMatching(),
                data,
                adamw(1e-3, num_steps=30),
                key=jax.random.key(1),
                num_steps=30,
                options=options,
            )
        )
    for name in ("train_call", "validate_call"):
        compiled = [m for m in caplog.messages if m.startswith("Compiling") and name in m]
        assert len(compiled) == 1, compiled
