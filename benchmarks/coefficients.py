"""Do intervals of regression coefficients hold where a fifth of the cells is filled by bootstrapped score models?

``python benchmarks/coefficients.py --out coefficients.json`` draws tables of 500 rows of three correlated normal columns
a, b, c, in which half of the rows lack b, c or both, more often with a large a: missing at random; ``--missing chance``
takes any rows. With ``--law logistic`` c is a truth value, whose log-odds are linear in a and b, and the rows lack b.
Each table is completed by 20 members of ``ensemble.bootstrap``, one draw each, and by a Bayesian normal imputer: data
augmentation for the multivariate normal law with the Jeffreys prior (Schafer 1997, *Analysis of incomplete multivariate
data*, section 5.4), 20 draws 50 rounds apart, to which a truth value is a number. The regression of c on a and b of each
completed table, least squares or the likeliest log-odds, is pooled by ``scorax.tables.pool``.

Reported are, for each coefficient, how often the 95 % interval holds the truth, the standard error of that share if
95 % is right, and the mean width beside that of the normal imputer and of the complete table. The record grows by a
replicate at a time until ``--replicates``, or the minutes are over; ``--first`` begins another record where one ended.
``--table`` prints a file.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import invwishart

from _machine import described, machine
from scorax import FitConfig, ScoreImputer
from scorax.tables import EnsembleConfig, NetworkConfig, Pooled, TrainingConfig, pool

ROWS, TABLES = 500, 20
MEAN = np.array([0.0, 1.0, -1.0])
COVARIANCE = np.array([[1.0, 0.5, 0.3], [0.5, 1.0, 0.6], [0.3, 0.6, 1.0]])
"""Of a, b and c."""
LOG_ODDS = np.array([-0.5, 0.8, -0.6])
"""Of c: the intercept, and a deviation of a and of b."""
NAMES = ("intercept", "a", "b")
NETWORK = NetworkConfig(width=32, depth=1)


def truth(law: str) -> np.ndarray:
    if law == "logistic":
        return LOG_ODDS
    slopes = np.linalg.solve(COVARIANCE[:2, :2], COVARIANCE[:2, 2])
    return np.array([MEAN[2] - slopes @ MEAN[:2], *slopes])


def holed(random: np.random.Generator, law: str, missing: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and the same with holes in half of them, drawn one after the other, at random with weights exp(a)."""
    rows = random.multivariate_normal(MEAN, COVARIANCE, ROWS)
    if law == "logistic":
        rows[:, 2] = random.uniform(size=ROWS) < expit(LOG_ODDS[0] + rows[:, :2] @ LOG_ODDS[1:])
    with_holes, count = rows.copy(), ROWS // 2
    pull = rows[:, 0] if missing == "random" else np.zeros(ROWS)
    own = np.argsort(-pull - random.gumbel(size=ROWS))[:count]  # as many in every table: one shape, compiled once
    kind = random.permutation(np.arange(count) % 3) if law == "normal" else np.zeros(count)
    with_holes[own[kind != 1], 1] = np.nan
    with_holes[own[kind != 0], 2] = np.nan
    return rows, with_holes


def by_normal(rows: np.ndarray, random: np.random.Generator, rounds: int = 50) -> list[np.ndarray]:
    """Completed tables by data augmentation."""
    missing = np.isnan(rows)
    whole = np.where(missing, np.nanmean(rows, axis=0), rows)
    patterns, group = np.unique(missing, axis=0, return_inverse=True)
    n, d, kept = len(rows), rows.shape[1], []
    for k in range(TABLES * rounds):
        center = whole.mean(axis=0)
        covariance = invwishart.rvs(n - 1, (whole - center).T @ (whole - center), random_state=random)
        mean = random.multivariate_normal(center, covariance / n)
        for p, gone in enumerate(patterns):
            if not gone.any():
                continue
            own, there = np.flatnonzero(group.ravel() == p), ~gone
            slopes = np.linalg.solve(covariance[np.ix_(there, there)], covariance[np.ix_(there, gone)])
            left = covariance[np.ix_(gone, gone)] - covariance[np.ix_(gone, there)] @ slopes
            draw = random.multivariate_normal(np.zeros(gone.sum()), left, len(own))
            whole[np.ix_(own, gone)] = mean[gone] + (whole[np.ix_(own, there)] - mean[there]) @ slopes + draw
        if (k + 1) % rounds == 0:
            kept.append(whole.copy())
    assert whole.shape == (n, d)
    return kept


def by_scorax(rows: np.ndarray, law: str, seed: int, steps: int) -> list[np.ndarray]:
    config = FitConfig(
        network=NETWORK,
        training=TrainingConfig(max_steps=steps, masks=0.5),
        ensemble=EnsembleConfig(folds=TABLES, bootstrap=True),
    )
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    given = frame.assign(c=frame["c"] == 1) if law == "logistic" else rows
    imputer = ScoreImputer(config, random_state=seed, bootstrap=True).fit(given)
    return [np.asarray(whole, np.float64) for whole in imputer.draws(given, TABLES)]


def regression(rows: np.ndarray, law: str) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of c on a and b, and their squared standard errors."""
    X, y = np.column_stack([np.ones(len(rows)), rows[:, :2]]), rows[:, 2]
    if law == "normal":
        inverse = np.linalg.inv(X.T @ X)
        found = inverse @ X.T @ y
        return found, np.diag(inverse) * np.sum((y - X @ found) ** 2) / (len(y) - 3)
    found, inverse = np.zeros(3), np.eye(3)
    for _ in range(25):  # Newton's steps on a concave log-likelihood
        chance = expit(X @ found)
        inverse = np.linalg.inv(X.T @ (X * (chance * (1 - chance))[:, None]))
        found = found + inverse @ X.T @ (y - chance)
    return found, np.diag(inverse)


def pooled(tables: list[np.ndarray], law: str) -> Pooled:
    found = [regression(rows, law) for rows in tables]
    estimates, variances = (np.stack(part)[:, None] for part in zip(*found, strict=True))
    return pool(estimates, variances, complete_df=ROWS - 3)


def replicate(seed: int, own: argparse.Namespace) -> dict[str, Any]:
    law, random = own.law, np.random.default_rng([seed, ROWS])
    rows, with_holes = holed(random, law, own.missing)
    found: dict[str, Any] = {"seed": seed, "missing": float(np.isnan(with_holes).mean())}
    estimate, variance = regression(rows, law)
    half = 1.965 * np.sqrt(variance)
    ends = {"complete table": (estimate - half, estimate + half)}
    ends["normal imputer"] = pooled(by_normal(with_holes, random), law).interval()
    began = time.monotonic()
    ends["scorax"] = pooled(by_scorax(with_holes, law, seed, own.steps), law).interval()
    found["seconds"] = time.monotonic() - began
    for name, (low, high) in ends.items():
        held = (low <= truth(law)) & (truth(law) <= high)
        found[name] = {"holds": held.tolist(), "width": (high - low).tolist()}
    return found


def table(records: list[dict[str, Any]]) -> str:
    """Markdown: a line for each coefficient."""
    count = len(records)
    lines = [
        f"{count} replicates, {np.mean([r['missing'] for r in records]):.3f} of the cells missing, "
        f"{np.mean([r['seconds'] for r in records]):.0f} s each. Standard error of a share: "
        f"{np.sqrt(0.95 * 0.05 / count):.3f}.\n",
        "| coefficient | scorax holds | width | normal imputer holds | width | ratio of widths | complete table holds | width |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for j, name in enumerate(NAMES):
        cells, widths = [], {}
        for method in ("scorax", "normal imputer", "complete table"):
            widths[method] = np.mean([r[method]["width"][j] for r in records])
            cells += [f"{np.mean([r[method]['holds'][j] for r in records]):.3f}", f"{widths[method]:.3f}"]
        cells.insert(4, f"{widths['scorax'] / widths['normal imputer']:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Complete and pool, and keep a record after each replicate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--law", choices=("normal", "logistic"), default="normal")
    parser.add_argument("--missing", choices=("random", "chance"), default="random")
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first replicate, its seed, of a record begun here"
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="no replicate begins after these")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--table", action="store_true")
    own = parser.parse_args()
    if not own.table:
        records = json.loads(own.out.read_text())["records"] if own.out.exists() else []
        began, done = time.monotonic(), len(records)
        while len(records) < own.replicates and time.monotonic() - began < 60 * own.minutes:
            records.append(replicate(own.first + len(records), own))
            text = json.dumps({"machine": machine("numpy", "scipy"), "records": records}, indent=1)
            own.out.write_text(text + "\n")
            left = (time.monotonic() - began) / (len(records) - done) * (own.replicates - len(records))
            print(f"{len(records)} of {own.replicates}, about {left / 60:.0f} minutes left", flush=True)
    found = json.loads(own.out.read_text())
    print(described(found["machine"]) + "\n\n" + table(found["records"]))


if __name__ == "__main__":
    main()
