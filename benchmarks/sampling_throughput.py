"""Draws per second of ``scorax.samplers.sample`` against a hand-written ``lax.scan`` of the same update.

Both make the same draws: same field, grid and keys, which is checked in float64 to 1e-8 before anything is
timed. They run in turn, ours, bare, ours, ...; a ratio is that of one turn, reported is the median with the range of the
middle half. Compilation is reported apart. ``--table FILE.json`` prints a record.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import _bare_fields as fields
import _bare_samplers as by_hand
from _machine import described, machine
from _sampler_target import PROCESS, target
from likelihood import network
from scorax._trees import cast
from scorax.models import Denoiser
from scorax.samplers import (
    DDIM,
    DDPM,
    AdamsBashforth,
    DPMSolver,
    EulerMaruyama,
    Heun,
    nodes,
    sample,
)
from scorax.targets import ExactDenoiser

DRAWS = 10_000
BLOCK = 1024
"""Rows at once by hand."""

LONG = 3.0
"""Seconds of a turn from which on fewer rows are drawn."""

SAMPLERS = {
    "DDIM": DDIM(50),
    "Heun": Heun(25),
    "DPMSolver": DPMSolver(50),
    "AdamsBashforth": AdamsBashforth(50),
    "DDPM": DDPM(200),
    "EulerMaruyama": EulerMaruyama(200),
}
FIELDS = {
    "mixture, d 2": lambda: ExactDenoiser.create(target(2), PROCESS),
    "MLP 3x128, d 2": lambda: network(2),
    "MLP 4x256, d 64": lambda: network(64),
}
Run = Callable[[jax.Array], jax.Array]


def ours(model: ExactDenoiser | Denoiser, sampler: str, rows: int) -> Run:
    """scorax, by its public names."""
    return lambda key: sample(model, SAMPLERS[sampler], rows, key=key)


def bare(model: ExactDenoiser | Denoiser, sampler: str, rows: int) -> Run:
    """The hand-written loop for the arrays of the model on the sampler's grid, in the precision of the context."""
    own = SAMPLERS[sampler]
    grid = nodes(own.grid, PROCESS, own.num_steps, jnp.result_type(float))
    assert grid.level is not None
    sigma = np.asarray(grid.level.sigma, np.float64)
    if isinstance(model, ExactDenoiser):
        law = model.target.components
        weights = np.exp(np.asarray(model.target.log_weights, np.float64))
        means, bases, variances = (np.asarray(leaf, np.float64) for leaf in (law.mean, law.basis, law.variances))
        field = fields.mixture(weights, means, bases, variances, sigma)
    else:
        layers: Any = [(layer.weight, layer.bias) for layer in model.network.layers]  # pyright: ignore
        field = fields.network(layers, sigma, np.geomspace(0.125, 4.0, 8))
    moments = model.moments
    assert moments is not None
    spread = np.sqrt(np.asarray(moments.variances, np.float64) + sigma[0] ** 2)
    terminal = (np.asarray(moments.mean), np.asarray(moments.basis), spread)
    draw = by_hand.draws(
        fields.Field(**field, terminal=terminal), by_hand.UPDATES[sampler](sigma), -(-rows // BLOCK), BLOCK
    )
    return lambda key: draw(key)[:rows]


def check_updates(field: str, sampler: str) -> float:
    """Largest difference of the two loops in float64, over one block.

    Raises:
        RuntimeError: it is more than rounding, so the loops do not do the same.
    """
    with jax.enable_x64(True):
        model = cast(FIELDS[field](), jnp.float64)
        a, b = (np.asarray(make(model, sampler, BLOCK)(jax.random.key(3))) for make in (ours, bare))
    off = float(np.max(np.abs(a - b)))
    if not (off < 1e-8 and np.std(a) > 0.1):
        raise RuntimeError(f"{field}, {sampler}: the two loops differ by {off:.1e} in float64")
    return off


class Taken(NamedTuple):
    """Seconds of one call on the clock, and of the processor: those do not grow when other work has the machine."""

    wall: float
    processor: float


def timed(run: Run) -> tuple[Taken, np.ndarray]:
    """Time of one call, and what it drew."""
    wall, processor = time.perf_counter(), time.process_time()
    drawn = jax.block_until_ready(run(jax.random.key(0)))
    return Taken(time.perf_counter() - wall, time.process_time() - processor), np.asarray(drawn)


def measure(field: str, sampler: str, turns: int) -> dict[str, Any]:
    """Times of one sampler on one field."""
    off = check_updates(field, sampler)
    model = FIELDS[field]()
    short = ours(model, sampler, BLOCK)
    first = {"ours": timed(short)[0].wall}  # the same program serves any number of rows
    slow = timed(short)[0].wall * DRAWS / BLOCK / LONG
    rows = DRAWS if slow <= 1 else BLOCK * max(1, int(DRAWS / BLOCK / slow))
    runs = {"ours": ours(model, sampler, rows), "bare": bare(model, sampler, rows)}
    began = timed(runs["bare"])[0].wall
    again, theirs = timed(runs["bare"])
    first["bare"] = began - again.wall
    first["ours"] -= again.wall * BLOCK / rows
    differences = np.abs(timed(runs["ours"])[1] - theirs)
    times: dict[str, list[Taken]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            times[name].append(timed(run)[0])
    a, b = (np.array(times[name]) for name in ("ours", "bare"))
    wall, processor = (b / a).T
    print(f"{field}, {sampler}: {rows} rows, {np.median(wall):.3f}, {np.median(processor):.3f}", file=sys.stderr)
    return {
        "rows": rows,
        "num_steps": SAMPLERS[sampler].num_steps,
        "seconds": {name: np.array(taken).round(6).tolist() for name, taken in times.items()},
        "speed_of_ours": {"wall": wall.round(4).tolist(), "processor": processor.round(4).tolist()},
        "compilation": {name: round(taken, 3) for name, taken in first.items()},
        "difference": {"float64": off, "median": float(np.median(differences)), "largest": float(np.max(differences))},
    }


def markdown(record: dict[str, Any]) -> str:
    """The table of a record."""
    lines = [
        "| field | sampler (steps) | draws | ours, s | bare, s | speed of ours / bare (middle half) "
        "| by processor time | compilation: ours, s | bare, s |",
        "|---" * 9 + "|",
    ]
    for field, samplers in record["results"].items():
        for sampler, found in samplers.items():
            cells = [field, f"{sampler} ({found['num_steps']})", f"{found['rows']:,}"]
            cells += [f"{np.median(found['seconds'][name], axis=0)[0]:.3g}" for name in ("ours", "bare")]
            for clock in ("wall", "processor"):
                low, middle, high = np.quantile(found["speed_of_ours"][clock], [0.25, 0.5, 0.75])
                cells.append(f"{middle:.3f} ({low:.3f} to {high:.3f})")
            cells += [f"{found['compilation'][name]:.2f}" for name in ("ours", "bare")]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing in the record, then print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("sampling_throughput.json"))
    parser.add_argument("--turns", type=int, default=9, help="runs of each loop (default 9)")
    parser.add_argument("--fields", nargs="+", type=int, choices=range(len(FIELDS)), default=range(len(FIELDS)))
    parser.add_argument("--samplers", nargs="+", choices=list(SAMPLERS), default=list(SAMPLERS))
    parser.add_argument("--again", action="store_true", help="measure what is in the record too")
    parser.add_argument("--table", type=Path, help="print a record instead of measuring")
    options = parser.parse_args()
    if options.table is not None:
        record = json.loads(options.table.read_text())
        print(f"{described(record['machine'])}\n\n{markdown(record)}")
        return
    # A program in the cache may have been compiled for another number of threads, which is not in its key.
    jax.config.update("jax_enable_compilation_cache", False)
    record = json.loads(options.out.read_text()) if options.out.exists() else {"results": {}}
    record["machine"] = machine("numpy", "equinox")
    for field in (list(FIELDS)[i] for i in options.fields):
        results = record["results"].setdefault(field, {})
        for sampler in options.samplers:
            if options.again or sampler not in results:
                results[sampler] = measure(field, sampler, options.turns)
                options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{described(record['machine'])}\n\n{markdown(record)}")


if __name__ == "__main__":
    main()
