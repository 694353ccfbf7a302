"""Does maximum likelihood after denoising score matching improve a score model on rows it never saw?

For every split a residual network is trained by denoising score matching with early stopping, cut off at the noise under
which its validation rows are likeliest, and then trained further on the mean log-density itself, by gradients through the
solve of ``row_log_prob``. Validation rows choose the step, the start among them. Test rows are scored twice: before and after.
Each finished split stands in the file of ``--out`` at once and is not computed again.
"""

import argparse
import dataclasses
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
import optax

from _density_data import TABLES, split
from _density_table import difference, key
from _machine import described, machine
from density import seeds_of
from scorax.likelihood import LogProb, log_prob, row_log_prob
from scorax.models import Denoiser
from scorax.networks import AbstractNetwork, ResMLP
from scorax.objectives import DenoisingScoreMatching, LikelihoodTimes, LikelihoodWeighting
from scorax.processes import EDM, GaussianLaw
from scorax.training import FitOptions, Validation, adamw, fit

BEFORE, AFTER = "denoising", "fine-tuned"
CUT_OFFS = (0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4)
VALIDATION_SHARE = 0.2
SCORING = dict(tolerance=1e-5)
SOLVE = dict(tolerance=1e-3, estimate_error=False)
"""Of the solves that are differentiated; every reported value is scored at the tolerance above."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """Both stages.

    Attributes:
        width: units of the network.
        depth: its residual blocks.
        dropout: rate while it learns to denoise.
        denoising_steps: optimiser steps at most; early stopping ends them.
        steps: steps of fine-tuning at most.
        rate: constant learning rate of fine-tuning, by Adam.
        batch: rows of one of its steps.
        every: steps between validations.
        patience: validations without improvement after which it stops.
    """

    width: int = 64
    depth: int = 2
    dropout: float = 0.1
    denoising_steps: int = 3000
    steps: int = 60
    rate: float = 1e-4
    batch: int = 32
    every: int = 4
    patience: int = 4


def denoised(rows: np.ndarray, count: int, setting: Setting, seed: int) -> Denoiser:
    """Trained on the first ``count`` rows, stopped by the loss on the others."""
    moments = GaussianLaw.from_moments(rows[:count].mean(axis=0), np.cov(rows[:count].T))
    network_key, fit_key = jax.random.split(jax.random.key(seed))
    network = ResMLP(rows.shape[1], width=setting.width, depth=setting.depth, dropout=setting.dropout, key=network_key)
    model = Denoiser(network=network, process=EDM(t0=1e-3), moments=moments)
    states = fit(
        model,
        DenoisingScoreMatching(LikelihoodWeighting(), LikelihoodTimes()),
        rows,
        adamw(1e-3, num_steps=setting.denoising_steps),
        key=fit_key,
        num_steps=setting.denoising_steps,
        options=FitOptions(
            validation=Validation((np.arange(count, len(rows)),), every=100, patience=8),
            member_rows=[np.arange(count)],
        ),
    )
    *_, last = states
    return last.model(model)


def scored(model: Denoiser, rows: np.ndarray) -> LogProb:
    """Log-densities in float32.

    Raises:
        RuntimeError: a solve failed.
    """
    found = log_prob(model, rows, **SCORING)
    if not np.all(found.converged):
        raise RuntimeError(f"{int(np.sum(~np.asarray(found.converged)))} solves of {len(rows)} failed")
    return found


def mean_nats(model: Denoiser, rows: np.ndarray) -> float:
    """Mean log-density of rows."""
    return float(np.mean(scored(model, rows).value))


def step_of(optimizer: optax.GradientTransformation) -> Callable[..., Any]:
    """One jitted step on the mean log-density of a batch, exact divergence; one program for all splits of a table."""

    @eqx.filter_jit
    def step(model: Denoiser, state: Any, rows: jax.Array) -> tuple[AbstractNetwork, Any]:
        weights, rest = eqx.partition(model.network, eqx.is_inexact_array)

        def loss(weights: Any) -> jax.Array:
            own = dataclasses.replace(model, network=eqx.combine(weights, rest))
            return -jnp.mean(jax.vmap(lambda row: row_log_prob(own, row, **SOLVE).value)(rows))

        updates, state = optimizer.update(jax.grad(loss)(weights), state, weights)
        return eqx.combine(eqx.apply_updates(weights, updates), rest), state

    return step


def fine_tuned(
    model: Denoiser,
    rows: np.ndarray,
    count: int,
    setting: Setting,
    seed: int,
    step: Callable[..., Any],
    optimizer: optax.GradientTransformation,
) -> tuple[Denoiser, int, list[float]]:
    """The best model on the way by validation rows, its step, and all validation values."""
    state = optimizer.init(eqx.filter(model.network, eqx.is_inexact_array))
    best, best_step, values = model, 0, [mean_nats(model, rows[count:])]
    random = np.random.default_rng([seed, 1])
    order = np.concatenate([random.permutation(count) for _ in range(-(-setting.steps * setting.batch // count))])
    for number in range(1, setting.steps + 1):
        picked = order[(number - 1) * setting.batch : number * setting.batch]
        network, state = step(model, state, jnp.asarray(rows[picked]))
        model = dataclasses.replace(model, network=network)
        if number % setting.every == 0:
            values.append(mean_nats(model, rows[count:]))
            if values[-1] > max(values[:-1]):
                best, best_step = model, number
            if number - best_step >= setting.patience * setting.every:
                break
    return best, best_step, values


def measured(
    data: str, seed: int, setting: Setting, step: Callable[..., Any], optimizer: optax.GradientTransformation
) -> list[dict[str, Any]]:
    """Records of both stages on one split."""
    table = split(data, seed)
    rows, test = table.train.astype(np.float32), table.test.astype(np.float32)
    count = len(rows) - round(VALIDATION_SHARE * len(rows))
    began = time.perf_counter()
    model = denoised(rows, count, setting, seed)
    stages = [model.with_process(EDM(t0=sigma)) for sigma in CUT_OFFS]
    nats = [mean_nats(stage, rows[count:]) for stage in stages]
    first = stages[int(np.argmax(nats))]
    middle = time.perf_counter()
    second, best_step, values = fine_tuned(first, rows, count, setting, seed, step, optimizer)
    ended = time.perf_counter()
    print(f"{data} {seed}: validation {', '.join(f'{value:.3f}' for value in values)}", file=sys.stderr)
    records = []
    for name, stage, seconds, steps in (
        (BEFORE, first, middle - began, None),
        (AFTER, second, ended - middle, best_step),
    ):
        found = scored(stage, test)
        records.append(
            {
                "data": data,
                "seed": seed,
                "method": name,
                "setting": dataclasses.asdict(setting),
                "shape": [len(rows), len(test), rows.shape[1]],
                "truth": None,
                "values": [float(value) for value in found.value],
                "error": float(np.mean(found.total_error)),
                "trained_on": mean_nats(stage, rows[:count]),
                "validation": mean_nats(stage, rows[count:]),
                "sigma_min": float(stage.process.t0),
                "steps": steps,
                "seconds": round(seconds, 1),
            }
        )
    return records


def markdown(records: dict[str, dict[str, Any]], data: str, seeds: list[int]) -> str:
    """Every split, and the paired difference of the test rows."""
    done = [seed for seed in seeds if key(data, seed, AFTER) in records]
    lines = [
        f"{data}: mean nats per row, standardised, before -> after",
        "",
        "| split | sigma_min | step | trained rows | validation rows | test rows | test, difference | mean error | s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for seed in done:
        a, b = (records[key(data, seed, name)] for name in (BEFORE, AFTER))
        before, after = (float(np.mean(record["values"])) for record in (a, b))
        lines.append(
            f"| {seed} | {a['sigma_min']:g} | {b['steps']} | {a['trained_on']:.3f} -> {b['trained_on']:.3f} "
            f"| {a['validation']:.3f} -> {b['validation']:.3f} | {before:.3f} -> {after:.3f} | {after - before:+.3f} "
            f"| {max(a['error'], b['error']):.1e} | {a['seconds']:.0f} + {b['seconds']:.0f} |"
        )
    if done:
        gain = difference(records, data, done, AFTER, BEFORE)
        lines += [
            "",
            f"after less before on test rows: {gain.mean:+.3f} nats; standard error {gain.over_splits:.3f} over {len(done)} "
            f"splits, {gain.corrected:.3f} corrected for shared rows; higher on {gain.wins} of {len(done)}",
        ]
    return "\n".join(lines)


def main() -> None:
    """Compute what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=TABLES, nargs="+", default=["wine"], help="default wine")
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("5-9"), help="such as 5-9 or 0,2 (default 5-9)")
    parser.add_argument("--rate", type=float, default=Setting.rate, help=f"of fine-tuning (default {Setting.rate:g})")
    parser.add_argument("--out", type=Path, default=Path("fine_tuning.json"), help="results, read and written")
    options = parser.parse_args()
    setting = Setting(rate=options.rate)
    records: dict[str, dict[str, Any]] = {}
    if options.out.exists():
        records = json.loads(options.out.read_text())["records"]
    optimizer = optax.adam(setting.rate)
    step = step_of(optimizer)
    for data in options.data:
        for seed in options.seeds:
            if records.get(key(data, seed, AFTER), {}).get("setting") == dataclasses.asdict(setting):
                continue
            for record in measured(data, seed, setting, step, optimizer):
                records[key(data, seed, record["method"])] = record
            text = json.dumps({"machine": machine("optax", "scikit-learn"), "records": records}, indent=1)
            options.out.write_text(text + "\n")
            print(markdown(records, data, options.seeds), file=sys.stderr)
    facts = json.loads(options.out.read_text())["machine"]
    print(f"{described(facts)}\n\n" + "\n\n".join(markdown(records, data, options.seeds) for data in options.data))


if __name__ == "__main__":
    main()
