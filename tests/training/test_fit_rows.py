"""What ``fit`` trains on: rows by number, their conditions, their moments, and where their arrays live."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from scorax._sharding import on_devices
from scorax.models import Denoiser
from scorax.networks import MLP, ClassEmbedder, Ensemble
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM, VP, GaussianLaw
from scorax.training import AbstractRows, Examples, FitOptions, Rows, Validation, fit, initial_state, trained_arrays
from scorax.training._rows import DEVICE_SHARE, _placed
from scorax.transforms import Dequantize, FillAuxiliary, Standardize

KEY = jax.random.key(0)
OBJECTIVE = DenoisingScoreMatching()
MESH = jax.make_mesh((2,), ("data",), devices=jax.devices()[:2])
DATA = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)


def mapped(folder, data):
    np.save(folder / "rows.npy", data)
    return np.load(folder / "rows.npy", mmap_mode="r")


@pytest.fixture(params=["host", "device", "map", "view of a map"])
def source(request, tmp_path):
    """The same rows in every place they may be in."""
    if request.param in ("host", "device"):
        return DATA if request.param == "host" else jnp.asarray(DATA)
    return mapped(tmp_path, DATA)[:] if request.param == "map" else np.asarray(mapped(tmp_path, DATA))


def test_rows_by_number_with_their_conditions(source):
    labels = {"own": np.arange(50), "shared": jnp.asarray([[7.0, 8.0]])}
    rows, numbers = Rows(source, labels), np.array([[3, 0, 49], [3, 3, 17]])
    taken = rows.take(numbers)
    assert (len(rows), rows.shape, rows.dtype) == (50, (2,), np.float32)
    assert np.array_equal(taken.x0, DATA[numbers])
    assert np.array_equal(taken.condition["own"], numbers)
    assert np.array_equal(taken.condition["shared"], np.broadcast_to([7.0, 8.0], (2, 3, 2)))


@pytest.mark.bits
def test_training_is_the_same_wherever_the_rows_are(source):
    model = Denoiser(MLP(2, width=8, depth=1, key=KEY), VP())

    def weights(rows):
        *_, last = fit(model, OBJECTIVE, rows, optax.adam(1e-2), key=KEY, num_steps=10, options=FitOptions(16, 5))
        return jax.tree.leaves(last.weights)

    assert all(np.array_equal(a, b) for a, b in zip(weights(source), weights(DATA), strict=True))


def test_moments_are_those_of_the_rows_and_computed_once(source):
    rows = Rows(source)
    law = rows.moments()
    covariance = law.basis * law.variances @ law.basis.T
    np.testing.assert_allclose(law.mean, DATA.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(covariance, np.cov(DATA.T, bias=True), atol=1e-6)
    assert rows.moments() is law


def test_moments_are_those_of_visited_rows():
    """Bins of width 2 add 1/3 to the variance; 4 SE of a variance of 40,000 values are 0.03 of it."""
    whole = np.random.default_rng(1).integers(-3, 4, (40_000, 2)).astype(np.float32)
    law = Rows(whole, visit=Dequantize(np.array([2.0, 0.0]))).moments()
    covariance = law.basis * law.variances @ law.basis.T
    truth = np.diag([4 + 1 / 3, 4.0])
    np.testing.assert_allclose(covariance, truth, atol=4 * np.sqrt(2 / 40_000) * 4.4)
    half = Standardize(np.zeros(2), np.full(2, 2.0))
    exact, scaled = GaussianLaw.of_rows(DATA), Rows(DATA, visit=half).moments()
    np.testing.assert_allclose(scaled.variances, exact.variances / 4, rtol=1e-5)


def test_rows_go_to_a_device_that_has_the_memory(tmp_path):
    """NumPy's rows up to a quarter of it, and none of a memory map."""
    limit, rows, there = int(DATA.nbytes / DEVICE_SHARE), mapped(tmp_path, DATA), jnp.asarray(DATA)
    assert isinstance(_placed(DATA, limit), jax.Array)
    assert _placed(DATA, limit - 1) is DATA
    assert _placed(there, 0) is there
    assert all(_placed(view, 2**40) is view for view in (rows, rows[10:], np.asarray(rows)))
    assert Rows(rows).resident is None


LARGER_THAN_MEMORY = """
import resource, sys
import jax, numpy as np, optax
from scorax import MLP, VP, Denoiser, DenoisingScoreMatching, FitOptions, Rows, fit
from scorax.training import Validation

def train(rows):
    model = Denoiser(MLP(64, width=8, depth=1, key=jax.random.key(0)), VP(), moments=rows.moments())
    options = FitOptions(16, 5, validation=Validation((np.arange(64),), every=5, num_draws=64))
    key, objective = jax.random.key(0), DenoisingScoreMatching()
    *_, last = fit(model, objective, rows, optax.adam(1e-2), key=key, num_steps=10, options=options)
    return float(last.loss[0])

train(Rows(np.zeros((1000, 64), np.float32)))  # everything is compiled, threads have their stacks
data = {line.split(":")[0]: line for line in open("/proc/self/status")}["VmData"]
limit = int(data.split()[1]) * 1024 + 128 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    np.load(sys.argv[1])
    sys.exit("the rows fit into the memory")
except MemoryError:
    pass
rows = Rows(np.load(sys.argv[1], mmap_mode="r"))
print(len(rows), train(rows))
"""


@pytest.mark.slow  # a process of its own, five seconds; CI runs it
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts anonymous memory on Linux")
def test_a_memory_map_trains_in_less_memory_than_it_has(tmp_path):
    """256 MiB of rows on disk in a process that may allocate 128 MiB more than after a first small fit."""
    array = np.lib.format.open_memmap(tmp_path / "rows.npy", "w+", np.float32, (2**20, 64))  # zeros: a file of holes
    array.flush()
    done = subprocess.run(
        [sys.executable, "-c", LARGER_THAN_MEMORY, str(tmp_path / "rows.npy")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    count, loss = done.stdout.split()
    assert int(count) == 2**20
    assert np.isfinite(float(loss))


def labelled(key) -> MLP:
    return MLP(2, width=8, depth=1, embedder=ClassEmbedder(3, 4, key=key), key=key)


LONG = pytest.mark.slow  # two programs, on one device and on two; every run has the ensemble, CI both


@pytest.mark.parametrize("members", [pytest.param(1, marks=LONG), 2])
def test_two_devices_train_as_one(members):
    """A batch is summed in two parts: weights agree to rounding, 20 steps of Adam at a rate of 1e-2 within 2e-5."""
    network = labelled(KEY) if members == 1 else Ensemble.create(labelled, members, key=KEY)
    folds = tuple(np.arange(10 * k, 10 * k + 10) for k in range(members))
    model, rows = Denoiser(network, VP()), Rows(DATA, np.arange(50) % 3)
    validation = Validation(folds, every=5, num_draws=64)

    def last(mesh):
        options = FitOptions(16, 5, validation=validation, mesh=mesh)
        *_, state = fit(model, OBJECTIVE, rows, optax.adam(1e-2), key=KEY, num_steps=20, options=options)
        return state

    one, two = last(None), last(MESH)
    for name in ("weights", "ema", "loss", "validation_loss"):
        leaves = [jax.tree.leaves(getattr(state, name)) for state in (one, two)]
        for a, b in zip(*leaves, strict=True):
            assert (len(a.devices()), len(b.devices())) == (1, 2)
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
    assert all(len(leaf.devices()) == 1 for leaf in trained_leaves(two.model(model)))


def test_fifty_steps_on_two_devices_are_those_of_one():
    """The gradient is a sum of two parts: a step of descent is equal to rounding, fifty to 1e-5 of the weights."""

    def last():
        model = Denoiser(MLP(2, width=8, depth=1, key=KEY), VP())
        *_, state = fit(model, OBJECTIVE, DATA, optax.sgd(0.05), key=KEY, num_steps=50, options=FitOptions(16, 50))
        return [np.asarray(leaf) for leaf in jax.tree.leaves(state.weights)]

    one = last()
    with on_devices(2):
        two = last()
    assert not all(map(np.array_equal, one, two)), "one device trained both"
    assert all(np.linalg.norm(a - b) <= 1e-5 * np.linalg.norm(a) for a, b in zip(one, two, strict=True))


def trained_leaves(model):
    return jax.tree.leaves(trained_arrays(model))


def test_a_batch_that_devices_cannot_share_is_refused():
    with pytest.raises(
        ValueError, match="a batch that 2 devices share evenly, got batch_size=15; pass a multiple of 2"
    ):
        FitOptions(15, mesh=MESH)
    with pytest.raises(ValueError, match="the one axis 'data', got axes"):
        FitOptions(mesh=jax.make_mesh((2,), ("rows",)))


class Halves(AbstractRows):
    """Rows of two arrays, as a source of files has them."""

    def __init__(self, first, second):
        self.parts = first, second

    def __len__(self):
        return sum(len(part) for part in self.parts)

    shape, dtype = property(lambda self: self.parts[0].shape[1:]), property(lambda self: self.parts[0].dtype)

    def take(self, indices):
        here, there = self.parts
        inside = np.where(indices < len(here), indices, 0)
        beyond = np.where(indices < len(here), 0, indices - len(here))
        return Examples(np.where((indices < len(here))[..., None], here[inside], there[beyond]), None)

    def moments(self):
        return GaussianLaw.of_rows(np.concatenate(self.parts))


def test_a_source_of_another_kind_trains_the_same_weights():
    model = Denoiser(MLP(2, width=8, depth=1, key=KEY), VP())
    options = FitOptions(batch_size=16, every=3)
    ends = [
        list(fit(model, OBJECTIVE, rows, optax.sgd(0.1), key=KEY, num_steps=6, options=options))[-1].weights
        for rows in (Rows(DATA), Halves(DATA[:20], DATA[20:]))
    ]
    assert all(map(np.array_equal, *map(jax.tree.leaves, ends)))


@pytest.mark.parametrize("data", [DATA.astype(">f4"), np.ma.masked_array(DATA)], ids=["byte order", "masked"])
def test_rows_that_no_device_holds_are_refused(data):
    with pytest.raises(TypeError, match="expected an array of floating-point rows, in the machine's byte order"):
        Rows(data)


def test_a_state_of_another_process_is_refused():
    def state_of(process):
        model = Denoiser(MLP(2, width=8, depth=1, key=KEY), process)
        return model, initial_state(model, optax.sgd(0.1))

    model, other = state_of(VP())[0], state_of(EDM())[1]
    with pytest.raises(ValueError, match="expected a state of this model and optimizer, got one of another process"):
        next(fit(model, OBJECTIVE, DATA, optax.sgd(0.1), key=KEY, num_steps=6, state=other))


def test_nan_is_read_where_the_visit_fills_it():
    """Moments of filled rows: half of a column of ones and NaN is N(0, 1), 4 SE; the same NaN elsewhere is refused."""
    data = np.stack([np.where(np.arange(8192) % 2, 1, np.nan), np.zeros(8192)], axis=1).astype(np.float32)
    law = Rows(data, visit=FillAuxiliary(np.array([True, False]))).moments()
    assert abs(law.mean[0] - 0.5) < 4 / 128
    for rows, visit in ((data, None), (data[:, ::-1], FillAuxiliary(np.array([True, False])))):
        with pytest.raises(ValueError, match="finite"):
            Rows(rows, visit=visit)
