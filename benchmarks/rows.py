"""What a block of rows costs: throughput of draws by the size of the block, and four draws beside 1,024.

The rule of ``scorax._rows.block_of`` is held against this table. A sweep runs 1,024 draws (64 of images) in blocks of each size
inside one program, in turn; a number is the median over the turns of the speed beside that of the largest block, by the seconds
of the processor, which do not count the time in which other work has the machine.
``--table FILE.json`` prints a record.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from _machine import described, machine
from _sampler_target import PROCESS, target
from scorax._rows import block_of, in_blocks
from scorax.models import AbstractScoreModel, Denoiser
from scorax.networks import MLP, AbstractNetwork
from scorax.processes import GaussianLaw
from scorax.samplers import AdamsBashforth, Terminal, sample
from scorax.targets import ExactDenoiser

KEY = jax.random.key(0)
SAMPLER = AdamsBashforth()


class Convolutions(AbstractNetwork):
    """Convolutions of three by three pixels: a stand-in for an image network, which knows no noise level."""

    layers: list[eqx.nn.Conv2d]

    def __init__(self, channels: int, width: int, depth: int) -> None:
        sizes = [channels, *[width] * (depth + 1), channels]
        pairs = zip(sizes[:-1], sizes[1:], jax.random.split(KEY, len(sizes) - 1), strict=True)
        self.layers = [eqx.nn.Conv2d(a, b, 3, padding=1, key=key) for a, b, key in pairs]

    def __call__(self, c_noise: Any, x: jax.Array, condition: Any = None, *, key: Any = None) -> jax.Array:
        h = jnp.moveaxis(x, -1, 0)
        for layer in self.layers[:-1]:
            h = jax.nn.silu(layer(h))
        return jnp.moveaxis(self.layers[-1](h), 0, -1)


def exact(d: int) -> tuple[AbstractScoreModel, tuple[int, ...]]:
    return ExactDenoiser.create(target(d), PROCESS), (d,)


def mlp(d: int, width: int, depth: int) -> tuple[AbstractScoreModel, tuple[int, ...]]:
    return Denoiser(MLP(d, width=width, depth=depth, key=KEY), PROCESS, moments=GaussianLaw.standard(d)), (d,)


def image(side: int, channels: int, width: int, depth: int) -> tuple[AbstractScoreModel, tuple[int, ...]]:
    return Denoiser(Convolutions(channels, width, depth), PROCESS), (side, side, channels)


MODELS: dict[str, Callable[[], tuple[AbstractScoreModel, tuple[int, ...]]]] = {
    "mixture, d 2": lambda: exact(2),
    "mixture, d 64": lambda: exact(64),
    "MLP 2x32, d 2": lambda: mlp(2, 32, 2),
    "MLP 3x64, d 2": lambda: mlp(2, 64, 3),
    "MLP 3x128, d 2": lambda: mlp(2, 128, 3),
    "MLP 4x256, d 64": lambda: mlp(64, 256, 4),
    "MLP 4x1024, d 64": lambda: mlp(64, 1024, 4),
    "convolutions 3x16, 8x8x1": lambda: image(8, 1, 16, 3),
    "convolutions 4x32, 16x16x3": lambda: image(16, 3, 32, 4),
}


def sweep(model: AbstractScoreModel, shape: tuple[int, ...], turns: int) -> dict[str, Any]:
    """Seconds of the draws by the size of the block."""
    most = 1024 if len(shape) == 1 else 64
    keys = jax.random.split(KEY, most)

    def draw(key: jax.Array) -> jax.Array:
        first, rest = jax.random.split(key)
        return SAMPLER.draw(model, SAMPLER.initial(model, shape, jnp.float32, key=first), key=rest)

    sizes = [2**k for k in range(most.bit_length()) if len(shape) > 1 or k >= 4]
    runs = {size: jax.jit(lambda keys, size=size: in_blocks(draw, (keys,), jnp.asarray(most), size)) for size in sizes}
    seconds = timed({size: (lambda run=run: run(keys)) for size, run in runs.items()}, turns)
    return {"rows": most, "seconds": {str(size): taken for size, taken in seconds.items()}}


def timed(runs: dict[Any, Callable[[], jax.Array]], turns: int) -> dict[Any, list[float]]:
    """Seconds of the processor of each run, in turn, after one that compiles."""
    seconds: dict[Any, list[float]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            began = time.process_time()
            jax.block_until_ready(run())
            if turn > 0:
                seconds[name].append(time.process_time() - began)
    return seconds


def measure(name: str, turns: int) -> dict[str, Any]:
    """The sweep, and four draws beside 1,024 (64 of images) by ``sample``."""
    model, shape = MODELS[name]()
    found = sweep(model, shape, turns)
    calls = {
        str(count): (lambda count=count: sample(model, SAMPLER, count, key=KEY, start=Terminal(shape)))
        for count in (4, found["rows"])
    }
    four, all_ = timed(calls, turns).values()
    found["share_of_four"] = (np.array(four) / np.array(all_)).round(5).tolist()
    found |= {
        "block": block_of(model, shape),
        "numbers": sum(x.size for x in jax.tree.leaves(eqx.filter(model, eqx.is_array))),
    }
    print(f"{name}: {found['block']}, {np.median(found['share_of_four']):.3f}", file=sys.stderr)
    return found


def markdown(record: dict[str, Any]) -> str:
    """The table of a record."""
    sizes = (1, 4, 16, 32, 64, 128, 256, 512)
    lines = [
        f"| model | numbers | block | {' | '.join(f'speed at {size}' for size in sizes)} | four draws / {{1,024 or 64}} |",
        "|---" * (4 + len(sizes)) + "|",
    ]
    for name, found in record["results"].items():
        times = {int(size): np.array(taken) for size, taken in found["seconds"].items()}
        largest = times[max(times)]
        speeds = [f"{np.median(largest / times[size]):.2f}" if size in times else "" for size in sizes]
        share = f"{np.median(found['share_of_four']):.3f} of {found['rows']:,}"
        lines.append(f"| {name} | {found['numbers']:,} | {found['block']} | {' | '.join(speeds)} | {share} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, or print a record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("rows.json"))
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--models", nargs="+", type=int, choices=range(len(MODELS)), default=range(len(MODELS)))
    parser.add_argument("--table", type=Path, help="print a record instead of measuring")
    options = parser.parse_args()
    if options.table is not None:
        record = json.loads(options.table.read_text())
    else:
        # A program in the cache may have been compiled for another number of threads, which is not in its key.
        jax.config.update("jax_enable_compilation_cache", False)
        record = {"machine": machine("numpy", "equinox"), "results": {}}
        for name in (list(MODELS)[i] for i in options.models):
            record["results"][name] = measure(name, options.turns)
            options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{described(record['machine'])}\n\n{markdown(record)}")


if __name__ == "__main__":
    main()
