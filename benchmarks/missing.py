"""Is the law of a table right where cells are missing at random, and no worse where they are missing by chance?

Three tables of 20,000 rows in which two of five cells of one column are missing: a Gaussian pair A, B with correlation .8 whose
B is missing by a logistic in A, or by chance; and a number A, a colour whose odds depend on A and that is missing by a logistic
in A, and a number B that depends on both.

Reported are, of draws of the model, mean and variance of every number and the share of every colour, and how many standard
errors of a whole table of that size (and of the draws) they are from the truth; the same of the rows that are complete, and of a
model that fills nothing and is told which cells are missing. For the pairs also the nats that the density loses on fresh whole
rows, and that of A alone on the same rows without B.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, softmax
from scipy.stats import norm

from _machine import described, machine
from scorax.data import NumberFormat, Table, TextFormat
from scorax.tables import FitConfig, FitRows, Recipe, TrainingConfig

ROWS, DRAWS, FRESH = 20_000, 100_000, 1_000
MISSING, SLOPE, CORRELATION = 0.4, 2.0, 0.8
COLOURS = ("blue", "green", "red")
OFFSET = -0.668
"""Of the logistic in A: two of five are missing."""

Law = Callable[[int, np.random.Generator], np.ndarray]


def pair(count: int, random: np.random.Generator) -> np.ndarray:
    a = random.normal(size=count)
    return np.column_stack([a, CORRELATION * a + np.sqrt(1 - CORRELATION**2) * random.normal(size=count)])


def mixed(count: int, random: np.random.Generator) -> np.ndarray:
    a = random.normal(size=count)
    odds = softmax(np.outer(a, [0.0, 1.5, -1.5]) + np.array([0.0, 0.5, 0.0]), axis=1)
    colour = (random.uniform(size=count)[:, None] > np.cumsum(odds, axis=1)[:, :2]).sum(axis=1)
    return np.column_stack([a, colour, a + np.array([0.0, 2.0, -1.0])[colour] + 0.5 * random.normal(size=count)])


def holed(rows: np.ndarray, column: int, random: np.random.Generator, *, by_chance: bool) -> np.ndarray:
    rows, odds = rows.copy(), MISSING if by_chance else expit(SLOPE * rows[:, 0] + OFFSET)
    rows[random.uniform(size=len(rows)) < odds, column] = np.nan
    return rows


def quantities(rows: np.ndarray, law: Law) -> dict[str, np.ndarray]:
    """What is compared, each as a number of every row whose mean it is."""
    if law is pair:
        names, numbers, rest = "AB", rows, {}
    else:
        names, numbers = "AB", rows[:, [0, 2]]
        rest = {f"share of {name}": (rows[:, 1] == k).astype(float) for k, name in enumerate(COLOURS)}
    means = {f"mean of {name}": own for name, own in zip(names, numbers.T, strict=True)}
    return means | {f"variance of {n}": (own - own.mean()) ** 2 for n, own in zip(names, numbers.T, strict=True)} | rest


def fitted(rows: np.ndarray, law: Law, rounds: int | None, settings: argparse.Namespace) -> tuple[Any, float]:
    formats = (NumberFormat(),) * 2 if law is pair else (NumberFormat(), TextFormat(COLOURS), NumberFormat())
    names = ("a", "b") if law is pair else ("a", "colour", "b")
    config = FitConfig(training=TrainingConfig(filling_rounds=rounds, max_steps=settings.steps))
    began = time.perf_counter()
    fit = Recipe(config, settings.seed).fit(FitRows(Table(names, rows, formats)))
    return fit, time.perf_counter() - began


def lost(fit: Any, fresh: np.ndarray) -> tuple[float, float]:
    """Nats that the density of whole rows, and of A alone, is below the truth."""
    alone = np.column_stack([fresh[:, 0], np.full(len(fresh), np.nan)])
    whole, part = (fit.fitted.log_prob(rows, tolerance=1e-3, estimate_error=False).value for rows in (fresh, alone))
    first = norm.logpdf(fresh[:, 0])
    second = norm.logpdf(fresh[:, 1], CORRELATION * fresh[:, 0], np.sqrt(1 - CORRELATION**2))
    return float(np.mean(first + second - whole)), float(np.mean(first - part))


def answers(name: str, law: Law, column: int, settings: argparse.Namespace, *, by_chance: bool) -> list[dict[str, Any]]:
    random = np.random.default_rng([settings.seed, len(name)])
    whole = quantities(law(1_000_000, np.random.default_rng(1)), law)
    truth = {what: own.mean() for what, own in whole.items()}
    if law is pair:
        truth |= {f"mean of {n}": 0.0 for n in "AB"} | {f"variance of {n}": 1.0 for n in "AB"}
    rows = holed(law(ROWS, random), column, random, by_chance=by_chance)
    fresh = law(FRESH, random)

    def answer(how: str, own: np.ndarray, count: int, **more: Any) -> dict[str, Any]:
        means = {what: float(values.mean()) for what, values in quantities(own, law).items()}
        errors = {
            what: float(whole[what].std() * np.sqrt(1 / ROWS + (how != "complete rows") / count)) for what in means
        }
        off = {what: (means[what] - truth[what]) / errors[what] for what in means}
        print(
            f"{name}, {how}: " + ", ".join(f"{what} {means[what]:.3f} ({off[what]:+.1f})" for what in means), flush=True
        )
        return dict(table=name, how=how, means=means, truth=truth, errors=errors, off=off, **more)

    found = [answer("complete rows", rows[~np.isnan(rows).any(axis=1)], ROWS)]
    for rounds in settings.rounds:
        fit, seconds = fitted(rows, law, rounds, settings)
        chosen = fit.fitted.config.training.filling_rounds
        draws = fit.fitted.sample_rows(0, DRAWS, settings.seed)
        how = "model that fills nothing" if chosen == 1 else f"model, {chosen} rounds"
        found.append(answer(how, draws, DRAWS, seconds=seconds, sigma_min=fit.choice.sigma_min))
        if law is pair:
            found[-1]["lost"] = lost(fit, fresh)
    return found


def table_of(results: list[dict[str, Any]]) -> str:
    lines = [
        "| table | of | value (standard errors from the truth) | nats lost: whole rows, A alone | s |",
        "|---|---|---|---|---|",
    ]
    for r in results:
        values = ", ".join(f"{what} {r['means'][what]:.3f} ({r['off'][what]:+.1f})" for what in r["means"])
        nats = "{:.3f}, {:.3f}".format(*r["lost"]) if "lost" in r else ""
        lines.append(f"| {r['table']} | {r['how']} | {values} | {nats} | {r.get('seconds', 0):.0f} |")
    return "\n".join(lines)


TABLES: dict[str, tuple[Law, int, bool]] = {
    "pair, at random": (pair, 1, False),
    "pair, by chance": (pair, 1, True),
    "mixed, at random": (mixed, 1, False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="*", default=list(TABLES), choices=list(TABLES))
    parser.add_argument(
        "--rounds", nargs="*", type=int, default=[1, None], help="1 fills nothing; the recipe's by default"
    )
    parser.add_argument("--steps", type=int, help="of each fit; the recipe's by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    settings = parser.parse_args()
    facts, results = machine("numpy", "optax", "equinox"), []
    for name in settings.tables:
        law, column, by_chance = TABLES[name]
        results += answers(name, law, column, settings, by_chance=by_chance)
        if settings.out:
            kept = vars(settings) | {"out": None}
            settings.out.write_text(json.dumps(dict(machine=facts, settings=kept, results=results), indent=1))
    print(f"{described(facts)}\n\n{table_of(results)}")


if __name__ == "__main__":
    main()
