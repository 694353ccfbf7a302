"""Every number of a configuration has a stated range, and sizes are known before anything is built."""

import dataclasses
import math
import typing

import equinox as eqx
import jax
import numpy as np
import pytest

from scorax import FitConfig
from scorax._errors import EnvironmentFailure, InputError
from scorax.networks import ResMLP
from scorax.spec import Range, resolve
from scorax.tables import NetworkConfig, NoiseConfig, ScoreDensity, TrainingConfig
from scorax.tables._config import ResolvedNetwork
from scorax.tables._settings import TableSize, num_parameters, require_memory, resolved


def _parts(kind: typing.Any) -> list[typing.Any]:
    """Everything a type is made of, from the outside in."""
    inner = (*typing.get_args(kind), *getattr(kind, "__metadata__", ()))
    return [kind, *(part for one in inner for part in _parts(one))]


def _numbers() -> list[tuple[str, type, Range | None, bool]]:
    """Key, type, range and whether it is a list, of every number of a configuration."""
    found = []
    for section, cls in typing.get_type_hints(FitConfig).items():
        for name, kind in typing.get_type_hints(cls, include_extras=True).items():
            parts = _parts(kind)
            number = next((part for part in parts if part in (int, float)), None)
            if number is not None:
                allowed = next((part for part in parts if isinstance(part, Range)), None)
                found.append((f"{section}.{name}", number, allowed, typing.get_origin(kind) is tuple))
    return found


NUMBERS = _numbers()


@pytest.mark.parametrize(("key", "kind", "allowed", "several"), NUMBERS, ids=[number[0] for number in NUMBERS])
def test_a_number_outside_its_range_is_refused_by_name(key: str, kind: type, allowed: Range, several: bool) -> None:
    assert allowed is not None
    assert math.isfinite(allowed.low)
    assert math.isfinite(allowed.high)
    wrong: list[str] = ["-1", "nan", "inf", "'5'", "true", "[[1]]", "{x = 1}", "1e300", str(2**62), str(10**30), "''"]
    wrong += ["0"] if 0 not in allowed else []
    wrong += ["2.5"] if kind is int else []
    for text in wrong:
        with pytest.raises(InputError, match=key.replace(".", r"\.")) as caught:
            resolve(FitConfig, sets=[f"{key}={f'[{text}]' if several else text}"])
        assert "\n" not in str(caught.value)
    for text in ("-1", str(2**62)):
        with pytest.raises(InputError, match=r"expected an? \w+ in [(\[].*[)\]], got"):
            resolve(FitConfig, sets=[f"{key}={f'[{text}]' if several else text}"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: TrainingConfig(max_steps=0),
        lambda: TrainingConfig(batch_size=2**62),
        lambda: TrainingConfig(learning_rate=1e300),
        lambda: TrainingConfig(learning_rate=math.nan),
        lambda: NetworkConfig(depth=10**6),
        lambda: NetworkConfig(width=2**40),
        lambda: NoiseConfig(sigma_min=90.0),
        lambda: NoiseConfig(candidates=()),
        lambda: ScoreDensity(folds=0).fit(np.random.default_rng(0).normal(size=(20, 2))),
        lambda: ScoreDensity(max_steps=0).fit(np.random.default_rng(0).normal(size=(20, 2))),
        lambda: ScoreDensity(folds=21).fit(np.random.default_rng(0).normal(size=(20, 2))),
    ],
)
def test_python_refuses_the_same(make: typing.Callable[[], object]) -> None:
    with pytest.raises(InputError, match="expected"):
        make()


@pytest.mark.parametrize(("width", "depth", "frequencies", "waves"), [(1, 1, 1, 0), (8, 3, 5, 2), (64, 2, 8, 6)])
@pytest.mark.parametrize("size", [TableSize(9, 1, 1), TableSize(9, 7, 7), TableSize(9, 2, 7, categories=6, holes=True)])
@pytest.mark.parametrize("waved", [True, False])
def test_parameters_are_counted_without_a_network(
    width: int, depth: int, frequencies: int, waves: int, size: TableSize, waved: bool
) -> None:
    shape = ResolvedNetwork(
        width=width,
        depth=depth,
        dropout=0.0,
        num_frequencies=frequencies,
        waves=waves,
        masks=size.holes,
        waved_masks=waved,
    )
    inputs, outputs = (21, 8) if size.holes else (size.dimension, size.dimension)
    if size.holes and not waved:
        inputs, waves = inputs + 2 * waves * 7, 0
    settings = {"width": width, "depth": depth, "num_frequencies": frequencies, "waves": waves, "outputs": outputs}
    network = eqx.filter_eval_shape(lambda key: ResMLP(inputs, **settings, key=key), jax.random.key(0))
    leaves = jax.tree.leaves(eqx.filter(network, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)))
    assert num_parameters(shape, size) == sum(math.prod(leaf.shape) for leaf in leaves)


def test_a_model_beyond_the_memory_is_refused_before_it_is_built() -> None:
    usual = resolved(FitConfig(), TableSize(10**6, 1000, 1000))
    largest = dataclasses.replace(usual, network=dataclasses.replace(usual.network, width=2**16, depth=256))
    size = TableSize(100, 3, 3)
    for refuse in (lambda: resolved(largest, size), lambda: require_memory(largest, size, training=False)):
        with pytest.raises(EnvironmentFailure, match="GiB") as caught:
            refuse()
        assert "network.width" in str(caught.value)
