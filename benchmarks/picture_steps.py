"""Gradient of one batch of pictures: ``DiT`` and ``UNet`` beside the same networks in torch, and the forms of a convolution.

``python benchmarks/picture_steps.py`` takes the gradient of a squared error over 128 pictures of 28 x 28 with respect to all
weights, in turn: ours, torch, ours, ... A ratio is that of one turn; reported is the median over turns with the range of the
middle half. Torch has to be in this Python; without it ours stands alone. ``--convolutions`` times instead, forwards and with
the gradients of weights and inputs, a 3x3 convolution and what may stand in its place.
"""

import argparse
import functools
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from _machine import described, machine
from scorax.networks import DiT, UNet, cost

BATCH, SHAPE, LOOP = 128, (28, 28, 1), 4
NETWORKS: dict[str, dict[str, Any]] = {
    "DiT": {"patch": 4, "width": 128, "depth": 4, "heads": 4},
    "UNet": {"width": 32, "multiples": (1, 2, 2), "heads": 4},
}


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels, noisy pictures and what is to be predicted."""
    random = np.random.default_rng(0)
    numbers = [random.standard_normal((BATCH, *shape)) for shape in ((), SHAPE, SHAPE)]
    return tuple(own.astype(np.float32) for own in numbers)  # pyright: ignore[reportReturnType]  three of them


def ours(name: str) -> tuple[Callable[[], object], str]:
    """The gradient, and what the network costs."""
    build = {"DiT": DiT, "UNet": UNet}[name]
    network = build(SHAPE, key=jax.random.key(0), **NETWORKS[name])
    levels, noisy, wanted = (jnp.asarray(own) for own in data())

    @eqx.filter_jit
    @eqx.filter_grad
    def gradient(network: Any) -> Any:
        return jnp.mean((jax.vmap(network)(levels, noisy) - wanted) ** 2)

    found = cost(network, SHAPE)
    return lambda: jax.block_until_ready(
        gradient(network)
    ), f"{found.parameters:,} numbers, {found.flops / 1e6:.0f} MFLOP"


def theirs(name: str) -> Callable[[], object]:
    """The same in torch."""
    import torch

    import _torch_pictures

    settings = NETWORKS[name]
    network = getattr(_torch_pictures, name)(**({"size": SHAPE[0]} if name == "DiT" else {}), **settings)
    levels, noisy, wanted = (torch.tensor(own) for own in data())

    def gradient() -> None:
        network.zero_grad(set_to_none=True)
        (network(levels, noisy) - wanted).square().mean().backward()

    return gradient


def seconds(call: Callable[[], object]) -> float:
    """Of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def quartiles(values: list[float]) -> dict[str, float]:
    """Median and the middle half."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": float(middle), "low": float(low), "high": float(high)}


def networks(turns: int) -> list[dict[str, Any]]:
    """Both networks, in turn with torch."""
    found = []
    with_torch = importlib.util.find_spec("torch") is not None
    for name in NETWORKS:
        own, size = ours(name)
        calls = [own, theirs(name)] if with_torch else [own]
        for call in calls:
            seconds(call), seconds(call)
        times = np.array([[seconds(call) for call in calls] for _ in range(turns)])
        record = {"network": name, "cost": size, "ms": quartiles(list(1e3 * times[:, 0]))}
        if with_torch:
            record["torch_ms"] = quartiles(list(1e3 * times[:, 1]))
            record["ratio"] = quartiles(list(times[:, 0] / times[:, 1]))
        found.append(record)
        print(json.dumps(record), flush=True)
    return found


def _native(x: jax.Array, w: jax.Array, stride: int = 1) -> jax.Array:
    return jax.lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _shifted(x: jax.Array) -> list[jax.Array]:
    padded, (height, width) = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), x.shape[1:3]
    return [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]


def _patches(x: jax.Array, w: jax.Array) -> jax.Array:
    return jnp.concatenate(_shifted(x), -1) @ w.reshape(-1, w.shape[-1])


def _sum_of_products(x: jax.Array, w: jax.Array) -> jax.Array:
    flat = w.reshape(9, *w.shape[2:])
    return sum((own @ flat[k] for k, own in enumerate(_shifted(x))), jnp.zeros(()))


def _transposed(x: jax.Array, w: jax.Array) -> jax.Array:
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_transpose(x, w[:2, :2], (2, 2), "VALID", dimension_numbers=numbers)


FORMS: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "3x3": _native,
    "3x3 as one product of patches": _patches,
    "3x3 as nine products": _sum_of_products,
    "3x3 of stride 2": lambda x, w: _native(x, w, 2),
    "transposed 2x2 of stride 2": _transposed,
}


def _waited(program: Callable[..., Any], x: jax.Array, w: jax.Array) -> object:
    return jax.block_until_ready(program(x, w))


def _in_a_loop(gradient: Callable[..., tuple[jax.Array, jax.Array]], x: jax.Array, w: jax.Array) -> Any:
    """Steps against the gradient, in one ``lax.scan``."""

    def step(now: tuple[jax.Array, jax.Array], _: None) -> tuple[tuple[jax.Array, jax.Array], None]:
        return jax.tree.map(lambda a, b: a - 1e-6 * b, now, gradient(*now)), None

    return jax.lax.scan(step, (x, w), None, length=LOOP)[0]


def convolutions(turns: int) -> list[dict[str, Any]]:
    """Forms of a convolution, forwards and with both gradients."""
    found = []
    for size, channels in ((28, 32), (7, 64)):
        x = jax.random.normal(jax.random.key(0), (BATCH, size, size, channels))
        w = 0.05 * jax.random.normal(jax.random.key(1), (3, 3, channels, channels))
        for name, form in FORMS.items():
            forward = jax.jit(form)
            gradient = jax.grad(lambda x, w, form=form: jnp.sum(form(x, w) ** 2), argnums=(0, 1))
            both, looped = jax.jit(gradient), jax.jit(functools.partial(_in_a_loop, gradient))
            record: dict[str, Any] = {"size": size, "channels": channels, "form": name}
            programs = (
                ("forward", forward, 1),
                ("with gradients", both, 1),
                ("with gradients, in a loop", looped, LOOP),
            )
            for what, program, count in programs:
                call = functools.partial(_waited, program, x, w)
                seconds(call)
                record[what] = quartiles([1e3 * seconds(call) / count for _ in range(turns)])
            found.append(record)
            print(json.dumps(record), flush=True)
    return found


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--convolutions", action="store_true")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    facts = machine("torch", "equinox")
    found = convolutions(options.turns) if options.convolutions else networks(options.turns)
    print(described(facts))
    if options.out:
        options.out.write_text(json.dumps({"machine": facts, "results": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
