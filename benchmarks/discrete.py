"""Does a model of codes learn the probabilities of discrete laws, and do its values and its draws agree?

Three laws over three variables, whose 120 probabilities are known: independent variables, a chain, a mixture of product laws.
A coded head on a residual network is trained on 20,000 rows by each loss, with outputs that see the code they are for or do not.

Reported are, on 5,000 fresh rows, the mean of log truth minus value (``coded_log_prob``), which estimates the relative entropy,
and that of the frequencies of the training rows, one half added to each count; the deviation of the weight of one draw relative
to their mean; the sum of all values; and the chi-squared of the model's own draws against its values.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import chi2

from _machine import described, machine
from scorax.likelihood import coded_log_prob
from scorax.models import Denoiser
from scorax.networks import AbstractNetwork, CodedHead, ResMLP, codebook, decode_categories, encode_categories
from scorax.objectives import DenoisingScoreMatching, EDMWeighting, LikelihoodTimes, LikelihoodWeighting, LogNormalTimes
from scorax.processes import EDM
from scorax.samplers import AdamsBashforth, CategoryDraw, sample
from scorax.training import FitOptions, Rows, adamw, fit

SHAPE = (5, 4, 6)
TRAIN, FRESH = 20_000, 5_000
CODEBOOKS = [codebook(count) for count in SHAPE]
CELLS = np.stack(np.unravel_index(np.arange(np.prod(SHAPE)), SHAPE), axis=1)
LOSSES = {
    "likelihood weights and times": DenoisingScoreMatching(LikelihoodWeighting(), LikelihoodTimes()),
    "likelihood weights, log-normal times": DenoisingScoreMatching(LikelihoodWeighting(), LogNormalTimes()),
    "EDM weights, log-normal times": DenoisingScoreMatching(EDMWeighting(), LogNormalTimes()),
}


class Blind(AbstractNetwork):
    """Outputs for each code from the other coordinates alone: the network is asked once for every code, with that code zero.

    Args:
        network: of the state and a flag for each code to the outputs of all categories.
        shape: categories of every code.
    """

    network: ResMLP
    shape: tuple[int, ...] = eqx.field(static=True)

    def __call__(self, c_noise: Any, x: Any, condition: Any = None, *, key: Any = None) -> Any:
        coordinates = np.repeat(np.arange(len(self.shape)), [count - 1 for count in self.shape])
        asked = np.eye(len(self.shape))
        kept = jnp.asarray(asked[:, coordinates] == 0, x.dtype)
        outputs = jax.vmap(lambda mask, flags: self.network(c_noise, jnp.concatenate([mask * x, flags]), key=key))(
            kept, jnp.asarray(asked, x.dtype)
        )
        ends = np.cumsum([0, *self.shape])
        return jnp.concatenate([outputs[j, ends[j] : ends[j + 1]] for j in range(len(self.shape))])


def laws(seed: int) -> dict[str, np.ndarray]:
    """Tables of probabilities."""
    random = np.random.default_rng(seed)

    def law(count: int, *size: int) -> np.ndarray:
        return random.dirichlet(np.ones(count), size=size)

    def product() -> np.ndarray:
        a, b, c = (law(count) for count in SHAPE)
        return a[:, None, None] * b[:, None] * c

    return {
        "independent": product(),
        "chain": law(SHAPE[0])[:, None, None] * law(SHAPE[1], SHAPE[0])[:, :, None] * law(SHAPE[2], SHAPE[1]),
        "mixture": np.tensordot([0.5, 0.3, 0.2], np.stack([product() for _ in range(3)]), 1),
    }


def trained(rows: np.ndarray, objective: DenoisingScoreMatching, *, blind: bool, steps: int, seed: int) -> Denoiser:
    """A model of rows of categories."""
    network_key, fit_key = jax.random.split(jax.random.key(seed))
    d, count = sum(SHAPE) - len(SHAPE), sum(SHAPE)
    network = ResMLP(d + blind * len(SHAPE), width=64, depth=2, outputs=count, key=network_key)
    log_priors = [
        np.log((np.bincount(column, minlength=k) + 0.5) / (len(rows) + k / 2))
        for column, k in zip(rows.T, SHAPE, strict=True)
    ]
    head = CodedHead(Blind(network, SHAPE) if blind else network, CODEBOOKS, log_priors)
    source = Rows(encode_categories(CODEBOOKS, rows).astype(np.float32))
    model = Denoiser(network=head, process=EDM(), moments=source.moments())
    options = FitOptions(batch_size=256, ema_decay=0.9995)
    *_, last = fit(
        model, objective, source, adamw(2e-3, num_steps=steps), key=fit_key, num_steps=steps, options=options
    )
    return last.model(model)


def drawn(table: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    return CELLS[random.choice(len(CELLS), size=count, p=table.ravel())]


def counts(rows: np.ndarray) -> np.ndarray:
    return np.bincount(np.ravel_multi_index(rows.T, SHAPE), minlength=len(CELLS))


def answer(name: str, table: np.ndarray, loss: str, settings: argparse.Namespace, *, blind: bool) -> dict[str, Any]:
    """One model of one law. A row's value follows from its content, so every cell is scored once."""
    random = np.random.default_rng([settings.seed, list(laws(0)).index(name)])
    rows, fresh = drawn(table, TRAIN, random), counts(drawn(table, FRESH, random))
    started = time.perf_counter()
    model = trained(rows, LOSSES[loss], blind=blind, steps=settings.steps, seed=settings.seed)
    seconds = time.perf_counter() - started
    key = jax.random.key(settings.seed + 1)
    value = coded_log_prob(model, np.zeros((len(CELLS), 0)), CELLS, draws=settings.draws, key=key, tolerance=1e-3)
    gap = np.log(table.ravel()) - value.value
    mean = fresh @ gap / FRESH
    plug_in = np.log(table.ravel()) - np.log((counts(rows) + 0.5) / (TRAIN + len(CELLS) / 2))
    found = dict(
        law=name,
        loss=loss,
        own_code="not seen" if blind else "seen",
        seconds=seconds,
        gap=mean,
        standard_error=float(np.sqrt((fresh @ gap**2 / FRESH - mean**2) / FRESH)),
        frequencies=fresh @ plug_in / FRESH,
        weight_deviation=float(np.exp(value.value) @ value.standard_error) * settings.draws**0.5,
        total=float(np.exp(value.value).sum()),
        total_error=float(np.linalg.norm(np.exp(value.value) * value.standard_error)),
    )
    if settings.samples:
        sampler = AdamsBashforth(num_steps=64)
        states = sample(model, sampler, settings.samples, key=key, end=CategoryDraw())
        observed = counts(decode_categories(CODEBOOKS, np.asarray(states)))
        probability = np.exp(value.value)
        variance = settings.samples * probability + (settings.samples * probability * value.standard_error) ** 2
        statistic = float(np.sum((observed - settings.samples * probability) ** 2 / variance))
        found |= dict(chi_squared=statistic, degrees=len(CELLS) - 1, p=float(chi2.sf(statistic, len(CELLS) - 1)))
    return found


def table_of(results: list[dict[str, Any]]) -> str:
    lines = [
        "| law | loss | own code | s | log truth - value | of frequencies | weights vary by | all cells | chi-squared, p |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        test = f"{r['chi_squared']:.0f} of {r['degrees']}, {r['p']:.3f}" if "p" in r else ""
        lines.append(
            f"| {r['law']} | {r['loss']} | {r['own_code']} | {r['seconds']:.0f} | {r['gap']:.4f} +- {r['standard_error']:.4f} | "
            f"{r['frequencies']:.4f} | {r['weight_deviation']:.2f} | {r['total']:.4f} +- {r['total_error']:.4f} | {test} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--draws", type=int, default=16, help="of the noisy codes, for each value")
    parser.add_argument("--samples", type=int, default=1_000_000, help="draws of each model; 0 for none")
    parser.add_argument("--laws", nargs="*", default=list(laws(0)), choices=list(laws(0)))
    parser.add_argument("--losses", nargs="*", default=list(LOSSES), choices=list(LOSSES))
    parser.add_argument("--own-code", nargs="*", default=["seen", "not seen"], choices=["seen", "not seen"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    settings = parser.parse_args()
    facts, results = machine("numpy", "optax", "equinox"), []
    for loss in settings.losses:
        for own in settings.own_code:
            for name in settings.laws:
                table = laws(settings.seed)[name]
                results.append(answer(name, table, loss, settings, blind=own == "not seen"))
                print(table_of(results[-1:]).splitlines()[-1], flush=True)
    print(f"{described(facts)}\n\n{table_of(results)}")
    if settings.out:
        settings.out.write_text(
            json.dumps(dict(machine=facts, settings=vars(settings) | {"out": None}, results=results), indent=1)
        )


if __name__ == "__main__":
    main()
