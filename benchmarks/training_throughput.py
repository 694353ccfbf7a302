"""Training steps per second of ``scorax.training.fit`` against a bare ``lax.scan`` loop and a plain torch loop.

All three train the same network by the same loss with the same optimiser, clipping, schedule and moving average, each from
the start, in turn: ours, bare, torch, ours, ... A ratio is that of one turn; reported is the median over turns with the
range of the middle half. Compilation and set-up are outside the clock: it starts when the state before the first step is
ready. Torch runs in a process of its own, by this Python or the one of ``--torch-python``; without torch it is left out.
"""

import argparse
import collections
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from _bare_jax import BareLoop
from _machine import described, machine
from _setting import SETTINGS, Setting
from scorax.models import Denoiser
from scorax.networks import MLP
from scorax.objectives import DenoisingScoreMatching
from scorax.processes import EDM
from scorax.training import FitOptions, adamw, fit

Timing = dict[str, float]


def ours(setting: Setting, rows: np.ndarray) -> Callable[[], Timing]:
    """A run of scorax's own loop, by its public names."""
    network = MLP(setting.dimension, width=setting.width, depth=setting.depth, key=jax.random.key(0))
    model = Denoiser(network=network, process=EDM(t0=setting.sigma_min, t1=setting.sigma_max))
    optimizer = adamw(
        setting.learning_rate,
        num_steps=setting.schedule_steps,
        warmup_steps=setting.warmup_steps,
        weight_decay=setting.weight_decay,
        clip_norm=setting.clip_norm,
    )

    def run() -> Timing:
        states = fit(
            model,
            DenoisingScoreMatching(),
            rows,
            optimizer,
            key=jax.random.key(1),
            num_steps=setting.num_steps,
            options=FitOptions(batch_size=setting.batch_size, ema_decay=setting.ema_decay),
        )
        jax.block_until_ready(next(states))
        began = time.perf_counter()
        state = collections.deque(states, maxlen=1).pop()
        jax.block_until_ready(state.ema)
        return {"seconds": time.perf_counter() - began, "loss": float(state.loss[0])}

    return run


def bare(setting: Setting, rows: np.ndarray) -> Callable[[], Timing]:
    """A run of the hand-written scan."""
    loop = BareLoop(setting, rows)

    def run() -> Timing:
        state = jax.block_until_ready(loop.start())
        began = time.perf_counter()
        loss = loop.run(state)
        return {"seconds": time.perf_counter() - began, "loss": loss}

    return run


class Torch:
    """The torch loop in its own process."""

    def __init__(self, python: str, index: int) -> None:
        script = Path(__file__).with_name("_torch_loop.py")
        self._process = subprocess.Popen(
            [python, str(script), str(index)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.facts = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError((self._process.stderr.read().strip().splitlines() or ["torch's process ended"])[-1])
        return json.loads(line)

    def __call__(self) -> Timing:
        assert self._process.stdin is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def measure(setting: Setting, index: int, pairs: int, torch_python: str) -> dict[str, Any]:
    """Times of one configuration, by loop."""
    rows = np.random.default_rng(0).normal(size=(setting.num_rows, setting.dimension)).astype(np.float32)
    loops: dict[str, Callable[[], Timing]] = {"ours": ours(setting, rows), "bare": bare(setting, rows)}
    try:
        loops["torch"] = Torch(torch_python, index)
    except (OSError, RuntimeError) as error:
        print(f"without torch ({error}); name a Python that has it with --torch-python", file=sys.stderr)
    for run in loops.values():  # compile, load, and let threads start
        run()
    timings: dict[str, list[Timing]] = {name: [] for name in loops}
    for turn in range(pairs):
        for name, run in loops.items():
            timings[name].append(run())
        shown = ", ".join(f"{name} {1e3 * t[-1]['seconds'] / setting.num_steps:.3f}" for name, t in timings.items())
        print(f"{setting.name}: turn {turn + 1}/{pairs}: {shown} ms/step", file=sys.stderr)
    torch = loops.get("torch")
    if isinstance(torch, Torch):
        torch.close()
    seconds = {name: np.array([t["seconds"] for t in own]) for name, own in timings.items()}
    return {
        "name": setting.name,
        "num_steps": setting.num_steps,
        "ms_per_step": {name: (1e3 * own / setting.num_steps).round(4).tolist() for name, own in seconds.items()},
        "loss": {name: round(own[-1]["loss"], 4) for name, own in timings.items()},
        "speed_of_ours": {name: (own / seconds["ours"]).round(4).tolist() for name, own in seconds.items()},
        "torch": torch.facts if isinstance(torch, Torch) else None,
    }


def markdown(results: list[dict[str, Any]]) -> str:
    """The table of all configurations."""
    lines = ["| network | loop | ms/step | speed of ours / its speed (middle half) | loss |", "|---|---|---|---|---|"]
    for result in results:
        for name, times in result["ms_per_step"].items():
            low, middle, high = np.quantile(result["speed_of_ours"][name], [0.25, 0.5, 0.75])
            ratio = "" if name == "ours" else f"{middle:.3f} ({low:.3f} to {high:.3f})"
            label = f"| {result['name']} | {name} | {np.median(times):.3f} | {ratio} |"
            lines.append(f"{label} {result['loss'][name]:.3f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=9, help="turns, each one run of every loop (default 9)")
    parser.add_argument("--only", type=int, choices=range(len(SETTINGS)), help="measure one configuration")
    parser.add_argument("--torch-python", default=sys.executable, help="Python with torch (default: this one)")
    parser.add_argument("--out", type=Path, help="write all timings as JSON")
    options = parser.parse_args()
    # A program in the cache may have been compiled for another number of threads, which is not in its key.
    jax.config.update("jax_enable_compilation_cache", False)
    facts = machine("numpy", "optax", "equinox")
    chosen = range(len(SETTINGS)) if options.only is None else [options.only]
    results = [measure(SETTINGS[i], i, options.pairs, options.torch_python) for i in chosen]
    print(f"{described(facts)}\n\n{markdown(results)}")
    if options.out is not None:
        options.out.write_text(json.dumps({"machine": facts, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
