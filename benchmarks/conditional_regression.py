"""Is the law of y given X nearer to held-out answers than that of a quantile forest and of a Gaussian process?

``python benchmarks/conditional_regression.py --out regression.json`` splits each table four to one and fits
``ScoreConditional`` with its defaults beside

- **forest**: Meinshausen's quantile forest, the answers of the training rows weighted by how often they share a leaf
  with x, of scikit-learn's random forest (300 trees, 5 rows a leaf). Its log-density is that of the weighted answers
  with normal noise, whose width out-of-bag answers choose; its intervals and scores are of the answers themselves;
- **process**: scikit-learn's Gaussian process, one width for each column, and normal noise that is the same
  everywhere.

Reported are, on the held-out rows, the mean log-density in nats, the continuous ranked probability score in units of
y, and how many answers lie inside the interval from the 5 % to the 95 % quantile. ``noise`` is a sine whose noise
grows with x, ``humps`` has two answers for each x with different noise; of both the truth is known and stands beside.
``--table`` prints a file.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.model_selection import train_test_split

from _machine import described, machine
from scorax import FitConfig, ScoreConditional
from scorax.tables import TrainingConfig

LEVEL, GRID = 0.9, (np.arange(100) + 0.5) / 100
ROWS = {"noise": 400, "humps": 400}


class Answer(NamedTuple):
    """Of each held-out row the log-density of what came, and quantiles at 5 %, 95 % and the levels of the grid."""

    log_density: np.ndarray
    ends: np.ndarray
    quantiles: np.ndarray


class Toy(NamedTuple):
    """A law of y given x that is a mixture of normal ones: weights, centres and deviations of each row."""

    weights: np.ndarray
    centres: np.ndarray
    deviations: np.ndarray

    @staticmethod
    def at(name: str, x: np.ndarray) -> "Toy":
        if name == "noise":
            return Toy(np.ones((len(x), 1)), np.sin(2 * x), 0.1 + 0.3 * np.abs(x))
        second = 0.3 + 0.2 * np.abs(x)
        return Toy(np.full((len(x), 2), [0.6, 0.4]), np.hstack([x, 1.5 - x]), np.hstack([np.full_like(x, 0.2), second]))

    def draw(self, random: np.random.Generator) -> np.ndarray:
        which = (random.uniform(size=(len(self.weights), 1)) > np.cumsum(self.weights, axis=1)).sum(axis=1)
        rows = np.arange(len(which))
        return self.centres[rows, which] + self.deviations[rows, which] * random.normal(size=len(which))

    def answer(self, y: np.ndarray) -> Answer:
        own = norm(self.centres, self.deviations)
        low, high = (own.ppf(p).min(axis=1) if p < 0.5 else own.ppf(p).max(axis=1) for p in (1e-6, 1 - 1e-6))
        grid = np.linspace(low, high, 4001, axis=1)
        shape = (len(y), 1, self.weights.shape[1])
        parts = norm.cdf(grid[:, :, None], self.centres.reshape(shape), self.deviations.reshape(shape))
        total = (parts * self.weights.reshape(shape)).sum(axis=2)
        levels = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2, *GRID])
        found = np.stack([np.interp(levels, own_cdf, own_grid) for own_cdf, own_grid in zip(total, grid, strict=True)])
        log_density = logsumexp(own.logpdf(y[:, None]) + np.log(self.weights), axis=1)
        return Answer(log_density, found[:, :2], found[:, 2:])


def rows_of(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if name == "diabetes":
        return load_diabetes(return_X_y=True)
    random = np.random.default_rng([seed, ROWS[name]])
    x = random.uniform(-2, 2, size=(ROWS[name] * 5 // 4, 1))
    return x, Toy.at(name, x).draw(random)


def by_scorax(X: np.ndarray, y: np.ndarray, at: np.ndarray, came: np.ndarray, own: argparse.Namespace) -> Answer:
    config = FitConfig(training=TrainingConfig(minutes=own.minutes))
    law = ScoreConditional(config, random_state=0).fit(X, y)
    levels = [(1 - LEVEL) / 2, (1 + LEVEL) / 2, *GRID]
    found = law.predict_quantiles(at, levels)
    return Answer(law.score_samples(at, came), found[:, :2], found[:, 2:])


def by_forest(X: np.ndarray, y: np.ndarray, at: np.ndarray, came: np.ndarray, own: argparse.Namespace) -> Answer:
    forest = RandomForestRegressor(300, min_samples_leaf=5, random_state=0, bootstrap=True).fit(X, y)
    leaves = forest.apply(X)
    seen = np.stack([np.bincount(rows, minlength=len(X)) > 0 for rows in forest.estimators_samples_], axis=1)
    weights = _shared(leaves, forest.apply(at), seen, np.ones((len(at), leaves.shape[1]), bool))
    others = _shared(leaves, leaves, seen, ~seen)  # of each training row by the trees that did not see it
    widths = y.std() * np.geomspace(0.01, 1, 25)
    width = max(widths, key=lambda h: _smoothed(others, y, y, h).mean())
    order = np.argsort(y)
    ends = np.cumsum(weights[:, order], axis=1)
    levels = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2, *GRID])
    places = (ends[:, None, :] < levels[:, None]).sum(axis=2).clip(max=len(y) - 1)
    found = y[order][places]
    return Answer(_smoothed(weights, y, came, width), found[:, :2], found[:, 2:])


def _shared(leaves: np.ndarray, at: np.ndarray, seen: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Weights (n, training rows): how often a training row shares a leaf, each tree the same in all."""
    total = np.zeros((len(at), len(leaves)))
    for k in range(leaves.shape[1]):
        same = (at[:, k, None] == leaves[:, k]) & seen[:, k]
        total += used[:, k, None] * same / np.maximum(same.sum(axis=1, keepdims=True), 1)
    return total / total.sum(axis=1, keepdims=True)


def _smoothed(weights: np.ndarray, y: np.ndarray, came: np.ndarray, width: float) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return logsumexp(norm.logpdf(came[:, None], y, width) + np.log(weights), axis=1)


def by_process(X: np.ndarray, y: np.ndarray, at: np.ndarray, came: np.ndarray, own: argparse.Namespace) -> Answer:
    center, scale = X.mean(axis=0), X.std(axis=0)
    kernel = ConstantKernel() * RBF(np.ones(X.shape[1])) + WhiteKernel()
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0).fit((X - center) / scale, y)
    mean, deviation = process.predict((at - center) / scale, return_std=True)
    law = norm(mean[:, None], deviation[:, None])
    return Answer(
        law.logpdf(came[:, None])[:, 0], law.ppf([[(1 - LEVEL) / 2, (1 + LEVEL) / 2]]), law.ppf(GRID[None, :])
    )


METHODS: dict[str, Callable[..., Answer]] = {"scorax": by_scorax, "forest": by_forest, "process": by_process}


def measured(name: str, seed: int, own: argparse.Namespace) -> list[dict[str, Any]]:
    """All methods on one split."""
    X, y = rows_of(name, seed)
    X, at, y, came = train_test_split(X, y, test_size=0.2, random_state=seed)
    found = []
    for method in (*own.methods, *(["truth"] if name in ROWS else [])):
        began = time.monotonic()
        answer = Toy.at(name, at).answer(came) if method == "truth" else METHODS[method](X, y, at, came, own)
        line = {"table": name, "seed": seed, "method": method, "rows": len(came)} | _scores(answer, came)
        line["seconds"] = time.monotonic() - began
        print(line, flush=True)
        found.append(line)
    return found


def _scores(answer: Answer, came: np.ndarray) -> dict[str, float]:
    """The score of a quantile at every level, doubled and averaged over levels, is the ranked probability score."""
    apart = came[:, None] - answer.quantiles
    crps = 2 * np.mean(np.maximum(GRID * apart, (GRID - 1) * apart), axis=1)
    low, high = answer.ends.T
    root = np.sqrt(len(came))
    return {
        "log_density": float(answer.log_density.mean()),
        "log_density_error": float(answer.log_density.std() / root),
        "crps": float(crps.mean()),
        "crps_error": float(crps.std() / root),
        "held": float(np.mean((low <= came) & (came <= high))),
    }


def table(records: list[dict[str, Any]]) -> str:
    """Markdown: means over splits."""
    lines = [
        "| table | law | splits | log-density, nats | CRPS | 90 % intervals hold | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for (name, method), part in pd.DataFrame(records).groupby(["table", "method"], sort=False):
        mean, root = part.mean(numeric_only=True), np.sqrt(len(part))
        lines.append(
            f"| {name} | {method} | {len(part)} | {mean['log_density']:.3f} ± {mean['log_density_error'] / root:.3f} | "
            f"{mean['crps']:.3f} ± {mean['crps_error'] / root:.3f} | {mean['held']:.3f} | {mean['seconds']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Fit, score, and keep a record after each table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", nargs="*", default=["diabetes", *ROWS], choices=["diabetes", *ROWS])
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--table", action="store_true")
    own = parser.parse_args()
    warnings.filterwarnings("ignore")  # kernels at the bounds of their search
    if not own.table:
        records = json.loads(own.out.read_text())["records"] if own.out.exists() else []
        for seed in own.seeds:
            for name in own.tables:
                records += measured(name, seed, own)
                facts = machine("scikit-learn", "numpy", "scipy")
                own.out.write_text(json.dumps({"machine": facts, "records": records}, indent=1) + "\n")
    found = json.loads(own.out.read_text())
    print(described(found["machine"]) + "\n\n" + table(found["records"]))


if __name__ == "__main__":
    main()
