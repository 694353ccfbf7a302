"""Error of every sampler against evaluations of the field, with the exact field of a mixture: sliced Wasserstein distance of
10,000 draws to as many of the exact law at the cut-off, beside the floor that two exact samples have. The adaptive samplers run
at several tolerances; their evaluations are the mean over 32 draws.

``python sampler_error.py --out sampler_error.json`` measures; ``--figure FILE.png`` draws the record; ``--peers`` measures
diffusers' and k-diffusion's samplers on the same field (torch, of the ``peers`` group) into the same record. What stands in
the record is not measured again.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from _machine import machine
from _sampler_target import DRAWS, PROCESS, Done, distances, exact_rows, target
from scorax.models import AbstractDenoiser, AbstractScoreModel, Prediction
from scorax.processes import AbstractGaussianProcess, GaussianLaw, Level
from scorax.samplers import (
    DDIM,
    DDPM,
    AbstractSampler,
    AdamsBashforth,
    AnnealedLangevin,
    DPMSolver,
    EulerMaruyama,
    Heun,
    PredictorCorrector,
    ProbabilityFlow,
    ReverseSDE,
    sample,
)
from scorax.targets import ExactDenoiser

EVALUATIONS = (10, 20, 40, 80, 160)
LEAST = 5e-4
"""Where the figure ends: an excess below it, or below zero, is drawn there."""

GREYS = ("0.0", "0.3", "0.5", "0.65")
SAMPLERS: dict[str, Callable[[int], AbstractSampler]] = {
    "AdamsBashforth": AdamsBashforth,
    "DPMSolver": DPMSolver,
    "Heun": lambda n: Heun(n // 2),
    "DDIM": DDIM,
    "DPMSolver, SDE form": lambda n: DPMSolver(n, stochastic=True),
    "DDPM": DDPM,
    "EulerMaruyama": EulerMaruyama,
    "PredictorCorrector": lambda n: PredictorCorrector(n // 2),
    "AnnealedLangevin": lambda n: AnnealedLangevin(n // 5),
}


ADAPTIVE: dict[str, tuple[Callable[[float], AbstractSampler], tuple[float, ...]]] = {
    "ProbabilityFlow": (lambda tolerance: ProbabilityFlow(rtol=tolerance, atol=tolerance), (1e-2, 1e-3, 1e-4)),
    "ReverseSDE": (lambda tolerance: ReverseSDE(rtol=tolerance, atol=tolerance), (1e-1, 3e-2, 1e-2)),
}
"""Samplers with an error-controlled step, and the tolerances they run at."""


def drawn_by(model: ExactDenoiser, sampler: AbstractSampler) -> Callable[[int], np.ndarray]:
    """The draws of a seed."""
    return lambda seed: np.asarray(sample(model, sampler, DRAWS, key=jax.random.key(seed)), np.float64)


class Counted(AbstractDenoiser):
    """A denoiser that counts its evaluations in ``COUNTER``."""

    inner: ExactDenoiser
    process: AbstractGaussianProcess
    moments: GaussianLaw | None

    def predict_at(self, level: Level, x: Any, condition: Any = None, *, key: Any = None) -> Prediction:
        jax.debug.callback(lambda: COUNTER.update(["evaluations"]))
        return self.inner.predict_at(level, x, condition)


COUNTER: Counter[str] = Counter()


def draw_of(sampler: AbstractSampler, model: AbstractScoreModel, dimension: int, *, key: jax.Array) -> jax.Array:
    """One draw from the law at ``t1``."""
    first, rest = jax.random.split(key)
    return sampler.draw(model, sampler.initial(model, (dimension,), jnp.float32, key=first), key=rest)


def mean_evaluations(model: ExactDenoiser, sampler: AbstractSampler, dimension: int) -> float:
    """Evaluations of a draw, mean over 32 of them."""
    counted = Counted(inner=model, process=model.process, moments=model.moments)
    keys = jax.random.split(jax.random.key(0), 32)
    COUNTER.clear()  # one draw after another: side by side they would all take as many as the slowest
    draw = jax.jit(lambda keys: jax.lax.map(lambda k: draw_of(sampler, counted, dimension, key=k), keys))
    jax.block_until_ready(draw(keys))
    jax.effects_barrier()
    return COUNTER["evaluations"] / len(keys)


def adaptive(dimension: int, seeds: int, done: Done) -> Iterator[tuple[str, int, list[float]]]:
    """The samplers that take as many evaluations as their tolerance asks; what is done at all is left out."""
    model = ExactDenoiser.create(target(dimension), PROCESS)
    for name, (build, tolerances) in ADAPTIVE.items():
        for tolerance in tolerances if name not in done else ():
            sampler = build(tolerance)
            count = round(mean_evaluations(model, sampler, dimension))
            yield name, count, distances(drawn_by(model, sampler), dimension, seeds)


def ours(dimension: int, seeds: int, done: Done) -> Iterator[tuple[str, int, list[float]]]:
    """Every sampler at every number of evaluations, and the floor; what is done is left out."""
    model = ExactDenoiser.create(target(dimension), PROCESS)
    if "floor" not in done:
        yield "floor", 0, distances(lambda seed: exact_rows(dimension, 500 + seed), dimension, seeds)
    for name, build in SAMPLERS.items():
        for count in (n for n in EVALUATIONS if str(n) not in done.get(name, {})):
            yield name, count, distances(drawn_by(model, build(count)), dimension, seeds)
    yield from adaptive(dimension, seeds, done)


def figure(record: dict[str, Any], path: Path) -> None:
    """Excess over the floor against evaluations, one panel for each dimension."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(10, 4.2), layout="constrained")
    panels = sheet.subplots(1, 2, sharey=True)
    names = list(dict.fromkeys(n for results in record["results"].values() for n in results if n != "floor"))
    for panel, dimension in zip(panels, record["dimensions"], strict=True):
        results = record["results"][str(dimension)]
        floor = np.mean(results["floor"]["0"])
        for i, name in enumerate(names):
            counts = sorted(int(count) for count in results.get(name, {}))
            excess = [max(np.mean(results[name][str(count)]) - floor, LEAST) for count in counts]
            if name in SAMPLERS:
                style = {"color": f"C{i}", "marker": "o"}
            elif name in ADAPTIVE:
                style = {"color": ("C9", "0.0")[list(ADAPTIVE).index(name)], "marker": "s"}
            else:
                style = {"color": GREYS[i % 4], "marker": "x", "ls": "--"}
            panel.loglog(counts, excess, ms=4, lw=1.5, label=name, **style)
        noise = np.std(results["floor"]["0"], ddof=1) / np.sqrt(len(results["floor"]["0"]))
        panel.axhspan(LEAST / 2, 2 * noise, color="0.93", zorder=0)
        panel.set_title(f"d = {dimension}; floor {floor:.3f}, two standard errors of it shaded", fontsize=9)
        panel.set_xlabel("evaluations of the field")
        panel.set_xticks(EVALUATIONS, [str(count) for count in EVALUATIONS])
        panel.minorticks_off()
        panel.set_ylim(LEAST * 0.8, 3)
    panels[0].set_ylabel(f"sliced W2 minus the floor, at least {LEAST:g}")
    sheet.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
    sheet.savefig(path, dpi=120)


def main() -> None:
    """Measure what is missing in the record, then draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("sampler_error.json"))
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 64])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--peers", action="store_true", help="measure the peers instead of scorax")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    record: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {"results": {}}
    record |= {"dimensions": options.dimensions, "draws": DRAWS, "process": repr(PROCESS)}
    if options.figure is None:
        key = "machine of the peers" if options.peers else "machine"
        record[key] = machine("torch", "diffusers", "k-diffusion") if options.peers else machine()
        for dimension in options.dimensions:
            found = record["results"].setdefault(str(dimension), {})
            if options.peers:
                from _sampler_peers import peers

                rows = peers(dimension, options.seeds, found)
            else:
                rows = ours(dimension, options.seeds, found)
            for name, count, values in rows:
                found.setdefault(name, {})[str(count)] = values
                print(f"d {dimension} {name} {count}: {np.mean(values):.4f}", flush=True)
                options.out.write_text(json.dumps(record, indent=1))
    else:
        figure(record, options.figure)


if __name__ == "__main__":
    main()
